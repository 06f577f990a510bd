"""Contacts that couldn't be parsed in Xero's last reply, by id, until they can be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.store import values
from tui.store.sync_state import write_sync_state

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

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
