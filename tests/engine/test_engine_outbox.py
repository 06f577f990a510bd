"""The outbox: whatever happens to a request, the change log ends in Xero's state."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from engine.model_xero import ARCHIVED_WORDS, REPEATING_WORDS, START, Clock, Fault, ModelXero, contact

from tui import messages
from tui.engine.outbox import MAX_CALL_DURATION, Outbox, RestoreCapability
from tui.model.change import Action, Change, Origin, State, Transition
from tui.model.contact import Contact, ContactStatus
from tui.model.errors import (
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReplyLostError,
    StoreError,
    XeroError,
)
from tui.model.reasons import ChangeReason, ContactReason, Notice, StoreReason, XeroReason
from tui.store import Store, StoreUpdate, TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.xero.results import ContactWriteResult

ARCHIVED = ContactStatus.ARCHIVED
ACTIVE = ContactStatus.ACTIVE


class Office:
    """A store, a model Xero and the outbox between them."""

    def __init__(self, store: Store, xero: ModelXero) -> None:
        self.store = store
        self.xero = xero
        self.clock = Clock()
        self.applied: list[StoreUpdate] = []
        self.pusher = Outbox(store, xero.client, self.clock, self.applied.append)

    async def ask(self, action: Action, contacts: Sequence[Contact]) -> list[Change]:
        await self.store.save_contacts(contacts, self.clock())
        return await self.store.changes.add(action, contacts, self.clock())

    async def drain(self) -> None:
        await self.pusher.recover()
        await self.pusher.run_until_empty()

    def state(self, change: Change) -> State:
        return self.now(change).state

    def now(self, change: Change) -> Change:
        found = self.store.changes.get(change.change_id)
        assert found is not None
        return found

    def events(self, change: Change) -> list[str]:
        return [
            event.transition for event in reversed(self.store.changes.entries_of_contact(change.contact_id))
        ]


async def outbox_with(store: Store, action: Action, *contacts: Contact) -> tuple[Office, list[Change]]:
    outbox = Office(store, ModelXero.of(*contacts))
    return outbox, await outbox.ask(action, contacts)


# --- archive ---


async def test_an_archive_is_confirmed_by_xeros_clock(store: Store) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    await outbox.drain()
    after = outbox.now(change)
    assert after.state is State.CONFIRMED
    assert after.origin is Origin.RESHELVE
    assert after.confirmed_at == outbox.xero.contacts_now["a"].updated_at
    assert outbox.events(change) == ["requested", "send", "confirm"]
    stored = store.contact("a")
    assert stored is not None
    assert stored.status is ARCHIVED
    assert outbox.applied
    assert not outbox.pusher.has_work


async def test_the_idempotency_key_is_logged_before_the_request_and_kept(store: Store) -> None:
    seen: list[Change] = []

    class Watched(ModelXero):
        async def change_status(
            self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
        ) -> list[ContactWriteResult]:
            seen.extend(store.changes.in_states(State.SENDING))
            return await super().change_status(action, contact_ids, idempotency_key=idempotency_key)

    outbox = Office(store, Watched.of(contact("a")))
    [change] = await outbox.ask(Action.ARCHIVE, [contact("a")])
    await outbox.drain()
    [(_, _, key)] = outbox.xero.writes
    assert [(one.change_id, one.idempotency_key) for one in seen] == [(change.change_id, key)]
    assert outbox.now(change).idempotency_key == key


async def test_120_archives_are_three_calls_with_three_keys(store: Store) -> None:
    contacts = [contact(f"{number:03}") for number in range(120)]
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *contacts)
    await outbox.drain()
    assert [len(ids) for _, ids, _ in outbox.xero.writes] == [50, 50, 20]
    assert len({key for _, _, key in outbox.xero.writes}) == 3
    assert {outbox.state(change) for change in changes} == {State.CONFIRMED}
    assert not outbox.xero.reads


async def test_one_refusal_keeps_xeros_message_and_the_others_are_confirmed(store: Store) -> None:
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *map(contact, "abc"))
    outbox.xero.repeating = {"b"}
    await outbox.drain()
    assert [outbox.state(change) for change in changes] == [State.CONFIRMED, State.REFUSED, State.CONFIRMED]
    assert outbox.now(changes[1]).message == REPEATING_WORDS
    assert outbox.xero.reads == [("b",)]
    assert outbox.events(changes[1]) == ["requested", "send", "reply_lost", "refuse"]


async def test_error_for_a_contact_archived_meanwhile_confirms_the_archive(store: Store) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    outbox.xero.set_status("a", ARCHIVED)
    await outbox.drain()
    after = outbox.now(change)
    assert after.state is State.CONFIRMED
    assert after.confirmed_at == outbox.xero.contacts_now["a"].updated_at
    assert len(store.changes.of_contact("a")) == 1


async def test_a_contact_under_gdpr_is_refused_with_its_reason(store: Store) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    outbox.xero.set_status("a", ContactStatus.GDPRREQUEST)
    await outbox.drain()
    assert outbox.state(change) is State.REFUSED
    after = outbox.now(change)
    assert after.message in {ARCHIVED_WORDS, ""}
    assert after.notice == Notice(ContactReason.GDPR)


async def test_an_unknown_id_affects_no_other_contact(store: Store) -> None:
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *map(contact, "abc"))
    del outbox.xero.contacts_now["b"]
    await outbox.drain()
    assert [outbox.state(change) for change in changes] == [State.CONFIRMED, State.REFUSED, State.CONFIRMED]
    assert outbox.now(changes[1]).message == ""
    assert outbox.now(changes[1]).notice == Notice(ContactReason.DELETED)
    assert [ids for _, ids, _ in outbox.xero.writes] == [("a", "b", "c"), ("a", "c")]


async def test_request_refused_as_a_whole_refuses_all_with_its_message(store: Store) -> None:
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *map(contact, "ab"))
    outbox.xero.write_faults = [Fault.REJECTED]
    await outbox.drain()
    assert {outbox.state(change) for change in changes} == {State.REFUSED}
    assert {outbox.now(change).message for change in changes} == {"A validation exception occurred"}


# --- connection problems ---


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.OFFLINE, OfflineError),
        (Fault.LIMITED, RateLimitedError),
        (Fault.SIGNED_OUT, ReconnectError),
    ],
)
async def test_request_that_was_not_carried_out_leaves_all_queued(
    store: Store, fault: Fault, error: type[XeroError]
) -> None:
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *map(contact, "ab"))
    outbox.xero.write_faults = [fault]
    with pytest.raises(error):
        await outbox.drain()
    assert {outbox.state(change) for change in changes} == {State.QUEUED}
    assert outbox.pusher.has_work
    await outbox.drain()
    assert {outbox.state(change) for change in changes} == {State.CONFIRMED}
    assert not outbox.xero.reads


@pytest.mark.parametrize("fault", [Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER])
async def test_a_lost_reply_is_resolved_by_reading(store: Store, fault: Fault) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    outbox.xero.write_faults = [fault]
    with pytest.raises(ReplyLostError):
        await outbox.drain()
    assert outbox.state(change) is State.UNKNOWN
    await outbox.drain()
    assert outbox.state(change) is State.CONFIRMED
    assert outbox.xero.reads == [("a",)]
    # A contact that was read as archived isn't sent again.
    assert len(outbox.xero.writes) == 1


@pytest.mark.parametrize("fault", [Fault.OFFLINE, Fault.LIMITED, Fault.SIGNED_OUT, Fault.DROPPED_BEFORE])
async def test_change_stays_unknown_until_a_read_succeeds(store: Store, fault: Fault) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    outbox.xero.write_faults = [Fault.DROPPED_AFTER]
    outbox.xero.read_faults = [fault]
    for expected in (ReplyLostError, XeroError):
        with pytest.raises(expected):
            await outbox.drain()
        assert outbox.state(change) is State.UNKNOWN
    await outbox.drain()
    assert outbox.state(change) is State.CONFIRMED


async def test_change_stays_unknown_if_the_read_is_refused_too(store: Store) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    outbox.xero.write_faults = [Fault.REJECTED]
    outbox.xero.read_faults = [Fault.REJECTED]
    with pytest.raises(RejectedError):
        await outbox.drain()
    assert outbox.state(change) is State.UNKNOWN


async def test_change_left_sending_by_a_crash_becomes_unknown_and_is_verified(store: Store) -> None:
    outbox, [carried_out, lost] = await outbox_with(store, Action.ARCHIVE, *map(contact, "ab"))
    crashed = [
        TransitionRequest(change.change_id, Transition.SEND, idempotency_key="k")
        for change in (carried_out, lost)
    ]
    await store.record_transitions(crashed, START)
    outbox.xero.set_status("a", ARCHIVED)
    outbox.clock.at += 2 * MAX_CALL_DURATION
    await outbox.drain()
    assert {outbox.state(carried_out), outbox.state(lost)} == {State.CONFIRMED}
    assert outbox.events(carried_out) == ["requested", "send", "reply_lost", "confirm"]
    assert outbox.events(lost) == ["requested", "send", "reply_lost", "requeue", "send", "confirm"]
    assert [ids for _, ids, _ in outbox.xero.writes] == [("b",)]


@pytest.mark.parametrize("seconds", [0, 1, 20, 40, -40])
async def test_request_that_may_be_in_progress_is_not_repeated(store: Store, seconds: float) -> None:
    """Another copy of the program, alive or just killed, began it."""
    outbox, [done, open_, other] = await outbox_with(store, Action.ARCHIVE, *map(contact, "abc"))
    begun = [
        TransitionRequest(change.change_id, Transition.SEND, idempotency_key="k") for change in (done, open_)
    ]
    await store.record_transitions(begun, START)
    # A later request for the same contact waits for it.
    [after] = await store.changes.add(Action.RESTORE, store.contacts(["b"]), START)
    outbox.xero.set_status("a", ARCHIVED)
    outbox.clock.forward(seconds=seconds)
    for _ in range(3):
        await outbox.drain()
    states = [outbox.state(change) for change in (done, open_, other, after)]
    assert states == [State.CONFIRMED, State.SENDING, State.CONFIRMED, State.QUEUED]
    assert [ids for _, ids, _ in outbox.xero.writes] == [("c",)]
    assert outbox.xero.reads == [("a", "b")]
    # Its sender gets the reply at last, and records it.
    outbox.xero.set_status("b", ARCHIVED)
    await store.record_transitions([TransitionRequest(open_.change_id, Transition.CONFIRM)], outbox.clock())
    await outbox.drain()
    assert outbox.state(after) is State.AWAITING_USER


@pytest.mark.parametrize("away", [MAX_CALL_DURATION, -MAX_CALL_DURATION, timedelta(days=9)])
async def test_request_that_must_have_ended_is_verified_and_repeated(store: Store, away: timedelta) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.SEND, idempotency_key="k")], START
    )
    await outbox.drain()
    assert outbox.state(change) is State.SENDING
    outbox.clock.at += away
    await outbox.drain()
    assert outbox.state(change) is State.CONFIRMED
    assert outbox.events(change) == ["requested", "send", "reply_lost", "requeue", "send", "confirm"]


async def test_own_request_that_has_ended_is_verified_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full when its reply was to be recorded."""
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    record = store.record_transitions

    async def full(moves: Sequence[TransitionRequest], *args: Any, **options: Any) -> StoreUpdate:
        if any(move.transition is Transition.CONFIRM for move in moves):
            raise StoreError(StoreReason.DISK_FULL)
        return await record(moves, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(store, "record_transitions", full)
        with pytest.raises(StoreError):
            await outbox.drain()
    assert outbox.state(change) is State.SENDING
    await outbox.drain()
    assert outbox.state(change) is State.CONFIRMED
    assert len(outbox.xero.writes) == 1


async def test_changes_sent_by_another_copy_are_left_to_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, [theirs, ours] = await outbox_with(store, Action.ARCHIVE, *map(contact, "ab"))
    record = store.record_transitions

    async def too_late(moves: Sequence[TransitionRequest], *args: Any, **options: Any) -> StoreUpdate:
        monkeypatch.setattr(store, "record_transitions", record)
        await record([TransitionRequest(theirs.change_id, Transition.SEND, idempotency_key="theirs")], START)
        return await record(moves, *args, **options)

    monkeypatch.setattr(store, "record_transitions", too_late)
    await outbox.drain()
    assert (outbox.state(theirs), outbox.state(ours)) == (State.SENDING, State.CONFIRMED)
    assert outbox.now(theirs).idempotency_key == "theirs"
    assert [ids for _, ids, _ in outbox.xero.writes] == [("b",)]


async def test_sending_stops_when_the_lock_is_lost(store: Store) -> None:
    contacts = [contact(f"{number:03}") for number in range(120)]
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *contacts)
    outbox.pusher = Outbox(
        store, outbox.xero.client, outbox.clock, outbox.applied.append,
        may_send=lambda: len(outbox.xero.writes) < 1,
    )  # fmt: skip
    await outbox.drain()
    assert len(outbox.xero.writes) == 1
    assert [outbox.state(change) for change in changes] == [State.CONFIRMED] * 50 + [State.QUEUED] * 70


