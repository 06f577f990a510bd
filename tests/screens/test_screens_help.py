from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.screen_test import Driver, running

from tui.screens.dialogs.help import HelpScreen, filtered
from tui.widgets.labels import TermList, TermSection

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

SECTIONS = (
    TermSection(
        "Contacts", [("a", "Archive the contact"), ("P", "Pause sending")], 8, "", ("Archive", "Stop")
    ),
    TermSection("Words", [("Pending sync", "in Xero")], 8),
)


def lines(person: Driver) -> list[str]:
    return str(person.screen.query_one(TermList).render()).splitlines()


def section(person: Driver, title: str) -> list[str]:
    """The lines below a title, without runs of spaces."""
    shown = lines(person)
    start = shown.index(title) + 1
    end = shown.index("", start) if "" in shown[start:] else len(shown)
    return [" ".join(line.split()) for line in shown[start:end]]


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("", ["a", "P", "Pending sync"]),
        ("archive", ["a"]),
        ("STOP", ["P"]),
        ("xero", ["Pending sync"]),
        ("contacts pause", ["P"]),
        ("a", ["a"]),
        ("P", ["P"]),
        ("p", ["P", "Pending sync"]),
        ("archive xero", []),
    ],
)
def test_filter_looks_at_keys_labels_and_texts(typed: str, terms: list[str]) -> None:
    assert [term for part in filtered(SECTIONS, typed) for term, _ in part.terms] == terms


async def test_help_begins_with_the_keys_for_the_focus(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("?")
        assert lines(person)[0] == "Keys here"
        here = section(person, "Keys here")
        assert here[0] == "enter Show the contact's details and history"
        assert "a Archive the contact, or all selected ones" in here
        assert not any(line.startswith("x ") for line in here)
        assert any(line.startswith("x In the list of changes") for line in section(person, "Changes"))
        assert "q Quit Reshelve; unsent changes are sent next time" in section(person, "Everywhere")
        await person.press("?", "l", "?")
        here = section(person, "Keys here")
        assert any(line.startswith("x In the list of changes") for line in here)
        assert not any(line.startswith("f ") for line in here)


async def test_help_is_filtered_and_the_filter_cleared_first(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("?", "/", *"pause sen")
        assert lines(person)[0] == "Keys here"
        assert section(person, "Keys here") == ["P Pause sending to Xero (asks first), or resume it"]
        await person.press(*"zz")
        assert lines(person) == ["No key or word matches."]
        await person.press("escape")
        assert person.sees(HelpScreen)
        assert "Status words" in lines(person)
        await person.press("escape")
        assert person.is_home


async def test_help_builds_few_widgets(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("?")
        assert len(list(person.screen.walk_children())) < 12
