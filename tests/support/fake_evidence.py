"""What people tell of Re-Leased, in the engine in memory: noted, and shown as the engine shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tui.model.change import last_confirmed
from tui.model.errors import ReshelveError
from tui.model.evidence import CompanyState, ReportKind, UserReport
from tui.model.reasons import EvidenceReason
from tui.widgets import clock

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import ContactDetails
    from tui.model.snapshot import Snapshot


class FakeEvidence:
    """Grades nothing by itself: a test says with `standings` what follows."""

    snapshot: Snapshot

    async def report_sync_started(self, at: datetime) -> None:
        self._called("report_sync_started", at)
        self._update(UserReport(ReportKind.SYNC_STARTED, at), reported_sync_since=at)

    async def report_sync_ended(self, *, is_clean: bool) -> None:
        self._called("report_sync_ended", is_clean)
        kind = ReportKind.SYNC_CLEAN if is_clean else ReportKind.SYNC_FAILED
        state = CompanyState.SYNCED if is_clean else CompanyState.HAS_ERRORS
        at = clock.now()
        self._update(UserReport(kind, at), reported_sync_since=None, state=state.value, state_reported_at=at)

    async def report_contact_checked(self, seen: Change) -> None:
        page = await self.details(seen.contact_id)
        if last_confirmed(view.change for view in page.changes) != seen:
            raise ReshelveError(EvidenceReason.CONTACT_CHANGED)
        self._called("report_contact_checked", seen.contact_id, seen.action.target_status)

    async def report_unlinked(self, contact_id: str, *, on: bool) -> None:
        self._called("report_unlinked", contact_id, on)

    async def report_company_state(self, state: CompanyState) -> None:
        self._called("report_company_state", state)
        at = clock.now()
        telling = UserReport(ReportKind.STATE, at, state=state.value)
        self._update(telling, state=state.value, state_reported_at=at)

    async def details(self, contact_id: str) -> ContactDetails:
        raise NotImplementedError

    def publish(self, **parts: Any) -> None:
        raise NotImplementedError

    def _called(self, call: str, *arguments: Any) -> None:
        raise NotImplementedError

    def _update(self, telling: UserReport, **parts: Any) -> None:
        self.publish(re_leased=replace(self.snapshot.re_leased, last_report=telling, **parts))
