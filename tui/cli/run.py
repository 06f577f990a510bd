"""Opens the app on one organisation."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import click

from tui.engine.clock import utc_now
from tui.engine.connectors import Connectors
from tui.engine.engine import Engine
from tui.engine.lease import Lease
from tui.lifeline import outlive_terminal
from tui.model.errors import ReshelveError
from tui.model.evidence import NightlyWindow
from tui.paths import private_folder
from tui.settings import window
from tui.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.contact import Organisation
    from tui.paths import Paths
    from tui.settings import Settings

_LEASE = "lease"


def run(settings: Settings, paths: Paths, organisation: Organisation) -> None:
    """Open the app and return when it is closed. Raises `ReshelveError` when it can't open."""
    if not (os.isatty(0) and os.isatty(2)):
        raise ReshelveError("Reshelve needs a terminal.", "Run it in one, without redirecting its input.")
    # Both make the first paint and each key faster; Textual reads the variable when it is imported.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    gc.disable()

    from tui.app import ReshelveApp  # noqa: PLC0415 - after the variable is set

    outlive_terminal()
    ReshelveApp(build(settings, paths, organisation)).run()


def build(
    settings: Settings, paths: Paths, organisation: Organisation, *, now: Callable[[], datetime] = utc_now
) -> Engine:
    """Make an organisation's engine. Touches the disk alone. Raises `ReshelveError`."""
    folder = private_folder(paths.organisation(organisation.tenant_id))
    start, end = window(settings.released)
    return Engine(
        organisation,
        Store.open(folder),
        Connectors(settings, paths, organisation),
        lease=Lease(folder / _LEASE),
        window=NightlyWindow(start, end),
        poll_seconds=settings.sync.poll_seconds,
        now=now,
    )


def choose(organisations: Sequence[Organisation], wanted: str | None) -> Organisation:
    """Return the organisation whose name contains what is wanted, the first when nothing is."""
    for organisation in organisations:
        if wanted is None or wanted.casefold() in organisation.name.casefold():
            return organisation
    names = ", ".join(organisation.name for organisation in organisations)
    raise ReshelveError(f"No organisation is called {wanted}.", f"There are: {names}.")


def say(error: ReshelveError) -> click.ClickException:
    """Turn an error into what the command line prints before it exits with 1."""
    return click.ClickException(f"{error.what} {error.next_step}".strip())