async def test_contact_missing_from_the_reply_is_retried_later(store: Store) -> None:
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *map(contact, "ab"))
    outbox.xero.unanswered = {"b"}
    with pytest.raises(ReplyLostError):
        await outbox.drain()
    # The model Xero didn't carry it out, so the read finds it active.
    assert [outbox.state(change) for change in changes] == [State.CONFIRMED, State.QUEUED]
    assert len(outbox.xero.writes) == 1
    outbox.xero.unanswered = set()
    await outbox.drain()
    assert outbox.state(changes[1]) is State.CONFIRMED


@pytest.mark.parametrize(
    ("action", "before", "expected"),
    [(Action.ARCHIVE, ACTIVE, State.REFUSED), (Action.RESTORE, ARCHIVED, State.AWAITING_USER)],
)
async def test_reply_without_message_or_effect_is_not_retried_forever(
    store: Store, action: Action, before: ContactStatus, expected: State
) -> None:
    outbox, [change] = await outbox_with(store, action, contact("a", before))
    outbox.xero.ignored = {"a"}
    await outbox.drain()
    assert outbox.state(change) is expected
    assert outbox.now(change).message == ""
    assert outbox.now(change).notice == Notice(ChangeReason.NOT_APPLIED)
    assert "didn't change the contact" in messages.why(outbox.now(change))
    assert len(outbox.xero.writes) == 1


