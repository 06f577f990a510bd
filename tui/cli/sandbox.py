"""`reshelve sandbox`: run the sandbox of Xero and Re-Leased without the app."""

from __future__ import annotations

from pathlib import Path

import click

from tui.cli.param_types import SecondsParam
from tui.model.errors import StoreError
from tui.model.reasons import SystemReason
from tui.system.paths import Paths


@click.command()
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    show_default="any free port",
    help="Port on 127.0.0.1.",
)
@click.option(
    "--contacts",
    default=1600,
    type=click.IntRange(1, 1_000_000),
    show_default=True,
    help="Number of contacts in the first organisation.",
)
@click.option(
    "--cycle",
    default=45.0,
    type=SecondsParam(0.05, 86_400),
    show_default=True,
    help="Seconds between automatic syncs of the practice Re-Leased.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="with Reshelve's own data",
    help="Folder for its data.",
)
@click.option("--fresh", is_flag=True, help="Delete its data and start over.")
@click.option(
    "--minute-limit", default=60, type=click.IntRange(0), show_default=True, help="API calls per minute."
)
@click.option(
    "--day-limit", default=5000, type=click.IntRange(0), show_default=True, help="API calls per day."
)
@click.option(
    "--sync-seconds", default=2.0, type=SecondsParam(0, 86_400), hidden=True, help="Duration of a sync."
)
@click.option("--exit-with-parent", is_flag=True, hidden=True, help="Stop when standard input closes.")
def sandbox(
    *,
    port: int,
    contacts: int,
    cycle: float,
    data: Path | None,
    fresh: bool,
    minute_limit: int,
    day_limit: int,
    sync_seconds: float,
    exit_with_parent: bool,
) -> None:
    """Serve a practice Xero and Re-Leased on 127.0.0.1 until interrupted.

    The first line of output is JSON with the URLs, a client id, a valid refresh token and the organisations,
    so any Xero client can use it. "unified" has what a client of Unified.to needs to read the practice
    Re-Leased.
    """
    from tui.sandbox.server import CannotStartError, ServerOptions, run
    from tui.system.locks import CannotLockError

    options = ServerOptions(
        data=data or Paths.find().sandbox,
        port=port,
        contacts=contacts,
        cycle=cycle,
        fresh=fresh,
        minute_limit=minute_limit,
        day_limit=day_limit,
        sync_seconds=sync_seconds,
        exit_with_parent=exit_with_parent,
    )
    try:
        run(options)
    except CannotStartError as error:
        raise click.ClickException(str(error)) from None
    except CannotLockError as error:
        raise StoreError(SystemReason.CANNOT_LOCK, folder=error.folder, problem=error.problem) from error
