"""Loading contacts: a full sync, then updates. Interruptions lose nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, Clock, Fault, ModelXero, contact
from msgspec.structs import replace

from tui.engine.contact_sync import ContactSync, ManualRestorePoller
from tui.model.change import Action, Origin, State, Transition
from tui.model.contact import ContactStatus
from tui.model.errors import OfflineError
from tui.model.reasons import ContactReason, Notice
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import SyncProgress
    from tui.store import Store, StoreUpdate
    from tui.xero.results import ContactsPage

COUNT = 3_500


class PagedXero(ModelXero):
    """Records which pages were requested, changed since when."""

    def __init__(self, count: int) -> None:
        super().__init__({one.contact_id: one for one in (contact(f"{n:05}") for n in range(count))})
        self.asked: list[tuple[int, datetime | None]] = []

    async def contacts(
        self, page: int, *, page_size: int = 1000, modified_since: datetime | None = None
    ) -> ContactsPage:
        self.asked.append((page, modified_since))
        return await super().contacts(page, page_size=page_size, modified_since=modified_since)


class Pull:
    def __init__(self, store: Store, xero: PagedXero) -> None:
        self.store, self.xero = store, xero
        self.clock = Clock()
        self.applied: list[StoreUpdate] = []
        self.progress: list[SyncProgress | None] = []
        self.puller = self.restarted()

    def restarted(self) -> ContactSync:
        return ContactSync(
            self.store, self.xero.client, self.clock, self.applied.append, self.progress.append
        )


async def test_everything_is_read_the_first_time_with_progress(store: Store) -> None:
    pull = Pull(store, PagedXero(COUNT))
    assert pull.puller.is_full_sync_due
    await pull.puller.refresh()
    assert store.counts().all == COUNT
    assert [page for page, _ in pull.xero.asked] == [1, 2, 3, 4]
    assert [(one.done, one.total) for one in pull.progress if one] == [
        (1000, COUNT), (2000, COUNT), (3000, COUNT), (COUNT, COUNT),
    ]  # fmt: skip
    assert pull.progress[-1] is None
    assert not pull.puller.is_full_sync_due


@pytest.mark.parametrize("page", [1, 2, 3, 4])
async def test_an_interrupted_full_sync_resumes_where_it_was(store: Store, page: int) -> None:
    pull = Pull(store, PagedXero(COUNT))
    pull.xero.read_faults = [None] * (page - 1) + [Fault.OFFLINE]
    with pytest.raises(OfflineError):
        await pull.puller.refresh()
    assert pull.progress[-1] is None
    pull.xero.asked.clear()

    await pull.restarted().refresh()
    assert [asked for asked, _ in pull.xero.asked] == list(range(page, 5))
    assert store.counts().all == COUNT
    assert not pull.puller.is_full_sync_due


async def test_changes_on_pages_read_before_an_interruption_come_with_the_next_refresh(store: Store) -> None:
    pull = Pull(store, PagedXero(COUNT))
    pull.xero.read_faults = [None, None, Fault.OFFLINE]
    with pytest.raises(OfflineError):
        await pull.puller.refresh()
    pull.xero.clock.forward(days=3)
    pull.xero.set_status("00000", ContactStatus.ARCHIVED)
    await pull.restarted().refresh()
    assert store.counts().archived == 0
    await pull.restarted().refresh()
    assert store.counts().archived == 1


async def test_organisation_without_contacts_takes_one_request(store: Store) -> None:
    pull = Pull(store, PagedXero(0))
    await pull.puller.refresh()
    await pull.puller.refresh()
    assert [page for page, _ in pull.xero.asked] == [1, 1]
    assert not pull.puller.is_full_sync_due


async def test_refreshes_overlap_by_xeros_clock(store: Store) -> None:
    pull = Pull(store, PagedXero(5))
    pull.clock.forward(days=2)  # this computer's clock is wrong, which isn't known yet
    await pull.puller.refresh()
    pull.xero.clock.forward(minutes=10)
    await pull.puller.refresh()
    await pull.puller.refresh()
    since = [modified for _, modified in pull.xero.asked]
    minute = timedelta(minutes=1)
    assert since == [None, START - minute, START + timedelta(minutes=10) - minute]


async def test_interrupted_refresh_is_repeated_from_the_same_time(store: Store) -> None:
    pull = Pull(store, PagedXero(COUNT))
    await pull.puller.refresh()
    pull.xero.clock.forward(hours=1)
    for contact_id in list(pull.xero.contacts_now)[:1500]:
        pull.xero.set_status(contact_id, ContactStatus.ARCHIVED)
    pull.xero.asked.clear()
    pull.xero.read_faults = [None, Fault.OFFLINE]
    with pytest.raises(OfflineError):
        await pull.puller.refresh()
    await pull.restarted().refresh()
    assert [page for page, _ in pull.xero.asked] == [1, 2, 1, 2]
    assert len({modified for _, modified in pull.xero.asked}) == 1
    assert store.counts().archived == 1500


@pytest.mark.parametrize("days", [7.1, -7.1])
async def test_full_sync_is_repeated_after_a_week_by_either_clock(store: Store, days: float) -> None:
    pull = Pull(store, PagedXero(3))
    await pull.puller.refresh()
    pull.clock.forward(days=6.9)
    assert not pull.puller.is_full_sync_due
    pull.clock.forward(days=days - 6.9)
    assert pull.puller.is_full_sync_due


async def test_a_contact_archived_in_xero_is_a_change_made_in_xero(store: Store) -> None:
    pull = Pull(store, PagedXero(3))
    await pull.puller.refresh()
    assert not pull.applied[-1].detected
    pull.xero.set_status("00001", ContactStatus.ARCHIVED)
    await pull.puller.refresh()
    [flip] = pull.applied[-1].detected
    assert (flip.contact_id, flip.action, flip.origin, flip.state) == (
        "00001", Action.ARCHIVE, Origin.XERO, State.CONFIRMED,
    )  # fmt: skip
    assert flip.confirmed_at == pull.xero.contacts_now["00001"].updated_at
    await pull.puller.refresh()
    assert not pull.applied[-1].detected


# --- manual restores ---


async def test_manual_restores_are_checked_in_turn_fifty_at_a_time(store: Store) -> None:
    contacts = [contact(f"{number:03}", ContactStatus.ARCHIVED) for number in range(120)]
    xero = ModelXero.of(*contacts)
    applied: list[StoreUpdate] = []
    lookout = ManualRestorePoller(store, xero.client, Clock(), applied.append)
    await lookout.poll()
    assert not xero.reads

    await store.save_contacts(contacts, START)
    changes = await store.changes.add(Action.RESTORE, contacts, START)
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.AWAIT_USER) for change in changes], START
    )
    for _ in range(4):
        await lookout.poll()
    assert [len(ids) for ids in xero.reads] == [50, 50, 20, 50]
    assert xero.reads[0] == xero.reads[3]


async def test_a_restore_clicked_in_xero_finishes_the_manual_restore(store: Store) -> None:
    xero = ModelXero.of(contact("a", ContactStatus.ARCHIVED))
    applied: list[StoreUpdate] = []
    await store.save_contacts(list(xero.contacts_now.values()), START)
    [change] = await store.changes.add(Action.RESTORE, store.contacts(["a"]), START)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.AWAIT_USER)], START)
    lookout = ManualRestorePoller(store, xero.client, Clock(), applied.append)
    await lookout.poll()
    assert store.changes.in_states(State.AWAITING_USER)
    xero.set_status("a", ContactStatus.ACTIVE)
    await lookout.poll()
    after = store.changes.get(change.change_id)
    assert after is not None
    assert (after.state, after.origin) == (State.CONFIRMED, Origin.RESHELVE)
    assert not store.changes.in_states(State.AWAITING_USER)
    assert len(store.changes.of_contact("a")) == 1


async def test_a_contact_merged_while_its_manual_restore_waits_is_refused_with_a_reason(store: Store) -> None:
    xero = ModelXero.of(contact("a", ContactStatus.ARCHIVED))
    await store.save_contacts(list(xero.contacts_now.values()), START)
    [change] = await store.changes.add(Action.RESTORE, store.contacts(["a"]), START)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.AWAIT_USER)], START)
    xero.contacts_now["a"] = replace(xero.contacts_now["a"], merged_to="b")
    await ManualRestorePoller(store, xero.client, Clock(), lambda _: None).poll()
    after = store.changes.get(change.change_id)
    assert after is not None
    assert (after.state, after.message, after.notice) == (State.REFUSED, "", Notice(ContactReason.MERGED))


@pytest.mark.parametrize("pulls", [0, 1])
@pytest.mark.parametrize("days", [0.1, 2, 300])
async def test_reply_dated_in_the_future_hides_no_later_change(store: Store, pulls: int, days: float) -> None:
    """The first page of a full sync, or of an update."""
    pull = Pull(store, PagedXero(3))
    for _ in range(pulls):
        await pull.puller.refresh()
    pull.xero.clock.forward(days=days)
    await pull.puller.refresh()
    pull.xero.clock.forward(days=-days)
    pull.clock.forward(minutes=5)
    pull.xero.clock.forward(minutes=5)
    pull.xero.set_status("00001", ContactStatus.ARCHIVED)
    await pull.puller.refresh()
    assert store.counts().archived == 1
    [change] = store.changes.of_contact("00001")
    assert change.confirmed_at is not None
    assert change.confirmed_at - START < timedelta(minutes=6)
