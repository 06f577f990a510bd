"""The interface for evidence of Re-Leased's syncs; `tui.re_leased.feed` implements it over HTTP.

For Re-Leased's contacts themselves, see `tui.re_leased.source`.

What Reshelve guarantees: only the instance with the leader lock polls, never concurrently. It
passes the last cursor it received, which was stored together with that report's evidence, so that nothing is
lost or read twice, even after a crash. It polls every ten seconds at most, twice a second while `is_syncing`,
and immediately while `has_more` and the cursor advances.

What it expects: times are timezone-aware, by a clock that agrees with Xero's; evidence dated more than a
minute ahead, or before its sync began, is ignored (or read again later, while Xero hasn't confirmed this
computer's time). `sync_started_at` is when the sync that showed the contact started, because evidence counts
for changes that Xero had confirmed by then; if only the export's time is known, use that. Evidence is only
about this organisation's company. Report a clean sync only after everything it synced: changes missing from
it are shown as *Missed last sync*. Raise failures as `FeedError(FeedReason.SOURCE_PROBLEM, problem="...")`
with a sentence for the user; they are shown as *Sync not running*, never as synced, and retried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.evidence import SyncRecord


class EvidenceReport(Struct, frozen=True):
    """The result of one poll of Re-Leased's data.

    `cursor` is where the next poll continues; `has_more` means that more is available now. `state` uses the
    wording of Re-Leased's Sync Overview. The last sync is the last one that finished, with or without errors;
    `cycle_seconds` is the time between automatic syncs.
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


class EvidenceSource(Protocol):
    """A source of evidence of what Re-Leased has synced for one organisation."""

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        """Return what is new since the cursor; None starts at the beginning. Raises `FeedError`."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
