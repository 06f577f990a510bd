"""What a person asks of the journal: one part of the store's door."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from tui.model.change_list import BatchKind, UndoPlan
from tui.store import contact_ingest, sync_state, tenancy
from tui.store.change_log import change_list, undo

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tui.model.change import Action, Change
    from tui.model.change_list import ChangeQuery
    from tui.model.contact import Contact
    from tui.model.tenancy import ContactGroup, TenancyWarnings
    from tui.store.database import Database

T = TypeVar("T")

# A cursor, so that every copy of the program and the next start know.
_PAUSED: Final = "push.paused_at"


class ChangeRepository:
    """Changes asked for, undone, redone, tried again, paused and looked through."""

    _database: Database

    async def add(self, action: Action, contacts: Sequence[Contact], now: datetime) -> list[Change]:
        """Queue the action for the contacts, as one batch; durable when this returns.

        A contact with an open change of the same action is left out; where the opposite is still queued,
        that is cancelled instead. Returns the changes that are new.
        """
        return await self._database.write(
            lambda connection: contact_ingest.add(connection, action, contacts, now)
        )

    async def undo_plan(self, kind: BatchKind = BatchKind.UNDO) -> UndoPlan | None:
        """Plan the next undo or redo; None when there is no batch for it."""
        return await self._read(lambda connection: undo.plan(connection, kind))

    async def undo(self, plan: UndoPlan, now: datetime) -> UndoPlan:
        """Undo or redo as planned, all of it or nothing; returns what was done. Raises `ReshelveError`."""
        return await self._database.write(lambda connection: undo.execute(connection, plan, now))

    async def retry(self, changes: Sequence[Change], now: datetime) -> list[Change]:
        """Ask again for what was refused, as one batch; returns the new changes."""
        ids = [change.change_id for change in changes]
        return await self._database.write(lambda connection: undo.retry(connection, ids, now))

    async def cancel_queued(self, changes: Sequence[Change], now: datetime) -> list[Change]:
        """Take back those that are still queued, all at once; returns them."""
        ids = [change.change_id for change in changes]
        return await self._database.write(lambda connection: undo.cancel_queued(connection, ids, now))

    @property
    def is_paused(self) -> bool:
        """Whether a person has stopped the sending of what is queued."""
        return sync_state.read_sync_state(self._database, _PAUSED) is not None

    async def pause(self, now: datetime, *, on: bool) -> None:
        """Stop the sending of what is queued, or go on with it."""
        value = now.isoformat() if on else None
        await self._database.write(lambda connection: sync_state.write_sync_state(connection, _PAUSED, value))

    async def changes(self, query: ChangeQuery, start: int, stop: int) -> tuple[int, list[Change]]:
        """Count the changes found, and read those from start to before stop, newest first."""
        return await self._read(
            lambda connection: (
                change_list.count(connection, query),
                change_list.window(connection, query, start, stop),
            )
        )

    def iter_changes(self, query: ChangeQuery) -> Iterator[Change]:
        """Read all changes found, newest first. For a thread of its own."""
        with self._database.read_connection() as connection:
            yield from change_list.iter_all(connection, query)

    def tenancy_warnings(self) -> TenancyWarnings:
        """Return what is to be kept in mind of tenancies before anything is archived."""
        return tenancy.read_warnings(self._database)

    def tenant_groups(self) -> frozenset[str]:
        """Return the names of the contact groups that are of tenants."""
        return tenancy.read_tenant_groups(self._database)

    async def contact_groups(self) -> tuple[ContactGroup, ...]:
        """Return the contact groups, those first that are or sound like tenants."""
        return await self._read(tenancy.groups_in)

    async def mark_tenants(self, name: str, now: datetime, *, on: bool) -> bool:
        """Keep that a contact group is of tenants, or isn't; returns whether that is news."""
        return await self._database.write(
            lambda connection: tenancy.mark_group(connection, name, now, is_tenants=on)
        )

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read much, as of one moment, without holding up the loop."""

        def read() -> T:
            with self._database.read_connection() as connection:
                connection.execute("BEGIN")
                return work(connection)

        return await asyncio.to_thread(read)
