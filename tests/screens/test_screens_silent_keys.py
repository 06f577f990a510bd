"""No key of an action is silent: where it can't do anything, it says why, or where it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.comparisons import export, line
from support.effort import some
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.screen_test import Driver, running
from textual.widgets import Input

from tui.actions import ACTIONS
from tui.app.keymap import _make_bindings
from tui.model.contact import ContactStatus
from tui.model.snapshot import ConnectionStatus, XeroStatus
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
    "duplicates": ("D",),
    "tidy up": ("Z",),
    "tidy up, review": ("Z", "enter"),
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
    """Return the first key of each action: its others run the same."""
    first = [(item.id, next(iter(_make_bindings(item.keys)), None)) for item in ACTIONS]
    return [(name, binding.key) for name, binding in first if binding is not None and name not in LEFT_OUT]


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


@pytest.mark.parametrize("place", some([*PLACES], every=3))
async def test_every_key_says_something(place: str) -> None:
    assert await silent_keys(IdleEngine.with_contacts(40, is_sandbox=False), place) == []


@pytest.mark.parametrize("place", some([place for place in PLACES if place not in WITHOUT_CONTACTS], every=4))
async def test_every_key_says_something_without_contacts(place: str) -> None:
    assert await silent_keys(IdleEngine(()), place) == []


#: What is pressed, and what the bottom line says then.
SAID: dict[str, tuple[Steps, str]] = {
    "of changes": (("x",), "x works in Changes and in Restores to finish."),
    "of three places": (
        ("w",),
        "w works in Troubleshoot, in Why does my invoice fail? and in a comparison.",
    ),
    "in a dialog": (
        ("s", "a"),
        "a works in the list of contacts, in Possible duplicates and in Tidy up.",
    ),
    "of the app in a dialog": (("s", "question_mark"), "? works outside dialogs."),
    "of contacts": (("l", "m"), "m works in the list of contacts and in Troubleshoot."),
    "nothing selected": (("v",), "No contacts are selected. Press space to select one."),
    "already archived": (("3", "a"), "Already archived. Press r to restore it."),
    "no changes": (("l", "x"), "This list has no changes."),
    "no restores": (("l", "h", "O"), "No restores to finish in Xero."),
    "not merged": (("enter", "M"), "This contact wasn't merged into another one."),
    "tenants of a restore": (("3", "r", "ctrl+g"), "Tenant groups matter only when archiving."),
    "no search here": (
        ("ctrl+o", "slash"),
        "/ works in the list of contacts, in Change keys and in Changes.",
    ),
}


@pytest.mark.parametrize("case", SAID)
async def test_what_a_key_says(case: str) -> None:
    keys, says = SAID[case]
    async with running(IdleEngine.with_contacts(30), size=(140, 40)) as person:
        await person.press(*keys)
        assert person.bottom_line == says


async def test_keys_are_named_as_they_are_now() -> None:
    async with running(IdleEngine.with_contacts(30), keys={"cancel_change": "J"}) as person:
        await person.press("x")
        assert person.bottom_line == "x works in Restores to finish."
        await person.press("J")
        assert person.bottom_line == "J works in Changes."


@pytest.mark.parametrize("status", [ConnectionStatus.OFFLINE, ConnectionStatus.RECONNECT])
async def test_refresh_says_why_it_cannot(status: ConnectionStatus) -> None:
    backend = IdleEngine.with_contacts(30)
    async with running(backend) as person:
        await person.hears(xero=XeroStatus(status))
        await person.press("f5")
        offline = status is ConnectionStatus.OFFLINE
        assert person.bottom_line == (
            "Can't reach Xero. Retrying now…"
            if offline
            else "Can't refresh: the sign-in to Xero has ended. Press c to reconnect."
        )


async def test_keys_that_nothing_uses_say_nothing() -> None:
    async with running(IdleEngine.with_contacts(30)) as person:
        before = person.bottom_line
        await person.press("f12")
        assert person.bottom_line == before


async def test_typing_is_not_explained() -> None:
    async with running(IdleEngine.with_contacts(30)) as person:
        await person.press("slash", "x", "w")
        assert person.main.search.text == "xw"
        assert "works in" not in person.bottom_line
