"""Evidence of Re-Leased's syncs, and the changes that are still pending."""

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
    """Reads pending and synced changes, and records evidence."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(
        self, limit: int | None = None, *, after: datetime | None = None, until: datetime | None = None
    ) -> list[Change]:
        """Return confirmed changes that aren't superseded, synced, checked or unlinked, newest first.

        Only those pending since later than `after` and no later than `until`; None means no limit.
        """
        return pending_queries.read_pending(self._database, limit, after, until)

    def pending_total(self) -> int:
        """Return how many changes are pending, including those that should be synced by now."""
        return pending_queries.read_pending_total(self._database)

    def pending_between(self, after: datetime | None, until: datetime | None) -> int:
        """Count changes pending since later than `after` and no later than `until`; None means no limit."""
        return pending_queries.read_pending_between(self._database, after, until)

    def pending_after(self, moment: datetime | None) -> int:
        """Count changes pending since later than the given time; all pending changes for None."""
        return self.pending_total() if moment is None else self.pending_between(moment, None)

    def synced(self, limit: int) -> list[Change]:
        """Return changes that are synced, checked, or of an unlinked contact; newest first."""
        return pending_queries.read_synced(self._database, limit)

    def synced_total(self) -> int:
        """Count changes that are synced, checked, or of an unlinked contact."""
        return pending_queries.read_synced_total(self._database)

    async def record_synced(self, sync_records: Sequence[SyncRecord], cursor: tuple[str, str]) -> int:
        """Save evidence and the feed's cursor together. Returns how many changes it shows as synced."""

        def work(connection: sqlite3.Connection) -> int:
            synced = evidence.save_sync_records(connection, sync_records)
            sync_state.write_sync_state(connection, *cursor)
            return synced

        return await self._database.write(work)

    async def record_clean_sync(self, started_at: datetime, now: datetime, *cursors: tuple[str, str]) -> int:
        """Record a clean sync from the feed, with its cursors, after everything that it synced.

        Returns how many changes are superseded because Re-Leased never synced what they reversed.
        """

        def work(connection: sqlite3.Connection) -> int:
            superseded = evidence.supersede_without_effect(connection, started_at, now)
            for cursor in cursors:
                sync_state.write_sync_state(connection, *cursor)
            return superseded

        return await self._database.write(work)

    async def record_reports(self, reports: Sequence[UserReport], now: datetime) -> int:
        """Save the user's reports permanently. Returns how many changes become checked or synced."""
        return await self._database.write(lambda connection: evidence.save_reports(connection, reports, now))

    def company_status(self) -> CompanyStatus:
        """Return the company's status from the user's reports about it."""
        return evidence.read_company(self._database)
