"""Records what the user reports about Re-Leased as evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import last_confirmed
from tui.model.errors import ReshelveError
from tui.model.evidence import ReportKind, UserReport
from tui.model.reasons import EvidenceReason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.engine.re_leased_monitor import ReLeasedMonitor
    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.change import Change
    from tui.model.evidence import CompanyState
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
