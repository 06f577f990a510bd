"""Watches Re-Leased: by its feed where there is one, else by the clock and what people tell."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tui import lenient
from tui.log import logger
from tui.model import moments
from tui.model.errors import FeedError
from tui.model.evidence import NightlyWindow, Watch
from tui.model.snapshot import ReleasedLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui.model.errors import UnexpectedError
    from tui.model.evidence import PickUp
    from tui.model.telling import Company
    from tui.released.observer import Observer, Report
    from tui.store import Store

_CURSOR: Final = "feed.cursor"
_CLEAN_SYNC: Final = "feed.clean_sync_started_at"
# The same as the feed dated it, by which it is known again.
_CLEAN_TOLD: Final = "feed.clean_sync_told"
# What the last look has shown, for the copies of the program that don't look themselves.
_SHOWN: Final = "feed.shown"
_MOMENTS: Final = ("next_sync_at", "cycle_started_at", "last_sync_at")
_SHOWN_FIELDS: Final = ("state", "is_syncing", "problem", *_MOMENTS)
_FAILED: Final = "The bridge to it failed, as the log tells."
_NO_ZONE: Final = "It gave a time without its zone."
# A feed can say that there is always more: its next pages then wait for the next look.
_MOST_PAGES: Final = 40
# The clocks of a feed and of Xero may differ by that much. What is dated further ahead is no evidence.
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_LONGEST_CYCLE: Final = timedelta(days=31).total_seconds()
_SLOWEST = 10.0
_QUICKEST = 0.5


class ReleasedWatch:
    """Gathers evidence, and says when more can be expected."""

    def __init__(
        self,
        store: Store,
        window: NightlyWindow,
        now: Callable[[], datetime],
        *,
        has_feed: bool,
        is_time_certain: Callable[[], bool] = lambda: True,
    ) -> None:
        """While `is_time_certain` returns False, `now` may be far behind the feed's clock."""
        self._store = store
        self._window = window
        self._now = now
        self._is_time_certain = is_time_certain
        self._has_feed = has_feed
        self._stalled_since: datetime | None = None
        self._company = store.company()
        self.link = ReleasedLink(has_feed=has_feed, is_asked=not has_feed)
        self.watch = Watch()
        if not has_feed:
            self._follow_clock()
        self._show(self.link)

    def recall(self, *, is_follower: bool = False) -> None:
        """Read again what was told, here or to another copy of the program.

        A follower leaves the feed to the copy that holds the lease, and shows what that has seen.
        """
        self._company = self._store.company()
        link = self.link
        if is_follower and self._has_feed:
            link = replace(link, is_asked=True, **_read_shown(self._store.cursor(_SHOWN)))
        self._show(link)

    async def look(self, observer: Observer) -> bool:
        """Read the feed, or a good part of it. Returns whether anything was learnt about any change."""
        learnt, before = 0, self.watch
        try:
            for pages_left in reversed(range(_MOST_PAGES)):
                cursor = self._store.cursor(_CURSOR)
                given = await _ask(observer, cursor)
                report = self._as_received(given)
                if len(report.pick_ups) < len(given.pick_ups) and not self._is_time_certain():
                    # What seems to be dated ahead may be genuine: the page is read again later.
                    await self._follow(report, is_whole=False)
                    break
                # The cursor moves even where a whole page made no sense, or it would be read without end.
                if report.cursor is not None and report.cursor != cursor:
                    learnt += await self._store.record_pick_ups(report.pick_ups, (_CURSOR, report.cursor))
                is_whole = not report.has_more or report.cursor == cursor
                if is_whole or not pages_left:
                    await self._follow(report, is_whole=is_whole)
                    break
        except FeedError as error:
            self._show(ReleasedLink(has_feed=True, problem=error.what))
        await self._tell_followers()
        return learnt > 0 or self.watch != before

    def fail(self, error: UnexpectedError) -> None:
        """Show a feed that a bug of ours kept from being read."""
        self._show(ReleasedLink(has_feed=True, problem=error.what))

    def tick(self) -> bool:
        """Follow the clock where there is no feed. Returns whether a window has just passed, or come back."""
        if self._has_feed or not self._follow_clock():
            return False
        self._show(self.link)
        return True

    @property
    def next_look(self) -> float:
        """Seconds until the feed is worth another look."""
        if self.link.is_syncing:
            return _QUICKEST
        if self.link.next_sync_at is None:
            return _SLOWEST
        left = (self.link.next_sync_at - self._now()).total_seconds()
        return min(max(left, _QUICKEST), _SLOWEST)

    async def _follow(self, report: Report, *, is_whole: bool) -> None:
        # Before everything it picked up is known, a clean sync would show what it brought as missed.
        if is_whole and report.last_sync_clean and report.last_sync_started_at is not None:
            await self._note_clean_sync(report.last_sync_started_at, report.last_sync_finished_at)
        self._show(
            ReleasedLink(
                has_feed=True,
                state=report.state,
                next_sync_at=report.next_sync_at,
                cycle_started_at=_cycle_start(report),
                is_syncing=report.is_syncing,
                last_sync_at=report.last_sync_finished_at,
            )
        )

    async def _note_clean_sync(self, started_at: datetime, finished_at: datetime | None) -> None:
        """Record a clean sync when it is first reported: it proves nothing about later requests."""
        reported = started_at.isoformat()
        if reported == self._store.cursor(_CLEAN_TOLD):
            return
        now = self._now()
        if started_at <= (finished_at or started_at) <= now + _CLOCKS_DIFFER:
            started_at = min(started_at, now)
            cursors = (_CLEAN_SYNC, started_at.isoformat()), (_CLEAN_TOLD, reported)
            await self._store.note_clean_sync(started_at, now, *cursors)
        elif self._is_time_certain():
            logger.warning("left out a clean sync of the feed that is dated ahead, or ends before it begins")
            await self._store.set_cursor(_CLEAN_TOLD, reported)

    def _as_received(self, report: Report) -> Report:
        """Keep the evidence that can be true by now, and date none of it later than this."""
        now = self._now()
        found = tuple(
            replace(
                one, sync_started_at=min(one.sync_started_at, now), picked_up_at=min(one.picked_up_at, now)
            )
            for one in report.pick_ups
            if one.sync_started_at <= one.picked_up_at <= now + _CLOCKS_DIFFER
        )
        left_out = len(report.pick_ups) - len(found)
        if left_out and self._is_time_certain():
            logger.warning(
                "left out %d items of the feed that are dated ahead, or before their sync", left_out
            )
        return replace(report, pick_ups=found)

    async def _tell_followers(self) -> None:
        shown = _write_shown(self.link)
        if shown != self._store.cursor(_SHOWN):
            await self._store.set_cursor(_SHOWN, shown)

    def _show(self, link: ReleasedLink) -> None:
        """Put together what is known, and what may be claimed from it."""
        company = self._company
        link = replace(link, told=company.last, told_sync_since=company.running_since)
        if self._has_feed:
            self.link = link
            # What is read outweighs the state that was told, also once the feed has fallen silent.
            self._stalled_since = (self._stalled_since or self._now()) if link.is_stalled else None
            self.watch = Watch(
                last_clean_sync_started_at=self._clean_sync(),
                told=company.clean_syncs,
                stalled_since=self._stalled_since,
            )
            return
        self.link = replace(
            link,
            state=company.state,
            state_told_at=company.state_at,
            zone=self._window.zone,
            zone_note=self._window.zone_note,
        )
        self.watch = told_watch(self._window, company)

    def _clean_sync(self) -> datetime | None:
        started_at = moments.of_text(self._store.cursor(_CLEAN_SYNC))
        is_past = started_at is not None and started_at <= self._now() + _CLOCKS_DIFFER
        return started_at if is_past else None

    def _follow_clock(self) -> bool:
        now, link = self._now(), self.link
        # Both ends: a clock may also be put back, and what was expected too early is so no longer.
        if link.next_sync_at and link.cycle_started_at and link.cycle_started_at <= now < link.next_sync_at:
            return False
        start, end = self._window.first_to_end_after(now)
        _, last_end = self._window.last_before(now)
        self.link = replace(link, next_sync_at=end, cycle_started_at=last_end, window_start_at=start)
        return True


