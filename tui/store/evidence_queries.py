"""What is known of Re-Leased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.store import pending_queries, sync_state
from tui.store.change_log import evidence

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.evidence import CompanyStatus, SyncRecord, UserReport
    from tui.store.database import Database


class EvidenceQueries:
    """What waits for Re-Leased, and the evidence of what has arrived."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(
        self, limit: int | None = None, *, after: datetime | None = None, until: datetime | None = None
    ) -> list[Change]:
        """Return what is confirmed and neither superseded, seen in Re-Leased nor left out, newest first.

        Only what waits from after one moment until another and at it; None is no bound.
        """
        return pending_queries.read_pending(self._database, limit, after, until)

    def pending_total(self) -> int:
        """Return how many changes wait for Re-Leased, those included that are expected to have arrived."""
        return pending_queries.read_pending_total(self._database)

    def pending_between(self, after: datetime | None, until: datetime | None) -> int:
        """Return how many of those wait from after one moment until another and at it; None is no bound."""
        return pending_queries.read_pending_between(self._database, after, until)

    def pending_after(self, moment: datetime | None) -> int:
        """Return how many of those wait from later than the moment; all of them for None."""
        return self.pending_total() if moment is None else self.pending_between(moment, None)

    def synced(self, limit: int) -> list[Change]:
        """Return what was seen in Re-Leased, or is left out of its syncs, newest first."""
        return pending_queries.read_synced(self._database, limit)

    def synced_total(self) -> int:
        """Return how many changes were seen in Re-Leased, or are left out of its syncs."""
        return pending_queries.read_synced_total(self._database)

    async def record_synced(self, sync_records: Sequence[SyncRecord], cursor: tuple[str, str]) -> int:
        """Keep evidence, and how far its feed was read, as one; returns how many changes it settles."""

        def work(connection: sqlite3.Connection) -> int:
            synced = evidence.save_sync_records(connection, sync_records)
            sync_state.write_sync_state(connection, *cursor)
            return synced

        return await self._database.write(work)

    async def record_clean_sync(self, started_at: datetime, now: datetime, *cursors: tuple[str, str]) -> int:
        """Record a clean sync from the feed, after everything that it picked up; kept in the cursors.

        Returns how many changes have nothing left to wait for, as no sync ever saw what they reversed.
        """

        def work(connection: sqlite3.Connection) -> int:
            superseded = evidence.supersede_without_effect(connection, started_at, now)
            for cursor in cursors:
                sync_state.write_sync_state(connection, *cursor)
            return superseded

        return await self._database.write(work)

    async def record_reports(self, reports: Sequence[UserReport], now: datetime) -> int:
        """Keep what a person tells of Re-Leased, for ever; returns how many changes it settles."""
        return await self._database.write(lambda connection: evidence.save_reports(connection, reports, now))

    def company_status(self) -> CompanyStatus:
        """Return what was told of the company as a whole."""
        return evidence.read_company(self._database)
