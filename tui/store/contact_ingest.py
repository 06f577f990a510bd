"""Contacts as Xero told them, and what a status that has moved means for the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct, field

from tui.model.change import Action, Change, State, Transition
from tui.model.contact import ContactStatus
from tui.model.undo import BatchKind
from tui.store import deleted_contacts as gone_contacts
from tui.store.change_log import changes as journal
from tui.store.change_log import conflicts
from tui.store.change_log.batches import begin, note_wishes
from tui.store.change_log.dating import changed_at
from tui.store.contacts import Seen, Upserted, upsert
from tui.store.unreadable_contacts import forget_unreadable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tui.model.contact import Contact

_FLIPS: Final = {
    (ContactStatus.ACTIVE, ContactStatus.ARCHIVED): Action.ARCHIVE,
    (ContactStatus.ARCHIVED, ContactStatus.ACTIVE): Action.RESTORE,
}


class Outcome(Struct, frozen=True):
    """What contacts did to the store; the flips as the journal now has them.

    `gone` are the row ids, by contact id, of those that were marked as gone.
    """

    upserted: Upserted
    flips: tuple[Change, ...]
    gone: Mapping[str, int] = field(default_factory=dict)


def apply(
    connection: sqlite3.Connection,
    contacts: Sequence[Contact],
    seen_at: datetime,
    *,
    decided: frozenset[int] = frozenset(),
    gone: Sequence[str] = (),
    absent: Sequence[str] = (),
    is_full_read: bool = False,
) -> Outcome:
    """Store the contacts; a status that has flipped confirms an open change, or is one made in Xero.

    Changes that are `decided`, by id, are left alone: their move says what the contacts mean for them.
    `gone` are the ids of contacts that Xero no longer knows; those that an answer lacked are `absent`, and
    gone once a later answer lacks them, too.
    """
    upserted = upsert(connection, contacts, seen_at, is_full_read=is_full_read)
    batch_id = uuid4().hex
    flips = [_flip(connection, seen, seen_at, batch_id, decided) for seen in upserted.moved]
    conflicts.settle_waiting(connection, upserted.changed, seen_at, decided)
    gone_contacts.forget_absent(connection, (contact.contact_id for contact in contacts))
    gone = (*gone, *gone_contacts.confirm_absent(connection, absent, seen_at))
    marked = gone_contacts.mark(connection, gone, seen_at)
    upserted.changed |= marked.keys()
    forget_unreadable(connection, (*(contact.contact_id for contact in contacts), *gone))
    return Outcome(upserted, tuple(change for change in flips if change is not None), marked)


def _flip(
    connection: sqlite3.Connection, seen: Seen, seen_at: datetime, batch_id: str, decided: frozenset[int]
) -> Change | None:
    before: ContactStatus | None = seen.before
    if before is ContactStatus.DELETED:
        # It is back, and may have changed while it was away.
        before = gone_contacts.status_before(connection, seen.contact.contact_id)
    action = _FLIPS.get((before, seen.contact.status)) if before else None
    if action is None:
        return None
    # A restore in Xero's pages may not move UpdatedDateUTC (unproven).
    confirmed_at = changed_at(connection, seen.contact.updated_at, seen_at, known=seen.was_updated_at)
    for change in journal.open_changes(connection, seen.contact.contact_id):
        if change.action is not action:
            continue
        if change.state is State.SENDING or change.change_id in decided:
            # Its sender is waiting for the answer, or has it, and will say.
            return None
        detail = conflicts.how_confirmed(connection, change, seen.contact)
        confirm = journal.TransitionRequest(
            change.change_id, Transition.CONFIRM, confirmed_at=confirmed_at, detail=detail
        )
        confirmed = journal.move(connection, confirm, seen_at)
        # What was sent from here, and is only now known to have been done, is nobody else's word.
        if action is Action.RESTORE and change.state is not State.UNKNOWN:
            conflicts.weigh_restore(connection, change.contact_id, confirmed_at, seen_at)
        return confirmed
    unconfirmed = journal.sent_unconfirmed(connection, seen.contact, action)
    if unconfirmed is not None:
        return journal.confirm_late(connection, unconfirmed, seen.contact.updated_at, seen_at)
    change_id = journal.insert(connection, seen.contact, action, batch_id, seen_at, confirmed_at=confirmed_at)
    if action is Action.RESTORE:
        conflicts.weigh_restore(connection, seen.contact.contact_id, confirmed_at, seen_at)
    return journal.get(connection, change_id)


def add(
    connection: sqlite3.Connection, action: Action, contacts: Sequence[Contact], now: datetime
) -> list[Change]:
    """Queue the action for each contact, unless the last thing asked of it and still open is the same.

    Where that is the opposite and still queued, it is cancelled instead: nothing of it has left yet, so
    that taking it back is all that is asked for. Returns the changes that are new.
    """
    batch_id = uuid4().hex
    added: list[int] = []
    taken_back: list[tuple[int, Action]] = []
    for contact in contacts:
        last = next(reversed(journal.open_changes(connection, contact.contact_id)), None)
        if last is None or (last.action is not action and last.state is not State.QUEUED):
            added.append(journal.insert(connection, contact, action, batch_id, now))
        elif last.action is not action:
            detail = f"{action} asked for instead"
            move = journal.TransitionRequest(last.change_id, Transition.CANCEL, detail=detail, batch=batch_id)
            journal.move(connection, move, now)
            taken_back.append((last.change_id, action))
    if added or taken_back:
        begin(connection, BatchKind.REQUEST, now, batch_id=batch_id)
        note_wishes(connection, batch_id, taken_back)
    return [journal.get(connection, change_id) for change_id in added]
