"""Tracks Re-Leased's syncs: from a feed if there is one, else from the clock and user reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tui.model import timestamps
from tui.model.errors import FeedError
from tui.model.evidence import NightlyWindow, SyncInterval, SyncKnowledge
from tui.model.reasons import FeedReason, Notice, find_reason
from tui.model.snapshot import ReLeasedStatus
from tui.net import lenient_json
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui.model.errors import UnexpectedError
    from tui.model.evidence import CompanyStatus, SyncRecord
    from tui.re_leased.feed import EvidenceReport, EvidenceSource
    from tui.store import Store

_CURSOR: Final = "feed.cursor"
_CLEAN_SYNC: Final = "feed.clean_sync_started_at"
# The same as dated by the feed, to recognise it again.
_CLEAN_SYNC_REPORTED: Final = "feed.clean_sync_reported"
# The last status, for copies of Reshelve that don't read the feed themselves.
_SHARED_STATUS: Final = "feed.shared_status"
_TIME_FIELDS: Final = ("next_sync_at", "cycle_started_at", "last_sync_at")
_SHARED_FIELDS: Final = ("state", "is_syncing", "problem", *_TIME_FIELDS)
# A feed may always report more pages: the rest wait for the next poll.
_MOST_PAGES: Final = 40
# Allowed difference between the clocks of a feed and Xero. Later dates aren't evidence.
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)
_LONGEST_CYCLE: Final = timedelta(days=31).total_seconds()
_MAX_POLL_SECONDS = 10.0
_MIN_POLL_SECONDS = 0.5


class ReLeasedMonitor:
    """Collects evidence and knows when more can be expected."""

    def __init__(
        self,
        store: Store,
        schedule: NightlyWindow | SyncInterval,
        now: Callable[[], datetime],
        *,
        has_feed: bool,
        is_time_certain: Callable[[], bool] = lambda: True,
    ) -> None:
        """While `is_time_certain` returns False, `now` may be far behind the feed's clock."""
        self._store = store
        self._schedule = schedule
        self._now = now
        self._is_time_certain = is_time_certain
        self._has_feed = has_feed
        self._stalled_since: datetime | None = None
        self._company = store.evidence.company_status()
        self.status = ReLeasedStatus(has_feed=has_feed, is_polled=not has_feed)
        self.knowledge = SyncKnowledge()
        if not has_feed:
            self._update_window()
        self._set_status(self.status)

    def reload(self, *, is_follower: bool = False) -> None:
        """Reload user reports, also those made in another copy of Reshelve.

        A follower doesn't read the feed; it shows the results of the copy that holds the lock.
        """
        self._company = self._store.evidence.company_status()
        status = self.status
        if is_follower and self._has_feed:
            status = replace(status, is_polled=True, **_decode_status(self._store.sync_state(_SHARED_STATUS)))
        self._set_status(status)

    async def poll_feed(self, source: EvidenceSource) -> bool:
        """Read the feed, or part of it. Returns whether there is new evidence about any change."""
        new_count, before = 0, self.knowledge
        try:
            for pages_left in reversed(range(_MOST_PAGES)):
                cursor = self._store.sync_state(_CURSOR)
                received = await _fetch(source, cursor)
                report = self._drop_invalid(received)
                if len(report.pick_ups) < len(received.pick_ups) and not self._is_time_certain():
                    # Future dates may be genuine: read the page again later.
                    await self._apply_report(report, is_whole=False)
                    break
                # The cursor advances even if a whole page is invalid, to avoid an endless loop.
                if report.cursor is not None and report.cursor != cursor:
                    new_count += await self._store.evidence.record_synced(
                        report.pick_ups, (_CURSOR, report.cursor)
                    )
                is_whole = not report.has_more or report.cursor == cursor
                if is_whole or not pages_left:
                    await self._apply_report(report, is_whole=is_whole)
                    break
        except FeedError as error:
            self._set_status(ReLeasedStatus(has_feed=True, problem=error.notice))
        await self._share_status()
        return new_count > 0 or self.knowledge != before

    def record_failure(self, error: UnexpectedError) -> None:
        """Show that a bug in Reshelve kept the feed from being read."""
        self._set_status(ReLeasedStatus(has_feed=True, problem=error.notice))

    def tick(self) -> bool:
        """Update from the clock if there is no feed. Returns whether the sync window changed."""
        if self._has_feed or not self._update_window():
            return False
        self._set_status(self.status)
        return True

    @property
    def seconds_to_next_poll(self) -> float:
        """Seconds until the next poll of the feed."""
        if self.status.is_syncing:
            return _MIN_POLL_SECONDS
        if self.status.next_sync_at is None:
            return _MAX_POLL_SECONDS
        left = (self.status.next_sync_at - self._now()).total_seconds()
        return min(max(left, _MIN_POLL_SECONDS), _MAX_POLL_SECONDS)

    async def _apply_report(self, report: EvidenceReport, *, is_whole: bool) -> None:
        # Until everything it synced is known, a clean sync would show those changes as missed.
        if is_whole and report.last_sync_clean and report.last_sync_started_at is not None:
            await self._record_clean_sync(report.last_sync_started_at, report.last_sync_finished_at)
        self._set_status(
            ReLeasedStatus(
                has_feed=True,
                state=report.state,
                next_sync_at=report.next_sync_at,
                cycle_started_at=_cycle_start(report),
                is_syncing=report.is_syncing,
                last_sync_at=report.last_sync_finished_at,
            )
        )

    async def _record_clean_sync(self, started_at: datetime, finished_at: datetime | None) -> None:
        """Record a clean sync when first reported: it is no evidence for later changes."""
        reported = started_at.isoformat()
        if reported == self._store.sync_state(_CLEAN_SYNC_REPORTED):
            return
        now = self._now()
        if started_at <= (finished_at or started_at) <= now + _CLOCK_TOLERANCE:
            started_at = min(started_at, now)
            cursors = (_CLEAN_SYNC, started_at.isoformat()), (_CLEAN_SYNC_REPORTED, reported)
            await self._store.evidence.record_clean_sync(started_at, now, *cursors)
        elif self._is_time_certain():
            logger.warning("left out a clean sync of the feed that is dated ahead, or ends before it begins")
            await self._store.set_sync_state(_CLEAN_SYNC_REPORTED, reported)

    def _drop_invalid(self, report: EvidenceReport) -> EvidenceReport:
        """Drop evidence dated in the future, and cap dates at now."""
        now = self._now()
        found = tuple(
            replace(
                record, sync_started_at=min(record.sync_started_at, now), synced_at=min(record.synced_at, now)
            )
            for record in report.pick_ups
            if record.sync_started_at <= record.synced_at <= now + _CLOCK_TOLERANCE
        )
        dropped = len(report.pick_ups) - len(found)
        if dropped and self._is_time_certain():
            logger.warning(
                "left out %d items of the feed that are dated ahead, or before their sync", dropped
            )
        return replace(report, pick_ups=found)

    async def _share_status(self) -> None:
        stored_status = _encode_status(self.status)
        if stored_status != self._store.sync_state(_SHARED_STATUS):
            await self._store.set_sync_state(_SHARED_STATUS, stored_status)

    def _set_status(self, status: ReLeasedStatus) -> None:
        """Update the status and the knowledge derived from it."""
        company = self._company
        status = replace(status, last_report=company.last_report, reported_sync_since=company.running_since)
        if self._has_feed:
            self.status = status
            # A feed outweighs the reported state, even when the feed stops responding.
            self._stalled_since = (self._stalled_since or self._now()) if status.is_stalled else None
            self.knowledge = SyncKnowledge(
                last_clean_sync_started_at=self._last_clean_sync_at(),
                reported_syncs=company.reported_syncs,
                stalled_since=self._stalled_since,
            )
            return
        self.status = replace(
            status,
            state=company.state,
            state_reported_at=company.state_at,
        )
        schedule = self._schedule
        if isinstance(schedule, SyncInterval):
            self.status = replace(self.status, sync_interval=schedule.every)
            self.knowledge = knowledge_without_feed(None, company)
            return
        self.status = replace(
            self.status,
            zone=schedule.zone,
            zone_note=schedule.zone_note,
            is_zone_chosen=schedule.is_zone_chosen,
        )
        self.knowledge = knowledge_without_feed(schedule, company)

    def _last_clean_sync_at(self) -> datetime | None:
        started_at = timestamps.from_iso_text(self._store.sync_state(_CLEAN_SYNC))
        is_past = started_at is not None and started_at <= self._now() + _CLOCK_TOLERANCE
        return started_at if is_past else None

    def _update_window(self) -> bool:
        now, status, window = self._now(), self.status, self._schedule
        if isinstance(window, SyncInterval):
            return False
        # Check both ends: the clock may also be set back, so that a window is no longer over.
        if (
            status.next_sync_at
            and status.cycle_started_at
            and status.cycle_started_at <= now < status.next_sync_at
        ):
            return False
        start, end = window.current_or_next(now)
        _, last_end = window.last_before(now)
        self.status = replace(status, next_sync_at=end, cycle_started_at=last_end, window_start_at=start)
        return True


