"""Stores contacts as Xero returned them, and updates the change log for changed statuses.

Someone may change a contact in Xero while a change of it is open in Reshelve:

| Open in Reshelve              | In Xero, someone | Result                                                  |
|-------------------------------|------------------|---------------------------------------------------------|
| archive, queued               | archives it      | confirmed, never sent                                   |
| archive, queued               | merges it        | confirmed, never sent: a merge archives the contact     |
| archive, queued               | restores it      | the later one wins: refused if that was the restore     |
| archive, unknown              | archives it      | confirmed                                               |
| archive, unknown              | edits it         | refused: it may have been archived and restored since   |
| restore, queued/awaiting user | restores it      | confirmed                                               |
| restore, queued/awaiting user | merges it        | refused: a merged contact can't be restored             |
| any, queued/awaiting user     | requests erasure | refused: a contact with a GDPR request can't be changed |
| any, queued/awaiting user     | renames it       | continues with the new name; the log has both           |
| any, sending                  | anything         | left to the outbox, which has the reply or reads again  |

`engine.outbox.resolve` decides about unknown changes. Changes in Xero are dated by Xero's clock, requests by
this machine's; if both are the same, Xero's wins. Contacts that Xero no longer has are marked as deleted once
that is certain, but kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct, field

from tui.model.change import Action, Change, LogEvent, NoteState, State, Transition
from tui.model.change_list import BatchKind
from tui.model.contact import ContactStatus, ineligible_reason
from tui.model.reasons import ChangeReason, ContactReason, Notice
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.change_log.batches import insert_batch, record_targets
from tui.store.change_log.entries import changed_at, write_entry
from tui.store.change_log.evidence import mark_foreign_currency
from tui.store.contacts import StatusChange, UpsertResult, contacts_in, upsert
from tui.store.sync_state import write_sync_state
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from tui.model.contact import Contact
    from tui.store.database import Database


# A JSON object by contact id: not empty if the full sync in progress has seen the contact.
_DELETED: Final = "contacts.unreadable"
_SELECT_DELETED: Final = "SELECT value FROM sync_state WHERE name = ?"
_SEEN: Final = "seen"


def read_unreadable(database: Database) -> tuple[str, ...]:
    """Read the ids of the unreadable contacts; for those without an id, the marks."""
    return tuple(_of(database.rows(_SELECT_DELETED, (_DELETED,))))


def record_unreadable(connection: sqlite3.Connection, marks: Sequence[str], *, is_full_sync: bool) -> None:
    """Add contacts that couldn't be parsed."""
    if marks:
        before = _stored(connection)
        _write(connection, before, before | dict.fromkeys(marks, _SEEN if is_full_sync else ""))


def clear_unreadable(connection: sqlite3.Connection, contact_ids: Iterable[str]) -> None:
    """Remove contacts that can be parsed now or that Xero no longer has."""
    before = _stored(connection)
    if before:
        cleared = set(contact_ids)
        _write(connection, before, {mark: seen for mark, seen in before.items() if mark not in cleared})


def reset_unreadable_seen(connection: sqlite3.Connection) -> None:
    """Start a full sync, which hasn't seen any of them yet."""
    before = _stored(connection)
    _write(connection, before, dict.fromkeys(before, ""))


def clear_unreadable_unseen(connection: sqlite3.Connection) -> None:
    """End a full sync: remove those that it hasn't seen."""
    before = _stored(connection)
    _write(connection, before, {mark: seen for mark, seen in before.items() if seen})


def _stored(connection: sqlite3.Connection) -> dict[str, str]:
    return _of(connection.execute(_SELECT_DELETED, (_DELETED,)).fetchall())


def _of(rows: Sequence[tuple[object]]) -> dict[str, str]:
    return values.fields(rows[0][0]) if rows else {}


def _write(connection: sqlite3.Connection, before: dict[str, str], after: dict[str, str]) -> None:
    if after != before:
        write_sync_state(connection, _DELETED, json.dumps(after) if after else None)


# Replies must be at least this far apart, in milliseconds, to count as two.
_MIN_INTERVAL_MS: Final = 5 * 60 * 1000


def reset_seen(connection: sqlite3.Connection) -> None:
    """Clear the list of contacts that the full sync has seen."""
    connection.execute("DELETE FROM full_sync_seen")


def mark_seen(connection: sqlite3.Connection, rowids: Iterable[int]) -> None:
    """Record that the full sync in progress has seen these contacts."""
    connection.execute(
        "INSERT OR IGNORE INTO full_sync_seen SELECT value FROM json_each(?)", (json.dumps(list(rowids)),)
    )


def unseen_contacts(database: Database, limit: int) -> list[str]:
    """Return contacts that the full sync in progress hasn't seen. Too slow for the event loop's thread."""
    sql = """
        SELECT contact_id FROM contacts
        WHERE rowid NOT IN (SELECT contact_rowid FROM full_sync_seen) AND status <> ? LIMIT ?
    """
    with database.read_connection() as connection:
        rows = connection.execute(sql, (ContactStatus.DELETED.value, limit)).fetchall()
    return [values.text(contact_id) for (contact_id,) in rows]


