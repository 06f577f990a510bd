from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes, search

from tui.model.change import Action, Transition
from tui.model.evidence import StatusSince, SyncRecord, SyncStatus
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from tui.model.change import Change
    from tui.model.contact import ContactStatus
    from tui.store import Store


def pick_up(number: int, status: ContactStatus, started: float, run: str = "") -> SyncRecord:
    return SyncRecord(
        f"id-{number}", status, minutes(started), minutes(started + 1), run or f"run at {started}"
    )


async def flip(store: Store, number: int, status: ContactStatus, at: float) -> None:
    await store.save_contacts([contact(number, status, at=at)], minutes(at))


@pytest.fixture
async def archived(store: Store) -> Change:
    await flip(store, 1, ACTIVE, 0)
    await flip(store, 1, ARCHIVED, 10)
    return store.evidence.pending()[0]


async def test_evidence_marks_a_change_as_synced_and_saves_its_cursor(store: Store, archived: Change) -> None:
    assert store.sync_state("feed") is None
    assert (
        await store.evidence.record_synced([pick_up(1, ARCHIVED, 12), pick_up(2, ACTIVE, 12)], ("feed", "7"))
        == 1
    )
    assert store.sync_state("feed") == "7"
    (settled,) = store.evidence.synced(5)
    assert (settled.change_id, settled.synced_at) == (archived.change_id, minutes(13))
    assert (store.evidence.pending(), store.evidence.pending_total()) == ([], 0)
    event = store.changes.entries_of_contact("id-1")[0]
    assert (event.transition, event.at) == ("synced", minutes(13))


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize(
    "evidence", [pick_up(1, ARCHIVED, 9.9), pick_up(1, ACTIVE, 12), pick_up(2, ARCHIVED, 12)]
)
async def test_a_sync_that_cannot_have_seen_the_change_proves_nothing(
    store: Store, evidence: SyncRecord
) -> None:
    assert await store.evidence.record_synced([evidence], ("feed", "7")) == 0
    assert store.evidence.pending_total() == 1


async def test_early_evidence_applies_once_the_change_is_confirmed(store: Store) -> None:
    await store.save_contacts([contact(1)], NOON)
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    assert (
        await store.evidence.record_synced([pick_up(1, ARCHIVED, 5), pick_up(1, ARCHIVED, 7)], ("feed", "1"))
        == 0
    )
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=minutes(4))], minutes(9)
    )
    assert store.evidence.synced(1)[0].synced_at == minutes(6)


@pytest.mark.usefixtures("archived")
async def test_evidence_after_a_reversal_does_not_apply_to_the_reversed_change(store: Store) -> None:
    await flip(store, 1, ACTIVE, 20)
    await flip(store, 1, ARCHIVED, 30)
    assert await store.evidence.record_synced([pick_up(1, ARCHIVED, 35)], ("feed", "1")) == 1
    newest, restored, oldest = store.changes.of_contact("id-1")
    assert newest.synced_at == minutes(36)
    assert (restored.synced_at, restored.superseded) == (None, True)
    assert (oldest.synced_at, oldest.superseded) == (None, True)


@pytest.mark.usefixtures("archived")
async def test_late_evidence_still_applies_to_what_it_saw_before_the_reversal(store: Store) -> None:
    await flip(store, 1, ACTIVE, 20)
    assert await store.evidence.record_synced([pick_up(1, ARCHIVED, 15)], ("feed", "1")) == 1
    assert store.changes.of_contact("id-1")[1].synced_at == minutes(16)
    assert store.evidence.pending_total() == 1


@pytest.mark.usefixtures("archived")
async def test_repeated_evidence_is_stored_once_and_applies_once(store: Store) -> None:
    again = [pick_up(1, ARCHIVED, 12)] * 2
    assert await store.evidence.record_synced(again, ("feed", "1")) == 1
    assert await store.evidence.record_synced(again, ("feed", "2")) == 0
    assert store._database.rows("SELECT count(*) FROM sync_records") == [(1,)]


async def test_a_cursor_can_be_set_and_forgotten(store: Store) -> None:
    await store.set_sync_state("pull", "2026-03-01")
    await store.set_sync_state("pull", "2026-03-02")
    assert store.sync_state("pull") == "2026-03-02"
    await store.set_sync_state("pull", None)
    assert store.sync_state("pull") is None


async def test_rows_show_the_sync_status_of_a_confirmed_change(store: Store, archived: Change) -> None:
    store.search.grade = lambda change: StatusSince(SyncStatus.PENDING, change.confirmed_at)
    view = (await search(store, "")).rows.window(0, 1)[0].last_change
    assert view is not None
    assert (view.change, view.sync) == (archived, StatusSince(SyncStatus.PENDING, minutes(10)))
