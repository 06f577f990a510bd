"""Searching with qualifiers, key by key."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.effort import some
from support.fake_account import FakeAccount
from support.idle_engine import DEMO, IdleEngine
from support.pictures import text_of
from support.screen_test import Driver, running
from textual import events

from tui.app.app import ReshelveApp
from tui.model.change import Action, State
from tui.model.columns import ColumnKey
from tui.model.contact import ContactStatus
from tui.model.query import Query, Tab
from tui.screens.changes.changes import ChangesScreen
from tui.screens.dialogs.help import HelpScreen
from tui.store.search.search_service import SearchService
from tui.system.search_history import SearchHistory
from tui.widgets.labels import StaticLine, TermList
from tui.widgets.search_box import QueryHint, SearchBox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.geometry import Region

    from tui.model.contact import SearchResult

pytestmark = pytest.mark.slow


def under_the_box(person: Driver) -> str:
    """Return the text under the search box, or nothing."""
    note = person.main.query_one(QueryHint)
    return note.text.rstrip() if note.display else ""


def tally(person: Driver) -> str:
    return person.main.search.query_one("#tally", StaticLine).text.strip()


async def rows_change(person: Driver) -> None:
    """Publish that rows have changed."""
    person.backend.load()
    person.backend._publisher.rows_changed()
    await person.settle()


async def type_in(person: Driver, text: str) -> None:
    """Replace the search text, letter by letter."""
    await person.press("/", *text)


async def test_a_qualifier_finds_counts_and_highlights_nothing(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:supplier")
        assert person.shown == 8
        assert person.main.finder.tabs.text.split() == ["All", "8", "Active", "7", "Archived", "1"]
        assert tally(person) == "8 of 30"
        assert under_the_box(person) == ""
        await person.press(*" coco")
        assert person.cursor_name == "Coco Café"
        assert person.main.finder._query.words == ("coco",)


async def test_excluded_words_and_phrases_are_searched(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, 'bayside -"fish & chips" -whole')
        assert (person.shown, person.cursor_name) == (1, "Bayside Club")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)])
async def test_invalid_qualifier_is_reported_and_the_text_stays(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    async with running(backend, size) as person:
        await type_in(person, "bay is:custmer")
        assert under_the_box(person).startswith("“is:custmer” is")
        assert "isn't a filter" in under_the_box(person)
        assert person.main.search.text == "bay is:custmer"
        assert (person.shown, tally(person)) == (0, "0 of 30")
        assert "one filter isn't valid" in person.main.table.empty_text


async def test_no_count_is_shown_for_a_search_that_is_not_answered_yet(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, find = asyncio.Event(), SearchService.find

    async def find_late(self: SearchService, query: Query) -> AsyncIterator[SearchResult]:
        await answered.wait()
        async for found in find(self, query):
            yield found

    async with running(backend) as person:
        monkeypatch.setattr(SearchService, "find", find_late)
        await person.pilot.press("/", *"bayside")
        # Something else than the search has the counts updated.
        person.backend.publish(is_paused=True)
        await person.pilot.pause()
        assert tally(person) == ""
        answered.set()
        await person.settle()
        assert tally(person) == "3 of 30"


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36), (160, 40)])
async def test_what_was_found_is_shown_beside_the_name_unless_its_column_is(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    async with running(backend, size) as person:
        await type_in(person, "5550007")
        assert person.shown == 1
        shown = text_of(person.app.screen)
        # Cut where there is little room.
        assert shown.count("+64") == 1
        shows_phones = any(placed.column.key is ColumnKey.PHONE for placed in person.main.table.columns)
        assert ("· Phone +64" in shown or "· +64" in shown) is not shows_phones


# Unknown name, unknown value, invalid number and date, no value; while typing and after.
@pytest.mark.parametrize(
    "text",
    some(
        [
            *(
                "is:missed",
                "-is:missed",
                "sync:nonsense",
                "owe:>5",
                "-unit:5",
                "owes:>x",
                "changed:2026-13",
            ),
            *(
                "is:",
                "is:arch",
                "owes:>",
                "changed:<2026-",
                "group:",
                "sync:hand-",
                "-sync:pen",
                'is:"archived x"',
            ),
        ],
        3,
    ),
)
async def test_unknown_filter_finds_nothing_to_act_on(backend: IdleEngine, text: str) -> None:
    async with running(backend) as person:
        await type_in(person, text)
        await person.press("enter")
        assert (person.shown, tally(person)) == (0, "0 of 30")
        assert under_the_box(person)
        await person.press("asterisk")
        assert not person.main.table.selected
        # An incomplete qualifier is no mistake while typing.
        await person.press("/")
        assert person.main.search.text == text


async def test_incomplete_qualifier_can_be_completed_after_returning(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:supp")
        assert person.shown == 30
        await person.press("enter")
        assert (person.shown, under_the_box(person)[:9]) == (0, "“is:supp”")
        await person.press("/")
        assert (person.shown, under_the_box(person)) == (30, "Press tab for is:supplier")
        await person.press(*"lier", "enter")
        assert (person.shown, under_the_box(person)) == (8, "")


async def test_incomplete_qualifier_shows_options_and_hides_nobody(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:")
        assert under_the_box(person).startswith("Press tab for is:customer  or supplier  active  archived")
        assert person.shown == 30
        for letter in "custome":
            await person.press(letter)
            assert under_the_box(person) == "Press tab for is:customer"
            assert person.shown == 30
        await person.press("r")
        assert under_the_box(person) == ""


async def test_tab_and_the_right_arrow_complete(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "bay is:su")
        await person.press("tab")
        assert person.main.search.text == "bay is:supplier"
        assert person.shown == 1
        await person.press(*" sync:p", "right")
        assert person.main.search.text == "bay is:supplier sync:pending"
        assert person.main.search.has_focus_within


async def test_tab_corrects_a_misspelling(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "bay -is:suplier ")
        await person.press("tab")
        assert person.main.search.text == "bay -is:supplier "
        assert (person.shown, under_the_box(person)) == (2, "")


async def test_tab_moves_focus_without_a_suggestion(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:supplier")
        await person.press("tab")
        assert person.main.search.text == "is:supplier"
        assert not person.main.search.has_focus_within


@pytest.mark.parametrize("size", some([(40, 15), (60, 20), (80, 24), (120, 36)], 2))
async def test_rows_do_not_move_when_a_hint_comes_and_goes(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    def places(person: Driver) -> list[Region]:
        return [person.main.table.region, person.main.sync_pane.region, person.main.search.region]

    async with running(backend, size) as person:
        await person.press("/")
        before = places(person)
        for letter in "is:x owes:>":
            await person.press(letter)
            assert places(person) == before
        note = person.main.query_one(QueryHint)
        assert note.region.y == person.main.search.region.bottom
        # It may cover the column titles, but no row.
        assert note.region.bottom <= person.main.table.region.y + 1


async def test_groups_are_suggested_and_unknown_ones_reported(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "group:")
        assert under_the_box(person) == "Press tab for group:Tenants"
        await person.press("tab")
        assert (person.main.search.text, person.shown) == ("group:Tenants", 15)
        await person.press("backspace", "backspace", *"xs")
        assert under_the_box(person).startswith("No group matches “group:Tenanxs”.")
        assert person.shown == 0
        await person.press("tab")
        assert (person.main.search.text, person.shown) == ('group:"Tenants"', 15)
        assert backend.calls.count(("groups",)) == 1


async def test_new_group_is_recognised(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "group:own")
        assert under_the_box(person).startswith("No group matches “group:own”.")
        first = next(iter(backend.known))
        backend.known[first] = replace(backend.known[first], groups=("Owners",))
        await rows_change(person)
        await person.press("e")
        assert (under_the_box(person), person.shown) == ("", 1)


async def test_escape_clears_the_hint_with_the_text(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:x")
        assert under_the_box(person)
        await person.press("escape")
        assert (under_the_box(person), person.shown) == ("", 30)


async def test_hint_stays_while_the_focus_is_on_the_contacts(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:x")
        await person.press("down", "2")
        assert under_the_box(person).startswith("“is:x” isn't a filter")


MESSAGE = "Validation error:\nContact Bayside Club has been archived\r\nand\tCOCO CAFE can't be used."
NAMED = "Contacts named in this text. Press esc to clear it."


async def paste(person: Driver, text: str) -> None:
    """Paste a text into the search box."""
    if not person.main.search.has_focus_within:
        await person.press("/")
    person.app.post_message(events.Paste(text))
    await person.settle()


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 36)])
async def test_pasted_message_lists_the_contacts_that_it_names(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    async with running(backend, size) as person:
        await paste(person, MESSAGE)
        assert (person.shown, person.cursor_name) == (2, "Bayside Club")
        assert under_the_box(person) == (NAMED if size[0] > 60 else "Contacts named in this text.")
        assert not person.main.query_one(QueryHint).has_class("-problem")
        assert tally(person) == "2 of 30"
        await person.press("down")
        assert under_the_box(person).startswith("Contacts named in this text.")
        await person.press("down")
        assert person.cursor_name == "Coco Café"
        await person.press("escape")
        assert (person.main.search.text, under_the_box(person), person.shown) == ("", "", 30)


async def test_typed_message_lists_the_contacts_that_it_names_until_it_means_something_else(
    backend: IdleEngine,
) -> None:
    async with running(backend) as person:
        await type_in(person, "nobody paid bayside club yet")
        assert (person.shown, under_the_box(person)) == (1, NAMED)
        await person.press(*" is:supplier")
        assert (person.shown, under_the_box(person)) == (0, "")


async def test_pasted_message_without_names_finds_nothing(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await paste(person, "an invoice\n\ncould not be sent")
        assert (person.shown, under_the_box(person)) == (0, "")
        assert person.main.table.empty_text.startswith("No contacts match, and this text names none.")
        await paste(person, " is: ")
        assert "isn't a filter" in under_the_box(person)


async def test_contacts_named_in_a_pasted_message_follow_changes(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await paste(person, MESSAGE)
        await rows_change(person)
        assert (person.shown, under_the_box(person)) == (2, NAMED)
        await person.press("enter", "2")
        assert (person.main.finder.tabs.tab, person.shown, under_the_box(person)) == (Tab.ACTIVE, 2, NAMED)
        await person.press("3")
        assert person.shown == 0
        assert person.main.table.empty_text == (
            "The contacts named in this text are on other tabs.\nPress 1 to show all."
        )
        assert (person.main.finder.tabs.tab, under_the_box(person)) == (Tab.ARCHIVED, NAMED)


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        ("bay\n", "bay"),
        ("bay ", "bay "),
        ("\nbay\r\nside", " bay side"),
        ("", ""),
        ("x" * 6_000, "x" * 5_000),
        ("a\x1b[31m\0b", "a\x1b[31m\0b"),
    ],
    ids=["one line", "a space", "lines", "nothing", "long", "controls"],
)
async def test_all_lines_of_a_pasted_text_are_inserted(backend: IdleEngine, pasted: str, text: str) -> None:
    async with running(backend) as person:
        await paste(person, pasted)
        assert person.main.search.text == text


async def test_pasted_text_replaces_the_selected_part(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:supplier coco")
        await person.press("shift+left", "shift+left")
        await paste(person, "a\nb")
        assert person.main.search.text == "is:supplier coa b"


async def test_no_matches_are_reported(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:merged")
        assert person.main.table.empty_text.startswith("No contacts match. ")


async def test_results_by_change_follow_the_changes(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "sync:queued")
        assert person.shown == 0
        change = backend.put_change(2, Action.ARCHIVE, State.QUEUED)
        backend.put_change(3, Action.ARCHIVE, State.QUEUED)
        await rows_change(person)
        # Rows out of sight cause no repaint.
        assert (person.shown, tally(person)) == (2, "2 of 30")
        backend.move(change, State.SENDING)
        await rows_change(person)
        # The row stays where it is, and the counts follow.
        assert (person.shown, tally(person)) == (2, "1 of 30")
        await person.press("down", "down")
        assert person.shown == 1


async def test_results_by_balance_follow_the_balances(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "owes:>890")
        owing = person.shown
        for contact_id in list(backend.known)[:3]:
            known = backend.known[contact_id]
            assert known.balances is not None
            backend.known[contact_id] = replace(
                known, balances=dataclasses.replace(known.balances, receivable=90_000)
            )
        await rows_change(person)
        assert tally(person) == f"{owing + 3} of 30"


async def test_tab_shows_its_share_of_the_results(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await type_in(person, "is:archived")
        await person.press("down", "2")
        assert (person.tab, person.shown, tally(person)) == (Tab.ACTIVE, 0, "0 of 26")
        await person.press("3")
        archived = [one for one in backend.known.values() if one.status is ContactStatus.ARCHIVED]
        assert (person.shown, tally(person)) == (len(archived), "4 of 4")


async def test_help_from_the_search_box_starts_with_searching(backend: IdleEngine) -> None:
    async with running(backend, (80, 24)) as person:
        await type_in(person, "is:")
        assert "F1 How to search" in person.bottom_line
        await person.press("f1")
        assert person.sees(HelpScreen)
        assert str(person.screen.query_one("#words", TermList).render()).startswith("In the search box")
        assert person.screen.query_one("#help").scroll_offset.y == 0
        await person.press("escape")
        assert person.main.search.text == "is:"


async def test_help_from_the_contacts_starts_at_the_top(backend: IdleEngine) -> None:
    async with running(backend, (80, 24)) as person:
        await person.press("question_mark")
        assert person.screen.query_one("#help").scroll_offset.y == 0


async def test_changes_are_searched_by_plain_words(backend: IdleEngine) -> None:
    backend.put_change(2, Action.ARCHIVE, State.QUEUED)
    async with running(backend) as person:
        await person.press("l", "/", *"is:cus")
        assert person.sees(ChangesScreen)
        box = person.screen.query_one(SearchBox)
        await person.press("right")
        assert box.text == "is:cus"
        assert not person.screen.query(QueryHint)


async def search_for(person: Driver, text: str, *keys: str) -> None:
    """Search for another text, then press keys."""
    await person.press("escape", "/", *text, *keys)


async def test_up_recalls_the_searches_that_were_used(backend: IdleEngine) -> None:
    async with running(backend) as person:
        box = person.main.search
        await person.press("/", "up")
        assert box.text == ""
        await search_for(person, "bay", "enter")
        await search_for(person, "is:supplier", "enter")
        await person.press("escape", "/", "up")
        assert (box.text, person.shown) == ("is:supplier", 8)
        await person.press("up", "up")
        assert box.text == "bay"
        await person.press("down")
        assert box.text == "is:supplier"
        # There is no newer one, so Down goes to the contacts, as always.
        await person.press("down")
        assert (box.text, person.main.table.has_focus) == ("is:supplier", True)


async def test_searches_that_were_only_typed_are_not_kept(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await search_for(person, "club", "escape", "escape")
        await search_for(person, "coco", "down", "escape")
        assert person.main.finder.recent_searches() == ()


@pytest.mark.parametrize("key", ["enter", "a", "Y"])
async def test_an_action_on_a_contact_found_keeps_the_search(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await search_for(person, "coco", "down", key)
        assert person.main.finder.recent_searches() == ("coco",)


async def test_up_leaves_a_typed_text_alone(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await search_for(person, "bay", "enter")
        await search_for(person, "club", "up")
        assert person.main.search.text == "club"
        # A recalled search that was edited is a typed text.
        await person.press("escape", "/", "up", "s", "up")
        assert person.main.search.text == "bays"


async def test_last_searches_are_there_after_a_restart_in_read_only_mode_too(tmp_path: Path) -> None:
    file = tmp_path / "searches.json"
    for number in range(2):
        engine = IdleEngine.with_contacts(is_read_only=True)
        app = ReshelveApp(
            FakeAccount.of(engine),
            engine.snapshot.organisation,
            searches=lambda organisation: SearchHistory(file if organisation == DEMO else None),
        )
        async with app.run_test() as pilot:
            person = Driver(app, pilot, engine)
            await person.settle()
            await person.press("/", "up")
            assert person.main.search.text == ("bay" if number else "")
            if not number:
                await person.press(*"bay", "enter")
