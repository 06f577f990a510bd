"""A full sync misses nothing, whatever happens between two pages and wherever it is interrupted."""

from __future__ import annotations

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from engine.model_xero import START, Clock, ModelXero, contact
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.effort import examples

from tui.engine import contact_sync
from tui.engine.contact_sync import ContactSync, ManualRestorePoller
from tui.engine.services.contacts import block_reason
from tui.model.change import Action, Origin, State, Transition
from tui.model.contact import ContactStatus
from tui.model.errors import OfflineError, RejectedError
from tui.model.query import Query, Tab
from tui.model.reasons import ContactReason, Notice, XeroReason
from tui.store import Store, TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.model.contact import Contact
    from tui.model.snapshot import SyncProgress
    from tui.xero.client import XeroClient
    from tui.xero.results import ContactsPage, LookupResult

GONE = ContactStatus.DELETED
# IDs that contacts may have: new ones sort anywhere among the existing ones.
IDS = 60


@dataclass
class Books(ModelXero):
    """A Xero with small pages, between which contacts change."""

    page_size: int = 5
    pages: list[int] = field(default_factory=list)
    between: Callable[[int], None] = lambda _: None
    is_cut: bool = False

    async def contacts(
        self,
        page: int,
        *,
        page_size: int = 1000,  # noqa: ARG002 - pages of a thousand would make slow tests
        modified_since: object = None,
    ) -> ContactsPage:
        self.between(page)
        if self.is_cut:
            raise OfflineError(XeroReason.OFFLINE)
        self.pages.append(page)
        return await super().contacts(
            page, page_size=self.page_size, modified_since=cast("None", modified_since)
        )

    def add(self, contact_id: str) -> None:
        self.clock.forward(seconds=1)
        self.contacts_now[contact_id] = contact(contact_id, updated_at=self.clock())

    def edit(self, contact_id: str) -> None:
        self.clock.forward(seconds=1)
        self.contacts_now[contact_id] = replace(
            self.contacts_now[contact_id], name=f"Edited at {self.clock()}", updated_at=self.clock()
        )

    def remove(self, contact_id: str) -> None:
        self.clock.forward(seconds=1)
        del self.contacts_now[contact_id]


def books(count: int) -> Books:
    return Books({one.contact_id: one for one in (contact(f"{n * 3:04}") for n in range(count))})


def puller(store: Store, xero: ModelXero, clock: Clock | None = None) -> ContactSync:
    return ContactSync(store, cast("XeroClient", xero), clock or Clock(), lambda _: None, lambda _: None)


def alive(store: Store) -> dict[str, Contact]:
    ids = store.search.first(Query()).rows.ids(0, 10_000)
    return {one.contact_id: one for one in store.contacts(ids) if one.status is not GONE}


# --- the property ---


WORK = st.lists(
    st.tuples(st.sampled_from(["add", "edit", "remove", "rest", "cut"]), st.integers(0, 2**16)),
    max_size=12,
)


def at_work(xero: Books, steps: Sequence[tuple[str, int]]) -> Callable[[int], None]:
    """Make one thing happen before each page, until nothing is left to do."""
    left = list(steps)

    def between(_: int) -> None:
        xero.is_cut = False
        if not left:
            return
        kind, seed = left.pop(0)
        pick = random.Random(seed)  # noqa: S311 - of a test
        known = sorted(xero.contacts_now)
        free = [one for one in (f"{n:04}" for n in range(IDS)) if one not in xero.contacts_now]
        if kind == "cut":
            xero.is_cut = True
        elif kind == "add" and free:
            for one in pick.sample(free, min(len(free), pick.randint(1, 6))):
                xero.add(one)
        elif kind == "edit" and known:
            xero.edit(pick.choice(known))
        elif kind == "remove" and known:
            for one in pick.sample(known, min(len(known), pick.randint(1, 6))):
                xero.remove(one)

    return between


async def until_done(store: Store, xero: Books, clock: Clock) -> None:
    """Sync like a program that is stopped and started again at every error."""
    for _ in range(100):
        pull = puller(store, xero, clock)
        was_full = pull.is_full_sync_due
        try:
            await pull.refresh()
        except OfflineError:
            continue
        if not was_full:
            return
    raise AssertionError("it never ended")


@given(count=st.integers(0, 20), first=WORK, later=WORK)
@settings(max_examples=examples(40))
def test_store_matches_xero_after_a_full_sync(
    count: int, first: list[tuple[str, int]], later: list[tuple[str, int]]
) -> None:
    async def history() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store, xero, clock = Store.open(Path(folder)), books(count), Clock()
            try:
                for steps in (first, later):
                    xero.between = at_work(xero, steps)
                    clock.forward(days=8)
                    xero.clock.forward(days=8)
                    await until_done(store, xero, clock)
                    xero.between = lambda _: None
                    await puller(store, xero, clock).refresh()
                    assert {
                        one: found for one, found in alive(store).items() if one in xero.contacts_now
                    } == xero.contacts_now
                    # A removal after its page was read is found by the next full sync.
                    clock.forward(days=8)
                    xero.clock.forward(days=8)
                    await until_done(store, xero, clock)
                    assert alive(store) == xero.contacts_now
            finally:
                store.close()

    asyncio.run(history())