def confirm_missing(connection: sqlite3.Connection, contact_ids: Sequence[str], now: datetime) -> list[str]:
    """Record that a reply lacked these contacts. Returns those that an earlier reply lacked as well.

    Two replies, some time apart, rule out a passing error. Stored, so that a restart doesn't count one twice.
    """
    now_ms = to_ms(now)
    connection.executemany(
        # If the clock was set back since the first time, that time is in the future: start again from now.
        "INSERT INTO missing_contacts (contact_id, since_ms, status) VALUES (?1, ?2, '')"
        " ON CONFLICT (contact_id) DO UPDATE SET since_ms = ?2 WHERE since_ms > ?2",
        ((contact_id, now_ms) for contact_id in contact_ids),
    )
    rows = connection.execute(
        "SELECT contact_id FROM missing_contacts"
        " WHERE contact_id IN (SELECT value FROM json_each(?)) AND since_ms <= ?",
        (json.dumps(list(contact_ids)), now_ms - _MIN_INTERVAL_MS),
    )
    return [contact_id for (contact_id,) in rows]


def status_before(connection: sqlite3.Connection, contact_id: str) -> ContactStatus | None:
    """Return a contact's status before it was marked as deleted; None if that isn't known."""
    sql = "SELECT status FROM missing_contacts WHERE contact_id = ?"
    row = connection.execute(sql, (contact_id,)).fetchone()
    known = values.read_rows(
        lambda row_of_status: values.enum_member(ContactStatus, row_of_status[0]), [row] if row else []
    )
    return known[0] if known else None


def clear_missing(connection: sqlite3.Connection, contact_ids: Iterable[str]) -> None:
    """Forget that replies lacked these contacts: Xero has returned them."""
    if connection.execute("SELECT 1 FROM missing_contacts LIMIT 1").fetchone() is None:
        return
    connection.execute(
        "DELETE FROM missing_contacts WHERE contact_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(contact_ids)),),
    )


