"""Reads the readable rows of a damaged table, one by one where necessary."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.store.schema.old_files import stored_table

if TYPE_CHECKING:
    from collections.abc import Sequence

# An unreadable page hides some forty rows, each of which is found by halving. A table without a readable root
# never returns anything, so the attempts are limited.
_MOST_FAILURES: Final = 5_000
_HIGHEST: Final = 1 << 32


class RecoveredRows(Struct):
    """The rows that could be read, and whether those are all there were."""

    rows: list[tuple[Any, ...]]
    is_complete: bool


def recover_table(
    connection: sqlite3.Connection, table: str, key: str, columns: Sequence[str]
) -> RecoveredRows:
    """Read the rows of a table by their keys, halving each range that can't be read.

    Table, key and columns are named as now; the file may be of an older Reshelve, which wrote fewer of them.
    """
    stored = stored_table(connection, table)
    if stored is None:
        return RecoveredRows([], is_complete=True)
    found = RecoveredRows([], is_complete=True)
    # The key by its name in the file; a damaged one isn't found.
    key = stored.columns.get(key, key)
    selected = stored.select(columns)
    sql = f"SELECT {selected} FROM {stored.name} NOT INDEXED WHERE {key} BETWEEN ? AND ? ORDER BY {key}"  # noqa: S608 - our own names
    ranges = [(1, _highest(connection, stored.name, key))]
    failures = 0
    while ranges and failures < _MOST_FAILURES:
        low, high = ranges.pop()
        try:
            found.rows += connection.execute(sql, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            found.is_complete = False
            failures += 1
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
    return found


def recover_sync_state(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Read the sync state up to the first unreadable entry: losing one only means downloading again."""
    rows: list[tuple[str, str]] = []
    try:
        stored = stored_table(connection, "sync_state")
        if stored is None:
            return rows
        sql = f"SELECT {stored.select(('name', 'value'))} FROM {stored.name}"  # noqa: S608 - our own names
        for name, value in connection.execute(sql):
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
