"""The store of one organisation: contacts, journal, evidence and bookmarks behind one door."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.store import contact_ingest, sync_state
from tui.store.change_log import changes as journal
from tui.store.change_log.change_repository import ChangeRepository
from tui.store.change_log.changes import TransitionRequest
from tui.store.change_log.entries import ChangeLogEntry, read_events_of, read_events_of_change
from tui.store.comparison_queries import ComparisonQueries
from tui.store.contacts import read_active_named, read_contacts, read_counts
from tui.store.deleted_contacts import mark_seen, reset_seen, unseen_contacts
from tui.store.evidence_queries import EvidenceQueries
from tui.store.maintenance.repair import open_whole
from tui.store.maintenance.upkeep import MaintenanceQueries
from tui.store.search.search_service import SearchService
from tui.store.unreadable_contacts import begin_full_read, end_full_read, note_unreadable, read_unreadable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Change, State
    from tui.model.contact import Contact
    from tui.model.errors import StoreError
    from tui.model.query import TabCounts
    from tui.store.contact_ingest import Outcome
    from tui.store.database import Database

__all__ = ["Applied", "ChangeLogEntry", "Store", "TransitionRequest"]


class Applied(Struct, frozen=True):
    """What a write changed.

    `rows_changed` counts the contacts whose line in the table may look different; `order_changed` says
    that lines have come, gone or moved on some tab; `flips` are the changes that were created or confirmed
    by what was seen in Xero; `moved` are those that took the moves asked for.
    """

    rows_changed: int
    order_changed: bool
    flips: tuple[Change, ...]
    moved: tuple[Change, ...] = ()


class Store(ChangeRepository, MaintenanceQueries, EvidenceQueries, ComparisonQueries):
    """Everything kept of one organisation.

    Reads are answered at once in the loop's thread; writes are awaited, and durable when they return.
    All raise `StoreError` with words for the person.
    """

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self.search = SearchService(database)

    @property
    def on_written(self) -> Callable[[StoreError | None], None]:
        """Called after each write: with None when it succeeded, else with why not."""
        return self._database.on_written

    @on_written.setter
    def on_written(self, listener: Callable[[StoreError | None], None]) -> None:
        self._database.on_written = listener

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the organisation's folder, made where missing; contacts that are damaged begin anew."""
        return cls(open_whole(folder))

    def close(self) -> None:
        """Finish the writes that have begun and let go of the file. May be called twice."""
        self.stop_checks()
        self.search.close()
        self._database.close()

    # --- contacts ---

    async def apply(
        self,
        contacts: Sequence[Contact],
        seen_at: datetime,
        *,
        is_full_read: bool = False,
        gone: Sequence[str] = (),
        absent: Sequence[str] = (),
    ) -> Applied:
        """Store contacts as Xero told them at that time, and journal the statuses that flipped.

        `is_full_read` says that they are a part of everything that is being read. Contacts that are `gone`,
        by id, are marked, and what is open on them is refused; they are back when Xero tells of them again.
        Those that an answer lacked are `absent`: a second answer that lacks them, some time later, makes
        them gone.

        Not safe from a loss of power until a later durable write: the pull then reads them again.
        """

        def work(connection: sqlite3.Connection) -> Outcome:
            outcome = contact_ingest.apply(
                connection, contacts, seen_at, gone=gone, absent=absent, is_full_read=is_full_read
            )
            if is_full_read:
                mark_seen(connection, outcome.upserted.rowids)
            return outcome

        outcome = await self._database.write(work, durable=bool(gone or absent), after=self._take_in)
        return _applied(outcome)

    def unreadable(self) -> tuple[str, ...]:
        """Return the contacts whose last answer couldn't be read: by id, or by a mark where there is none.

        They leave this list once they are applied, or gone.
        """
        return read_unreadable(self._database)

    async def note_unreadable(self, marks: Sequence[str], *, is_full_read: bool = False) -> None:
        """Note contacts that couldn't be read just now."""
        await self._database.write(
            lambda connection: note_unreadable(connection, marks, is_full_read=is_full_read)
        )

    async def begin_full_sync(self) -> None:
        """Begin a full read: no contact has been seen in it yet."""

        def work(connection: sqlite3.Connection) -> None:
            reset_seen(connection)
            begin_full_read(connection)

        await self._database.write(work)

    async def end_full_sync(self) -> None:
        """End a full read: which contacts were seen in it isn't needed any more."""

        def work(connection: sqlite3.Connection) -> None:
            reset_seen(connection)
            end_full_read(connection)

        await self._database.write(work)

    async def unseen_contacts(self, limit: int) -> list[str]:
        """Return the ids of contacts that the full read under way hasn't told of."""
        return await asyncio.to_thread(unseen_contacts, self._database, limit)

    def counts(self) -> TabCounts:
        """Return how many contacts each tab holds."""
        return read_counts(self._database)

    def contact(self, contact_id: str) -> Contact | None:
        """Return one contact, None if it isn't stored."""
        return next(iter(self.contacts([contact_id])), None)

    def contacts(self, contact_ids: Sequence[str]) -> list[Contact]:
        """Return contacts in the order asked for, without those that aren't stored."""
        return read_contacts(self._database, contact_ids)

    def active_named(self, name: str, *, except_id: str) -> Contact | None:
        """Return another active contact of that name, whatever its case: Xero refuses a second one."""
        return read_active_named(self._database, name, except_id=except_id)

    # --- journal ---

    async def record(
        self,
        moves: Sequence[TransitionRequest],
        now: datetime,
        contacts: Sequence[Contact] = (),
        *,
        gone: Sequence[str] = (),
        absent: Sequence[str] = (),
    ) -> Applied:
        """Store contacts as seen now, then take the moves: all of it or nothing, durable.

        A change that is being sent, or named in a move, is left to its move; one that the contacts, a pull
        or a person have settled already stays as it is. `Transition.CONFIRM` without `confirmed_at` means
        now. `gone` and `absent` are as for `apply`. Raises `IllegalTransitionError` for a move that the
        lifecycle doesn't have.
        """
        decided = frozenset(move.change_id for move in moves)

        def work(connection: sqlite3.Connection) -> tuple[Outcome, tuple[Change, ...]]:
            outcome = contact_ingest.apply(
                connection, contacts, now, decided=decided, gone=gone, absent=absent
            )
            moved = (journal.move(connection, move, now) for move in moves)
            return outcome, tuple(change for change in moved if change is not None)

        outcome, moved = await self._database.write(work, after=lambda done: self._take_in(done[0]))
        return _applied(outcome, moved)

    def changes_in(self, *states: State, limit: int | None = None) -> list[Change]:
        """Return the changes in these states, oldest first."""
        return journal.read_in(self._database, states, limit)

    def recent(self, *states: State, limit: int) -> list[Change]:
        """Return the changes in these states, newest first."""
        return journal.read_in(self._database, states, limit, newest_first=True)

    def change(self, change_id: int) -> Change | None:
        """Return one change, None if there is none of that id."""
        return journal.read_change(self._database, change_id)

    def changes_of(self, contact_id: str) -> list[Change]:
        """Return the changes of a contact, newest first."""
        return journal.read_changes_of(self._database, contact_id)

    def entries_of(self, contact_id: str) -> list[ChangeLogEntry]:
        """Return what happened to a contact's changes, newest first."""
        return read_events_of(self._database, contact_id)

    def entries_of_change(self, change_id: int) -> list[ChangeLogEntry]:
        """Return what happened to one change, oldest first."""
        return read_events_of_change(self._database, change_id)

    def totals(self) -> Mapping[State, int]:
        """Return how many changes are in each state."""
        return journal.read_totals(self._database)

    def refused(self, limit: int) -> list[Change]:
        """Return what was refused and not tried again, newest first."""
        return journal.read_refused(self._database, limit)

    def refused_total(self) -> int:
        """Return how many changes were refused and not tried again."""
        return journal.read_refused_total(self._database)

    # --- cursors ---

    def sync_state(self, name: str) -> str | None:
        """Return a bookmark, None if it was never set."""
        return sync_state.read_cursor(self._database, name)

    async def set_sync_state(self, name: str, value: str | None) -> None:
        """Set a bookmark, or forget it."""
        await self._database.write(lambda connection: sync_state.write_cursor(connection, name, value))

    def changed_elsewhere(self) -> bool:
        """Say whether another process has written to the file since this was last asked.

        Searches follow by themselves.
        """
        changed = self._database.changed_elsewhere()
        if changed:
            self.search.mark_stale()
        return changed

    def _take_in(self, outcome: Outcome) -> None:
        for seen in outcome.upserted.moved:
            self.search.patch(seen.rowid, seen.contact.status)
        for rowid in outcome.gone.values():
            self.search.patch(rowid, ContactStatus.DELETED)
        if outcome.upserted.texts_changed:
            self.search.mark_stale()


def _applied(outcome: Outcome, moved: tuple[Change, ...] = ()) -> Applied:
    upserted = outcome.upserted
    return Applied(
        rows_changed=len(upserted.changed | {change.contact_id for change in moved}),
        order_changed=upserted.texts_changed or bool(upserted.moved) or bool(outcome.gone),
        flips=outcome.flips,
        moved=moved,
    )
