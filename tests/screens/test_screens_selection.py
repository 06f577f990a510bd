"""The contacts of an action are visible before it runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW, contact_id, contacts
from support.screen_test import running
from textual.events import Key

from tui.messages.formats import money
from tui.model.change import Action, State
from tui.model.contact import Balances
from tui.screens.changes.changes import ChangesScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.widgets.banners import SelectionBar
from tui.widgets.contact_table import ContactTable
from tui.widgets.labels import SafeLabel
from tui.widgets.tab_bar import TabBar
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.screen_test import Driver

    from tui.model.contact import SearchResult
    from tui.model.query import Query

pytestmark = pytest.mark.slow


def bar(person: Driver) -> str:
    """Return the text of the selection bar, or nothing if it is hidden."""
    shown = person.screen.query_one(SelectionBar)
    return shown.text if shown.display and shown.region.height else ""


def dialog(person: Driver) -> list[str]:
    assert person.sees(ConfirmScreen)
    assert isinstance(person.screen, ConfirmScreen)
    listed = (line.text for line in person.screen._lines)
    return [*(str(part.render()) for part in person.screen.query(SafeLabel)), *listed]


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 36)])
async def test_archive_applies_to_a_selection_hidden_by_a_search(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    async with running(backend, size) as person:
        assert bar(person) == ""
        await person.press("space", "space")
        assert bar(person).startswith("2 selected ·")
        await person.press("/", *"zzz", "enter")
        assert person.shown == 0
        assert bar(person).startswith("2 selected (2 not shown)")
        await person.press("a")
        said = dialog(person)
        assert "2 of these 2 contacts aren't shown" in " ".join(said)
        assert sum("(not shown)" in line for line in said) == 2
        await person.press("escape", "escape")
        assert bar(person) == ""


@pytest.mark.parametrize(
    ("keys", "hidden"),
    [(["3"], 3), (["2"], 0), (["/", *"abel", "enter"], 2), (["/", *"is:archived", "enter"], 3)],
)
async def test_tabs_and_searches_count_hidden_selections(
    backend: IdleEngine, keys: list[str], hidden: int
) -> None:
    async with running(backend) as person:
        await person.press("shift+down", "shift+down", *keys)
        counted = f" ({hidden} not shown)" if hidden else ""
        assert bar(person).startswith(f"3 selected{counted} · they owe ")
        await person.press("a")
        assert any("shown in the list" in line for line in dialog(person)) is bool(hidden)
        await person.press("escape", "1", "/", "x", "escape", "escape")
        assert bar(person).startswith("3 selected · they owe ")


async def test_selection_removed_from_the_list_by_an_update_is_counted(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("2", "space", "end")
        backend.move(backend.put_change(0, Action.ARCHIVE, State.SENDING), State.CONFIRMED)
        await person.hears_changes()
        await person.press("up")
        assert bar(person).startswith("1 selected (1 not shown)")


async def test_hidden_selected_contacts_come_first_in_the_dialog() -> None:
    # Warnings and the explanation of the first archive would come before them.
    backend = IdleEngine([replace(contact, balances=None) for contact in contacts()])
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    async with running(backend) as person:
        await person.press("*", "/", *"bay", "enter", "a")
        names = [line for line in dialog(person) if line.startswith("•")]
        assert names
        assert all("(not shown)" in line for line in names[:8])


@pytest.mark.parametrize(
    ("keys", "numbers"), [(("*", "a"), (2, 3, 4)), (("a",), (2,)), (("down", "space", "a"), (3,))]
)
async def test_keys_pressed_before_search_results_apply_to_them(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...], numbers: tuple[int, ...]
) -> None:
    answers, find = asyncio.Event(), backend.contacts.find

    async def slow(query: Query) -> AsyncIterator[SearchResult]:
        await answers.wait()
        async for found in find(query):
            yield found

    async with running(backend) as person:
        monkeypatch.setattr(backend.contacts, "find", slow)
        await person.pilot.press("/", *"bay", "enter", *keys)
        assert person.is_home
        assert not person.main.table.selected
        answers.set()
        await person.settle()
        assert person.sees(ConfirmScreen)
        assert ("precheck", Action.ARCHIVE, tuple(contact_id(n) for n in numbers)) in backend.calls


@pytest.mark.parametrize("keys", [("enter", "a"), ("down", "a"), ("enter", "space", "a")])
async def test_keys_after_leaving_the_search_box_go_to_the_list(
    backend: IdleEngine, keys: tuple[str, ...]
) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay")
        for key in keys:
            person.app.post_message(Key(key, key if len(key) == 1 else None))
        await person.settle()
        assert person.main.search.text == "bay"
        assert person.sees(ConfirmScreen)


async def test_key_is_kept_if_contacts_arrive_as_a_search_starts(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "enter")
        person.main.finder.find(keep=False)
        # Before the search's worker has begun.
        backend.publish_changes()
        person.main.finder.apply_snapshot(backend.snapshot)
        person.app.post_message(Key("a", "a"))
        await person.settle()
        assert person.sees(ConfirmScreen)
        await person.press("escape", "space")
        assert bar(person).startswith("1 selected")


async def test_key_is_kept_if_the_same_search_starts_again(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "enter")
        person.main.finder.find(keep=False)
        person.main.action_archive()
        person.main.finder.find(keep=False)
        await person.settle()
        assert person.sees(ConfirmScreen)


async def test_key_is_dropped_if_another_search_starts_before_its_contacts_are_found(
    backend: IdleEngine,
) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "enter")
        person.main.finder.find(keep=False)
        person.main.action_archive()
        person.main.search.clear()
        person.main.finder.find(keep=False)
        await person.settle()
        assert not person.sees(ConfirmScreen)


async def test_failed_search_keeps_no_key_waiting(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend) as person:
        with monkeypatch.context() as broken:
            broken.setattr(backend.contacts, "find", None)
            await person.press("/", "b")
        await person.press("escape")
        assert person.main.table._deferred is None


async def test_contact_scrolled_out_of_sight_is_shown_before_it_is_changed(
    busy: IdleEngine,
) -> None:
    async with running(busy) as person:
        table = person.main.query_one(ContactTable)
        for key in ("a", "o", "Y", "R", "enter"):
            table.scroll_to(y=500, animate=False)
            await person.settle()
            await person.press(key)
            assert table.top_row == 0, key
            while not person.is_home:
                await person.press("escape")


async def test_change_scrolled_out_of_sight_is_shown_before_it_is_retried(
    backend: IdleEngine,
) -> None:
    for state in (State.REFUSED, State.CONFIRMED):
        backend.move_all(backend.request(Action.ARCHIVE, *range(30)), state)
    backend.put_change(0, Action.RESTORE, State.REFUSED, words=str(NOW))
    async with running(backend) as person:
        await person.press("l")
        assert person.sees(ChangesScreen)
        rows = person.screen.query_one(VirtualList)
        rows.scroll_to(y=40, animate=False)
        await person.settle()
        await person.press("R")
        assert rows.scroll_offset.y == 0


async def test_the_bar_adds_up_what_the_selected_contacts_owe(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("*")
        known = contacts()
        owed = sum(one.balances.receivable for one in known if one.balances)
        overdue = sum(one.balances.receivable_overdue for one in known if one.balances)
        assert f"they owe {money(owed)} · overdue {money(overdue)}" in bar(person)
        await person.press("escape", "end", "space")
        assert bar(person).startswith("1 selected ·")


async def test_only_the_selected_contacts_are_shown_and_all_again(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("space", "down", "space", "/", *"zephyr", "enter", "space")
        assert person.shown == 1
        await person.press("v")
        assert person.shown == 3
        assert bar(person).startswith("3 selected ·")
        assert bar(person).endswith("shows all contacts")
        await person.press("v")
        assert person.shown == 1
        assert "(2 not shown)" in bar(person)


async def test_clearing_the_selection_shows_the_search_again(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("space", "space", "v")
        assert person.shown == 2
        await person.press("escape")
        assert person.shown == 30
        await person.press("v")
        assert person.shown == 30
        assert "No contacts are selected. Press space to select one." in person.bottom_line


async def test_a_search_ends_showing_only_the_selected(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("space", "v")
        assert person.shown == 1
        await person.press("/", *"bayside")
        assert person.shown == 3


async def test_a_deselected_contact_leaves_the_list_of_selected_ones(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("space", "space", "v", "home", "space")
        await person.hears_changes()
        assert bar(person).startswith("1 selected ·")


async def test_the_selection_is_inverted_within_the_list(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("space", "/", *"bayside", "enter", "space", "I")
        selected = person.main.table.selected
        assert len(selected) == 3
        assert contact_id(0) in selected
        assert contact_id(2) not in selected


async def test_tabs_count_the_selected_contacts_while_only_they_are_shown(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("2", "space", "space", "v")
        assert person.shown == 2
        assert " ".join(person.main.query_one(TabBar).text.split()) == "All 2 Active 2 Archived 0"
        await person.press("3")
        assert person.shown == 0
        assert "None of the selected contacts is on this tab." in person.main.table.empty_text
        assert f"Press {person.main.key('show_selected')} " in person.main.table.empty_text
        await person.press("v")
        assert person.shown > 0


async def test_totals_are_added_up_again_only_after_something_changed(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("space", "space", "/", *"bay", "enter", "down")
        added_up = [call for call in backend.calls if call[0] == "total_balances"]
        assert len(added_up) == 2
        backend.edit(0, balances=Balances(100_000))
        await person.hears_changes()
        assert "they owe 1,0" in bar(person)


async def test_a_contact_opened_elsewhere_has_no_next_one(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes()
    async with running(backend, (120, 36)) as person:
        await person.press("l", "enter", "right_square_bracket")
        assert "Open a contact from the list" in person.bottom_line


@pytest.mark.parametrize(
    ("width", "end"),
    [(24, "2 selected"), (40, "they owe 79.19"), (60, "Esc clears"), (80, "v shows only these")],
)
async def test_the_line_of_the_selection_leaves_out_what_does_not_fit(
    backend: IdleEngine, width: int, end: str
) -> None:
    async with running(backend, (width, 24)) as person:
        await person.press("space", "space")
        assert bar(person).endswith(end)
        await person.pilot.resize_terminal(120, 36)
        await person.settle()
        assert bar(person).endswith("v shows only these")
