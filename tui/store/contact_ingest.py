"""Stores contacts as Xero returned them, and updates the change log for changed statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct, field

from tui.model.change import Action, Change, State, Transition
from tui.model.change_list import BatchKind
from tui.model.contact import ContactStatus
from tui.model.reasons import ChangeReason, Notice
from tui.store import deleted_contacts
from tui.store.change_log import changes as change_table
from tui.store.change_log import conflicts
from tui.store.change_log.batches import insert_batch, record_targets
from tui.store.change_log.entries import changed_at
from tui.store.change_log.evidence import mark_foreign_currency
from tui.store.contacts import StatusChange, UpsertResult, upsert
from tui.store.deleted_contacts import clear_unreadable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tui.model.contact import Contact

_STATUS_ACTIONS: Final = {
    (ContactStatus.ACTIVE, ContactStatus.ARCHIVED): Action.ARCHIVE,
    (ContactStatus.ARCHIVED, ContactStatus.ACTIVE): Action.RESTORE,
}


class IngestResult(Struct, frozen=True):
    """The effects of storing contacts, with the resulting changes as they are now in the change log.

    `deleted` maps the ids of contacts marked as deleted to their row ids.
    """

    upserted: UpsertResult
    detected: tuple[Change, ...]
    deleted: Mapping[str, int] = field(default_factory=dict)


def ingest(
    connection: sqlite3.Connection,
    contacts: Sequence[Contact],
    seen_at: datetime,
    *,
    handled: frozenset[int] = frozenset(),
    deleted: Sequence[str] = (),
    missing: Sequence[str] = (),
    is_full_sync: bool = False,
) -> IngestResult:
    """Store contacts. A changed status confirms an open change, or is logged as a change made in Xero.

    Changes in `handled`, by id, are skipped: the caller applies their transitions. `deleted` are the ids of
    contacts that Xero no longer has. `missing` are the ids that a reply lacked; these contacts are marked as
    deleted once a later reply lacks them, too.
    """
    upserted = upsert(connection, contacts, seen_at, is_full_sync=is_full_sync)
    batch_id = uuid4().hex
    detected = [
        _record_status_change(connection, status_change, seen_at, batch_id, handled)
        for status_change in upserted.status_changes
    ]
    conflicts.update_open_changes(connection, upserted.changed_ids, seen_at, handled)
    mark_foreign_currency(connection, [contact.contact_id for contact in contacts])
    deleted_contacts.clear_missing(connection, (contact.contact_id for contact in contacts))
    deleted = (*deleted, *deleted_contacts.confirm_missing(connection, missing, seen_at))
    marked = deleted_contacts.mark_deleted(connection, deleted, seen_at)
    upserted.changed_ids |= marked.keys()
    clear_unreadable(connection, (*(contact.contact_id for contact in contacts), *deleted))
    return IngestResult(upserted, tuple(change for change in detected if change is not None), marked)


def _record_status_change(
    connection: sqlite3.Connection,
    status_change: StatusChange,
    seen_at: datetime,
    batch_id: str,
    handled: frozenset[int],
) -> Change | None:
    before: ContactStatus | None = status_change.old_status
    if before is ContactStatus.DELETED:
        # The contact is back, and may have changed in the meantime.
        before = deleted_contacts.status_before(connection, status_change.contact.contact_id)
    action = _STATUS_ACTIONS.get((before, status_change.contact.status)) if before else None
    if action is None:
        return None
    # A restore on Xero's pages may not change UpdatedDateUTC (unproven).
    confirmed_at = changed_at(
        connection, status_change.contact.updated_at, seen_at, old_updated_at=status_change.old_updated_at
    )
    for change in change_table.open_changes(connection, status_change.contact.contact_id):
        if change.action is not action:
            continue
        if change.state is State.SENDING or change.change_id in handled:
            # The outbox has the reply or is waiting for it, and records the result.
            return None
        reason = conflicts.confirmation_reason(connection, change, status_change.contact)
        confirm = change_table.TransitionRequest(
            change.change_id, Transition.CONFIRM, confirmed_at=confirmed_at, notice=Notice(reason)
        )
        confirmed = change_table.apply_transition(connection, confirm, seen_at)
        # An unknown restore that is confirmed now was made by Reshelve, so it doesn't conflict with a queued
        # archive.
        if action is Action.RESTORE and change.state is not State.UNKNOWN:
            conflicts.resolve_restore_conflict(connection, change.contact_id, confirmed_at, seen_at)
        return confirmed
    unconfirmed = change_table.find_unconfirmed(connection, status_change.contact, action)
    if unconfirmed is not None:
        return change_table.confirm_late(connection, unconfirmed, status_change.contact.updated_at, seen_at)
    change_id = change_table.insert(
        connection, status_change.contact, action, batch_id, seen_at, confirmed_at=confirmed_at
    )
    if action is Action.RESTORE:
        conflicts.resolve_restore_conflict(
            connection, status_change.contact.contact_id, confirmed_at, seen_at
        )
    return change_table.get(connection, change_id)


def add(
    connection: sqlite3.Connection, action: Action, contacts: Sequence[Contact], now: datetime
) -> list[Change]:
    """Queue the action for each contact, unless the contact's latest open change has the same action.

    If the latest open change is the opposite and still queued, it is cancelled instead: it hasn't been sent,
    so nothing more is needed. Returns the new changes.
    """
    batch_id = uuid4().hex
    added: list[int] = []
    cancelled: list[tuple[int, Action]] = []
    for contact in contacts:
        last = next(reversed(change_table.open_changes(connection, contact.contact_id)), None)
        if last is None or (last.action is not action and last.state is not State.QUEUED):
            added.append(change_table.insert(connection, contact, action, batch_id, now))
        elif last.action is not action:
            notice = Notice(ChangeReason.OPPOSITE_REQUESTED)
            transition = change_table.TransitionRequest(
                last.change_id, Transition.CANCEL, notice=notice, batch=batch_id
            )
            change_table.apply_transition(connection, transition, now)
            cancelled.append((last.change_id, action))
    if added or cancelled:
        insert_batch(connection, BatchKind.REQUEST, now, batch_id=batch_id)
        record_targets(connection, batch_id, cancelled)
    return [change_table.get(connection, change_id) for change_id in added]
