"""Compare a screen, after some keys, with its stored look: as a picture if large, else as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from support.fake_account import FakeAccount
from support.screen_test import Driver
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual import events
from textual.widgets import Input

from tui.app.app import ReshelveApp

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine
    from textual.pilot import Pilot
    from textual.screen import Screen

Compare = Callable[..., bool]


class Text(str):
    """Text that is pasted, as typing by the pilot is slow."""

    __slots__ = ()


LARGE = (120, 36)
SIZES = [LARGE]


class PlainText(SingleFileSnapshotExtension):
    """One text file a comparison."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


def text_of(screen: Screen[Any]) -> str:
    """Return the text of a screen, one line per row."""
    lines = (strip.text.rstrip() for strip in screen._compositor.render_strips())
    return "\n".join(lines) + "\n"


def picture(
    compare: Compare,
    backend: IdleEngine,
    *keys: str,
    size: tuple[int, int] = LARGE,
    theme: str = "",
    settled: bool = True,
    is_opening: bool = False,
    after: Callable[[ReshelveApp], object] | None = None,
    as_text: bool | None = None,
) -> bool:
    """Return whether the screen looks as before. By default, only the large size is a picture."""
    app = ReshelveApp(FakeAccount.of(backend), backend.snapshot.organisation)
    if theme:
        app.theme = theme

    async def act(pilot: Pilot[None]) -> None:
        person = Driver(app, pilot, backend)
        await person.settle()
        # Waiting restores are mentioned at the start, which has its own picture.
        if keys or not is_opening:
            person.main.key_bar.end_flash()
        for key in keys:
            if isinstance(key, Text):
                app.post_message(events.Paste(key))
            else:
                await pilot.press(key)
            await (person.settle() if settled else pilot.pause())
        if after is not None:
            after(app)
            await person.settle()
        for box in app.screen.query(Input):
            box.cursor_blink = False
        await pilot.pause()

    return compare(
        app, terminal_size=size, run_before=act, as_text=size != LARGE if as_text is None else as_text
    )
