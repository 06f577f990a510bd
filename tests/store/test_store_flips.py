from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, GDPR, NOON, contact, minutes

from tui.model.change import Action, Origin, State, Transition
from tui.model.reasons import ChangeReason, Notice
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from tui.model.contact import ContactStatus
    from tui.store import Store


@pytest.mark.parametrize(
    ("before", "after", "action"), [(ACTIVE, ARCHIVED, Action.ARCHIVE), (ARCHIVED, ACTIVE, Action.RESTORE)]
)
async def test_a_status_change_made_in_xero_becomes_a_change(
    store: Store, before: ContactStatus, after: ContactStatus, action: Action
) -> None:
    await store.save_contacts([contact(1, before)], NOON)
    applied = await store.save_contacts([contact(1, after, at=5)], minutes(9))
    assert applied.detected == tuple(store.changes.of_contact("id-1"))
    (change,) = applied.detected
    assert (change.action, change.origin, change.state) == (action, Origin.XERO, State.CONFIRMED)
    assert (change.confirmed_at, change.requested_at) == (minutes(5), minutes(9))
    (event,) = store.changes.entries_of_contact("id-1")
    assert (event.transition, event.state, event.message) == ("detected", State.CONFIRMED, "")
    assert store.evidence.pending() == [change]


async def test_a_new_contact_is_not_a_status_change(store: Store) -> None:
    assert (await store.save_contacts([contact(1, ARCHIVED)], NOON)).detected == ()


@pytest.mark.parametrize(
    ("before", "after"), [(ACTIVE, GDPR), (ARCHIVED, GDPR), (GDPR, ACTIVE), (ACTIVE, ACTIVE)]
)
async def test_other_statuses_are_not_status_changes(
    store: Store, before: ContactStatus, after: ContactStatus
) -> None:
    await store.save_contacts([contact(1, before)], NOON)
    assert (await store.save_contacts([contact(1, after, at=1)], NOON)).detected == ()


async def test_outdated_page_is_not_a_status_change(store: Store) -> None:
    await store.save_contacts([contact(1, ARCHIVED, at=5)], NOON)
    assert (await store.save_contacts([contact(1, ACTIVE, at=4)], NOON)).detected == ()
    assert store.counts().archived == 1


async def test_restore_without_a_date_is_confirmed_when_it_was_seen(store: Store) -> None:
    await store.save_contacts([contact(1, ARCHIVED, at=5)], NOON)
    (change,) = (await store.save_contacts([contact(1, ACTIVE, at=5)], minutes(30))).detected
    assert change.confirmed_at == minutes(30)


@pytest.mark.parametrize(
    "way",
    [(), (Transition.SEND, Transition.REPLY_LOST), (Transition.SEND, Transition.AWAIT_USER)],
    ids=["queued", "unknown", "awaiting_user"],
)
async def test_a_status_change_confirms_the_matching_open_change(
    store: Store, way: tuple[Transition, ...]
) -> None:
    await store.save_contacts([contact(1, ARCHIVED)], NOON)
    (change,) = await store.changes.add(Action.RESTORE, [contact(1, ARCHIVED)], NOON)
    for event in way:
        await store.record_transitions([TransitionRequest(change.change_id, event)], NOON)
    (flip,) = (await store.save_contacts([contact(1, ACTIVE, at=5)], minutes(6))).detected
    assert (flip.change_id, flip.origin, flip.state) == (change.change_id, Origin.RESHELVE, State.CONFIRMED)
    assert flip.confirmed_at == minutes(5)
    assert len(store.changes.of_contact("id-1")) == 1


async def test_a_change_that_is_being_sent_is_left_to_its_sender(store: Store) -> None:
    await store.save_contacts([contact(1)], NOON)
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.SEND)], NOON)
    assert (await store.save_contacts([contact(1, ARCHIVED, at=5)], minutes(6))).detected == ()
    assert [one.state for one in store.changes.of_contact("id-1")] == [State.SENDING]
    assert store.counts().archived == 1


