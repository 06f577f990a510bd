"""Reads what can still be read of a damaged table, row by row where it must be."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

# A page that can't be read hides some forty rows, each found out by halving. A table whose root is gone
# answers nothing at all, and would be asked without end.
_MOST_FAILURES: Final = 5_000
_HIGHEST: Final = 1 << 32


class RecoveredRows(Struct):
    """The rows that could be read, and whether those are all there were."""

    rows: list[tuple[Any, ...]]
    is_complete: bool


def recover_table(
    connection: sqlite3.Connection, table: str, key: str, columns: Sequence[str]
) -> RecoveredRows:
    """Read the rows of a table by their numbers, halving each stretch that can't be read."""
    found = RecoveredRows([], is_complete=True)
    sql = f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED WHERE {key} BETWEEN ? AND ? ORDER BY {key}"  # noqa: S608 - our own names
    stretches = [(1, _highest(connection, table, key))]
    failures = 0
    while stretches and failures < _MOST_FAILURES:
        low, high = stretches.pop()
        try:
            found.rows += connection.execute(sql, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            found.is_complete = False
            failures += 1
            if low < high:
                middle = (low + high) // 2
                stretches += [(middle + 1, high), (low, middle)]
    return found


def recover_sync_state(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Read the bookmarks up to the first that can't be read; losing one only means reading again."""
    rows: list[tuple[str, str]] = []
    try:
        for name, value in connection.execute("SELECT name, value FROM cursors"):
            rows.append((name, value))
    except sqlite3.DatabaseError:
        return rows
    return rows


def _highest(connection: sqlite3.Connection, table: str, key: str) -> int:
    for sql in (
        f"SELECT max({key}) FROM {table}",  # noqa: S608 - our own names
        f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'",  # noqa: S608 - as above
    ):
        try:
            row = connection.execute(sql).fetchone()
        except sqlite3.DatabaseError:
            continue
        if row is not None and row[0] is not None:
            return int(row[0])
        return 0
    return _HIGHEST