def told_watch(window: NightlyWindow, company: Company) -> Watch:
    """Return what may be claimed where there is no feed: from the clock, and from what was told."""
    return Watch(
        window=window,
        told=company.clean_syncs,
        stalled_since=company.stalled_since,
        cleared_at=company.cleared_at,
    )


async def _ask(observer: Observer, cursor: str | None) -> Report:
    """Look once. Whatever a bridge of somebody's own does wrong is a feed that can't be read."""
    try:
        report = await observer.look(cursor)
    except FeedError:
        raise
    except Exception as error:
        logger.exception("the bridge to Re-Leased failed")
        raise FeedError(_FAILED) from error
    if any(moment is not None and moment.utcoffset() is None for moment in _moments(report)):
        raise FeedError(_NO_ZONE)
    return replace(
        report,
        pick_ups=tuple(one for one in report.pick_ups if _is_dated(one)),
        next_sync_at=moments.known(report.next_sync_at),
        last_sync_started_at=moments.known(report.last_sync_started_at),
        last_sync_finished_at=moments.known(report.last_sync_finished_at),
    )


def _is_dated(pick_up: PickUp) -> bool:
    at = (pick_up.sync_started_at, pick_up.picked_up_at)
    return all(moments.known(moment) is not None for moment in at)


def _moments(report: Report) -> Iterator[datetime | None]:
    yield from (report.next_sync_at, report.last_sync_started_at, report.last_sync_finished_at)
    for pick_up in report.pick_ups:
        yield from (pick_up.sync_started_at, pick_up.picked_up_at)


def _cycle_start(report: Report) -> datetime | None:
    # A bridge may name any number of seconds; no cycle is longer than a month.
    seconds = report.cycle_seconds
    if report.next_sync_at is None or seconds is None or not 0 <= seconds <= _LONGEST_CYCLE:
        return None
    return moments.known(report.next_sync_at - timedelta(seconds=seconds))


def _write_shown(link: ReleasedLink) -> str:
    values = {name: getattr(link, name) for name in _SHOWN_FIELDS}
    return json.dumps(values, default=datetime.isoformat)


def _read_shown(stored: str | None) -> dict[str, Any]:
    """Read what `_write_shown` wrote; nothing where it can't be read."""
    try:
        shown = lenient.decode((stored or "").encode("utf-8", "replace"), _Shown)
    except lenient.UndecodableError:
        return {}
    return {
        "state": shown.state,
        "is_syncing": shown.is_syncing,
        "problem": shown.problem,
        **{name: moments.of_text(getattr(shown, name)) for name in _MOMENTS},
    }


class _Shown(Struct):
    """The link as it is kept; moments are ISO 8601."""

    state: str = ""
    is_syncing: bool = False
    problem: str = ""
    next_sync_at: str | None = None
    cycle_started_at: str | None = None
    last_sync_at: str | None = None
