"""The one place the engine takes the time from: this machine's clock, put right by Xero's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.sync.bookmarks import CLOCK_AHEAD
from tui.log import logger
from tui.model.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.engine.weather.disk import Disk
    from tui.store import Store

# An answer's date is cut to whole seconds.
_DATED_WITHIN: Final = timedelta(seconds=1)
# Clocks that differ by less are one and the same, or each answer would move the time a little.
_TOLERANCE: Final = timedelta(seconds=3)
# Whoever dates an answer so far off doesn't tell the time.
_FURTHEST: Final = timedelta(days=400)
_NONE: Final = timedelta()
# A single answer can bear any date, as one that a proxy has kept. So many that agree are Xero's clock.
_AGREEING: Final = 3
# Seconds between two requests for more answers, where those that came don't agree.
_BETWEEN_CHECKS: Final = 60.0


def utc_now() -> datetime:
    """Return this machine's time, which may be wrong: evidence is dated by Xero's clock."""
    return datetime.now(UTC)


class _Claim(Struct):
    """Answers in a row that agree on a time other than the known one.

    `earliest` and `latest` bound what Xero's clock showed when `elapsed` was 0; `answers` counts them.
    """

    earliest: datetime
    latest: datetime
    answers: int = 0

    def add(self, earliest: datetime, latest: datetime) -> bool:
        """Count another answer; returns False where it doesn't agree."""
        if earliest > self.latest or latest < self.earliest:
            return False
        self.earliest, self.latest = max(self.earliest, earliest), min(self.latest, latest)
        self.answers += 1
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
        self, machine: Callable[[], datetime], store: Store, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self.machine = machine
        self._elapsed = elapsed
        self._store = store
        self._learnt = asyncio.Event()
        #: Called when it turns out that the time is another.
        self.on_moved: Callable[[], None] = lambda: None
        #: Called when more answers are needed to tell the time.
        self.on_doubt: Callable[[], None] = lambda: None
        self._ahead = max(_read(store.cursor(CLOCK_AHEAD)), _NONE)
        self._told_at = machine(), elapsed()
        self._is_told = False
        self._claim: _Claim | None = None
        self._checked_at = -_BETWEEN_CHECKS

    def __call__(self) -> datetime:
        """Return the time by Xero's clock, as far as it is known."""
        return self.machine() - self.ahead

    @property
    def ahead(self) -> timedelta:
        """How far this machine's clock is ahead of Xero's, negative where it is behind."""
        return _NONE if self._ahead < _NONE and self._has_leapt() else self._ahead

    @property
    def is_certain(self) -> bool:
        """Whether a reply of Xero in this run gave the time, and this machine's clock wasn't set since."""
        at, elapsed = self._told_at
        has_gone_on_as = abs(self.machine() - at - timedelta(seconds=self._elapsed() - elapsed)) <= _TOLERANCE
        return self._is_told and self._claim is None and has_gone_on_as

    def by_person(self, moment: datetime) -> datetime:
        """Return what a moment is by Xero's clock that a person named, or that a file bears.

        Nobody knows by which clock that is. Of its two readings the earlier counts: it claims less.
        """
        return moment - max(self.ahead, _NONE)

    def learn(self, date: datetime, took: float) -> None:
        """Take in an answer's date, and the seconds that the answer took."""
        most = self.machine() - date
        least = most - timedelta(seconds=took) - _DATED_WITHIN
        if abs(most) > _FURTHEST:
            return
        least, most = least - _TOLERANCE, most + _TOLERANCE
        is_known = least <= self._ahead <= most
        if not (is_known or self._is_believable(date, took)):
            return
        self._told_at = self.machine(), self._elapsed()
        self._is_told, self._claim = True, None
        if is_known:
            return
        self._checked_at = -_BETWEEN_CHECKS
        # The most it can be, where it isn't nothing: what is too early claims less.
        self._ahead = _NONE if least <= _NONE <= most else most - _TOLERANCE
        logger.info("clock: this machine's is ahead of Xero's by %.0f s", self._ahead.total_seconds())
        self._learnt.set()
        self.on_moved()

    def _is_believable(self, date: datetime, took: float) -> bool:
        """Say whether the time is another than the known one; ask for more answers where that is open."""
        now = self._elapsed()
        since_start = timedelta(seconds=now)
        # Between these it was 0 by `elapsed`, if the answer is right.
        earliest = date - since_start - _TOLERANCE
        latest = date + timedelta(seconds=took) + _DATED_WITHIN - since_start + _TOLERANCE
        if self._is_told:
            at, elapsed = self._told_at
            if earliest <= at - self._ahead - timedelta(seconds=elapsed) <= latest:
                return True
        if self._claim is None or not self._claim.add(earliest, latest):
            self._claim = _Claim(earliest, latest, answers=1)
        if self._claim.answers >= _AGREEING:
            return True
        if self._claim.answers > 1 or now - self._checked_at >= _BETWEEN_CHECKS:
            self._checked_at = now
            self.on_doubt()
        return False

    async def keep(self, disk: Disk) -> None:
        """Keep what is learnt for the next start, which may be without a connection."""
        while True:
            await self._learnt.wait()
            self._learnt.clear()
            try:
                await self._store.set_cursor(CLOCK_AHEAD, str(self._ahead.total_seconds()))
            except StoreError as error:
                disk.note(error)
                await disk.pause()
                self._learnt.set()

    def _has_leapt(self) -> bool:
        at, elapsed = self._told_at
        return self.machine() - at > timedelta(seconds=self._elapsed() - elapsed) + _TOLERANCE


def _read(stored: str | None) -> timedelta:
    try:
        ahead = timedelta(seconds=float(stored or 0))
    except (ValueError, OverflowError):
        return _NONE
    return ahead if abs(ahead) <= _FURTHEST else _NONE
