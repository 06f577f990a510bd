"""The one place the engine takes the time from: this machine's clock, put right by Xero's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.sync.sync_state import CLOCK_AHEAD
from tui.model.errors import StoreError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.engine.connectivity.connection_state import StorageHealth
    from tui.store import Store

# An answer's date is cut to whole seconds.
_DATE_RESOLUTION: Final = timedelta(seconds=1)
# Clocks that differ by less are one and the same, or each answer would move the time a little.
_TOLERANCE: Final = timedelta(seconds=3)
# Whoever dates an answer so far off doesn't tell the time.
_MAX_OFFSET: Final = timedelta(days=400)
_ZERO: Final = timedelta()
# A single answer can bear any date, as one that a proxy has kept. So many that agree are Xero's clock.
_MIN_AGREEING: Final = 3
# Seconds between two requests for more answers, where those that came don't agree.
_BETWEEN_CHECKS: Final = 60.0


def utc_now() -> datetime:
    """Return this machine's time, which may be wrong: evidence is dated by Xero's clock."""
    return datetime.now(UTC)


class _CandidateTime(Struct):
    """Answers in a row that agree on a time other than the known one.

    `earliest` and `latest` bound what Xero's clock showed when `elapsed` was 0; `replies` counts them.
    """

    earliest: datetime
    latest: datetime
    replies: int = 0

    def add(self, earliest: datetime, latest: datetime) -> bool:
        """Count another answer; returns False where it doesn't agree."""
        if earliest > self.latest or latest < self.earliest:
            return False
        self.earliest, self.latest = max(self.earliest, earliest), min(self.latest, latest)
        self.replies += 1
        return True


class XeroClock:
    """Tells Xero's time, as what is held against Xero's moments has to be by its clock.

    A jump is believed where Xero's time has gone on as `elapsed` has, so that this machine's clock was set,
    or once several answers agree on it.

    Moments that are too late would claim too much. So where somebody may have set this machine's clock since
    Xero last told the time, what is known of it counts only if the time is earlier by it: what an earlier
    run has learnt, and what was learnt before the clock went forward by a leap (or the machine slept).
    """

    def __init__(
        self, system_now: Callable[[], datetime], store: Store, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self.system_now = system_now
        self._elapsed = elapsed
        self._store = store
        self._offset_changed = asyncio.Event()
        #: Called when it turns out that the time is another.
        self.on_offset_changed: Callable[[], None] = lambda: None
        #: Called when more answers are needed to tell the time.
        self.on_uncertain: Callable[[], None] = lambda: None
        self._ahead = max(_parse_offset(store.sync_state(CLOCK_AHEAD)), _ZERO)
        self._updated_at = system_now(), elapsed()
        self._has_server_time = False
        self._candidate: _CandidateTime | None = None
        self._checked_at = -_BETWEEN_CHECKS

    def __call__(self) -> datetime:
        """Return the time by Xero's clock, as far as it is known."""
        return self.system_now() - self.ahead

    @property
    def ahead(self) -> timedelta:
        """How far this machine's clock is ahead of Xero's, negative where it is behind."""
        return _ZERO if self._ahead < _ZERO and self._has_jumped() else self._ahead

    @property
    def is_certain(self) -> bool:
        """Whether a reply of Xero in this run gave the time, and this machine's clock wasn't set since."""
        at, elapsed = self._updated_at
        has_run_steadily = (
            abs(self.system_now() - at - timedelta(seconds=self._elapsed() - elapsed)) <= _TOLERANCE
        )
        return self._has_server_time and self._candidate is None and has_run_steadily

    def to_xero_time(self, moment: datetime) -> datetime:
        """Return what a moment is by Xero's clock that a person named, or that a file bears.

        Nobody knows by which clock that is. Of its two readings the earlier counts: it claims less.
        """
        return moment - max(self.ahead, _ZERO)

    def update_offset(self, date: datetime, duration: float) -> None:
        """Take in an answer's date, and the seconds that the answer took."""
        max_ahead = self.system_now() - date
        min_ahead = max_ahead - timedelta(seconds=duration) - _DATE_RESOLUTION
        if abs(max_ahead) > _MAX_OFFSET:
            return
        min_ahead, max_ahead = min_ahead - _TOLERANCE, max_ahead + _TOLERANCE
        is_known = min_ahead <= self._ahead <= max_ahead
        if not (is_known or self._is_plausible(date, duration)):
            return
        self._updated_at = self.system_now(), self._elapsed()
        self._has_server_time, self._candidate = True, None
        if is_known:
            return
        self._checked_at = -_BETWEEN_CHECKS
        # The most it can be, where it isn't nothing: what is too early claims less.
        self._ahead = _ZERO if min_ahead <= _ZERO <= max_ahead else max_ahead - _TOLERANCE
        logger.info("clock: this machine's is ahead of Xero's by %.0f s", self._ahead.total_seconds())
        self._offset_changed.set()
        self.on_offset_changed()

    def _is_plausible(self, date: datetime, duration: float) -> bool:
        """Say whether the time is another than the known one; ask for more answers where that is open."""
        now = self._elapsed()
        since_start = timedelta(seconds=now)
        # Between these it was 0 by `elapsed`, if the answer is right.
        earliest = date - since_start - _TOLERANCE
        latest = date + timedelta(seconds=duration) + _DATE_RESOLUTION - since_start + _TOLERANCE
        if self._has_server_time:
            at, elapsed = self._updated_at
            if earliest <= at - self._ahead - timedelta(seconds=elapsed) <= latest:
                return True
        if self._candidate is None or not self._candidate.add(earliest, latest):
            self._candidate = _CandidateTime(earliest, latest, replies=1)
        if self._candidate.replies >= _MIN_AGREEING:
            return True
        if self._candidate.replies > 1 or now - self._checked_at >= _BETWEEN_CHECKS:
            self._checked_at = now
            self.on_uncertain()
        return False

    async def save_offset(self, storage: StorageHealth) -> None:
        """Keep what is learnt for the next start, which may be without a connection."""
        while True:
            await self._offset_changed.wait()
            self._offset_changed.clear()
            try:
                await self._store.set_sync_state(CLOCK_AHEAD, str(self._ahead.total_seconds()))
            except StoreError as error:
                storage.record(error)
                await storage.wait_before_retry()
                self._offset_changed.set()

    def _has_jumped(self) -> bool:
        at, elapsed = self._updated_at
        return self.system_now() - at > timedelta(seconds=self._elapsed() - elapsed) + _TOLERANCE


def _parse_offset(stored: str | None) -> timedelta:
    try:
        ahead = timedelta(seconds=float(stored or 0))
    except (ValueError, OverflowError):
        return _ZERO
    return ahead if abs(ahead) <= _MAX_OFFSET else _ZERO
