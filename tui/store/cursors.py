"""Named bookmarks: where a pull or a feed was read to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.store import values

if TYPE_CHECKING:
    import sqlite3

    from tui.store.database import Database


def read_cursor(database: Database, name: str) -> str | None:
    """Read a bookmark, None if it was never set."""
    rows = database.rows("SELECT value FROM cursors WHERE name = ?", (name,))
    return values.text(rows[0][0]) if rows else None


def write_cursor(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Set a bookmark, or forget it."""
    if value is None:
        connection.execute("DELETE FROM cursors WHERE name = ?", (name,))
    else:
        connection.execute(
            "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
            (name, value, value),
        )
