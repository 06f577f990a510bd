"""Contact groups, which of them are marked as tenants, and whether Reshelve has archived anything yet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tui.model.contact import ContactGroup, ContactStatus, TenancyWarnings, current_tenant_groups, sort_groups
from tui.store import values
from tui.store.marks import read_marks
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from tui.store.database import Database

_MARKS: Final = "SELECT group_name, is_tenants FROM tenant_group_marks ORDER BY number"
# Refused and cancelled ones count: whoever requested them has read the explanation.
_ANY_ARCHIVE: Final = "SELECT EXISTS (SELECT 1 FROM changes WHERE action = 'archive' AND origin = 'reshelve')"


def read_tenant_groups(database: Database) -> frozenset[str]:
    """Read the names of the groups marked as tenants; takes no longer with more changes."""
    return _tenant_groups(database.rows(_MARKS))


def read_warnings(database: Database) -> TenancyWarnings:
    """Read the warnings to show before archiving."""
    [(has_archived,)] = database.rows(_ANY_ARCHIVE)
    return TenancyWarnings(read_tenant_groups(database), is_first_archive=not has_archived)


def tenant_groups_in(connection: sqlite3.Connection) -> frozenset[str]:
    """Read the names of the groups marked as tenants within a transaction."""
    return _tenant_groups(connection.execute(_MARKS))


def warnings_in(connection: sqlite3.Connection) -> TenancyWarnings:
    """Read the warnings within a transaction."""
    [(has_archived,)] = connection.execute(_ANY_ARCHIVE)
    return TenancyWarnings(tenant_groups_in(connection), is_first_archive=not has_archived)


def _tenant_groups(marks: Iterable[tuple[str, int]]) -> frozenset[str]:
    return current_tenant_groups((values.text(name), values.flag(is_tenants)) for name, is_tenants in marks)


def groups_in(connection: sqlite3.Connection) -> tuple[ContactGroup, ...]:
    """Read every group that has contacts, and those that are marked but empty."""
    tenant_groups = tenant_groups_in(connection)
    active: Counter[str] = Counter()
    # There are few different combinations of groups, so there is little to parse here.
    rows = connection.execute(
        "SELECT group_names, sum(status = ?) FROM contacts"
        " WHERE group_names <> '[]' AND status <> ? GROUP BY group_names",
        (ContactStatus.ACTIVE.value, ContactStatus.DELETED.value),
    )
    for names, count in rows:
        for name in values.names(names):
            active[name] += count
    protected = read_marks(connection).protected_groups
    known = (
        ContactGroup(name, count, name in tenant_groups, is_protected=name in protected)
        for name, count in active.items()
    )
    unknown = (
        ContactGroup(name, 0, name in tenant_groups, is_known=False, is_protected=name in protected)
        for name in tenant_groups | protected
        if name not in active
    )
    return sort_groups((*known, *unknown))


def mark_group(connection: sqlite3.Connection, name: str, now: datetime, *, is_tenants: bool) -> bool:
    """Mark or unmark a group as tenants. Returns whether that changed anything."""
    if (name in tenant_groups_in(connection)) is is_tenants:
        return False
    connection.execute(
        "INSERT INTO tenant_group_marks (reported_ms, group_name, is_tenants) VALUES (?, ?, ?)",
        (to_ms(now), name, int(is_tenants)),
    )
    return True


class TenancyRepository:
    """The contact groups of an organisation, and which of them are marked as tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def warnings(self) -> TenancyWarnings:
        """Return the warnings about tenancies to show before archiving."""
        return read_warnings(self._database)

    def tenant_groups(self) -> frozenset[str]:
        """Return the names of the contact groups that are marked as tenants."""
        return read_tenant_groups(self._database)

    async def groups(self) -> tuple[ContactGroup, ...]:
        """Return the contact groups, with those first that are marked as or named like tenants."""
        return await self._database.read(groups_in)

    async def mark_tenants(self, name: str, now: datetime, *, on: bool) -> bool:
        """Mark or unmark a contact group as tenants. Returns whether that changed anything."""
        return await self._database.write(lambda connection: mark_group(connection, name, now, is_tenants=on))
