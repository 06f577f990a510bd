"""The numbers on a screen add up, whatever is stored."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.sample_contacts import NOW, contacts
from support.screen_test import running

from tui.messages.formats import format_number
from tui.model.change import Action, State
from tui.model.change_list import ChangeGroup
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.screens.changes.changes import ChangesScreen
from tui.widgets import sync_pane
from tui.widgets.sync_format import re_leased_totals, totals
from tui.widgets.tab_bar import ChangeGroupBar, TabBar
from tui.widgets.title_bar import title

if TYPE_CHECKING:
    from support.screen_test import Driver

    from tui.model.snapshot import Snapshot

pytestmark = pytest.mark.slow

# In the order in which they happen: missed changes are older than those that wait for the next sync.
HOW_MANY = {
    "overdue": (State.CONFIRMED, SyncStatus.MISSED, Action.ARCHIVE),
    "reported": (State.CONFIRMED, SyncStatus.REPORTED, Action.ARCHIVE),
    "manual_restores": (State.AWAITING_USER, None, Action.RESTORE),
    "refused": (State.REFUSED, None, Action.ARCHIVE),
    "sending": (State.SENDING, None, Action.ARCHIVE),
    "checking": (State.UNKNOWN, None, Action.ARCHIVE),
    "pending": (State.CONFIRMED, SyncStatus.PENDING, Action.ARCHIVE),
    "read": (State.CONFIRMED, SyncStatus.SYNCED, Action.ARCHIVE),
    "unlinked": (State.CONFIRMED, SyncStatus.NOT_LINKED, Action.ARCHIVE),
}
ODD = [
    {"read": 80},
    {"manual_restores": 20, "refused": 1},
    {"manual_restores": 80},
    {"sending": 2, "checking": 1},
    {"refused": 3},
    {"refused": 30, "read": 60, "unlinked": 5},
    {
        "manual_restores": 9,
        "refused": 9,
        "sending": 9,
        "pending": 9,
        "overdue": 9,
        "read": 90,
        "reported": 9,
    },
]


def holding(contents: dict[str, int]) -> IdleEngine:
    kinds = [how for kind, how in HOW_MANY.items() for _ in range(contents.get(kind, 0))]
    before = (ContactStatus.ACTIVE, ContactStatus.ARCHIVED)
    backend = IdleEngine(
        [
            replace(contact, status=before[action is Action.RESTORE])
            for contact, (_, _, action) in zip(contacts(len(kinds)), kinds, strict=True)
        ]
    )
    for number, (state, grade, action) in enumerate(kinds):
        backend.put_change(number, action, state, grade)
    backend.publish_changes()
    return backend


@cache
def holding_once(contents: tuple[tuple[str, int], ...]) -> Snapshot:
    return holding(dict(contents)).snapshot


def number_in(text: str) -> int:
    return sum(int(found.replace(",", "")) for found in re.findall(r"[\d,]+", text))


def listed(snapshot: Snapshot, height: int) -> tuple[int, int]:
    """Return how many changes the pane shows, and how many more it says there are."""
    lines = [line.plain for line in sync_pane.changes(snapshot, NOW, 44, height, hint=True)]
    assert len(lines) <= height
    more = sum(number_in(line) for line in lines if line.startswith("and "))
    return sum(
        line[:2] in {"↗ ", "✗ ", "… ", "? ", "◷ ", "! ", "✓ ", "~ ", "◑ ", "⊘ "} for line in lines
    ), more


@pytest.mark.parametrize("height", [3, 6, 8, 12, 25, 100])
@pytest.mark.parametrize("contents", ODD, ids=str)
def test_shown_and_omitted_changes_of_the_pane_add_up(contents: dict[str, int], height: int) -> None:
    shown, more = listed(holding_once(tuple(contents.items())), height)
    assert shown + more == sum(contents.values())


@pytest.mark.parametrize("contents", ODD, ids=str)
def test_nothing_pending_is_shown_only_without_open_changes(contents: dict[str, int]) -> None:
    snapshot = holding_once(tuple(contents.items()))
    kinds = ("pending", "overdue", "stalled")
    not_in_xero = sum(contents.get(kind, 0) for kind in ("manual_restores", "sending", "checking"))
    waiting = sum(contents.get(kind, 0) for kind in kinds)
    for width in (60, 80, 120):
        line = title(snapshot, NOW, width).plain
        assert ("nothing pending" in line) is (not waiting and not not_in_xero)
        assert waiting or not not_in_xero or f"{not_in_xero} not in Xero" in line
    assert snapshot.summary is not None
    said = " ".join(words for words, _ in re_leased_totals(snapshot.summary))
    assert "refused" not in said
    assert ("Nothing" in said) is (not waiting and not not_in_xero)
    counted = sum(number_in(words) for words, _ in totals(snapshot.summary))
    assert counted == sum(
        contents.get(kind, 0) for kind in (*kinds, "manual_restores", "refused", "sending", "checking")
    )


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("others", [0, 1, 5])
async def test_tabs_add_up(backend: IdleEngine, others: int, width: int) -> None:
    for number in range(others):
        if number % 2:
            backend.edit(number, status=ContactStatus.GDPRREQUEST)
        else:
            backend.remove(number)
    async with running(backend, (width, 36)) as person:
        found = [
            int(count.replace(",", ""))
            for count in re.findall(r"[\d,]+", person.screen.query_one(TabBar).text)
        ]
        assert found[0] == sum(found[1:])


@pytest.mark.parametrize("width", [40, 60, 79, 80, 90, 100, 120])
async def test_the_search_has_room_beside_the_tabs(width: int) -> None:
    backend = IdleEngine.with_contacts(1631)
    for number in range(2):
        backend.edit(number, status=ContactStatus.GDPRREQUEST)
    async with running(backend, (width, 24)) as person:
        await person.press("/", *"coastal")
        shown = text_of(person.screen)
        assert "/ coastal" in shown
        assert f" of {format_number(backend.snapshot.counts.all)}" in shown


async def test_groups_of_changes_match_their_counts() -> None:
    backend = holding(ODD[-1])
    async with running(backend) as person:
        await person.press("l")
        assert person.sees(ChangesScreen)
        for key, group in (("2", ChangeGroup.OPEN), ("3", ChangeGroup.REFUSED), ("4", ChangeGroup.PENDING)):
            await person.press(key)
            assert said_of(person, group) == person.app.screen.list.window.total  # type: ignore[attr-defined]


def said_of(person: Driver, group: ChangeGroup) -> int:
    return person.screen.query_one(ChangeGroupBar)._counts[group]


@pytest.mark.parametrize(
    "keys",
    [("/", *"bay", "down", "down"), ("/", *"zzz"), ("down", "down", "/", *"zzz"), ("end", "/", *"b")],
    ids=str,
)
async def test_escape_in_the_search_keeps_the_cursor_on_its_contact(
    backend: IdleEngine, keys: tuple[str, ...]
) -> None:
    async with running(backend) as person:
        before = ""
        for key in keys:
            await person.press(key)
            # There is none if nothing is found; the last one counts.
            before = person.cursor_name or before
        await person.press("/", "escape")
        assert person.main.search.text == ""
        assert person.cursor_name == before
        assert person.main.table._is_cursor_visible


@pytest.mark.parametrize("more", ["", "zzz"], ids=["found", "nothing found"])
@pytest.mark.parametrize("count", [30, 1100])
async def test_escape_among_the_changes_keeps_the_cursor_on_its_change(count: int, more: str) -> None:
    # The list loads 1,000 changes at once.
    backend = IdleEngine.with_contacts(count)
    for first in range(7):
        changes = backend.request(Action.ARCHIVE, *range(first, count, 7))
        backend.move_all(changes, State.REFUSED, words=f"reason {first}")
    async with running(backend) as person:
        await person.press("l", "/", *"reason 5", "enter", "end")
        screen = person.app.screen
        assert isinstance(screen, ChangesScreen)
        before = screen.list.current
        await person.press("/", *more)
        assert bool(more) is (screen.list.current is None)
        await person.press("escape")
        assert (screen.search.text, screen.list.window.total) == ("", count)
        assert before is not None
        assert screen.list.current == before
        start, stop = screen.rows.visible_range
        assert start <= screen.rows.cursor < stop


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
@pytest.mark.parametrize("is_read_only", [False, True])
async def test_queued_changes_are_not_shown_as_sending_while_paused(
    backend: IdleEngine, size: tuple[int, int], *, is_read_only: bool
) -> None:
    states = (State.QUEUED, State.QUEUED, State.UNKNOWN)
    for number, state in enumerate(states):
        backend.put_change(number, Action.ARCHIVE, state)
    backend.publish_changes()
    backend.publish(is_paused=not is_read_only)
    backend.is_read_only = is_read_only
    async with running(backend, size) as person:
        said = text_of(person.screen)
        assert "2 queued" in said
        assert "3 sending" not in said
        assert ("Not sent yet: 2" in said) is not is_read_only
        if not is_read_only:
            backend.publish(is_paused=False)
            await person.settle()
            assert "3 sending" in text_of(person.screen)


async def test_the_search_has_room_again_after_the_terminal_was_resized() -> None:
    backend = IdleEngine.with_contacts(1631)
    backend.edit(0, status=ContactStatus.GDPRREQUEST)
    async with running(backend, (120, 24)) as person:
        await person.press("/", *"abel", "enter")
        for width, note in ((60, True), (80, False), (120, True), (80, False)):
            await person.pilot.resize_terminal(width, 24)
            await person.settle()
            shown = text_of(person.screen)
            assert "/ abel" in shown
            assert " of 1,631" in shown or " of 1,630" in shown
            assert ("GDPR or deleted" in shown) is note


@pytest.mark.parametrize("place", [1, 2, 3, 4, 5])
async def test_groups_are_left_out_whole_and_never_the_open_one(place: int) -> None:
    backend = holding(ODD[-1])
    async with running(backend, (40, 20)) as person:
        await person.press("l", str(place))
        bar = person.screen.query_one(ChangeGroupBar)
        assert len(bar.text) <= bar.content_size.width
        short = [names[1] for names in ChangeGroupBar.NAMES.values()]
        shown = re.findall(r"[A-Z][a-z ]*[a-z]", bar.text)
        assert set(shown) <= set(short)
        assert short[place - 1] in shown
        assert bar.text.startswith("…") is (shown[0] != short[0])
        assert bar.text.endswith("…") is (shown[-1] != short[-1])
