from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ARCHIVED, NOON, contact, minutes, search

from tui.model.change import Action, IllegalTransitionError, Origin, State, Transition
from tui.model.reasons import ChangeReason, Notice
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from tui.model.change import Change
    from tui.store import Store

TIMED_OUT = Notice(ChangeReason.INTERRUPTED_BY_BUG, {"kind": "TimeoutError"})


async def confirmed(store: Store, number: int, action: Action, at: float) -> Change:
    (change,) = await store.changes.add(action, [contact(number)], minutes(at))
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=minutes(at))], minutes(at)
    )
    stored = store.changes.get(change.change_id)
    assert stored is not None
    return stored


async def test_a_change_is_queued_with_its_batch(store: Store) -> None:
    first, second = await store.changes.add(Action.ARCHIVE, [contact(1), contact(2, name="Two")], NOON)
    assert first.batch_id == second.batch_id
    assert (second.contact_id, second.name, second.action) == ("id-2", "Two", Action.ARCHIVE)
    assert (second.origin, second.state) == (Origin.RESHELVE, State.QUEUED)
    assert second.requested_at == second.updated_at == NOON
    (other,) = await store.changes.add(Action.ARCHIVE, [contact(3)], NOON)
    assert other.batch_id != first.batch_id
    assert store.changes.in_states(State.QUEUED) == [first, second, other]
    assert store.changes.in_states(State.QUEUED, limit=2) == [first, second]
    assert store.changes.recent(State.QUEUED, limit=2) == [other, second]


async def test_a_contact_with_an_open_change_of_the_same_action_is_left_out(store: Store) -> None:
    await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    (only,) = await store.changes.add(Action.ARCHIVE, [contact(1), contact(2)], NOON)
    assert only.contact_id == "id-2"
    assert await store.changes.add(
        Action.ARCHIVE, [contact(3), contact(3)], NOON
    ) == store.changes.of_contact("id-3")


async def test_opposite_request_cancels_a_queued_change(store: Store) -> None:
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    assert await store.changes.add(Action.RESTORE, [contact(1)], minutes(1)) == []
    assert [one.state for one in store.changes.of_contact("id-1")] == [State.CANCELLED]
    assert store.changes.entries_of_contact("id-1")[0].transition == Transition.CANCEL
    await store.changes.add(Action.ARCHIVE, [contact(1)], minutes(2))
    assert store.changes.of_contact("id-1")[0].change_id > change.change_id


async def test_opposite_of_a_sent_change_is_a_new_change(store: Store) -> None:
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.SEND, idempotency_key="key")], NOON
    )
    (restore,) = await store.changes.add(Action.RESTORE, [contact(1)], NOON)
    assert [one.state for one in store.changes.of_contact("id-1")] == [State.QUEUED, State.SENDING]
    assert restore.action is Action.RESTORE


async def test_last_request_wins(store: Store) -> None:
    (archive,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    await store.record_transitions([TransitionRequest(archive.change_id, Transition.SEND)], NOON)
    await store.record_transitions([TransitionRequest(archive.change_id, Transition.REPLY_LOST)], NOON)
    await store.changes.add(Action.RESTORE, [contact(1)], minutes(1))
    assert await store.changes.add(Action.ARCHIVE, [contact(1)], minutes(2)) == []
    assert [one.state for one in store.changes.of_contact("id-1")] == [State.CANCELLED, State.UNKNOWN]


async def test_transitions_are_logged_with_their_messages(store: Store) -> None:
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    number = change.change_id
    await store.record_transitions(
        [TransitionRequest(number, Transition.SEND, idempotency_key="key-1")], minutes(1)
    )
    await store.record_transitions(
        [TransitionRequest(number, Transition.REPLY_LOST, notice=TIMED_OUT)], minutes(2)
    )
    lost = store.changes.get(number)
    assert lost is not None
    assert (lost.message, lost.notice) == ("", TIMED_OUT)
    await store.record_transitions([TransitionRequest(number, Transition.REQUEUE)], minutes(3))
    applied = await store.record_transitions(
        [
            TransitionRequest(number, Transition.SEND),
            TransitionRequest(number, Transition.REFUSE, message="On repeating invoices"),
        ],
        minutes(4),
    )
    stored = store.changes.get(number)
    assert stored is not None
    assert (stored.state, stored.message, stored.idempotency_key) == (
        State.REFUSED,
        "On repeating invoices",
        "key-1",
    )
    assert stored.updated_at == minutes(4)
    assert applied.rows_changed == 1
    events = store.changes.entries_of_contact("id-1")
    assert [(one.transition, one.state) for one in reversed(events)] == [
        ("requested", State.QUEUED),
        (Transition.SEND, State.SENDING),
        (Transition.REPLY_LOST, State.UNKNOWN),
        (Transition.REQUEUE, State.QUEUED),
        (Transition.SEND, State.SENDING),
        (Transition.REFUSE, State.REFUSED),
    ]
    assert events[0].message == "On repeating invoices"
    assert (stored.notice, events[0].notice) == (None, None)
    assert (events[3].message, events[3].notice) == ("", TIMED_OUT)
    assert events[0].at == minutes(4)


async def test_confirming_without_a_time_means_now(store: Store) -> None:
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.CONFIRM)], minutes(3))
    assert store.changes.of_contact("id-1")[0].confirmed_at == minutes(3)


