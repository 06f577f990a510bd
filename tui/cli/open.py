"""`reshelve` alone: the app with the last organisation, or with a welcome before one is connected."""

from __future__ import annotations

import signal
from typing import Final

import click

from tui.cli import launch
from tui.engine.account import XeroAccount
from tui.model.errors import ReshelveError
from tui.settings import load
from tui.system.log import log_to
from tui.system.paths import Paths

_AFTER_DEMO: Final = (
    "That was the demo. `reshelve demo` opens it again as you left it, `reshelve` connects your own Xero."
)


@click.command("open")
@click.option("--organisation", help="Open the organisation whose name contains this.")
@click.option("--read-only", is_flag=True, help="Read-only mode: no changes, no disconnecting.")
@click.pass_context
def open_(context: click.Context, organisation: str | None = None, *, read_only: bool = False) -> None:
    """Open a connected organisation, or help to connect the first one.

    \b
    Examples:
      $ reshelve
      $ reshelve open --organisation "Harbour & Vine"
      $ reshelve open --read-only
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        log_to(paths.logs)
        account = XeroAccount(settings, paths, is_read_only=read_only)
        is_demo_requested = launch.run(settings, paths, account, organisation)
    except ReshelveError as error:
        raise launch.to_click_error(error) from error
    if is_demo_requested:
        from tui.cli.demo import demo

        # Ignored while the app closed; the start of the demo can be interrupted.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        context.invoke(demo, read_only=read_only)
        click.echo(_AFTER_DEMO)