def knowledge_without_feed(window: NightlyWindow | None, company: CompanyStatus) -> SyncKnowledge:
    """Return what is known without a feed: from the clock and user reports."""
    return SyncKnowledge(
        window=window,
        reported_syncs=company.reported_syncs,
        stalled_since=company.stalled_since,
        recovered_at=company.recovered_at,
    )


async def _fetch(source: EvidenceSource, cursor: str | None) -> EvidenceReport:
    """Poll once. Any failure of a custom evidence source is a feed error."""
    try:
        report = await source.fetch(cursor)
    except FeedError:
        raise
    except Exception as error:
        logger.exception("the bridge to Re-Leased failed")
        raise FeedError(FeedReason.FAILED) from error
    if any(moment is not None and moment.utcoffset() is None for moment in _times_in(report)):
        raise FeedError(FeedReason.NO_TIME_ZONE)
    return replace(
        report,
        pick_ups=tuple(record for record in report.pick_ups if _has_valid_times(record)),
        next_sync_at=timestamps.valid_timestamp(report.next_sync_at),
        last_sync_started_at=timestamps.valid_timestamp(report.last_sync_started_at),
        last_sync_finished_at=timestamps.valid_timestamp(report.last_sync_finished_at),
    )


def _has_valid_times(pick_up: SyncRecord) -> bool:
    at = (pick_up.sync_started_at, pick_up.synced_at)
    return all(timestamps.valid_timestamp(moment) is not None for moment in at)