def mark_deleted(connection: sqlite3.Connection, contact_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """Mark contacts as deleted and refuse their open changes. Returns the row ids of those marked.

    Changes that are being sent are left to the outbox, which reads the contact again.
    """
    if not contact_ids:
        return {}
    listed = json.dumps(list(contact_ids))
    connection.execute(
        """
        INSERT INTO missing_contacts (contact_id, since_ms, status)
        SELECT contact_id, ?1, status FROM contacts
        WHERE status <> ?2 AND contact_id IN (SELECT value FROM json_each(?3))
        ON CONFLICT (contact_id) DO UPDATE SET status = excluded.status
        """,
        (to_ms(now), ContactStatus.DELETED.value, listed),
    )
    rows = connection.execute(
        """
        UPDATE contacts SET status = ?1
        WHERE status <> ?1 AND contact_id IN (SELECT value FROM json_each(?2))
        RETURNING contact_id, rowid
        """,
        (ContactStatus.DELETED.value, listed),
    ).fetchall()
    for contact_id in contact_ids:
        for change in change_table.open_changes(connection, contact_id):
            if change.state is not State.SENDING:
                refuse = change_table.TransitionRequest(
                    change.change_id, Transition.REFUSE, notice=Notice(ContactReason.DELETED)
                )
                change_table.apply_transition(connection, refuse, now)
    return dict(rows)


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
    update_open_changes(connection, upserted.changed_ids, seen_at, handled)
    mark_foreign_currency(connection, [contact.contact_id for contact in contacts])
    clear_missing(connection, (contact.contact_id for contact in contacts))
    deleted = (*deleted, *confirm_missing(connection, missing, seen_at))
    marked = mark_deleted(connection, deleted, seen_at)
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
        before = status_before(connection, status_change.contact.contact_id)
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
        reason = confirmation_reason(connection, change, status_change.contact)
        confirm = change_table.TransitionRequest(
            change.change_id, Transition.CONFIRM, confirmed_at=confirmed_at, notice=Notice(reason)
        )
        confirmed = change_table.apply_transition(connection, confirm, seen_at)
        # An unknown restore that is confirmed now was made by Reshelve, so it doesn't conflict with a queued
        # archive.
        if action is Action.RESTORE and change.state is not State.UNKNOWN:
            resolve_restore_conflict(connection, change.contact_id, confirmed_at, seen_at)
        return confirmed
    unconfirmed = change_table.find_unconfirmed(connection, status_change.contact, action)
    if unconfirmed is not None:
        return change_table.confirm_late(connection, unconfirmed, status_change.contact.updated_at, seen_at)
    change_id = change_table.insert(
        connection, status_change.contact, action, batch_id, seen_at, confirmed_at=confirmed_at
    )
    if action is Action.RESTORE:
        resolve_restore_conflict(connection, status_change.contact.contact_id, confirmed_at, seen_at)
    return change_table.get(connection, change_id)


def add(
    connection: sqlite3.Connection,
    action: Action,
    contacts: Sequence[Contact],
    now: datetime,
    *,
    note: str = "",
    is_note_for_xero: bool = False,
) -> list[Change]:
    """Queue the action for each contact, unless the contact's latest open change has the same action.

    A contact is also left out if a confirmed change has done this already: a plan can be older than that.
    If the latest open change is the opposite and still queued, it is cancelled instead: it hasn't been sent,
    so nothing more is needed. Returns the new changes.
    """
    batch_id = uuid4().hex
    note_in_xero = NoteState.WANTED if is_note_for_xero else None
    added: list[int] = []
    cancelled: list[tuple[int, Action]] = []
    for contact in contacts:
        last = next(reversed(change_table.open_changes(connection, contact.contact_id)), None)
        if last is None and _is_done(connection, contact, action):
            continue
        if last is None or (last.action is not action and last.state is not State.QUEUED):
            added.append(
                change_table.insert(
                    connection, contact, action, batch_id, now, note=note, note_in_xero=note_in_xero
                )
            )
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


_DONE: Final = f"""
    SELECT EXISTS (
        SELECT 1 FROM contacts JOIN changes USING (contact_id)
        WHERE contact_id = ? AND status = ? AND action = ? AND state = '{State.CONFIRMED}'
    )
"""  # noqa: S608 - our own name


def _is_done(connection: sqlite3.Connection, contact: Contact, action: Action) -> bool:
    """Whether a confirmed change has given the contact this status, perhaps after it was chosen."""
    [is_done] = connection.execute(
        _DONE, (contact.contact_id, action.target_status.value, action.value)
    ).fetchone()
    return bool(is_done)


_OPEN: Final = f"""
    SELECT {", ".join(change_table.CHANGE_COLUMNS)} FROM changes
    WHERE contact_id IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'awaiting_user')
    ORDER BY change_id
"""  # noqa: S608 - our own column names


def confirmation_reason(connection: sqlite3.Connection, change: Change, contact: Contact) -> ChangeReason:
    """Return, for the log, how an open change came to be made in Xero."""
    if change.action is Action.ARCHIVE and contact.merged_to:
        return ChangeReason.MERGED_AWAY
    if change_table.find_unconfirmed(connection, contact, change.action) is not None:
        return ChangeReason.CONFIRMED_LATE
    # If it was sent before, that call may have archived the contact without showing in a read yet.
    was_first = _is_queued(change, Action.ARCHIVE) and not change.idempotency_key
    return ChangeReason.ARCHIVED_FIRST if was_first else ChangeReason.DETECTED_IN_XERO


def resolve_restore_conflict(
    connection: sqlite3.Connection, contact_id: str, restored_at: datetime, seen_at: datetime
) -> None:
    """Resolve a restore in Xero against a queued archive: the later one wins."""
    for change in change_table.open_changes(connection, contact_id):
        if not _is_queued(change, Action.ARCHIVE):
            continue
        if restored_at >= change.requested_at:
            refuse = change_table.TransitionRequest(
                change.change_id, Transition.REFUSE, notice=Notice(ChangeReason.RESTORED_SINCE)
            )
            change_table.apply_transition(connection, refuse, seen_at)
        else:
            notice = Notice(ChangeReason.RESTORED_BEFORE)
            state = change.state.value
            write_entry(connection, to_ms(seen_at), change.change_id, LogEvent.NOTE, state, notice=notice)


def update_open_changes(
    connection: sqlite3.Connection,
    contact_ids: Collection[str],
    seen_at: datetime,
    handled: frozenset[int],
) -> None:
    """Refuse changes of contacts that can't be changed any more, and record new names."""
    rows = connection.execute(_OPEN, (json.dumps(list(contact_ids)),)).fetchall()
    open_changes = values.read_rows(change_table.change_of, rows)
    pending = [change for change in open_changes if change.change_id not in handled]
    if not pending:
        return
    contacts = contacts_in(connection, [change.contact_id for change in pending])
    for change in pending:
        contact = contacts.get(change.contact_id)
        if contact is None:
            continue
        reason = ineligible_reason(contact)
        if reason:
            refuse = change_table.TransitionRequest(
                change.change_id, Transition.REFUSE, notice=Notice(reason)
            )
            change_table.apply_transition(connection, refuse, seen_at)
        elif contact.name != change.name:
            _rename(connection, change, contact.name, seen_at)


def _rename(connection: sqlite3.Connection, change: Change, name: str, seen_at: datetime) -> None:
    connection.execute("UPDATE changes SET name = ? WHERE change_id = ?", (name, change.change_id))
    notice, state = Notice(ChangeReason.RENAMED, {"old": change.name, "new": name}), change.state.value
    write_entry(connection, to_ms(seen_at), change.change_id, LogEvent.RENAMED, state, notice=notice)


def _is_queued(change: Change, action: Action) -> bool:
    return change.action is action and change.state is State.QUEUED
