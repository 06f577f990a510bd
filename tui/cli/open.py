"""`reshelve open`: open the app; the same as `reshelve` alone."""

from __future__ import annotations

import click

from tui.cli.launch import run, to_click_error
from tui.engine.accounts.account import XeroAccount
from tui.model.errors import ReshelveError
from tui.settings import load
from tui.system.log import log_to
from tui.system.paths import Paths


@click.command("open")
@click.option("--organisation", help="Open the organisation whose name contains this.")
@click.option("--read-only", is_flag=True, help="Read-only mode: no changes, no disconnecting.")
def open_(organisation: str | None = None, *, read_only: bool = False) -> None:
    """Open a connected organisation, or connect the first one."""
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        log_to(paths.logs)
        run(settings, paths, XeroAccount(settings, paths, is_read_only=read_only), organisation)
    except ReshelveError as error:
        raise to_click_error(error) from error
