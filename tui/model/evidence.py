"""How certain it is that Re-Leased has synced a change.

A status never claims more than its evidence, and never improves without new evidence or, for EXPECTED, a
nightly window that has passed. The first row that applies counts:

| Status           | Condition                                                                               |
|------------------|-----------------------------------------------------------------------------------------|
| SYNCED           | Re-Leased's own data, dated after Xero confirmed it, shows the result of the change     |
| CHECKED          | the user saw it on the right tab after Xero confirmed it, and before it was reversed    |
| SUPERSEDED       | it was reversed before any sync was seen: there is nothing left to sync                 |
| FOREIGN_CURRENCY | its contact isn't in the organisation's currency: Re-Leased leaves such contacts out    |
| REPORTED         | the user reported a sync without errors that started after Xero confirmed it            |
| NOT_LINKED       | the user reported the contact as unlinked: later syncs leave it out                     |
| STALLED          | the company isn't connected, its last sync had errors, or its feed is silent            |
| MISSED           | Re-Leased's own data lacks it after a sync that should have included it                 |
| EXPECTED         | a whole nightly window has passed since, and no data read after it shows more           |
| PENDING          | none of these                                                                           |

Data outweighs an older report or night, so a change that was read as missed counts as pending since that
read: only a later sync can make it REPORTED or EXPECTED again. With a feed, MISSED always takes precedence
over REPORTED. A contact that was unlinked for a while is pending since it was linked again, as syncs in
between left it out. A change stays FOREIGN_CURRENCY if the currency is corrected later: Re-Leased has
unlinked the contact by then, and only evidence shows more. Nights that started before a stalled company was
reported as working again don't count.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import ReadResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, tzinfo

    from tui.model.change import Change
    from tui.model.contact import ContactStatus
    from tui.model.reasons import Notice


class CompanyState(StrEnum):
    """The states of a company on Re-Leased's Sync Overview, in its own words (its help centre)."""

    SYNCED = "Successfully synced"
    IN_PROGRESS = "In progress"
    NOT_CONNECTED = "Not connected"
    INCOMPLETE_ONBOARDING = "Incomplete onboarding"
    NEEDS_RECONNECTING = "Needs reconnecting"
    HAS_ERRORS = "Sync has errors"
    INCOMPLETE_PIPELINE = "Incomplete pipeline"


#: For this long, a sync without a reported end is shown as running; then the user is asked how it ended.
LONGEST_SYNC: Final = timedelta(days=1)

_WORKING_STATES: Final = frozenset({CompanyState.SYNCED.value, CompanyState.IN_PROGRESS.value})


def is_stalled(state: str) -> bool:
    """Return whether no sync can be expected in this state; an unknown state counts as stalled."""
    return bool(state) and state not in _WORKING_STATES


class ReportKind(StrEnum):
    """What a report is about: the first four the company, the others one contact."""

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
    """A report by the user. `at` is when it was true, which for a sync's start may be a while ago.

    `contact_id` and `status`, the tab of Re-Leased in which the contact was seen, belong to reports about a
    contact; `state` belongs to `ReportKind.STATE`.
    """

    kind: ReportKind
    at: datetime
    contact_id: str = ""
    status: ContactStatus | None = None
    state: str = ""


class ReportedSync(Struct, frozen=True):
    """A sync reported to have ended without errors. Its start determines what it can have included."""

    started_at: datetime
    ended_at: datetime