async def test_a_change_cancelled_before_the_outbox_sends_it_is_not_sent(store: Store) -> None:
    outbox, changes = await outbox_with(store, Action.ARCHIVE, *map(contact, "ab"))
    await store.record_transitions([TransitionRequest(changes[0].change_id, Transition.CANCEL)], START)
    await outbox.drain()
    assert [outbox.state(change) for change in changes] == [State.CANCELLED, State.CONFIRMED]
    assert outbox.xero.status("a") is ACTIVE


# --- restore ---


async def test_the_refusal_to_restore_is_discovered_once_with_one_contact(store: Store) -> None:
    contacts = [contact(one, ARCHIVED) for one in "abc"]
    outbox, changes = await outbox_with(store, Action.RESTORE, *contacts)
    await outbox.drain()
    assert {outbox.state(change) for change in changes} == {State.AWAITING_USER}
    assert [(action, ids) for action, ids, _ in outbox.xero.writes] == [(Action.RESTORE, ("a",))]
    assert outbox.now(changes[0]).message == ARCHIVED_WORDS


async def test_refusal_to_restore_is_cached_across_restarts_for_30_days(store: Store) -> None:
    outbox, _ = await outbox_with(store, Action.RESTORE, contact("a", ARCHIVED))
    await outbox.drain()

    for days, writes in ((29, 1), (1.1, 2), (1, 2)):
        restarted = Office(store, outbox.xero)
        outbox.clock.forward(days=days)
        restarted.clock.at = outbox.clock.at
        one = contact(f"day {outbox.clock.at}", ARCHIVED)
        outbox.xero.contacts_now[one.contact_id] = one
        [change] = await restarted.ask(Action.RESTORE, [one])
        await restarted.drain()
        assert restarted.state(change) is State.AWAITING_USER
        assert len(outbox.xero.writes) == writes


