"""Records evidence about Re-Leased: what the user reports, and what comparisons with Xero show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import last_confirmed
from tui.model.errors import ReshelveError
from tui.model.evidence import ReportKind, UserReport
from tui.model.reasons import ComparisonReason, EvidenceReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from tui.engine.clock import XeroClock
    from tui.engine.engine_factory import ClientFactory
    from tui.engine.re_leased_monitor import ReLeasedMonitor
    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.change import Change
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact_file import FileOptions
    from tui.model.evidence import CompanyState
    from tui.model.re_leased import ConnectionTest
    from tui.store import Store


class EvidenceService:
    """Implements `model.services.EvidenceServiceProtocol`."""

    def __init__(
        self,
        store: Store,
        publisher: SnapshotPublisher,
        re_leased: ReLeasedMonitor,
        now: Callable[[], datetime],
        access: WriteAccess,
        *,
        on_sync_ended: Callable[[], None],
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._re_leased = re_leased
        self._now = now
        self._access = access
        self._on_sync_ended = on_sync_ended

    async def report_sync_started(self, at: datetime) -> None:
        """Record that a sync was started in Re-Leased at that time."""
        self._access.require()
        if at > self._now():
            raise ReshelveError(EvidenceReason.FUTURE_SYNC_START)
        await self._record(UserReport(ReportKind.SYNC_STARTED, at))

    async def report_sync_ended(self, *, is_clean: bool) -> None:
        """Record how the reported sync ended."""
        self._access.require()
        # From the store: it may have been recorded in another copy of Reshelve.
        if self._store.evidence.company_status().running_since is None:
            raise ReshelveError(EvidenceReason.NO_SYNC_REPORTED)
        kind = ReportKind.SYNC_CLEAN if is_clean else ReportKind.SYNC_FAILED
        await self._record(UserReport(kind, self._now()))
        self._on_sync_ended()

    async def report_contact_checked(self, change: Change) -> None:
        """Record that the user saw this change's result in Re-Leased."""
        self._access.require()
        last = last_confirmed(self._store.changes.of_contact(change.contact_id))
        if last is None or last.change_id != change.change_id or last.confirmed_at is None:
            raise ReshelveError(EvidenceReason.CONTACT_CHANGED)
        # It can't have been seen before Xero confirmed it: this computer's clock may be behind Xero's.
        at = max(self._now(), last.confirmed_at)
        await self._record(UserReport(ReportKind.CHECKED, at, change.contact_id, change.action.target_status))

    async def report_unlinked(self, contact_id: str, *, on: bool) -> None:
        """Record that the contact isn't linked in Re-Leased, or is linked again."""
        self._access.require()
        kind = ReportKind.UNLINKED if on else ReportKind.LINKED
        await self._record(UserReport(kind, self._now(), contact_id))

    async def report_company_state(self, state: CompanyState) -> None:
        """Record what Re-Leased's Sync Overview shows for the company now."""
        self._access.require()
        await self._record(UserReport(ReportKind.STATE, self._now(), state=state.value))

    async def _record(self, report: UserReport) -> None:
        await self._store.evidence.record_reports([report], self._now())
        self._re_leased.reload()
        self._publisher.rows_changed()


class ComparisonService:
    """Implements `model.services.ComparisonServiceProtocol`."""

    def __init__(
        self,
        store: Store,
        publisher: SnapshotPublisher,
        clock: XeroClock,
        access: WriteAccess,
        clients: ClientFactory,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._access = access
        self._clients = clients

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Compare a file with saved contacts; nothing is recorded."""
        from tui.engine import comparison
        from tui.engine.pacing import Throttle

        return await comparison.compare_file(self._store, file, options, self._clock, Throttle().pause)

    async def compare_contacts(self) -> FileComparison:
        """Read Re-Leased's contacts and compare them with saved contacts; nothing is recorded."""
        from tui.engine.comparison import require_all_contacts
        from tui.engine.re_leased_reader import compare_own_contacts

        require_all_contacts(self._store)
        # Dated too late, a comparison would confirm too much.
        if not self._clock.is_certain:
            raise ReshelveError(ComparisonReason.TIME_UNKNOWN)
        source = await self._clients.open_contact_source()
        return await compare_own_contacts(self._store, source, self._clock())

    async def test_connection(self, on_progress: Callable[[int], None]) -> ConnectionTest:
        """Read Re-Leased's contacts and return counts of what came back; nothing is recorded."""
        from tui.engine.comparison import require_all_contacts
        from tui.engine.re_leased_reader import try_connection

        require_all_contacts(self._store)
        source = await self._clients.open_contact_source()
        name = self._publisher.snapshot.organisation.name
        return await try_connection(self._store, source, name, self._clock(), on_progress)

    async def remember_matches(self, choices: Mapping[str, str | None]) -> None:
        """Remember which Xero contact a Re-Leased contact is."""
        self._access.require()
        from tui.engine.re_leased_reader import remember_matches

        await remember_matches(self._store, choices)

    async def record_matches(
        self, file_comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record the changes that the file confirms, given the choices for ambiguous lines."""
        self._access.require()
        from tui.engine import comparison

        recorded = await comparison.record_matches(self._store, file_comparison, choices)
        self._publisher.rows_changed()
        return recorded