class CompanyStatus(Struct, frozen=True):
    """The state of an organisation's company in Re-Leased, from the user's reports.

    `reported_syncs` are ordered by start. `running_since` is the start of a sync whose end isn't reported
    yet. `state` is the last one reported, at `state_at`, or follows from how a sync ended; `stalled_since` is
    when it stopped working, None while it works. `recovered_at` is when it was last reported as working
    again: nights before that don't count, as it isn't known when it recovered. `last_report` is the newest
    report.
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
        """Replay the reports in the order they were made; those about contacts are ignored."""
        syncs: list[ReportedSync] = []
        running: datetime | None = None
        state, state_at, stalled_since, cleared_at = "", None, None, None
        last: UserReport | None = None
        for report in reports:
            if not report.kind.is_of_company:
                continue
            last = report
            if report.kind is ReportKind.SYNC_STARTED:
                # Another start, although the last sync has no reported end: that one proves nothing.
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


class SyncStatus(StrEnum):
    """How certain it is that Re-Leased has a confirmed change."""

    PENDING = "pending"
    MISSED = "overdue"
    EXPECTED = "expected"
    REPORTED = "told (company)"
    CHECKED = "told (contact)"
    SYNCED = "read"
    STALLED = "stalled"
    NOT_LINKED = "unlinked"
    FOREIGN_CURRENCY = "foreign currency"
    SUPERSEDED = "superseded"


class SyncRecord(Struct, frozen=True):
    """Evidence from a feed or file: one contact as a Re-Leased sync found it.

    `sync_started_at` decides: a sync that started before Xero confirmed a change can't have included it.
    """

    contact_id: str
    status: ContactStatus
    sync_started_at: datetime
    synced_at: datetime
    run_id: str


class NightlyWindow(Struct, frozen=True):
    """The hours of the night in which Re-Leased's automatic sync runs.

    They are local to `zone`; None means this machine's, and `zone_note` is why, if the organisation's own was
    wanted. `is_zone_chosen` is whether the user set the zone: otherwise Re-Leased's may be another, as it
    follows the company's country there. Results are in UTC.
    """

    start: time
    end: time
    zone: tzinfo | None = None
    zone_note: Notice | None = None
    is_zone_chosen: bool = False

    def next_after(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return start and end of the first whole window that starts at the given time or later."""
        return next(window for window in self._windows(moment) if window[0] >= moment)

    def current_or_next(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return start and end of the current window, or else of the next one."""
        # A window that is a day long may have started two dates ago.
        return next(window for window in self._windows(moment - timedelta(days=2)) if window[1] > moment)

    def last_before(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return start and end of the last window that had ended by the given time."""
        return next(window for window in self._windows(moment, -1) if window[1] <= moment)

    def _windows(self, moment: datetime, step: int = 1) -> Iterator[tuple[datetime, datetime]]:
        day = moment.astimezone(self.zone).date()
        return (self._on(day + timedelta(days=number)) for number in count(step=step))

    def _on(self, day: date) -> tuple[datetime, datetime]:
        end_day = day if self.end > self.start else day + timedelta(days=1)
        return min(self._local(day, self.start)), max(self._local(end_day, self.end))

    def _local(self, day: date, at: time) -> list[datetime]:
        # When clocks change, a time occurs twice or never. Both readings are used, so that the window is as
        # wide as possible: it never ends before it starts, and nothing is expected too early.
        readings = (datetime.combine(day, at.replace(fold=fold), self.zone) for fold in (0, 1))
        return [reading.astimezone(UTC) for reading in readings]


class SyncInterval(Struct, frozen=True):
    """The time between two syncs of Re-Leased, if something starts them around the clock.

    When they start isn't known, so nothing follows from the clock: no change becomes EXPECTED.
    """

    every: timedelta


class StatusSince(Struct, frozen=True):
    """A status and since when it applies; `since` is None if that is undefined (SUPERSEDED)."""

    status: SyncStatus
    since: datetime | None = None


class SyncKnowledge(Struct, frozen=True):
    """What is known about the syncs of one organisation's company.

    With a feed, `last_clean_sync_started_at` is the start of the last sync that ended without errors; without
    one, `window` lets EXPECTED follow from the clock. `reported_syncs` are those reported to have ended
    without errors, by their start. `stalled_since` and `recovered_at` are as in `CompanyStatus`.
    """

    window: NightlyWindow | None = None
    last_clean_sync_started_at: datetime | None = None
    reported_syncs: tuple[ReportedSync, ...] = ()
    stalled_since: datetime | None = None
    recovered_at: datetime | None = None


class EvidenceResult(Struct, frozen=True):
    """The evidence for one confirmed change; the fields are those of `Change`."""

    synced_at: datetime | None = None
    checked_at: datetime | None = None
    unlinked_at: datetime | None = None
    relinked_at: datetime | None = None


def pending_since(change: Change) -> datetime | None:
    """Return the earliest time at which a sync could bring the change to Re-Leased; None if unconfirmed."""
    if change.confirmed_at is None or change.relinked_at is None:
        return change.confirmed_at
    return max(change.confirmed_at, change.relinked_at)


def proves(sync_record: SyncRecord, change: Change) -> bool:
    """Return whether the evidence shows that Re-Leased has this change."""
    return (
        change.confirmed_at is not None
        and sync_record.contact_id == change.contact_id
        and sync_record.status is change.action.target_status
        and sync_record.sync_started_at >= change.confirmed_at
    )


def apply_evidence(
    confirmed: Sequence[Change], sync_records: Sequence[SyncRecord], reports: Sequence[UserReport]
) -> list[EvidenceResult]:
    """Apply a contact's evidence to all its confirmed changes, in the order of confirmation.

    A sync finds the contact as left by the last change confirmed before it started, and so does a user who
    looks: evidence is for that change only, and a change that was reversed meanwhile doesn't count as seen.
    `reports` are in the order they were made.
    """
    unlinked_at, relinked_at = _link_times(confirmed, reports)
    following = [change.confirmed_at for change in confirmed[1:]]
    results = []
    for change, reversed_at in zip(confirmed, [*following, None], strict=True):
        synced_at = change.synced_at or _first_synced_at(change, reversed_at, sync_records)
        reported = _first_checked_at(change, reversed_at, reports)
        is_pending = synced_at is None and reported is None and not change.superseded
        results.append(
            EvidenceResult(
                synced_at, reported, unlinked_at if is_pending else None, relinked_at if is_pending else None
            )
        )
    return results


def has_no_net_effect(pending: Change, earlier: Sequence[Change]) -> bool:
    """Return whether a change only restored the status that Re-Leased had all along.

    `earlier` are the contact's confirmed changes before it, in order. Only for feeds that list everything:
    changes that no sync included are then known to have never arrived.
    """
    first = pending
    for change in reversed(earlier):
        if change.synced_at is not None or change.checked_at is not None:
            break
        first = change
    return first.action is not pending.action


def grade_change(change: Change, knowledge: SyncKnowledge, now: datetime) -> StatusSince:
    """Return the status of a confirmed change, by the table above.

    Raises `ValueError` for a change that Xero hasn't confirmed: there is nothing to sync yet.
    """
    since = pending_since(change)
    if since is None:
        raise ValueError("only a confirmed change can be graded")
    if change.synced_at is not None:
        return StatusSince(SyncStatus.SYNCED, change.synced_at)
    if change.checked_at is not None:
        return StatusSince(SyncStatus.CHECKED, change.checked_at)
    if change.superseded:
        return StatusSince(SyncStatus.SUPERSEDED)
    if change.foreign_currency_at is not None:
        return StatusSince(SyncStatus.FOREIGN_CURRENCY, change.foreign_currency_at)
    return _grade_unseen(change, since, knowledge) or _grade_by_night(change, since, knowledge, now)


def _grade_unseen(change: Change, since: datetime, knowledge: SyncKnowledge) -> StatusSince | None:
    """Return the status that follows from what is known about syncs; None if it depends only on the time."""
    missed = knowledge.last_clean_sync_started_at
    if missed is not None and missed < since:
        missed = None
    due_since = _seen_missed_at(change, since) or since
    reported = (
        None if missed else _first_reported_sync(knowledge.reported_syncs, due_since, change.unlinked_at)
    )
    if reported is not None:
        return StatusSince(SyncStatus.REPORTED, reported.ended_at)
    if change.unlinked_at is not None:
        return StatusSince(SyncStatus.NOT_LINKED, change.unlinked_at)
    if knowledge.stalled_since is not None:
        return StatusSince(SyncStatus.STALLED, max(knowledge.stalled_since, since))
    return None if missed is None else StatusSince(SyncStatus.MISSED, missed)


def _grade_by_night(change: Change, since: datetime, knowledge: SyncKnowledge, now: datetime) -> StatusSince:
    due_since = _seen_missed_at(change, since) or since
    expected_at = _expected_at(knowledge, due_since)
    if expected_at is not None and expected_at <= now:
        return StatusSince(SyncStatus.EXPECTED, expected_at)
    if due_since > since:
        return StatusSince(SyncStatus.MISSED, due_since)
    return StatusSince(SyncStatus.PENDING, since)


def was_sync_due(change: Change, knowledge: SyncKnowledge, at: datetime) -> bool:
    """Return whether a sync that ended by a time should have included a confirmed change.

    That is a sync that the user recorded, or a whole nightly window while syncs work and the contact is
    linked. Either began after Xero confirmed the change. One that was due once stays so.
    """
    since = pending_since(change)
    if since is None:
        return False
    missed_at = _seen_missed_at(change, since)
    if missed_at is not None and missed_at <= at:
        return True
    until = change.unlinked_at
    if any(
        sync.started_at >= since and sync.ended_at <= at and (until is None or sync.started_at < until)
        for sync in knowledge.reported_syncs
    ):
        return True
    if knowledge.stalled_since is not None or until is not None:
        return False
    expected_at = _expected_at(knowledge, since)
    return expected_at is not None and expected_at <= at


def _seen_missed_at(change: Change, since: datetime) -> datetime | None:
    """Return when Re-Leased's own data last showed that a sync had missed the change; None if it didn't."""
    if change.read_result is not ReadResult.MISSED or change.read_at is None or change.read_at <= since:
        return None
    return change.read_at


def presumed_synced_until(knowledge: SyncKnowledge, now: datetime) -> datetime | None:
    """Return until when pending changes are reported or expected to have been synced; None if unknown.

    Missed changes aren't included, though they may have been pending longer: count them separately.
    """
    ends = [knowledge.reported_syncs[-1].started_at] if knowledge.reported_syncs else []
    if knowledge.window is not None and knowledge.stalled_since is None:
        start, _ = knowledge.window.last_before(now)
        if knowledge.recovered_at is None or start >= knowledge.recovered_at:
            ends.append(start)
    return max(ends, default=None)


def _expected_at(knowledge: SyncKnowledge, since: datetime) -> datetime | None:
    """Return when the first whole window after the given time ends."""
    if knowledge.window is None:
        return None
    return knowledge.window.next_after(max(since, knowledge.recovered_at or since))[1]


def _first_reported_sync(
    syncs: Sequence[ReportedSync], since: datetime, until: datetime | None
) -> ReportedSync | None:
    position = bisect_left(syncs, since, key=lambda sync: sync.started_at)
    if position == len(syncs) or (until is not None and syncs[position].started_at >= until):
        return None
    return syncs[position]


def _first_synced_at(
    change: Change, reversed_at: datetime | None, sync_records: Sequence[SyncRecord]
) -> datetime | None:
    found = (
        record.synced_at
        for record in sync_records
        if proves(record, change) and (reversed_at is None or record.sync_started_at < reversed_at)
    )
    return min(found, default=None)


def _first_checked_at(
    change: Change, reversed_at: datetime | None, reports: Sequence[UserReport]
) -> datetime | None:
    found = (
        report.at
        for report in reports
        if report.kind is ReportKind.CHECKED
        and report.contact_id == change.contact_id
        and report.status is change.action.target_status
        and change.confirmed_at is not None
        and report.at >= change.confirmed_at
        and (reversed_at is None or report.at < reversed_at)
    )
    return min(found, default=None)


def _link_times(
    confirmed: Sequence[Change], reports: Sequence[UserReport]
) -> tuple[datetime | None, datetime | None]:
    """Return since when the contact is unlinked, None if it isn't, and when it was last linked again."""
    unlinked_at = relinked_at = None
    for report in reports:
        if not confirmed or report.contact_id != confirmed[0].contact_id:
            continue
        if report.kind is ReportKind.UNLINKED:
            unlinked_at = unlinked_at or report.at
        elif report.kind is ReportKind.LINKED and unlinked_at is not None:
            unlinked_at, relinked_at = None, report.at
    return unlinked_at, relinked_at
