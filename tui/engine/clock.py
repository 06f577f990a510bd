"""The engine's clock: this computer's time, corrected by Xero's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.errors import StoreError
from tui.store.sync_state import CLOCK_AHEAD
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.engine.connectivity import StorageHealth
    from tui.store import Store

# Response dates are in whole seconds.
_DATE_RESOLUTION: Final = timedelta(seconds=1)
# Smaller differences are ignored, or each response would shift the time a little.
_TOLERANCE: Final = timedelta(seconds=3)
# A date this far off isn't the time.
_MAX_OFFSET: Final = timedelta(days=400)
_ZERO: Final = timedelta()
# A single response can have any date, such as one cached by a proxy. This many that agree show Xero's clock.
_MIN_AGREEING: Final = 3
# Seconds between requests for more responses while they don't agree.
_BETWEEN_CHECKS: Final = 60.0


def utc_now() -> datetime:
    """Return this computer's time, which may be wrong; evidence uses Xero's clock."""
    return datetime.now(UTC)


class _CandidateTime(Struct):
    """Consecutive responses that agree on a time other than the known one.

    `earliest` and `latest` bound Xero's time when `elapsed` was 0; `replies` counts the responses.
    """

    earliest: datetime
    latest: datetime
    replies: int = 0

    def add(self, earliest: datetime, latest: datetime) -> bool:
        """Add a response; return False if it doesn't agree."""
        if earliest > self.latest or latest < self.earliest:
            return False
        self.earliest, self.latest = max(self.earliest, earliest), min(self.latest, latest)
        self.replies += 1
        return True


class XeroClock:
    """Returns Xero's time, for comparison with Xero's timestamps.

    A jump is accepted if Xero's time advanced as `elapsed` did, which means this computer's clock was set, or
    once several responses agree on it.

    A time that is too late would confirm too much. If this computer's clock may have been set since Xero's
    last response, a known offset is used only if it makes the time earlier. That applies to the offset of an
    earlier run, and to one from before the clock jumped forward (or the computer slept).
    """

    def __init__(
        self, system_now: Callable[[], datetime], store: Store, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self.system_now = system_now
        self._elapsed = elapsed
        self._store = store
        self._offset_changed = asyncio.Event()
        #: Called when the offset changes.
        self.on_offset_changed: Callable[[], None] = lambda: None
        #: Called when more responses are needed to determine the time.
        self.on_uncertain: Callable[[], None] = lambda: None
        self._ahead = max(_parse_offset(store.sync_state(CLOCK_AHEAD)), _ZERO)
        self._updated_at = system_now(), elapsed()
        self._has_server_time = False
        self._candidate: _CandidateTime | None = None
        self._checked_at = -_BETWEEN_CHECKS

    def __call__(self) -> datetime:
        """Return Xero's time, as far as it is known."""
        return self.system_now() - self.ahead

    @property
    def ahead(self) -> timedelta:
        """How far this computer's clock is ahead of Xero's; negative if behind."""
        return _ZERO if self._ahead < _ZERO and self._has_jumped() else self._ahead

    @property
    def is_certain(self) -> bool:
        """Whether Xero gave the time in this run and this computer's clock wasn't set since."""
        at, elapsed = self._updated_at
        has_run_steadily = (
            abs(self.system_now() - at - timedelta(seconds=self._elapsed() - elapsed)) <= _TOLERANCE
        )
        return self._has_server_time and self._candidate is None and has_run_steadily

    def to_xero_time(self, moment: datetime) -> datetime:
        """Convert a time from the user or from a file to Xero's clock.

        It isn't known which clock was used, so the earlier interpretation applies: it confirms fewer changes.
        """
        return moment - max(self.ahead, _ZERO)

    def update_offset(self, date: datetime, duration: float) -> None:
        """Update from a response's date and the duration of its request in seconds."""
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
        # The largest possible offset, unless zero fits: an earlier time confirms fewer changes.
        self._ahead = _ZERO if min_ahead <= _ZERO <= max_ahead else max_ahead - _TOLERANCE
        logger.info("clock: this computer is ahead of Xero by %.0f s", self._ahead.total_seconds())
        self._offset_changed.set()
        self.on_offset_changed()

    def _is_plausible(self, date: datetime, duration: float) -> bool:
        """Return whether to accept a different time; request more responses if unclear."""
        now = self._elapsed()
        since_start = timedelta(seconds=now)
        # If the response is right, `elapsed` was 0 between these.
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
        """Save the offset for the next start, which may be offline."""
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
