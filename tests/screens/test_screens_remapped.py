"""With every key remapped, no screen, dialog, notice or error names a default key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.pictures import text_of
from support.screen_test import running

from tui import messages
from tui.actions import ACTIONS
from tui.messages.texts import Text
from tui.model.errors import ReshelveError
from tui.screens.dialogs.help import BugReportScreen

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine
    from support.screen_test import Driver

pytestmark = pytest.mark.slow

# One letter per action, which no sentence and no name of these contacts has.
NEW = {
    item.id: chr(ord("а") + number)
    for number, item in enumerate(item for item in ACTIONS if item.keys and item.id != "extend")
}
#: The default name of a key, which is no English word.
OLD = re.compile(
    r"(?<!\S)(?<!\d )(?:esc|Esc|[Ff]\d\d?|\^\w|ctrl\+\w|space|[b-zB-HJ-Z?*]) (?=[A-Z]\w|[a-z]{3,})"
    r"|(?:[Pp]ress|with) (?:esc|[Ff]\d\d?|\^\w|[b-zB-HJ-Z?*/])(?=[ .,:)]|$)"
)

# What leaves the contacts as they were, so that one app can show all of it.
OPENED: dict[str, tuple[str, ...]] = {
    "contact": ("open",),
    "confirm": ("archive",),
    "changes": ("changes",),
    "no change found": ("changes", "search", "z", "z", "enter"),
    "restores": ("manual_restores",),
    "archiving among restores": ("manual_restores", "archive"),
    "organisations": ("organisations",),
    "connect": ("connect",),
    "manual sync": ("manual_sync",),
    "troubleshoot": ("troubleshoot",),
    "compare": ("compare",),
    "tenants": ("tenant_groups",),
    "undo": ("undo",),
    "help": ("help",),
}
CONTACTS: dict[str, tuple[str, ...]] = {
    "contacts": (),
    "nothing found": ("search", "z", "z", "enter"),
    "no such filter": ("search", *"is:odd", "enter"),
    "several selected": ("select_all",),
    "already archived": ("tab_archived", "archive"),
    "already active": ("tab_active", "restore"),
    "type the number": ("select_all", "archive"),
}


def old_keys(text: str) -> list[str]:
    return [line for line in text.splitlines() if OLD.search(line)]


async def go(person: Driver, steps: tuple[str, ...]) -> None:
    for step in steps:
        await person.press(NEW.get(step, step))


@pytest.mark.parametrize("place", CONTACTS)
async def test_no_text_among_the_contacts_names_an_old_key(busy: IdleEngine, place: str) -> None:
    async with running(busy, keys=NEW) as person:
        await go(person, CONTACTS[place])
        assert old_keys(text_of(person.screen)) == []


async def test_no_text_of_other_screens_names_an_old_key(busy: IdleEngine) -> None:
    async with running(busy, keys=NEW) as person:
        for place, steps in OPENED.items():
            await go(person, steps)
            assert old_keys(text_of(person.screen)) == [], place
            await person.go_home()


HELPED = {
    text.action: reason for reason, text in messages._TEXTS.items() if isinstance(text, Text) and text.action
}


@pytest.mark.parametrize("action_id", sorted(HELPED))
async def test_errors_name_the_current_key_of_their_action(backend: IdleEngine, action_id: str) -> None:
    async with running(backend, keys=NEW) as person:
        error = ReshelveError(HELPED[action_id])
        person.main.show_error(error)
        assert f"Press {NEW[action_id]} (" in person.bottom_line
        person.app.push_screen(BugReportScreen(error))
        await person.settle()
        assert f"Press {NEW[action_id]} (" in text_of(person.screen)


async def test_bug_screen_names_the_current_quit_key(backend: IdleEngine) -> None:
    async with running(backend, keys=NEW) as person:
        person.app.push_screen(BugReportScreen())
        await person.settle()
        assert f"quit with {NEW['quit']}" in " ".join(text_of(person.screen).split())
