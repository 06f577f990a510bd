"""What people tell of Re-Leased by pressing a key: evidence of its own, kept for ever like all other."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tui.model.contact import ContactStatus


class CompanyState(StrEnum):
    """The states of a company on Re-Leased's Sync Overview, in its own words (its help centre)."""

    SYNCED = "Successfully synced"
    IN_PROGRESS = "In progress"
    NOT_CONNECTED = "Not connected"
    INCOMPLETE_ONBOARDING = "Incomplete onboarding"
    NEEDS_RECONNECTING = "Needs reconnecting"
    HAS_ERRORS = "Sync has errors"
    INCOMPLETE_PIPELINE = "Incomplete pipeline"


#: For so long a sync whose end nobody has told is shown as running; then it is asked how it ended.
LONGEST_SYNC: Final = timedelta(days=1)

_WORKING_STATES: Final = frozenset({CompanyState.SYNCED.value, CompanyState.IN_PROGRESS.value})


def is_stalled(state: str) -> bool:
    """Say whether nothing can be expected of a sync in this state; one that isn't known is no good sign."""
    return bool(state) and state not in _WORKING_STATES


class ReportKind(StrEnum):
    """What a telling is about: the first four the company, the others one contact."""

    SYNC_STARTED = "sync started"
    SYNC_CLEAN = "sync clean"
    SYNC_FAILED = "sync failed"
    STATE = "state"
    CHECKED = "checked"
    UNLINKED = "unlinked"
    LINKED = "linked"

    @property
    def is_of_company(self) -> bool:
        """Whether it is about the company as a whole."""
        return self in _OF_COMPANY


_OF_COMPANY: Final = frozenset(
    {ReportKind.SYNC_STARTED, ReportKind.SYNC_CLEAN, ReportKind.SYNC_FAILED, ReportKind.STATE}
)


class UserReport(Struct, frozen=True):
    """One thing that somebody told. `at` is when it was so, which for a sync's start may be a while ago.

    `contact_id` and `status`, the tab of Re-Leased in which the contact was seen, belong to those about a
    contact; `state` belongs to `ReportKind.STATE`.
    """

    kind: ReportKind
    at: datetime
    contact_id: str = ""
    status: ContactStatus | None = None
    state: str = ""


class ReportedSync(Struct, frozen=True):
    """A sync that somebody said has finished without error. Its start decides what it can have seen."""

    started_at: datetime
    ended_at: datetime


class CompanyStatus(Struct, frozen=True):
    """What was told of an organisation's company in Re-Leased.

    `reported_syncs` come by their start. `running_since` is the start of a sync whose end nobody has told
    yet. `state` is the last one told, at `state_at`, or follows from how a sync ended; `stalled_since` is
    when it went wrong, None while it works. `cleared_at` is when it was last told to work again: nights
    before that count for nothing, as nobody knows from when on it did. `last` is the newest telling.
    """

    reported_syncs: tuple[ReportedSync, ...] = ()
    running_since: datetime | None = None
    state: str = ""
    state_at: datetime | None = None
    stalled_since: datetime | None = None
    recovered_at: datetime | None = None
    last_report: UserReport | None = None

    @classmethod
    def of(cls, reports: Iterable[UserReport]) -> CompanyStatus:
        """Follow what was told, in the order of telling; what is about contacts is passed over."""
        syncs: list[ReportedSync] = []
        running: datetime | None = None
        state, state_at, stalled_since, cleared_at = "", None, None, None
        last: UserReport | None = None
        for report in reports:
            if not report.kind.is_of_company:
                continue
            last = report
            if report.kind is ReportKind.SYNC_STARTED:
                # Another one, where the end of the last was never told: that one proves nothing.
                running = report.at
                continue
            state, state_at = _state_after(report), report.at
            if report.kind is not ReportKind.STATE:
                if report.kind is ReportKind.SYNC_CLEAN and running is not None:
                    syncs.append(ReportedSync(running, report.at))
                running = None
            if is_stalled(state):
                stalled_since = stalled_since or report.at
            elif stalled_since is not None:
                stalled_since, cleared_at = None, report.at
        by_start = tuple(sorted(syncs, key=lambda sync: sync.started_at))
        return cls(by_start, running, state, state_at, stalled_since, cleared_at, last)


def _state_after(report: UserReport) -> str:
    if report.kind is ReportKind.SYNC_CLEAN:
        return CompanyState.SYNCED
    if report.kind is ReportKind.SYNC_FAILED:
        return CompanyState.HAS_ERRORS
    return report.state