async def test_restore_accepted_by_xero_needs_no_user(store: Store) -> None:
    outbox, changes = await outbox_with(store, Action.RESTORE, *(contact(one, ARCHIVED) for one in "ab"))
    outbox.xero.restores = True
    await outbox.drain()
    assert {outbox.state(change) for change in changes} == {State.CONFIRMED}
    assert outbox.xero.status("b") is ACTIVE


async def test_outage_is_not_a_refusal_to_restore(store: Store) -> None:
    outbox, [change] = await outbox_with(store, Action.RESTORE, contact("a", ARCHIVED))
    outbox.xero.write_faults = [Fault.DROPPED_BEFORE]
    with pytest.raises(ReplyLostError):
        await outbox.drain()
    outbox.xero.restores = True
    await outbox.drain()
    assert outbox.state(change) is State.CONFIRMED


async def test_a_contact_that_cannot_be_restored_is_refused(store: Store) -> None:
    first = contact("a", ARCHIVED)
    outbox, _ = await outbox_with(store, Action.RESTORE, first)
    await outbox.drain()
    gdpr = contact("g", ContactStatus.GDPRREQUEST)
    merged = Contact("m", "Merged", ARCHIVED, START, merged_to="a")
    changes = await outbox.ask(Action.RESTORE, [gdpr, merged])
    await outbox.drain()
    assert [(outbox.state(change), outbox.now(change).notice) for change in changes] == [
        (State.REFUSED, Notice(ContactReason.GDPR)),
        (State.REFUSED, Notice(ContactReason.MERGED)),
    ]


