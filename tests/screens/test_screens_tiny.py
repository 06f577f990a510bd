"""Screens in very small terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.screen_test import running

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

# Without the styles of `tui.compat.textual`, Textual can't lay out its palette at the smallest.
_SIZES = [(4, 6), (1, 1), (12, 3)]
_SCREENS = {
    "contacts": (),
    "search": ("/", "x"),
    "palette": ("ctrl+p", "t"),
    "themes": ("ctrl+p", *"theme", "enter"),
    "contact": ("enter",),
    "archive": ("a",),
    "changes": ("l",),
    "undo": ("u",),
    "restores": ("h",),
    "tenants": ("ctrl+g",),
    "troubleshoot": ("t",),
    "compare": ("f",),
    "sync": ("m",),
    "organisations": ("ctrl+o",),
    "help": ("?",),
}


@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("sizes", [_SIZES[:1], pytest.param(_SIZES[1:], marks=pytest.mark.slow)], ids=str)
async def test_every_screen_survives_every_size(
    busy: IdleEngine, first: int, sizes: list[tuple[int, int]]
) -> None:
    async with running(busy) as person:
        for screen, keys in list(_SCREENS.items())[first::3]:
            await person.press(*keys)
            assert person.is_home == (screen in {"contacts", "search"}), screen
            for size in sizes:
                await person.pilot.resize_terminal(*size)
            await person.pilot.resize_terminal(120, 36)
            while not person.is_home:
                await person.pilot.press("escape")
            if screen == "search":
                await person.pilot.press("escape", "escape")
            await person.settle()
            assert not person.app.has_crashed, screen


@pytest.mark.parametrize("screen", ["palette", "archive", "organisations"])
async def test_screens_open_without_any_space(busy: IdleEngine, screen: str) -> None:
    async with running(busy, (4, 6)) as person:
        await person.press(*_SCREENS[screen])
        assert not person.app.has_crashed
