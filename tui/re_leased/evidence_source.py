"""What can be read of Re-Leased, wherever it is read from: the place for a bridge of your own.

A firm that reads Re-Leased's data in a way of its own, from an export that a job saves in a folder or by a
service of its own, can implement `EvidenceSource`; `tui.re_leased.feed` is one over HTTP. The
class that `engine.clients.ClientFactory.open` makes is the one that is asked::

    class FolderSource(EvidenceSource):
        def __init__(self, folder: Path) -> None:
            self._folder = folder

        async def fetch(self, cursor: str | None) -> EvidenceReport:
            newer = sorted(one for one in self._folder.glob("*.json") if one.name > (cursor or ""))
            file = next(iter(newer), None)
            if file is None:
                return EvidenceReport.from_evidence(cursor)
            started_at, rows = await asyncio.to_thread(read_export, file)
            seen = tuple(SyncRecord(row.id, row.status, started_at, started_at, file.name) for row in rows)
            return EvidenceReport.from_evidence(file.name, pick_ups=seen, has_more=True)

        async def aclose(self) -> None: ...

What the program promises: one copy of it asks, the one that holds the organisation's lease, and never two
looks at once. The cursor it hands over is the last one it was given, and it was stored together with that
report's evidence, so that nothing is lost and nothing is read twice, even after a crash. It asks again every
ten seconds at most, twice a second while `is_syncing`, and at once while `has_more` and the cursor moves.

What it expects: moments are aware, and by a clock that agrees with Xero's; what is dated more than a minute
ahead when it is received, or picked up before its sync began, is left out (or read again later, while Xero
hasn't confirmed this computer's time). `sync_started_at` is when the sync began that showed the contact so,
for evidence counts for what Xero had confirmed by then; where only the export's own time is known, that is
it. Evidence is of this organisation's company alone. A clean sync is reported only after everything it picked
up: what it left out is shown as overdue. Whatever goes wrong is raised as `FeedError` in words for the
person; it is shown as *stalled*, never as synced, and asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.evidence import SyncRecord


class EvidenceReport(Struct, frozen=True):
    """What one look at Re-Leased has shown.

    `cursor` is where the next look goes on; `has_more` says that it would find more at once. `state` is in
    the words of Re-Leased's Sync Overview. The last sync is the last one that has finished, cleanly or
    not; `cycle_seconds` is the time between two automatic ones.
    """

    pick_ups: tuple[SyncRecord, ...]
    cursor: str | None
    state: str
    next_sync_at: datetime | None
    cycle_seconds: float | None
    last_sync_started_at: datetime | None
    last_sync_finished_at: datetime | None
    last_sync_clean: bool
    is_syncing: bool
    has_more: bool

    @classmethod
    def from_evidence(
        cls, cursor: str | None, *, pick_ups: tuple[SyncRecord, ...] = (), has_more: bool = False
    ) -> EvidenceReport:
        """Return a report of evidence alone, where nothing is known of the syncs themselves."""
        return cls(
            pick_ups=pick_ups,
            cursor=cursor,
            state="",
            next_sync_at=None,
            cycle_seconds=None,
            last_sync_started_at=None,
            last_sync_finished_at=None,
            last_sync_clean=False,
            is_syncing=False,
            has_more=has_more,
        )


class EvidenceSource(Protocol):
    """Something that can tell what Re-Leased has picked up of one organisation."""

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        """Report what is new since the cursor; None starts at the beginning. Raises `FeedError`."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
