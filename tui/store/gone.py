"""Contacts that Xero no longer knows: found by a full read, marked, and never deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.model.change import Event, State
from tui.model.contact import ContactStatus
from tui.store.journal import changes as journal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui.store.database import Database

WORDS: Final = "Xero no longer knows this contact."


def forget_told(connection: sqlite3.Connection) -> None:
    """Forget what the last full read told of."""
    connection.execute("DELETE FROM told")


def note_told(connection: sqlite3.Connection, rowids: Iterable[int]) -> None:
    """Note that the full read under way has told of these."""
    connection.executemany("INSERT OR IGNORE INTO told VALUES (?)", ((rowid,) for rowid in rowids))


def untold(database: Database, limit: int) -> list[str]:
    """Return the contacts that the full read under way hasn't told of. Too slow for the loop's thread."""
    sql = """
        SELECT contact_id FROM contacts
        WHERE rowid NOT IN (SELECT contact_rowid FROM told) AND status <> ? LIMIT ?
    """
    with database.reading() as connection:
        rows = connection.execute(sql, (ContactStatus.GONE.value, limit)).fetchall()
    return [contact_id for (contact_id,) in rows]


def mark(connection: sqlite3.Connection, contact_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """Mark contacts as gone, and refuse what is still open on them; returns the row ids of those marked.

    What is being sent is left to its sender, who reads the contact before judging.
    """
    if not contact_ids:
        return {}
    rows = connection.execute(
        """
        UPDATE contacts SET status = ?1
        WHERE status <> ?1 AND contact_id IN (SELECT value FROM json_each(?2))
        RETURNING contact_id, rowid
        """,
        (ContactStatus.GONE.value, json.dumps(list(contact_ids))),
    ).fetchall()
    for contact_id in contact_ids:
        for change in journal.open_changes(connection, contact_id):
            if change.state is not State.SENDING:
                journal.move(connection, journal.Move(change.change_id, Event.REFUSE, words=WORDS), now)
    return dict(rows)
