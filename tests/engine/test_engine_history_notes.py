"""Notes for the history of contacts in Xero: written once each, before the archive, and never in its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import Fault, ModelXero, contact, raised_for
from engine.test_engine_outbox import Office

from tui.model.change import Action, Change, LogEvent, NoteState, State, Transition
from tui.model.contact import HistoryEntry
from tui.model.errors import OfflineError, RejectedError, ReplyLostError, XeroError
from tui.model.reasons import XeroReason
from tui.store import Store, TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui.xero.results import ContactWriteResult

NOTE = "Left in March, “Ōtautahi” 🐈"
KEY_LIFE = timedelta(minutes=6)


class Killed(BaseException):
    """The program ends here."""


@dataclass
class NotedXero(ModelXero):
    """Keeps notes, and replays the reply to a key for six minutes, as Xero does."""

    notes: list[tuple[str, str]] = field(default_factory=list)
    note_faults: list[Fault | BaseException | None] = field(default_factory=list)
    history_faults: list[Fault | None] = field(default_factory=list)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    _entries: dict[str, list[HistoryEntry]] = field(default_factory=dict)
    _used_at: dict[str, datetime] = field(default_factory=dict)

    async def add_note(self, contact_id: str, note: str, *, idempotency_key: str) -> None:
        fault = self.note_faults.pop(0) if self.note_faults else None
        if isinstance(fault, BaseException):
            if isinstance(fault, Killed) and fault.args:
                self._add(contact_id, note, idempotency_key)
            raise fault
        if fault is not None and fault is not Fault.DROPPED_AFTER:
            raise raised_for(fault)
        self._add(contact_id, note, idempotency_key)
        if fault is not None:
            raise raised_for(fault)

    def _add(self, contact_id: str, note: str, key: str) -> None:
        used_at = self._used_at.get(key)
        assert self.keys.setdefault(key, (contact_id, note)) == (contact_id, note)
        if used_at is not None and self.clock() - used_at < KEY_LIFE:
            return
        self._used_at[key] = self.clock()
        self.notes.append((contact_id, note))
        self.order.append(f"note {contact_id}")
        self._entries.setdefault(contact_id, []).append(HistoryEntry(self.clock(), "", "Note", note))

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        fault = self.history_faults.pop(0) if self.history_faults else None
        if fault is not None:
            raise raised_for(fault)
        return tuple(self._entries.get(contact_id, ()))

    def _change(self, action: Action, contact_id: str) -> ContactWriteResult:
        self.order.append(f"{action} {contact_id}")
        return super()._change(action, contact_id)


async def noted(store: Store, *ids: str) -> tuple[Office, NotedXero, list[Change]]:
    contacts = [contact(one) for one in ids]
    xero = NotedXero({one.contact_id: one for one in contacts})
    office = Office(store, xero)
    xero.clock = office.clock
    await store.save_contacts(contacts, office.clock())
    changes = await store.changes.add(
        Action.ARCHIVE, contacts, office.clock(), note=NOTE, is_note_for_xero=True
    )
    return office, xero, changes


async def drain_through_errors(office: Office, most: int = 20) -> None:
    """Try again after errors, as the scheduler does."""
    for _ in range(most):
        try:
            await office.drain()
        except XeroError:
            office.clock.forward(seconds=30)
        else:
            return
    raise AssertionError("never came through")


async def test_a_note_is_written_before_the_archive(store: Store) -> None:
    office, xero, changes = await noted(store, "a", "b")
    await office.drain()
    assert xero.order == ["note a", "note b", "archive a", "archive b"]
    assert xero.notes == [("a", NOTE), ("b", NOTE)]
    assert office.events(changes[0]) == ["requested", "note_sent", "note_written", "send", "confirm"]
    assert office.now(changes[0]).note_in_xero is NoteState.WRITTEN


async def test_without_the_wish_no_note_is_written(store: Store) -> None:
    office, xero, _ = await noted(store)
    [change] = await store.changes.add(Action.ARCHIVE, [contact("c")], office.clock(), note=NOTE)
    xero.contacts_now["c"] = contact("c")
    await office.drain()
    assert (xero.notes, office.state(change)) == ([], State.CONFIRMED)


@pytest.mark.parametrize(
    "faults",
    [
        [Fault.DROPPED_BEFORE],
        [Fault.DROPPED_AFTER],
        [Fault.DROPPED_BEFORE, None, Fault.DROPPED_AFTER],
        [OfflineError(XeroReason.OFFLINE)],
        [Fault.DROPPED_AFTER, OfflineError(XeroReason.OFFLINE)],
    ],
    ids=["lost before", "lost after", "both", "offline", "lost, then offline"],
)
@pytest.mark.parametrize("unreadable", [0, 1, 3], ids=["history", "history later", "history late"])
async def test_each_note_is_written_once_whatever_happens(
    store: Store, faults: list[Fault | BaseException | None], unreadable: int
) -> None:
    office, xero, changes = await noted(store, "a", "b")
    xero.note_faults = [*faults]
    xero.history_faults = [Fault.DROPPED_BEFORE] * unreadable
    await drain_through_errors(office)
    assert sorted(xero.notes) == [("a", NOTE), ("b", NOTE)]
    assert {office.state(change) for change in changes} == {State.CONFIRMED}
    assert {office.now(change).note_in_xero for change in changes} == {NoteState.WRITTEN}


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("minutes", [1, 5.5, 10, 60])
async def test_after_a_crash_each_note_is_written_once(
    store: Store, *, is_carried_out: bool, minutes: float
) -> None:
    office, xero, changes = await noted(store, "a", "b", "c")
    xero.note_faults = [None, Killed(*[1] * is_carried_out)]
    with pytest.raises(Killed):
        await office.drain()
    assert [office.now(change).note_in_xero for change in changes] == [
        NoteState.WRITTEN, NoteState.SENDING, NoteState.WANTED,
    ]  # fmt: skip
    office.clock.forward(minutes=minutes)
    again = Office(store, xero)
    again.clock = again.xero.clock = office.clock
    again.pusher = type(again.pusher)(store, xero.client, office.clock, again.applied.append)
    await again.drain()
    assert sorted(xero.notes) == [("a", NOTE), ("b", NOTE), ("c", NOTE)]
    assert {again.state(change) for change in changes} == {State.CONFIRMED}


async def test_a_refused_note_is_recorded_and_the_archive_goes_on(store: Store) -> None:
    office, xero, [change, _] = await noted(store, "a", "b")
    xero.note_faults = [RejectedError(XeroReason.REJECTED, status=400, xero_message="Not on this contact.")]
    await office.drain()
    assert office.now(change).note_in_xero is NoteState.REFUSED
    [entry] = [
        one
        for one in store.changes.entries_of_change(change.change_id)
        if one.transition == LogEvent.NOTE_REFUSED
    ]
    assert entry.message == "Not on this contact."
    assert (office.state(change), xero.notes) == (State.CONFIRMED, [("b", NOTE)])


async def test_no_reply_about_notes_holds_up_an_archive_for_a_while_only(store: Store) -> None:
    office, xero, [change] = await noted(store, "a")
    xero.note_faults = [Fault.DROPPED_BEFORE] * 1_000
    xero.history_faults = [Fault.DROPPED_BEFORE] * 1_000
    with pytest.raises(ReplyLostError):
        await office.drain()
    assert office.state(change) is State.QUEUED
    await drain_through_errors(office, most=40)
    assert (office.state(change), office.now(change).note_in_xero) == (State.CONFIRMED, NoteState.REFUSED)
    assert xero.notes == []


async def test_a_change_that_is_cancelled_meanwhile_gets_no_note(store: Store) -> None:
    office, xero, [first, second] = await noted(store, "a", "b")

    original = xero.add_note

    async def add_note(contact_id: str, note: str, *, idempotency_key: str) -> None:
        await original(contact_id, note, idempotency_key=idempotency_key)
        request = TransitionRequest(second.change_id, Transition.CANCEL)
        await store.record_transitions([request], office.clock())

    xero.add_note = add_note  # type: ignore[method-assign]
    await office.drain()
    assert xero.notes == [("a", NOTE)]
    assert (office.state(first), office.state(second)) == (State.CONFIRMED, State.CANCELLED)


async def test_pausing_stops_between_two_notes(store: Store) -> None:
    office, xero, changes = await noted(store, "a", "b")
    original = xero.add_note

    async def add_note(contact_id: str, note: str, *, idempotency_key: str) -> None:
        await original(contact_id, note, idempotency_key=idempotency_key)
        await store.changes.pause(office.clock(), on=True)

    xero.add_note = add_note  # type: ignore[method-assign]
    await office.drain()
    assert (xero.notes, {office.state(change) for change in changes}) == ([("a", NOTE)], {State.QUEUED})
    await store.changes.pause(office.clock(), on=False)
    xero.add_note = original  # type: ignore[method-assign]
    await office.drain()
    assert xero.notes == [("a", NOTE), ("b", NOTE)]


async def test_a_retry_doesnt_write_a_note_twice(store: Store) -> None:
    office, xero, [change] = await noted(store, "a")
    xero.repeating.add("a")
    await office.drain()
    assert office.state(change) is State.REFUSED
    xero.repeating.clear()
    [retried] = await store.changes.retry([office.now(change)], office.clock())
    assert (retried.note, retried.note_in_xero) == (NOTE, None)
    await office.drain()
    assert (office.state(retried), xero.notes) == (State.CONFIRMED, [("a", NOTE)])
