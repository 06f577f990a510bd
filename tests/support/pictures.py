"""Taking a picture of a screen after some keys, at the sizes that every screen is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from support.fake_account import FakeAccount
from support.screen_test import Driver
from textual import events
from textual.widgets import Input

from tui.app import ReshelveApp

if TYPE_CHECKING:
    from support.fake_backend import FakeBackend
    from textual.pilot import Pilot

Compare = Callable[..., bool]


class Text(str):
    """What is pasted rather than typed: a key costs the pilot as much time as a person."""

    __slots__ = ()


SIZES = [(60, 20), (80, 24), (120, 36), (160, 48)]


def picture(
    compare: Compare,
    backend: FakeBackend,
    *keys: str,
    size: tuple[int, int] = (120, 36),
    theme: str = "",
    settled: bool = True,
    is_opening: bool = False,
    after: Callable[[ReshelveApp], object] | None = None,
) -> bool:
    app = ReshelveApp(FakeAccount.of(backend), backend.snapshot.organisation)
    if theme:
        app.theme = theme

    async def act(pilot: Pilot[None]) -> None:
        person = Driver(app, pilot, backend)
        await person.settle()
        # What waits is recalled at the start, in a picture of its own.
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

    return compare(app, terminal_size=size, run_before=act)
