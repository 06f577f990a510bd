"""Xero's daily call quota: how much background tasks may use, with a reserve for the user."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.clock import utc_now
from tui.model import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

# Calls per day, as documented by Xero; an organisation's actual limit isn't known.
_LIMITS: Final = (1_000, 5_000)
_RESERVED_SHARE: Final = 0.2
_MOST_DIGITS: Final = 7
# The share of the spendable calls that the open list of restores may use for fast polling.
_FAST_SHARE: Final = 0.25
_DAY: Final = timedelta(days=1)
_SECONDS_A_DAY: Final = 86_400.0

# Seconds between polls.
_FAST_INTERVAL: Final = 2.5
_IDLE_INTERVAL: Final = 600.0
_PROBE_INTERVAL: Final = 3_600.0
# Seconds without user activity.
_IDLE_AFTER: Final = 300.0
_LONG_IDLE_AFTER: Final = 3_600.0
_IDLE_SLOWDOWN: Final = 4


class QuotaHighWaterMark(Struct, frozen=True):
    """The most calls left that Xero reported today, and when."""

    calls: int
    at: datetime

    def __str__(self) -> str:
        return f"{self.calls} {self.at.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> QuotaHighWaterMark | None:
        """Parse the output of `str`; None for anything else."""
        calls, _, at = text.partition(" ")
        moment = timestamps.from_iso_text(at)
        is_number = calls.isascii() and calls.isdecimal() and len(calls) <= _MOST_DIGITS
        return cls(int(calls), moment) if moment is not None and is_number else None


class QuotaBudget(Struct):
    """The calls left today, as Xero reports them, and how background tasks may use them.

    All background tasks share it. A fifth of the daily limit is reserved for the user's changes. When Xero's
    day resets is unclear, so the spendable calls are always spread over a whole day from now.
    """

    poll_seconds: float
    left: int | None = None
    high_water_mark: QuotaHighWaterMark | None = None
    _fast_polling_floor: int | None = None

    def record(self, left: int | None, now: datetime) -> None:
        """Record the calls left from a response; None if the response didn't include them."""
        if left is None:
            return
        self.left = left
        if (
            self.high_water_mark is None
            or left >= self.high_water_mark.calls
            or abs(now - self.high_water_mark.at) > _DAY
        ):
            self.high_water_mark = QuotaHighWaterMark(left, now)

    @property
    def limit(self) -> int | None:
        """The likely daily limit: the smallest one that fits the reported numbers."""
        if self.high_water_mark is None:
            return None
        return next(
            (limit for limit in _LIMITS if limit >= self.high_water_mark.calls), self.high_water_mark.calls
        )

    @property
    def reserve(self) -> int:
        """How many calls are reserved for the user's changes."""
        # A wrong header must not reserve more calls than a day has.
        return 0 if self.limit is None else round(min(self.limit, _LIMITS[-1]) * _RESERVED_SHARE)

    @property
    def spendable(self) -> float:
        """How many calls background tasks may still make; unlimited until Xero reports a number."""
        return float("inf") if self.left is None else max(0, self.left - self.reserve)

    @property
    def is_reserving(self) -> bool:
        """Whether only reserved calls are left; a rare poll checks whether Xero's day has reset."""
        return self.spendable < 1

    @property
    def even_interval(self) -> float:
        """Seconds between background calls if spread evenly over a day."""
        return min(_SECONDS_A_DAY / max(self.spendable, 1.0), _PROBE_INTERVAL)

    def start_fast_polling(self) -> None:
        """Allow fast polling while the list of restores is open."""
        self._fast_polling_floor = (
            None if self.left is None else round(self.left - self.spendable * _FAST_SHARE)
        )

    def refresh_interval(self, idle: float, *, is_shared: bool) -> float:
        """Return the refresh interval in seconds; `is_shared` if restores are polled too."""
        # A refresh sees most restores too, so it gets two thirds.
        return self._background_interval(idle, 1.5 if is_shared else 1.0)

    def manual_restore_interval(self, idle: float, *, is_fast: bool) -> float:
        """Return the polling interval for restores in seconds; `is_fast` if their list is open."""
        if self.is_reserving:
            return _SECONDS_A_DAY
        if is_fast and self._may_poll_fast():
            return _FAST_INTERVAL
        return self._background_interval(idle, 3.0)

    def _may_poll_fast(self) -> bool:
        if self.left is None:
            return True
        if self._fast_polling_floor is None:
            self.start_fast_polling()
        return self._fast_polling_floor is None or self.left > self._fast_polling_floor

    def _background_interval(self, idle: float, share: float) -> float:
        if self.is_reserving:
            return _PROBE_INTERVAL
        seconds = max(self.poll_seconds, self.even_interval * share)
        if idle >= _LONG_IDLE_AFTER:
            return max(seconds, _IDLE_INTERVAL)
        if idle >= _IDLE_AFTER:
            return max(seconds, min(seconds * _IDLE_SLOWDOWN, _IDLE_INTERVAL))
        return seconds


class ActivityTracker:
    """Tracks user activity by the last key press or click.

    Two clocks: one stops while a laptop sleeps, the other may be changed by hours. The longer idle time is
    used: at worst the next key press corrects it.
    """

    def __init__(
        self, now: Callable[[], datetime] = utc_now, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._now = now
        self._elapsed = elapsed
        self._last_activity = (now(), elapsed())
        #: Whether the user is watching a list that waits for updates; counts as constant activity.
        self.is_waiting_for_restores = False

    @property
    def idle(self) -> float:
        """Seconds since the last activity."""
        if self.is_waiting_for_restores:
            return 0.0
        at, elapsed = self._last_activity
        return max((self._now() - at).total_seconds(), self._elapsed() - elapsed, 0.0)

    def touch(self) -> bool:
        """Record activity; return whether it is the first after being idle."""
        was_idle = self.idle >= _IDLE_AFTER
        self._last_activity = (self._now(), self._elapsed())
        return was_idle