# --- what it is made of ---


@pytest.mark.parametrize("removed", ["0000", "0012", "0015", "0030"])
async def test_contact_moving_to_a_page_already_read_is_not_missed(store: Store, removed: str) -> None:
    xero = books(20)
    xero.between = lambda page: xero.remove(removed) if page == 3 and removed in xero.contacts_now else None
    await puller(store, xero).refresh()
    assert xero.pages == [1, 2, 3, 1, 2, 3, 4]
    assert alive(store) == xero.contacts_now
    assert not puller(store, xero).is_full_sync_due


async def test_new_contacts_seen_twice_need_no_second_read(store: Store) -> None:
    xero = books(20)
    xero.between = lambda page: xero.add("0001") if page == 3 and "0001" not in xero.contacts_now else None
    await puller(store, xero).refresh()
    assert xero.pages == [1, 2, 3, 4, 5]
    await puller(store, xero).refresh()
    assert alive(store) == xero.contacts_now


async def test_refresh_restarts_if_contacts_vanish_between_pages(store: Store) -> None:
    xero = books(20)
    await puller(store, xero).refresh()
    xero.clock.forward(hours=1)
    for contact_id in list(xero.contacts_now):
        xero.edit(contact_id)
    xero.pages.clear()
    xero.between = lambda page: xero.remove("0000") if page == 2 and "0000" in xero.contacts_now else None
    await puller(store, xero).refresh()
    assert xero.pages == [1, 2, 1, 2, 3, 4]
    stored = alive(store)
    assert {one: stored[one] for one in xero.contacts_now} == xero.contacts_now


# --- pausing it, and reserving calls for the user ---


async def test_a_full_sync_pauses_after_its_page_and_resumes_from_there(store: Store) -> None:
    xero = books(12)
    seen: list[SyncProgress | None] = []
    held = asyncio.Event()

    def progress(state: SyncProgress | None) -> None:
        seen.append(state)
        if state is not None and state.is_paused:
            held.set()

    pull = ContactSync(store, cast("XeroClient", xero), Clock(), lambda _: None, progress)
    xero.between = lambda page: pull.pause(on=True) if page == 2 else None
    running = asyncio.create_task(pull.refresh())
    await held.wait()
    assert xero.pages == [1, 2]
    assert not running.done()
    pull.pause(on=False)
    assert await running
    assert xero.pages == [1, 2, 3]
    assert [state.is_paused for state in seen if state] == [False, False, True, False, False]
    assert alive(store) == xero.contacts_now


async def test_pausing_without_a_running_sync_does_nothing(store: Store) -> None:
    xero = books(12)
    pull = puller(store, xero)
    pull.pause(on=True)
    assert await pull.refresh()


async def test_a_first_full_sync_leaves_the_reserved_calls_to_the_user(store: Store) -> None:
    xero = books(12)
    seen: list[SyncProgress | None] = []
    pull = ContactSync(
        store, cast("XeroClient", xero), Clock(), lambda _: None, seen.append, may_call=lambda: False
    )
    assert [await pull.refresh() for _ in range(3)] == [False, False, True]
    assert xero.pages == [1, 2, 3]
    assert None not in seen[:2]
    assert seen[-1] is None


async def test_a_later_full_sync_is_postponed_in_favour_of_updates(store: Store) -> None:
    xero, clock = books(12), Clock()
    await puller(store, xero, clock).refresh()
    clock.forward(days=8)
    xero.clock.forward(days=8)
    xero.pages.clear()
    xero.edit("0000")
    may_spend = iter([True, False, False])
    pull = ContactSync(
        store,
        cast("XeroClient", xero),
        clock,
        lambda _: None,
        lambda _: None,
        may_call=lambda: next(may_spend),
    )
    assert await pull.refresh()
    assert await pull.refresh()
    # A page of the full sync, then an update; afterwards only updates.
    assert xero.pages == [1, 1, 1]
    assert pull.is_full_sync_due
    assert await puller(store, xero, clock).refresh()
    assert xero.pages == [1, 1, 1, 2, 3]
    assert not pull.is_full_sync_due


# --- deleted contacts ---


async def vanish(store: Store, xero: Books, *contact_ids: str) -> None:
    """Contacts that one full sync has and the next, completed one lacks."""
    clock = Clock()
    await puller(store, xero, clock).refresh()
    for contact_id in contact_ids:
        xero.remove(contact_id)
    clock.forward(days=8)
    assert puller(store, xero, clock).is_full_sync_due
    await puller(store, xero, clock).refresh()
    assert not puller(store, xero, clock).is_full_sync_due


