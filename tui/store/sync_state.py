"""Named values that persist between runs: how far syncs and feeds were read, and what was learnt from them.

A name states what the value is about. Names that start with `contacts.` describe the stored contacts: backups
and repairs leave them out along with the contacts (`schema.old_names.IS_ABOUT_CONTACTS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store import values

if TYPE_CHECKING:
    import sqlite3

    from tui.store.database import Database

_SELECT: Final = "SELECT value FROM sync_state WHERE name = ?"
#: The time, by Xero's clock, up to which the stored contacts are current.
REFRESHED_UNTIL: Final = "contacts.refreshed_until"


def read_sync_state(database: Database, name: str) -> str | None:
    """Read a value; None if it was never set."""
    rows = database.rows(_SELECT, (name,))
    return values.text(rows[0][0]) if rows else None


def sync_state_in(connection: sqlite3.Connection, name: str) -> str | None:
    """Read a value within a transaction; None if it was never set."""
    row = connection.execute(_SELECT, (name,)).fetchone()
    return values.text(row[0]) if row else None


def write_sync_state(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Set a value, or delete it with None."""
    if value is None:
        connection.execute("DELETE FROM sync_state WHERE name = ?", (name,))
    else:
        connection.execute(
            "INSERT INTO sync_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
            (name, value, value),
        )
