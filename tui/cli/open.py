"""`reshelve open`: the app on a connected organisation; the same as `reshelve` alone."""

from __future__ import annotations

import click

from tui.cli.run import choose, run, say
from tui.engine.connect import known_organisations
from tui.log import log_to
from tui.model.errors import ReshelveError
from tui.paths import Paths
from tui.settings import load


@click.command("open")
@click.option("--organisation", help="Open the organisation whose name contains this.")
def open_(organisation: str | None = None) -> None:
    """Open a connected organisation."""
    paths = Paths.find()
    try:
        organisations = known_organisations(paths)
        if not organisations and paths.organisations_file.exists():
            raise ReshelveError(
                f"{paths.organisations_file} names no organisation, or is damaged.",
                "Run `reshelve connect` to write it anew; nothing else is lost.",
            )
        if not organisations:
            raise ReshelveError(
                "No organisation is connected yet.",
                "Run `reshelve demo` to try Reshelve without an account.",
            )
        log_to(paths.logs)
        run(load(paths.settings_file), paths, choose(organisations, organisation))
    except ReshelveError as error:
        raise say(error) from error