async def test_a_restore_requested_while_the_archive_is_unknown_wins(store: Store) -> None:
    known = contact("known", ARCHIVED)
    outbox, _ = await outbox_with(store, Action.RESTORE, known)
    await outbox.drain()
    outbox.xero.contacts_now.update({one: contact(one) for one in "x"} | {"z": contact("z", ARCHIVED)})
    [archive] = await outbox.ask(Action.ARCHIVE, [outbox.xero.contacts_now["x"]])
    outbox.xero.write_faults = [Fault.DROPPED_BEFORE]
    with pytest.raises(ReplyLostError):
        await outbox.drain()
    [restore] = await outbox.ask(Action.RESTORE, [outbox.xero.contacts_now["x"]])
    await outbox.drain()
    assert outbox.state(archive) is State.CONFIRMED
    assert outbox.state(restore) is State.AWAITING_USER


async def test_changes_of_a_contact_are_sent_in_order(store: Store) -> None:
    outbox, [first] = await outbox_with(store, Action.RESTORE, contact("first", ARCHIVED))
    await RestoreCapability(store).record(START)
    x = contact("x")
    outbox.xero.contacts_now["x"] = x
    [archive] = await outbox.ask(Action.ARCHIVE, [x])
    await store.record_transitions([TransitionRequest(archive.change_id, Transition.SEND)], START)
    [restore] = await outbox.ask(Action.RESTORE, [x])
    await store.record_transitions([TransitionRequest(archive.change_id, Transition.REQUEUE)], START)
    # The outbox now holds two restores, with the archive of the second one's contact between them.
    await outbox.drain()
    assert outbox.state(first) is State.AWAITING_USER
    assert outbox.state(archive) is State.CONFIRMED
    assert outbox.state(restore) is State.AWAITING_USER


async def test_a_restore_of_an_active_contact_does_not_wait_for_the_user(store: Store) -> None:
    outbox, _ = await outbox_with(store, Action.RESTORE, contact("a", ARCHIVED))
    await outbox.drain()
    outbox.xero.contacts_now["b"] = contact("b")
    [change] = await outbox.ask(Action.RESTORE, [contact("b")])
    await outbox.drain()
    assert outbox.state(change) is State.CONFIRMED


# --- contacts that come with a transition ---


async def test_change_in_a_transition_request_is_not_decided_by_the_saved_contacts(store: Store) -> None:
    outbox, [change] = await outbox_with(store, Action.ARCHIVE, contact("a"))
    await store.record_transitions([TransitionRequest(change.change_id, Transition.SEND)], START)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.REPLY_LOST)], START)
    seen = contact("a", ARCHIVED, updated_at=START + timedelta(minutes=1))
    at = START + timedelta(minutes=2)
    move = TransitionRequest(
        change.change_id, Transition.CONFIRM, confirmed_at=at, message="in the move's own words"
    )
    applied = await store.record_transitions([move], START, [seen])
    after = outbox.now(change)
    assert applied.updated == (after,)
    assert (after.state, after.confirmed_at, after.message) == (State.CONFIRMED, at, "")
    assert store.changes.entries_of_change(change.change_id)[-1].message == "in the move's own words"
    assert [one.change_id for one in store.changes.of_contact("a")] == [change.change_id]
    assert outbox.events(change) == ["requested", "send", "reply_lost", "confirm"]


# --- a lock that is lost during a request ---


@pytest.mark.parametrize("error", [ReplyLostError(XeroReason.NO_REPLY), None], ids=repr)
@pytest.mark.parametrize(
    "moves",
    [(Transition.REPLY_LOST,), (Transition.REPLY_LOST, Transition.REQUEUE)],
    ids=["unknown", "queued"],
)
async def test_changes_taken_over_by_another_copy_are_left_to_it(
    store: Store, error: XeroError | None, moves: tuple[Transition, ...]
) -> None:
    is_held = True

    class Overtaken(ModelXero):
        async def change_status(
            self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
        ) -> list[ContactWriteResult]:
            nonlocal is_held
            assert (action, list(contact_ids), bool(idempotency_key)) == (Action.ARCHIVE, ["a"], True)
            is_held = False
            for event in moves:
                await store.record_transitions([TransitionRequest(change.change_id, event)], START)
            if error is not None:
                raise error
            return []

    outbox = Office(store, Overtaken.of(contact("a")))
    [change] = await outbox.ask(Action.ARCHIVE, [contact("a")])
    pusher = Outbox(store, outbox.xero.client, outbox.clock, lambda _: None, may_send=lambda: is_held)
    await pusher.run_until_empty()
    assert outbox.events(change) == ["requested", "send", *(str(event) for event in moves)]