async def test_a_queued_restore_stays_when_the_contact_is_archived_in_xero(store: Store) -> None:
    await store.save_contacts([contact(1, ACTIVE)], NOON)
    (queued,) = await store.changes.add(Action.RESTORE, [contact(1)], NOON)
    (flip,) = (await store.save_contacts([contact(1, ARCHIVED, at=5)], minutes(6))).detected
    assert (flip.action, flip.origin) == (Action.ARCHIVE, Origin.XERO)
    assert store.changes.get(queued.change_id) == queued


@pytest.mark.parametrize(("asked_at", "state"), [(4, State.REFUSED), (5, State.REFUSED), (6, State.QUEUED)])
async def test_later_of_a_queued_archive_and_a_restore_in_xero_wins(
    store: Store, asked_at: float, state: State
) -> None:
    await store.save_contacts([contact(1, ARCHIVED)], NOON)
    (queued,) = await store.changes.add(Action.ARCHIVE, [contact(1)], minutes(asked_at))
    (flip,) = (await store.save_contacts([contact(1, ACTIVE, at=5)], minutes(7))).detected
    assert (flip.action, flip.origin) == (Action.RESTORE, Origin.XERO)
    now = store.changes.get(queued.change_id)
    assert now is not None
    reason = Notice(ChangeReason.RESTORED_SINCE)
    assert (now.state, now.message) == (state, "")
    assert now.notice == (reason if state is State.REFUSED else None)
    last = store.changes.entries_of_change(queued.change_id)[-1]
    assert last.transition == ("refuse" if state is State.REFUSED else "note")
    assert last.notice == (reason if state is State.REFUSED else Notice(ChangeReason.RESTORED_BEFORE))


async def test_contacts_and_transitions_are_saved_in_one_transaction(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2)], NOON)
    changes = await store.changes.add(Action.ARCHIVE, [contact(1), contact(2)], NOON)
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.SEND) for change in changes], NOON
    )
    applied = await store.record_transitions(
        [
            TransitionRequest(changes[0].change_id, Transition.CONFIRM, confirmed_at=minutes(5)),
            TransitionRequest(changes[1].change_id, Transition.REFUSE, message="No"),
        ],
        minutes(6),
        [contact(1, ARCHIVED, at=5), contact(2)],
    )
    assert (applied.rows_changed, applied.order_changed, applied.detected) == (2, True, ())
    assert [change.state for change in applied.updated] == [State.CONFIRMED, State.REFUSED]
    assert store.changes.of_contact("id-1")[0].confirmed_at == minutes(5)
    assert store.counts().archived == 1


async def test_manual_restore_seen_in_xero_is_confirmed_by_its_transition(store: Store) -> None:
    await store.save_contacts([contact(1, ARCHIVED)], NOON)
    (change,) = await store.changes.add(Action.RESTORE, [contact(1, ARCHIVED)], NOON)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.AWAIT_USER)], NOON)
    move = TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=minutes(3))
    applied = await store.record_transitions([move], minutes(4), [contact(1, at=3)])
    assert [one.confirmed_at for one in applied.updated] == [minutes(3)]
    assert len(store.changes.of_contact("id-1")) == 1


async def test_a_second_status_change_supersedes_the_first(store: Store) -> None:
    for at, status in enumerate([ACTIVE, ARCHIVED, ACTIVE]):
        await store.save_contacts([contact(1, status, at=at)], minutes(at))
    assert [(one.action, one.superseded) for one in store.changes.of_contact("id-1")] == [
        (Action.RESTORE, False),
        (Action.ARCHIVE, True),
    ]
    assert store.evidence.pending_total() == 1


async def test_what_is_done_since_it_was_planned_is_not_requested_again(store: Store) -> None:
    read = [contact(1), contact(2)]
    await store.save_contacts(read, NOON)
    [change] = await store.changes.add(Action.ARCHIVE, read[:1], NOON)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.SEND)], minutes(1))
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM)],
        minutes(2),
        [contact(1, ARCHIVED, 2)],
    )
    # With the contact as it was planned, and as the change left it.
    assert await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), minutes(3)) == []
    added = await store.changes.add(Action.ARCHIVE, read, minutes(3))
    assert [each.contact_id for each in added] == ["id-2"]
    # Restoring it is something else.
    assert len(await store.changes.add(Action.RESTORE, [contact(1, ARCHIVED, 2)], minutes(4))) == 1
