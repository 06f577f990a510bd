"""Contacts that Xero no longer has: marked once that is certain, and never deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.model.change import State, Transition
from tui.model.contact import ContactStatus
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui.store.database import Database

# Two answers that are further apart than this, in milliseconds, are two and not one.
_MIN_INTERVAL_MS: Final = 5 * 60 * 1000
DELETED_MESSAGE: Final = "Xero no longer knows this contact."


def reset_seen(connection: sqlite3.Connection) -> None:
    """Forget what the last full read told of."""
    connection.execute("DELETE FROM told")


def mark_seen(connection: sqlite3.Connection, rowids: Iterable[int]) -> None:
    """Note that the full read under way has told of these."""
    connection.executemany("INSERT OR IGNORE INTO told VALUES (?)", ((rowid,) for rowid in rowids))


def unseen_contacts(database: Database, limit: int) -> list[str]:
    """Return the contacts that the full read under way hasn't told of. Too slow for the loop's thread."""
    sql = """
        SELECT contact_id FROM contacts
        WHERE rowid NOT IN (SELECT contact_rowid FROM told) AND status <> ? LIMIT ?
    """
    with database.read_connection() as connection:
        rows = connection.execute(sql, (ContactStatus.DELETED.value, limit)).fetchall()
    return [values.text(contact_id) for (contact_id,) in rows]


def confirm_missing(connection: sqlite3.Connection, contact_ids: Sequence[str], now: datetime) -> list[str]:
    """Keep that an answer lacked these contacts; returns those that another one lacked long enough before.

    What two answers agree on, some time apart, is no mistake of the moment. Kept in the store, as a restart
    must not make two out of one.
    """
    now_ms = to_ms(now)
    connection.executemany(
        # A first time that is yet to come is by a clock that was set since: counted from now.
        "INSERT INTO absences (contact_id, since_ms, status) VALUES (?1, ?2, '')"
        " ON CONFLICT (contact_id) DO UPDATE SET since_ms = ?2 WHERE since_ms > ?2",
        ((contact_id, now_ms) for contact_id in contact_ids),
    )
    rows = connection.execute(
        "SELECT contact_id FROM absences"
        " WHERE contact_id IN (SELECT value FROM json_each(?)) AND since_ms <= ?",
        (json.dumps(list(contact_ids)), now_ms - _MIN_INTERVAL_MS),
    )
    return [contact_id for (contact_id,) in rows]


def status_before(connection: sqlite3.Connection, contact_id: str) -> ContactStatus | None:
    """Return what a contact was before it was marked as gone; None where that isn't known."""
    row = connection.execute("SELECT status FROM absences WHERE contact_id = ?", (contact_id,)).fetchone()
    known = values.read_rows(
        lambda row_of_status: values.enum_member(ContactStatus, row_of_status[0]), [row] if row else []
    )
    return known[0] if known else None


def clear_missing(connection: sqlite3.Connection, contact_ids: Iterable[str]) -> None:
    """Forget that replies lacked these contacts: Xero has returned them."""
    connection.execute(
        "DELETE FROM absences WHERE contact_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(contact_ids)),),
    )


def mark_deleted(connection: sqlite3.Connection, contact_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """Mark contacts as gone, and refuse what is still open on them; returns the row ids of those marked.

    What is being sent is left to its sender, who reads the contact before judging.
    """
    if not contact_ids:
        return {}
    listed = json.dumps(list(contact_ids))
    connection.execute(
        """
        INSERT INTO absences (contact_id, since_ms, status)
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
                change_table.apply_transition(
                    connection,
                    change_table.TransitionRequest(
                        change.change_id, Transition.REFUSE, message=DELETED_MESSAGE
                    ),
                    now,
                )
    return dict(rows)
