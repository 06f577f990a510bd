"""Contacts whose last answer from Xero couldn't be read, by id, for as long as that is so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.store import values
from tui.store.sync_state import write_sync_state

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from tui.store.database import Database

# Part of what is known of the contacts alone: it goes where they go, and no backup has it. A JSON object
# whose values say whether the full read under way has met the contact, too ("" for no).
_CURSOR: Final = "pull.unreadable"
_SELECT: Final = "SELECT value FROM cursors WHERE name = ?"
_MET: Final = "met"


def read_unreadable(database: Database) -> tuple[str, ...]:
    """Read the ids of the contacts that can't be read, and the marks of those without an id."""
    return tuple(_of(database.rows(_SELECT, (_CURSOR,))))


def record_unreadable(connection: sqlite3.Connection, marks: Sequence[str], *, is_full_sync: bool) -> None:
    """Note contacts that couldn't be read just now."""
    if marks:
        before = _stored(connection)
        _write(connection, before, before | dict.fromkeys(marks, _MET if is_full_sync else ""))


def clear_unreadable(connection: sqlite3.Connection, contact_ids: Iterable[str]) -> None:
    """Forget contacts that could be read after all, or that Xero no longer has."""
    before = _stored(connection)
    if before:
        cleared = set(contact_ids)
        _write(connection, before, {mark: seen for mark, seen in before.items() if mark not in cleared})


def reset_unreadable_seen(connection: sqlite3.Connection) -> None:
    """Note that a full read begins, which has met none of them yet."""
    before = _stored(connection)
    _write(connection, before, dict.fromkeys(before, ""))


def clear_unreadable_unseen(connection: sqlite3.Connection) -> None:
    """Forget those that the full read now ending hasn't met."""
    before = _stored(connection)
    _write(connection, before, {mark: seen for mark, seen in before.items() if seen})


def _stored(connection: sqlite3.Connection) -> dict[str, str]:
    return _of(connection.execute(_SELECT, (_CURSOR,)).fetchall())


def _of(rows: Sequence[tuple[object]]) -> dict[str, str]:
    return values.fields(rows[0][0]) if rows else {}


def _write(connection: sqlite3.Connection, before: dict[str, str], after: dict[str, str]) -> None:
    if after != before:
        write_sync_state(connection, _CURSOR, json.dumps(after) if after else None)