async def test_final_state_never_changes(store: Store) -> None:
    change = await confirmed(store, 1, Action.ARCHIVE, at=1)
    applied = await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM)], minutes(5)
    )
    assert applied.updated == ()
    assert store.changes.get(change.change_id) == change


async def test_invalid_transition_rolls_back_its_whole_request(store: Store) -> None:
    first, second = await store.changes.add(Action.ARCHIVE, [contact(1), contact(2)], NOON)
    moves = [
        TransitionRequest(first.change_id, Transition.SEND),
        TransitionRequest(second.change_id, Transition.REPLY_LOST),
    ]
    with pytest.raises(IllegalTransitionError):
        await store.record_transitions(moves, minutes(1), [contact(9)])
    assert store.changes.in_states(State.QUEUED) == [first, second]
    assert store.contact("id-9") is None
    assert len(store.changes.entries_of_contact("id-1")) == 1


async def test_a_later_confirmed_change_supersedes_what_was_never_picked_up(store: Store) -> None:
    await confirmed(store, 1, Action.ARCHIVE, at=1)
    other = await confirmed(store, 2, Action.ARCHIVE, at=1)
    restore = await confirmed(store, 1, Action.RESTORE, at=2)
    assert [one.superseded for one in store.changes.of_contact("id-1")] == [False, True]
    assert store.evidence.pending() == [restore, other]
    assert store.evidence.pending(limit=1) == [restore]
    assert store.evidence.pending_total() == 2


async def test_pending_changes_are_counted_and_listed_between_two_times(store: Store) -> None:
    changes = [await confirmed(store, number, Action.ARCHIVE, at=number) for number in range(4)]
    assert [store.evidence.pending_between(None, minutes(at)) for at in (-1, 0, 1.5, 9)] == [0, 1, 2, 4]
    assert [store.evidence.pending_after(minutes(at)) for at in (-1, 0, 1.5, 9)] == [4, 3, 2, 0]
    assert store.evidence.pending_after(None) == 4
    assert store.evidence.pending(after=minutes(0), until=minutes(2)) == [changes[2], changes[1]]


async def test_totals_follow_every_transition(store: Store) -> None:
    changes = await store.changes.add(Action.ARCHIVE, [contact(number) for number in range(5)], NOON)
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.SEND) for change in changes[:3]], NOON
    )
    await store.record_transitions([TransitionRequest(changes[0].change_id, Transition.CONFIRM)], NOON)
    totals = {state: total for state, total in store.changes.totals().items() if total}
    assert totals == {State.QUEUED: 2, State.SENDING: 2, State.CONFIRMED: 1}
    assert set(store.changes.totals()) == set(State)
    assert store.evidence.pending_total() == 1


@pytest.mark.parametrize("table", ["transitions", "sync_records"])
async def test_change_log_tables_are_append_only(store: Store, table: str) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO sync_records VALUES (1, 'id-1', 'ARCHIVED', 0, 0, '')")

    await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    await store._database.write(fill)
    for statement in ("UPDATE {} SET rowid = rowid + 7", "DELETE FROM {}"):
        connection = sqlite3.connect(store._database.file)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement.format(table))
        connection.close()


async def test_the_row_shows_its_latest_change_unless_it_was_cancelled(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2, ARCHIVED)], NOON)
    await store.search.load()
    (change,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    rows = (await search(store, "")).rows
    view = rows.window(0, 1)[0].last_change
    assert view is not None
    assert (view.change, view.sync) == (change, None)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.CANCEL)], NOON)
    assert rows.window(0, 1)[0].last_change is None
    assert rows.window(1, 2)[0].last_change is None


async def test_a_cancelled_change_leaves_the_one_before_it_on_the_row(store: Store) -> None:
    await store.save_contacts([contact(1)], NOON)
    (archive,) = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    await store.record_transitions([TransitionRequest(archive.change_id, Transition.SEND)], NOON)
    await store.record_transitions([TransitionRequest(archive.change_id, Transition.CONFIRM)], NOON)
    (restore,) = await store.changes.add(Action.RESTORE, [contact(1)], minutes(1))
    await store.record_transitions([TransitionRequest(restore.change_id, Transition.CANCEL)], minutes(2))
    view = (await search(store, "")).rows.window(0, 1)[0].last_change
    assert view is not None
    assert view.change.change_id == archive.change_id
