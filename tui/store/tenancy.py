"""Tenancy care: contact groups and their marks, and whether anything was archived here yet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tui.model.contact import ContactStatus
from tui.model.tenancy import ContactGroup, TenancyWarnings, in_order, marked_by
from tui.store import values
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from tui.store.database import Database

_MARKS: Final = "SELECT group_name, is_tenants FROM group_marks ORDER BY number"
# Refused and cancelled ones count: whoever asked for them has read what archiving means.
_ANY_ARCHIVE: Final = "SELECT EXISTS (SELECT 1 FROM changes WHERE action = 'archive' AND origin = 'here')"


def read_marked(database: Database) -> frozenset[str]:
    """Read the names of the groups marked as tenants; costs the same however many changes there are."""
    return _marked(database.rows(_MARKS))


def read_care(database: Database) -> TenancyWarnings:
    """Read what is to be kept in mind before anything is archived."""
    [(was_asked,)] = database.rows(_ANY_ARCHIVE)
    return TenancyWarnings(read_marked(database), is_first=not was_asked)


def care_in(connection: sqlite3.Connection) -> TenancyWarnings:
    """Read the same within a transaction."""
    [(was_asked,)] = connection.execute(_ANY_ARCHIVE)
    return TenancyWarnings(_marked(connection.execute(_MARKS)), is_first=not was_asked)


def _marked(marks: Iterable[tuple[str, int]]) -> frozenset[str]:
    return marked_by((values.text(name), values.flag(is_tenants)) for name, is_tenants in marks)


def groups_in(connection: sqlite3.Connection) -> tuple[ContactGroup, ...]:
    """Read every group that a contact is in, and those marked that none is in any more."""
    marked = _marked(connection.execute(_MARKS))
    active: Counter[str] = Counter()
    # Contacts share few combinations of groups, so that what is taken apart here is little.
    rows = connection.execute(
        "SELECT group_names, sum(status = ?) FROM contacts"
        " WHERE group_names <> '[]' AND status <> ? GROUP BY group_names",
        (ContactStatus.ACTIVE.value, ContactStatus.DELETED.value),
    )
    for names, count in rows:
        for name in values.names(names):
            active[name] += count
    known = (ContactGroup(name, count, name in marked) for name, count in active.items())
    unknown = (
        ContactGroup(name, 0, is_tenants=True, is_known=False) for name in marked if name not in active
    )
    return in_order((*known, *unknown))


def mark(connection: sqlite3.Connection, name: str, now: datetime, *, is_tenants: bool) -> bool:
    """Keep what was said of a group; returns whether that is news."""
    if (name in _marked(connection.execute(_MARKS))) is is_tenants:
        return False
    connection.execute(
        "INSERT INTO group_marks (told_ms, group_name, is_tenants) VALUES (?, ?, ?)",
        (to_ms(now), name, int(is_tenants)),
    )
    return True
