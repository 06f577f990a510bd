"""The store of one organisation: contacts, change log, evidence and sync state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.store import contact_ingest, sync_state
from tui.store.activity import ActivityRepository
from tui.store.change_log import changes as change_table
from tui.store.change_log import evidence as change_evidence
from tui.store.change_log.changes import TransitionRequest
from tui.store.change_repository import ChangeRepository
from tui.store.contact_ingest import (
    clear_unreadable_unseen,
    mark_seen,
    read_unreadable,
    record_unreadable,
    reset_seen,
    reset_unreadable_seen,
    unseen_contacts,
)
from tui.store.contacts import (
    find_active_by_name,
    read_contacts,
    read_counts,
    read_named,
    total_balances,
)
from tui.store.evidence_queries import EvidenceQueries, read_for_comparison
from tui.store.maintenance.repair import Maintenance, open_or_rebuild
from tui.store.marks import MarkRepository
from tui.store.search.search_service import SearchService
from tui.store.tenancy import TenancyRepository

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Change
    from tui.model.comparison import XeroContact
    from tui.model.contact import Balances, Contact
    from tui.model.errors import StoreError
    from tui.model.query import TabCounts
    from tui.model.tidy import TidySurvey
    from tui.store.contact_ingest import IngestResult
    from tui.store.database import Database
    from tui.store.duplicates import DuplicateRepository

__all__ = ["Store", "StoreUpdate", "TransitionRequest"]


class StoreUpdate(Struct, frozen=True):
    """What a write changed.

    `rows_changed` counts the contacts whose row may look different. `order_changed` means that rows were
    added, removed or moved on some tab. `detected` are the changes that were created or confirmed by data
    from Xero; `updated` are those that the requested transitions were applied to.
    """

    rows_changed: int
    order_changed: bool
    detected: tuple[Change, ...]
    updated: tuple[Change, ...] = ()


class Store:
    """Everything stored about one organisation.

    Reads return at once on the event loop's thread; writes are awaited, and durable when they return. All
    raise `StoreError`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.changes = ChangeRepository(database)
        self.activity = ActivityRepository(database)
        self.tenancy = TenancyRepository(database)
        self.marks = MarkRepository(database)
        self.evidence = EvidenceQueries(database)
        self.maintenance = Maintenance(database)
        self.search = SearchService(database)

    @property
    def duplicates(self) -> DuplicateRepository:
        """The contacts as they are compared to find duplicates, and the pairs dismissed."""
        # Not needed before the first search for duplicates.
        from tui.store.duplicates import DuplicateRepository

        return DuplicateRepository(self._database)

    @property
    def on_written(self) -> Callable[[StoreError | None], None]:
        """Called after each write, with None on success or the error."""
        return self._database.on_written

    @on_written.setter
    def on_written(self, listener: Callable[[StoreError | None], None]) -> None:
        self._database.on_written = listener

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the organisation's folder, creating it if needed; damaged contacts are rebuilt."""
        return cls(open_or_rebuild(folder))

    def close(self) -> None:
        """Finish submitted writes and close the file. Can be called twice."""
        self.maintenance.stop_checks()
        self.search.close()
        self._database.close()

    # --- contacts ---

    async def save_contacts(
        self,
        contacts: Sequence[Contact],
        seen_at: datetime,
        *,
        is_full_sync: bool = False,
        deleted: Sequence[str] = (),
        missing: Sequence[str] = (),
    ) -> StoreUpdate:
        """Store contacts as Xero returned them at that time, and log changed statuses.

        `is_full_sync` means that they are part of a full sync. `deleted` are the ids of contacts to mark as
        deleted; their open changes are refused, and they reappear if Xero returns them again. `missing` are
        the ids that a reply lacked; if a second reply, some time later, lacks them too, they are marked as
        deleted.

        Not safe from a power loss until a later durable write: the contacts are then downloaded again.
        """

        def work(connection: sqlite3.Connection) -> IngestResult:
            result = contact_ingest.ingest(
                connection, contacts, seen_at, deleted=deleted, missing=missing, is_full_sync=is_full_sync
            )
            if is_full_sync:
                mark_seen(connection, result.upserted.rowids)
            return result

        result = await self._database.write(work, durable=bool(deleted or missing), after=self._update_index)
        return _store_update(result)

    def unreadable(self) -> tuple[str, ...]:
        """Return the contacts that couldn't be parsed in Xero's last reply: ids, or marks for those without.

        They are removed from this list once they are stored or deleted.
        """
        return read_unreadable(self._database)

    async def record_unreadable(self, marks: Sequence[str], *, is_full_sync: bool = False) -> None:
        """Record contacts that couldn't be parsed."""
        await self._database.write(
            lambda connection: record_unreadable(connection, marks, is_full_sync=is_full_sync)
        )

    async def begin_full_sync(self) -> None:
        """Start a full sync, which hasn't seen any contact yet."""

        def work(connection: sqlite3.Connection) -> None:
            reset_seen(connection)
            reset_unreadable_seen(connection)

        await self._database.write(work)

    async def end_full_sync(self) -> None:
        """End a full sync: the contacts that it has seen needn't be known any more."""

        def work(connection: sqlite3.Connection) -> None:
            reset_seen(connection)
            clear_unreadable_unseen(connection)

        await self._database.write(work)

    async def unseen_contacts(self, limit: int) -> list[str]:
        """Return the ids of contacts that the full sync in progress hasn't seen."""
        return await asyncio.to_thread(unseen_contacts, self._database, limit)

    def counts(self) -> TabCounts:
        """Return how many contacts each tab has."""
        return read_counts(self._database)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a contact; None if it isn't stored."""
        return next(iter(self.contacts([contact_id])), None)

    def contacts(self, contact_ids: Sequence[str]) -> list[Contact]:
        """Return contacts in the given order, without those that aren't stored."""
        return read_contacts(self._database, contact_ids)

    async def named(self, texts: Collection[str]) -> Mapping[str, Sequence[Contact]]:
        """Return, for each text, the contact that has it as its id, or all that have it as their name."""
        return await self._database.read(lambda connection: read_named(connection, texts))

    def find_active_by_name(self, name: str, *, except_id: str) -> Contact | None:
        """Return another active contact of that name, ignoring case: Xero refuses a second one."""
        return find_active_by_name(self._database, name, except_id=except_id)

    # --- changes ---

    async def record_transitions(
        self,
        transitions: Sequence[TransitionRequest],
        now: datetime,
        contacts: Sequence[Contact] = (),
        *,
        deleted: Sequence[str] = (),
        missing: Sequence[str] = (),
    ) -> StoreUpdate:
        """Store contacts as seen now, then apply the transitions: in full or not at all, durable.

        The contacts don't affect changes that are being sent or that a transition is for; changes that the
        contacts, a refresh or the user have completed already stay as they are. `Transition.CONFIRM` without
        `confirmed_at` means now. `deleted` and `missing` are as for `save_contacts`. Raises
        `IllegalTransitionError` for a transition that the lifecycle doesn't have.
        """
        handled = frozenset(transition.change_id for transition in transitions)

        def work(connection: sqlite3.Connection) -> tuple[IngestResult, tuple[Change, ...]]:
            result = contact_ingest.ingest(
                connection, contacts, now, handled=handled, deleted=deleted, missing=missing
            )
            updated = (
                change_table.apply_transition(connection, transition, now) for transition in transitions
            )
            return result, tuple(change for change in updated if change is not None)

        result, updated = await self._database.write(work, after=lambda done: self._update_index(done[0]))
        return _store_update(result, updated)

    # --- comparison ---

    async def read_for_comparison(self) -> tuple[Sequence[XeroContact], Mapping[str, Sequence[Change]]]:
        """Read all contacts in order, and the open and confirmed changes of each by contact id."""
        return await asyncio.to_thread(read_for_comparison, self._database)

    async def tidy_survey(self, now: datetime) -> TidySurvey:
        """Find active contacts that are probably unused."""
        from tui.store.tidy import survey

        knows_activity = self.activity.is_known
        return await self._database.read(
            lambda connection: survey(connection, now, knows_activity=knows_activity)
        )

    async def total_balances(self, contact_ids: Collection[str]) -> Balances:
        """Add up the known balances of contacts."""
        return await self._database.read(lambda connection: total_balances(connection, contact_ids))

    # --- sync state ---

    def sync_state(self, name: str) -> str | None:
        """Return a value of the sync state; None if it was never set."""
        return sync_state.read_sync_state(self._database, name)

    async def set_sync_state(self, name: str, value: str | None, *, durable: bool = True) -> None:
        """Set a value of the sync state, or delete it with None; `durable` as for `Database.write`."""
        await self._database.write(
            lambda connection: sync_state.write_sync_state(connection, name, value), durable=durable
        )

    async def set_base_currency(self, currency: str) -> int:
        """Set the organisation's own currency; empty if it isn't known, which changes nothing.

        Returns how many changes turn out to be of a contact in a foreign currency.
        """
        if not currency or self.sync_state(sync_state.BASE_CURRENCY) == currency:
            return 0

        def work(connection: sqlite3.Connection) -> int:
            sync_state.write_sync_state(connection, sync_state.BASE_CURRENCY, currency)
            return change_evidence.mark_foreign_currency(connection)

        return await self._database.write(work)

    def changed_elsewhere(self) -> bool:
        """Return whether another process has written to the file since the last call.

        The search index is reloaded if so.
        """
        changed = self._database.changed_elsewhere()
        if changed:
            self.search.mark_stale()
        return changed

    def _update_index(self, result: IngestResult) -> None:
        for status_change in result.upserted.status_changes:
            self.search.patch(status_change.rowid, status_change.contact.status)
        for rowid in result.deleted.values():
            self.search.patch(rowid, ContactStatus.DELETED)
        if result.upserted.texts_changed:
            self.search.mark_stale()


def _store_update(result: IngestResult, updated: tuple[Change, ...] = ()) -> StoreUpdate:
    upserted = result.upserted
    return StoreUpdate(
        rows_changed=len(upserted.changed_ids | {change.contact_id for change in updated}),
        order_changed=upserted.texts_changed or bool(upserted.status_changes) or bool(result.deleted),
        detected=result.detected,
        updated=updated,
    )
