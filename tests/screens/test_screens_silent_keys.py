"""No key of an action is silent: where it can't do anything, it says why, or where it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.comparisons import export, line
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.screen_test import Driver, running
from textual.widgets import Input

from tui.actions import ACTIONS
from tui.app.keymap import _make_bindings
from tui.model.contact import ContactStatus
from tui.screens.base_screen import BaseScreen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

Steps = tuple[str, ...]

#: How to reach each place; the contacts are open.
PLACES: dict[str, Steps] = {
    "contacts": (),
    "contact": ("enter",),
    "columns": ("s",),
    "changes": ("l",),
    "restores": ("l", "h"),
    "troubleshoot": ("t",),
    "organisations": ("ctrl+o",),
    "comparison": ("f", "ctrl+u", *"~/x.csv", "enter"),
    "tenant groups": ("ctrl+g",),
    "archiving": ("a",),
    "restoring": ("3", "r"),
    "pausing": ("P",),
    "help": ("?",),
}
WITHOUT_CONTACTS = {"contact", "archiving", "restoring", "comparison"}
#: Keys that end the app, and those that Textual's own widgets handle: the palette, and moving in a text.
LEFT_OUT = {"interrupt", "quit", "extend"}
#: What would make the next visit another one: it ends the app, or the question isn't asked again.
ONCE = {
    "contacts": {"back"},
    "archiving": {"confirm"},
    "restoring": {"confirm"},
    "pausing": {"confirm"},
}


def keys_of_actions() -> list[tuple[str, str]]:
    return [
        (item.id, binding.key)
        for item in ACTIONS
        if item.id not in LEFT_OUT
        for binding in _make_bindings(item.keys)
    ]


async def says(person: Driver, key: str) -> bool:
    """Press a key, and return whether anything can be seen of it."""
    screen = person.screen
    assert isinstance(screen, BaseScreen)
    screen.key_bar.end_flash()
    await person.settle()
    before, stack = text_of(screen), list(person.app.screen_stack)
    await person.press(key)
    return stack != person.app.screen_stack or text_of(person.screen) != before


async def silent_keys(backend: IdleEngine, name: str) -> list[tuple[str, str]]:
    found, steps = [], PLACES[name]
    async with running(backend, size=(140, 40)) as person:
        place = None
        for action_id, key in keys_of_actions():
            if action_id in ONCE.get(name, ()):
                continue
            if place is None or person.screen is not place:
                await person.go_home()
                person.main.table.clear_selection()
                await person.press("1", *steps)
                place = person.screen
            if isinstance(place.focused, Input):
                place.focus_next()
            if not await says(person, key):
                found.append((action_id, key))
    return found


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    export([line(2, 5, ContactStatus.ACTIVE)])


@pytest.mark.parametrize("place", PLACES)
async def test_every_key_says_something(place: str) -> None:
    assert await silent_keys(IdleEngine.with_contacts(40, is_sandbox=False), place) == []


@pytest.mark.parametrize("place", [place for place in PLACES if place not in WITHOUT_CONTACTS])
async def test_every_key_says_something_without_contacts(place: str) -> None:
    assert await silent_keys(IdleEngine(()), place) == []
