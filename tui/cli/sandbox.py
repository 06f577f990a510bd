"""`reshelve sandbox`: the practice Xero and Re-Leased, without the app."""

from __future__ import annotations

from pathlib import Path

import click

from tui.cli.param_types import SecondsParam
from tui.system.paths import Paths


@click.command()
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), show_default="any free one", help="Port on 127.0.0.1."
)
@click.option(
    "--contacts",
    default=1600,
    type=click.IntRange(1, 1_000_000),
    show_default=True,
    help="Contacts in the first organisation.",
)
@click.option(
    "--cycle",
    default=45.0,
    type=SecondsParam(0.05, 86_400),
    show_default=True,
    help="Seconds between two automatic syncs of the practice Re-Leased.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="with Reshelve's own data",
    help="Folder to remember everything in.",
)
@click.option("--fresh", is_flag=True, help="Forget what was practised before and start over.")
@click.option("--minute-limit", default=60, type=click.IntRange(0), show_default=True, help="Calls a minute.")
@click.option("--day-limit", default=5000, type=click.IntRange(0), show_default=True, help="Calls a day.")
@click.option(
    "--sync-seconds", default=2.0, type=SecondsParam(0, 86_400), hidden=True, help="Length of a sync."
)
@click.option("--exit-with-parent", is_flag=True, hidden=True, help="Stop at the end of standard input.")
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

    The first line of the output is JSON: the addresses, a client id, a refresh token that works, and the
    organisations, so that any Xero client can be pointed at it.
    """
    from tui.sandbox.server import CannotStartError, ServerOptions, run

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
