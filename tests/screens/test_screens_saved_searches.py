"""Saved searches: a text, a tab and a sort under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.pictures import text_of
from support.screen_test import Driver, running
from textual.widgets import Input

from tui.model.columns import ColumnKey, Sort
from tui.model.query import Tab
from tui.screens.saved_searches import SavedSearchesScreen, SearchNameScreen
from tui.system.saved_searches import MAX_KEPT, MAX_NAME, SavedSearch
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

BAY = SavedSearch("Bays", "bay")
OWING = SavedSearch("Who owes", "owes:>0", Tab.ACTIVE, Sort(ColumnKey.OWES, is_descending=True))


def keep(person: Driver, *searches: SavedSearch) -> None:
    for search in searches:
        person.main.finder.saved_searches.put(search)


def kept(person: Driver) -> list[str]:
    return [search.name for search in person.main.finder.saved_searches.searches]


def lines(person: Driver) -> list[str]:
    screen = person.screen
    assert isinstance(screen, SavedSearchesScreen)
    width = screen.rows.line_width
    return [screen._format_row(index, width)[0].plain.rstrip() for index in range(screen.rows.count)]


def note(person: Driver) -> str:
    return person.screen.query_one("#note", SafeLabel).text


@pytest.mark.parametrize("start", [(), ("enter",)], ids=["while typing", "in the list"])
async def test_a_search_is_saved_with_tab_and_sort_and_opened_by_its_number(
    backend: IdleEngine, start: tuple[str, ...]
) -> None:
    async with running(backend) as person:
        person.main._use_layout(person.main.table.list_layout.__class__(sort=OWING.sort))
        await person.press("2", "/", *"bay", *start, "ctrl+s")
        assert lines(person) == ["+  Save this search: bay, Active, by They owe ↓"]
        await person.press("enter", *"My bays", "enter")
        assert lines(person)[0].startswith("1  My bays")
        await person.press("escape")
        person.main.search.clear()
        person.main._use_layout(person.main.table.list_layout.__class__())
        await person.settle()
        person.main.set_focus(person.main.table)
        await person.press("1")
        assert person.tab == "all"
        await person.press("ctrl+s", "1")
        assert person.is_home
        assert person.main.search.text == "bay"
        assert person.tab == "active"
        assert person.main.table.list_layout.sort == OWING.sort
        assert person.main.table.has_focus
        assert person.shown == 3


async def test_pressing_the_key_twice_saves(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, OWING)
        await person.press("/", *"bay", "ctrl+s", "ctrl+s", "enter")
        assert kept(person) == ["Who owes", "bay"]
        screen = person.screen
        assert isinstance(screen, SavedSearchesScreen)
        assert screen.rows.cursor == 1


async def test_a_search_that_is_saved_is_not_offered_again(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, OWING, BAY)
        await person.press("/", *"bay", "ctrl+s")
        assert [line[:7] for line in lines(person)] == ["1  Who ", "2  Bays"]
        await person.press("ctrl+s")
        assert person.bottom_line == "This search is already saved as “Bays”."


async def test_nothing_saved_and_nothing_to_save_is_said(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+s")
        screen = person.screen
        assert isinstance(screen, SavedSearchesScreen)
        assert screen.rows.empty_text.startswith("No saved searches yet.")
        assert person.bottom_line == "esc Close"
        for key, said in [
            ("enter", "Nothing to save"),
            ("f2", "No saved search to rename."),
            ("delete", "No saved search to delete."),
        ]:
            await person.press(key)
            assert person.bottom_line.startswith(said)


async def test_only_the_keys_that_do_something_for_the_row_are_shown(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, OWING)
        await person.press("/", *"bay", "ctrl+s")
        assert person.bottom_line == "^s Save this search  esc Close"
        await person.press("down")
        assert person.bottom_line.startswith("enter Open  ^s Save this search  F2 Rename")


@pytest.mark.parametrize("size", [(40, 20), (60, 20), (80, 24)], ids=str)
async def test_an_empty_list_explains_itself_in_full(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size) as person:
        await person.press("ctrl+s")
        shown = " ".join(line.strip(" │") for line in text_of(person.screen).splitlines())
        assert "Search for something, then press ^s to save it." in shown.replace("  ", " ")


async def test_a_name_in_use_is_replaced_after_a_warning(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, OWING, BAY)
        await person.press("ctrl+s", "f2", *"BAYS")
        assert note(person) == "Replaces the saved search with this name."
        await person.press("enter")
        assert [each.text for each in person.main.finder.saved_searches.searches] == [OWING.text]
        assert kept(person) == ["BAYS"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Enter a name."), ("   ", "Enter a name."), ("x" * (MAX_NAME + 1), f"At most {MAX_NAME} letters.")],
    ids=["empty", "blank", "long"],
)
async def test_a_name_that_cannot_be_used_is_refused(backend: IdleEngine, typed: str, said: str) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "ctrl+s", "enter")
        person.screen.query_one(Input).value = typed
        await person.press("enter")
        assert person.sees(SearchNameScreen)
        assert note(person) == said
        await person.press("escape")
        assert kept(person) == []


async def test_deleting_asks_first(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, BAY, OWING)
        await person.press("ctrl+s", "down", "delete", "escape")
        assert kept(person) == ["Bays", "Who owes"]
        await person.press("delete", "y")
        assert kept(person) == ["Bays"]


async def test_too_many_or_too_long_searches_are_refused(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, *(SavedSearch(f"Search {number}", str(number)) for number in range(MAX_KEPT)))
        await person.press("/", *"bay", "ctrl+s", "ctrl+s")
        assert person.bottom_line.startswith("You have 50 saved searches.")
        await person.press("escape")
        person.main.search.set_text("x" * 300)
        await person.press("ctrl+s", "ctrl+s")
        assert person.bottom_line == "This search is too long to save."


async def test_letters_open_the_tenth_and_later_ones(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, *(SavedSearch(f"Search {number}", f"text{number}") for number in range(1, 13)))
        await person.press("ctrl+s", "b")
        assert person.main.search.text == "text11"


async def test_a_key_beside_no_search_opens_nothing(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, BAY)
        await person.press("ctrl+s", "2")
        assert person.sees(SavedSearchesScreen)


async def test_saved_searches_follow_the_last_ones(backend: IdleEngine) -> None:
    async with running(backend) as person:
        keep(person, BAY, SavedSearch("Everybody", "", Tab.ARCHIVED))
        await person.press("/", *"club", "enter", "/", "escape", "/", "up")
        assert person.main.search.text == "club"
        await person.press("up", "up")
        assert person.main.search.text == "bay"


@pytest.mark.parametrize("size", [(40, 12), (20, 6), (80, 24)])
async def test_it_fits_any_terminal_with_hostile_names(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size) as person:
        keep(person, SavedSearch("[red]\u202eEvil" + "漢" * 40, "[bold]"), BAY, OWING)
        await person.press("3", "ctrl+s")
        assert all(line.isprintable() for line in lines(person))
        await person.press("home", "down", "enter")
        assert person.is_home
        assert person.main.search.text == "[bold]"


async def test_read_only_mode_keeps_searches_too(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.is_read_only = True
        await person.press("/", *"bay", "ctrl+s", "ctrl+s", "enter")
        assert kept(person) == ["bay"]
