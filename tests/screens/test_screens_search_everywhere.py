"""Search in all organisations."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.fake_account import organisation
from support.idle_engine import IdleEngine
from support.screen_test import Driver, running

from tui.model.contact import ContactStatus
from tui.model.organisation_search import SearchState
from tui.model.query import Tab
from tui.screens.search_everywhere import MOST_SHOWN, SearchEverywhereScreen
from tui.widgets.labels import SafeLabel

pytestmark = pytest.mark.slow

KERERU = organisation(2, "Kererū Management")
EMPTY = organisation(3, "Bay of Plenty Holdings")


def connect(person: Driver, *, states: dict[str, SearchState] | None = None) -> None:
    """Connect a second organisation that has contacts, and a third without any saved."""
    account = person.account
    account.backends["t2"] = IdleEngine.with_contacts(organisation=KERERU)
    account.connects(KERERU, EMPTY)
    account.search_states.update(states or {})


def lines(person: Driver) -> list[str]:
    """The list's lines, whether or not they are in view."""
    screen = person.screen
    assert isinstance(screen, SearchEverywhereScreen)
    width = screen.rows.line_width
    return [screen._format_row(index, width)[0].plain.rstrip() for index in range(screen.rows.count)]


def state(person: Driver) -> str:
    return person.screen.query_one("#state", SafeLabel).text


async def test_matches_are_grouped_by_organisation(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("/", *"boulder", "ctrl+f")
        assert lines(person)[0].startswith("● Demo Company (NZ)")
        assert lines(person)[0].endswith("1 contact, refreshed 12 min ago")
        assert lines(person)[1].startswith("  Boulder Plumbing")
        assert lines(person)[1].endswith("Archived")
        assert lines(person)[2].startswith("○ Kererū Management")
        assert lines(person)[4].startswith("○ Bay of Plenty Holdings")
        assert lines(person)[4].endswith("not loaded yet")
        assert state(person) == "2 contacts in 2 organisations."


async def test_typing_goes_on_while_the_arrows_move_in_the_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("ctrl+f", *"ba", "down", "y")
        assert len([line for line in lines(person) if line.startswith("  Bay")]) == 6
        assert person.screen.focused is person.screen.query_one("#words")


async def test_enter_opens_the_organisation_with_the_cursor_on_the_contact(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("ctrl+f", *"bay", *["down"] * 5, "enter")
        assert "Kererū Management" in person.title
        assert person.main.search.text == "bay"
        assert person.tab is Tab.ALL
        row = person.main.table.cursor_row
        assert row is not None
        assert person.main.table.found is not None
        assert person.main.table.found.rows.index_of(row.contact_id) == 1
        assert person.main.table.has_focus


async def test_the_cursor_stays_on_the_contact_while_the_list_is_updated(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("3", "ctrl+f", *"bay", "down", "enter")
        name = person.cursor_name
        assert person.tab is Tab.ALL
        assert name.startswith("Bay")
        person.main.finder.find(keep=True)
        await person.settle()
        assert person.cursor_name == name
        await person.press("up", "up")
        assert person.cursor_name != name


async def test_an_organisations_own_line_opens_it_with_the_search(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("ctrl+f", *"zzz", "down", "down", "enter")
        assert "Bay of Plenty Holdings" in person.title
        assert person.main.search.text == "zzz"


async def test_only_the_first_contacts_are_listed(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("ctrl+f", *"a")
        more = [line for line in lines(person) if line.startswith("  and ")]
        found = person.account.calls[-1]
        assert found[2] == MOST_SHOWN
        assert len(more) == 2
        total = int(lines(person)[0].split(" contacts,")[0].rsplit(" ", 1)[1])
        assert more[0] == f"  and {total - MOST_SHOWN} more"


async def test_before_anything_is_typed_the_organisations_are_listed(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("ctrl+f")
        assert len(lines(person)) == 3
        assert lines(person)[0].endswith("30 contacts, refreshed 12 min ago")
        assert state(person).startswith("Type a name")


async def test_nothing_found_is_said(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("ctrl+f", *"zzz")
        assert state(person) == "No contacts match in any organisation."
        assert len(lines(person)) == 3


async def test_one_organisation_alone_says_how_to_connect_others(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+f")
        assert state(person).endswith("No other organisation is connected. Press ^o to connect one.")
        await person.press(*"zzz")
        assert state(person).endswith("No other organisation is connected. Press ^o to connect one.")
        await person.press(*["backspace"] * 3, *"bay")
        assert state(person) == "3 contacts. No other organisation is connected."


@pytest.mark.parametrize(
    ("found", "line", "advice"),
    [
        (SearchState.NOT_LOADED, "not loaded yet", "No contacts on this computer yet."),
        (SearchState.OUTDATED, "saved by another version", "Saved by another version of Reshelve."),
        (SearchState.UNREADABLE, "can't be read", "Its saved contacts can't be read."),
        (SearchState.LOADING, "0 contacts, still loading", "Not all contacts of this organisation"),
    ],
)
async def test_what_was_not_searched_is_said(
    backend: IdleEngine, found: SearchState, line: str, advice: str
) -> None:
    async with running(backend) as person:
        connect(person, states={"t3": found})
        await person.press("ctrl+f", *"zzz", "down", "down")
        assert lines(person)[2].endswith(line)
        assert state(person).startswith(advice)


async def test_an_older_answer_is_ignored(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        person.account.search_gate.clear()
        await person.pilot.press("ctrl+f", *"bayz")
        await person.pilot.press("backspace")
        assert person.screen.query_one("#words").has_focus
        person.account.search_gate.set()
        await person.settle()
        assert state(person) == "6 contacts in 2 organisations."


@pytest.mark.parametrize("keys", [("escape",), ("ctrl+o", "ctrl+f", "escape")])
async def test_escape_closes_and_changes_nothing(backend: IdleEngine, keys: tuple[str, ...]) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("/", *"bay", "ctrl+f", *"zz", *keys)
        assert person.is_home
        assert person.main.search.text == "bay"


async def test_hostile_names_stay_on_their_line(backend: IdleEngine) -> None:
    async with running(backend, (80, 24)) as person:
        number = next(iter(backend.known))
        hostile = "\x1b[31mEvil\u202egnp\n[bold]" + "漢" * 200
        backend.known[number] = replace(backend.known[number], name=hostile, status=ContactStatus.ARCHIVED)
        connect(person)
        person.account.connects(organisation(4, hostile))
        await person.press("ctrl+f", *"a")
        for line in lines(person):
            assert line.isprintable()


@pytest.mark.parametrize("size", [(40, 12), (20, 6), (80, 24), (200, 60)])
async def test_it_fits_any_terminal(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size) as person:
        connect(person)
        await person.press("ctrl+f", *"a", *["down"] * 30)
        screen = person.screen
        assert isinstance(screen, SearchEverywhereScreen)
        assert screen.rows.cursor == 31
        assert screen.rows.size.height >= 1


async def test_it_works_in_read_only_mode(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.is_read_only = True
        connect(person)
        await person.press("ctrl+f", *"bay", "enter")
        assert person.cursor_name.startswith("Bay")