async def test_deleted_contact_is_marked_and_stays_on_the_all_tab(store: Store) -> None:
    xero = books(7)
    await store.search.load()
    await vanish(store, xero, "0003")
    one = store.contact("0003")
    assert one is not None
    assert one.status is GONE
    assert (store.counts().all, store.counts().active) == (7, 6)
    for tab, is_there in ((Tab.ALL, True), (Tab.ACTIVE, False), (Tab.ARCHIVED, False)):
        found = [answer async for answer in store.search.find(Query(tab))][-1]
        assert (found.rows.index_of("0003") is not None) is is_there
    assert block_reason(Action.ARCHIVE, one) is block_reason(Action.RESTORE, one) is ContactReason.DELETED
    assert not store.changes.of_contact("0003")


async def test_deleted_contact_returns_with_the_change_made_meanwhile(
    store: Store,
) -> None:
    xero = books(7)
    await vanish(store, xero, "0003")
    xero.contacts_now["0003"] = contact("0003", ContactStatus.ARCHIVED)
    outcome = await store.save_contacts(list(xero.contacts_now.values()), START)
    [change] = outcome.detected
    assert (change.action, change.origin) == (Action.ARCHIVE, Origin.XERO)
    assert store.contact("0003") == xero.contacts_now["0003"]
    assert store.changes.of_contact("0003") == [change]
    assert (store.counts().active, store.counts().archived) == (6, 1)


async def test_unlisted_contact_found_by_its_id_is_saved_and_not_marked_deleted(store: Store) -> None:
    """Such as one that moved onto a page read before while another came."""
    xero = books(12)
    clock = Clock()
    await puller(store, xero, clock).refresh()
    clock.forward(days=8)
    xero.clock.forward(days=8)

    def between(page: int) -> None:
        if page == 2 and "0000" in xero.contacts_now:
            xero.remove("0000")
            xero.add("0050")
            moved_up = contact("0015", name="Renamed long ago")
            xero.contacts_now["0015"] = moved_up

    xero.between = between
    await puller(store, xero, clock).refresh()
    assert xero.reads == [("0015",)]
    assert store.contact("0015") == xero.contacts_now["0015"]


@pytest.mark.parametrize("state", [State.QUEUED, State.UNKNOWN, State.AWAITING_USER, State.SENDING])
async def test_open_changes_of_a_deleted_contact_are_refused_unless_being_sent(
    store: Store, state: State
) -> None:
    xero = books(3)
    await puller(store, xero).refresh()
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["0003"]), START)
    ways = {
        State.QUEUED: [],
        State.SENDING: [Transition.SEND],
        State.UNKNOWN: [Transition.SEND, Transition.REPLY_LOST],
        State.AWAITING_USER: [Transition.AWAIT_USER],
    }
    for event in ways[state]:
        await store.record_transitions([TransitionRequest(change.change_id, event)], START)
    await vanish(store, xero, "0003")
    after = store.changes.get(change.change_id)
    assert after is not None
    refused = (State.REFUSED, "", Notice(ContactReason.DELETED))
    expected = (State.SENDING, "", None) if state is State.SENDING else refused
    assert (after.state, after.message, after.notice) == expected


async def test_a_manual_restore_of_a_deleted_contact_ends_at_the_next_check(store: Store) -> None:
    xero = ModelXero.of(contact("a", ContactStatus.ARCHIVED))
    await store.save_contacts(list(xero.contacts_now.values()), START)
    [change] = await store.changes.add(Action.RESTORE, store.contacts(["a"]), START)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.AWAIT_USER)], START)
    xero.contacts_now.clear()
    await ManualRestorePoller(store, xero.client, Clock(), lambda _: None).poll()
    after, gone = store.changes.get(change.change_id), store.contact("a")
    assert after is not None
    assert gone is not None
    assert (after.state, gone.status) == (State.REFUSED, GONE)


async def test_implausibly_many_missing_contacts_are_not_marked_deleted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sync, "_MAX_LOOKUPS", 2)
    xero = books(7)
    await vanish(store, xero, "0003", "0006", "0009")
    assert not xero.reads
    assert len(alive(store)) == 7


class Unsure(Books):
    """Leaves contacts out of lists, and doesn't return them on request."""

    def __init__(self, *, is_refusing: bool) -> None:
        super().__init__(books(7).contacts_now)
        self._is_refusing = is_refusing

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        found = await super().look_up(contact_ids)
        if self._is_refusing:
            raise RejectedError(XeroReason.NOT_FOUND, status=404)
        return replace(found, unknown=())


@pytest.mark.parametrize("is_refusing", [True, False])
async def test_contact_is_marked_deleted_only_after_a_clear_reply(store: Store, is_refusing: bool) -> None:  # noqa: FBT001 - a parameter of the test
    xero = Unsure(is_refusing=is_refusing)
    await vanish(store, xero, "0003")
    assert xero.reads == [("0003",)]
    assert len(alive(store)) == 7
