"""Contacts that Xero no longer has: marked as deleted once that is certain, but kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.model.change import State, Transition
from tui.model.contact import ContactStatus
from tui.model.reasons import ContactReason, Notice
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.sync_state import write_sync_state
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui.store.database import Database


# A JSON object by contact id: not empty if the full sync in progress has seen the contact.
_NAME: Final = "contacts.unreadable"
_SELECT: Final = "SELECT value FROM sync_state WHERE name = ?"
_SEEN: Final = "seen"


def read_unreadable(database: Database) -> tuple[str, ...]:
    """Read the ids of the unreadable contacts; for those without an id, the marks."""
    return tuple(_of(database.rows(_SELECT, (_NAME,))))


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
    return _of(connection.execute(_SELECT, (_NAME,)).fetchall())


def _of(rows: Sequence[tuple[object]]) -> dict[str, str]:
    return values.fields(rows[0][0]) if rows else {}


def _write(connection: sqlite3.Connection, before: dict[str, str], after: dict[str, str]) -> None:
    if after != before:
        write_sync_state(connection, _NAME, json.dumps(after) if after else None)


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
