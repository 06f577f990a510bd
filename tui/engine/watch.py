"""Watches Re-Leased: by its feed where there is one, by the clock where there is none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui.model.errors import FeedError
from tui.model.evidence import NightlyWindow, Watch
from tui.model.snapshot import ReleasedLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.released.observer import Observer, Report
    from tui.store import Store

_CURSOR = "feed.cursor"
_CLEAN_SYNC = "feed.clean_sync_started_at"
_SLOWEST = 10.0
_QUICKEST = 0.5


class ReleasedWatch:
    """Gathers evidence, and says when more can be expected."""

    def __init__(
        self, store: Store, window: NightlyWindow, now: Callable[[], datetime], *, has_feed: bool
    ) -> None:
        self._store = store
        self._window = window
        self._now = now
        self._has_feed = has_feed
        self.link = ReleasedLink(has_feed=has_feed)
        self.watch = self._known()
        if not has_feed:
            self._follow_clock()

    async def look(self, observer: Observer) -> bool:
        """Read the feed to its end. Returns whether anything was learnt about any change."""
        learnt = 0
        try:
            while True:
                cursor = self._store.cursor(_CURSOR)
                report = await observer.look(cursor)
                # The cursor moves even where a whole page made no sense, or it would be read without end.
                if report.cursor is not None and report.cursor != cursor:
                    learnt += await self._store.record_pick_ups(report.pick_ups, (_CURSOR, report.cursor))
                if not report.has_more or report.cursor == cursor:
                    break
        except FeedError as error:
            self.link = ReleasedLink(has_feed=True, problem=error.what)
            return learnt > 0
        return await self._follow(report) or learnt > 0

    def tick(self) -> bool:
        """Follow the clock where there is no feed. Returns whether a window has just passed."""
        return not self._has_feed and self._follow_clock()

    @property
    def next_look(self) -> float:
        """Seconds until the feed is worth another look."""
        if self.link.is_syncing:
            return _QUICKEST
        if self.link.next_sync_at is None:
            return _SLOWEST
        left = (self.link.next_sync_at - self._now()).total_seconds()
        return min(max(left, _QUICKEST), _SLOWEST)

    async def _follow(self, report: Report) -> bool:
        is_new = False
        if report.last_sync_clean and report.last_sync_started_at is not None:
            started = report.last_sync_started_at.isoformat()
            is_new = started != self._store.cursor(_CLEAN_SYNC)
            if is_new:
                await self._store.set_cursor(_CLEAN_SYNC, started)
                self.watch = self._known()
        self.link = ReleasedLink(
            has_feed=True,
            state=report.state,
            next_sync_at=report.next_sync_at,
            cycle_started_at=_cycle_start(report),
            is_syncing=report.is_syncing,
            last_sync_at=report.last_sync_finished_at,
        )
        return is_new

    def _known(self) -> Watch:
        if not self._has_feed:
            return Watch(window=self._window)
        from_cursor = self._store.cursor(_CLEAN_SYNC)
        return Watch(last_clean_sync_started_at=datetime.fromisoformat(from_cursor) if from_cursor else None)

    def _follow_clock(self) -> bool:
        now = self._now()
        if self.link.next_sync_at is not None and now < self.link.next_sync_at:
            return False
        _, end = self._window.next_after(now)
        self.link = ReleasedLink(next_sync_at=end, cycle_started_at=now)
        return True


def _cycle_start(report: Report) -> datetime | None:
    if report.next_sync_at is None or report.cycle_seconds is None:
        return None
    return report.next_sync_at - timedelta(seconds=report.cycle_seconds)
