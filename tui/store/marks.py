"""The contacts and groups that the user marked as kept or protected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.model.marks import MarkKind, Marks
from tui.store import values
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from tui.store.database import Database


_SELECT: Final = "SELECT kind, contact_id, group_name, is_on FROM marks"
_ALL: Final = f"{_SELECT} ORDER BY number"
_OF_CONTACT: Final = f"{_SELECT} WHERE contact_id IN (?, '') ORDER BY number"
_INSERT: Final = "INSERT INTO marks (marked_ms, kind, contact_id, group_name, is_on) VALUES (?, ?, ?, ?, ?)"


def contacts_with(kind: MarkKind) -> str:
    """Return SQL that selects the ids of contacts that have a mark themselves."""
    return f"""
        SELECT contact_id FROM marks AS mark WHERE kind = '{kind}' AND contact_id <> '' AND is_on = 1
            AND number = (
                SELECT max(number) FROM marks WHERE contact_id = mark.contact_id AND kind = '{kind}'
            )
    """  # noqa: S608 - our own values


def read_marks(connection: sqlite3.Connection) -> Marks:
    """Read all marks."""
    return _replay(connection.execute(_ALL))


def _replay(rows: Iterable[tuple[str, str, str, int]]) -> Marks:
    last = {
        (values.text(kind), values.text(contact_id), values.text(group)): values.flag(is_on)
        for kind, contact_id, group, is_on in rows
    }
    on = [target for target, is_on in last.items() if is_on]
    return Marks(
        kept=frozenset(contact_id for kind, contact_id, _ in on if contact_id and kind == MarkKind.KEPT),
        protected=frozenset(
            contact_id for kind, contact_id, _ in on if contact_id and kind == MarkKind.PROTECTED
        ),
        protected_groups=frozenset(group for kind, _, group in on if group and kind == MarkKind.PROTECTED),
    )


class MarkRepository:
    """What the user marked in an organisation. Marks are only added: the last one of a target counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Marks:
        """Return all marks."""
        return _replay(self._database.rows(_ALL))

    def of_contact(self, contact_id: str) -> Marks:
        """Return the marks of one contact, and of all groups."""
        return _replay(self._database.rows(_OF_CONTACT, (contact_id,)))

    async def mark_contacts(
        self, kind: MarkKind, contact_ids: Collection[str], now: datetime, *, on: bool
    ) -> int:
        """Mark contacts, or remove their marks; returns for how many that changed anything."""

        def work(connection: sqlite3.Connection) -> int:
            sql = f"SELECT value FROM json_each(?) WHERE (value IN ({contacts_with(kind)})) = ?"  # noqa: S608 - our own SQL
            parameters = (json.dumps(list(dict.fromkeys(contact_ids))), int(not on))
            changed = [contact_id for (contact_id,) in connection.execute(sql, parameters) if contact_id]
            at = to_ms(now)
            connection.executemany(_INSERT, [(at, kind.value, one, "", int(on)) for one in changed])
            return len(changed)

        return await self._database.write(work)

    async def protect_group(self, name: str, now: datetime, *, on: bool) -> bool:
        """Protect the contacts of a group, or no longer. Returns whether that changed anything."""

        def work(connection: sqlite3.Connection) -> bool:
            if (name in read_marks(connection).protected_groups) is on or not name:
                return False
            connection.execute(_INSERT, (to_ms(now), MarkKind.PROTECTED.value, "", name, int(on)))
            return True

        return await self._database.write(work)
