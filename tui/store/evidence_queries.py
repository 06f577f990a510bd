"""What is known of Re-Leased: one part of the store's door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.store import evidence, pending_queries, sync_state

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.evidence import PickUp
    from tui.model.user_reports import CompanyStatus, UserReport
    from tui.store.database import Database


class EvidenceQueries:
    """What waits for Re-Leased, and the evidence of what has arrived."""

    _database: Database

    def pending(
        self, limit: int | None = None, *, after: datetime | None = None, until: datetime | None = None
    ) -> list[Change]:
        """Return what is confirmed and neither superseded, seen in Re-Leased nor left out, newest first.

        Only what waits from after one moment until another and at it; None is no bound.
        """
        return pending_queries.read_waiting(self._database, limit, after, until)

    def pending_total(self) -> int:
        """Return how many changes wait for Re-Leased, those included that are expected to have arrived."""
        return pending_queries.read_waiting_total(self._database)

    def pending_between(self, after: datetime | None, until: datetime | None) -> int:
        """Return how many of those wait from after one moment until another and at it; None is no bound."""
        return pending_queries.read_waiting_between(self._database, after, until)

    def pending_after(self, moment: datetime | None) -> int:
        """Return how many of those wait from later than the moment; all of them for None."""
        return self.pending_total() if moment is None else self.pending_between(moment, None)

    def synced(self, limit: int) -> list[Change]:
        """Return what was seen in Re-Leased, or is left out of its syncs, newest first."""
        return pending_queries.read_settled(self._database, limit)

    def settled_total(self) -> int:
        """Return how many changes were seen in Re-Leased, or are left out of its syncs."""
        return pending_queries.read_settled_total(self._database)

    async def record_synced(self, pick_ups: Sequence[PickUp], cursor: tuple[str, str]) -> int:
        """Keep evidence, and how far its feed was read, as one; returns how many changes it settles."""

        def work(connection: sqlite3.Connection) -> int:
            settled = evidence.record(connection, pick_ups)
            sync_state.write_cursor(connection, *cursor)
            return settled

        return await self._database.write(work)

    async def note_clean_sync(self, started_at: datetime, now: datetime, *remembered: tuple[str, str]) -> int:
        """Record a clean sync from the feed, after everything that it picked up; kept in the cursors.

        Returns how many changes have nothing left to wait for, as no sync ever saw what they reversed.
        """

        def work(connection: sqlite3.Connection) -> int:
            cancelled = evidence.cancel_out(connection, started_at, now)
            for cursor in remembered:
                sync_state.write_cursor(connection, *cursor)
            return cancelled

        return await self._database.write(work)

    async def record_report(self, tellings: Sequence[UserReport], now: datetime) -> int:
        """Keep what a person tells of Re-Leased, for ever; returns how many changes it settles."""
        return await self._database.write(lambda connection: evidence.tell(connection, tellings, now))

    def company(self) -> CompanyStatus:
        """Return what was told of the company as a whole."""
        return evidence.read_company(self._database)
