"""Named bookmarks: where a pull or a feed was read to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store import values

if TYPE_CHECKING:
    import sqlite3

    from tui.store.database import Database

_SELECT: Final = "SELECT value FROM cursors WHERE name = ?"
#: Until when, by Xero's clock, the contacts here are as Xero has them.
REFRESHED_UNTIL: Final = "pull.since"


def read_sync_state(database: Database, name: str) -> str | None:
    """Read a bookmark, None if it was never set."""
    rows = database.rows(_SELECT, (name,))
    return values.text(rows[0][0]) if rows else None


def sync_state_in(connection: sqlite3.Connection, name: str) -> str | None:
    """Read a bookmark within a transaction, None if it was never set."""
    row = connection.execute(_SELECT, (name,)).fetchone()
    return values.text(row[0]) if row else None


def write_sync_state(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Set a bookmark, or forget it."""
    if value is None:
        connection.execute("DELETE FROM cursors WHERE name = ?", (name,))
    else:
        connection.execute(
            "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
            (name, value, value),
        )