def _times_in(report: EvidenceReport) -> Iterator[datetime | None]:
    yield from (report.next_sync_at, report.last_sync_started_at, report.last_sync_finished_at)
    for pick_up in report.pick_ups:
        yield from (pick_up.sync_started_at, pick_up.synced_at)


def _cycle_start(report: EvidenceReport) -> datetime | None:
    # An evidence source may give any number; no cycle is longer than a month.
    seconds = report.cycle_seconds
    if report.next_sync_at is None or seconds is None or not 0 <= seconds <= _LONGEST_CYCLE:
        return None
    return timestamps.valid_timestamp(report.next_sync_at - timedelta(seconds=seconds))


def _encode_status(status: ReLeasedStatus) -> str:
    fields = {name: getattr(status, name) for name in _SHARED_FIELDS}
    if status.problem is not None:
        fields["problem"] = {"reason": status.problem.reason, "params": dict(status.problem.params)}
    return msgspec.json.encode(fields).decode()


def _decode_status(stored: str | None) -> dict[str, Any]:
    """Decode what `_encode_status` wrote; empty if it can't be read."""
    try:
        stored_status = lenient_json.decode((stored or "").encode("utf-8", "replace"), _StoredStatus)
    except lenient_json.UndecodableError:
        return {}
    return {
        "state": stored_status.state,
        "is_syncing": stored_status.is_syncing,
        "problem": stored_status.problem and stored_status.problem.notice,
        **{name: timestamps.from_iso_text(getattr(stored_status, name)) for name in _TIME_FIELDS},
    }


class _StoredNotice(Struct):
    """A stored notice; moments among its parameters are ISO 8601."""

    reason: str
    params: dict[str, str | int | float] = {}

    @property
    def notice(self) -> Notice:
        """The notice; another version of Reshelve may have stored an unknown reason."""
        params = {name: timestamps.from_iso_text(value) or value for name, value in self.params.items()}
        return Notice(find_reason(self.reason) or FeedReason.FAILED, {**params})


class _StoredStatus(Struct):
    """The stored status; times are ISO 8601."""

    state: str = ""
    is_syncing: bool = False
    problem: _StoredNotice | None = None
    next_sync_at: str | None = None
    cycle_started_at: str | None = None
    last_sync_at: str | None = None
