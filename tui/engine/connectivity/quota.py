"""How many of Xero's calls a day the background may spend, and how fast: the person comes first."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.clock import utc_now
from tui.model import timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

# Calls a day, said by Xero; which of them an organisation has is not told.
_LIMITS: Final = (1_000, 5_000)
_RESERVED_SHARE: Final = 0.2
_MOST_DIGITS: Final = 7
# How much of what can be spent a list of hand-offs may use up in one go, while a person has it open.
_FAST_SHARE: Final = 0.25
_DAY: Final = timedelta(days=1)
_SECONDS_A_DAY: Final = 86_400.0

# Seconds between looks.
_FAST_INTERVAL: Final = 2.5
_IDLE_INTERVAL: Final = 600.0
_PROBE_INTERVAL: Final = 3_600.0
# Seconds without a key.
_IDLE_AFTER: Final = 300.0
_LONG_IDLE_AFTER: Final = 3_600.0
_IDLE_SLOWDOWN: Final = 4


class QuotaHighWaterMark(Struct, frozen=True):
    """The most calls that Xero has said to be left today, and when it said so."""

    calls: int
    at: datetime

    def __str__(self) -> str:
        return f"{self.calls} {self.at.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> QuotaHighWaterMark | None:
        """Read what `str` wrote; None for anything else."""
        calls, _, at = text.partition(" ")
        moment = timestamps.from_iso_text(at)
        is_number = calls.isascii() and calls.isdecimal() and len(calls) <= _MOST_DIGITS
        return cls(int(calls), moment) if moment is not None and is_number else None


class QuotaBudget(Struct):
    """What is left of an organisation's calls today, as Xero told it, and what that means for the background.

    All background calls share it, so that together they spend no more than intended. A fifth of the day's
    limit is kept back for the person. When Xero's day ends is told differently everywhere: what can be
    spent is spread over a whole day, always anew, which is careful at any hour.
    """

    poll_seconds: float
    left: int | None = None
    high_water_mark: QuotaHighWaterMark | None = None
    _fast_polling_floor: int | None = None

    def record(self, left: int | None, now: datetime) -> None:
        """Take in what an answer said is left; None where it said nothing."""
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
        """The day's limit as far as it can be known: the smallest that allows what was seen."""
        if self.high_water_mark is None:
            return None
        return next(
            (limit for limit in _LIMITS if limit >= self.high_water_mark.calls), self.high_water_mark.calls
        )

    @property
    def reserve(self) -> int:
        """How many calls are kept for the person."""
        # One senseless header must not keep back more calls than a day has.
        return 0 if self.limit is None else round(min(self.limit, _LIMITS[-1]) * _RESERVED_SHARE)

    @property
    def spendable(self) -> float:
        """How many calls the background may still make; without end before Xero has said anything."""
        return float("inf") if self.left is None else max(0, self.left - self.reserve)

    @property
    def is_reserving(self) -> bool:
        """Whether only the person's calls are left, and a rare look whether Xero's day has begun anew."""
        return self.spendable < 1

    @property
    def even_interval(self) -> float:
        """Seconds between two background calls, whatever they are for, that a whole day could bear."""
        return min(_SECONDS_A_DAY / max(self.spendable, 1.0), _PROBE_INTERVAL)

    def start_fast_polling(self) -> None:
        """Note that a person has opened the list of hand-offs: the next looks may come quickly."""
        self._fast_polling_floor = (
            None if self.left is None else round(self.left - self.spendable * _FAST_SHARE)
        )

    def refresh_interval(self, idle: float, *, is_shared: bool) -> float:
        """Return the seconds between looks for news; `is_shared` says that hand-offs are looked at, too."""
        # A pull sees most restores, too, so that it gets two thirds.
        return self._background_interval(idle, 1.5 if is_shared else 1.0)

    def manual_restore_interval(self, idle: float, *, is_fast: bool) -> float:
        """Return the seconds between looks at hand-offs; `is_fast` says that a person watches."""
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
    """Whether anybody is there, by the last key or click.

    Two clocks: one stands still while a laptop sleeps, the other may be set by hours. The longer idleness
    is believed: at worst the next key corrects it.
    """

    def __init__(
        self, now: Callable[[], datetime] = utc_now, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._now = now
        self._elapsed = elapsed
        self._last_activity = (now(), elapsed())
        #: Whether the person has something open that waits for news: as good as a key every moment.
        self.is_waiting_for_restores = False

    @property
    def idle(self) -> float:
        """Seconds since somebody was there."""
        if self.is_waiting_for_restores:
            return 0.0
        at, elapsed = self._last_activity
        return max((self._now() - at).total_seconds(), self._elapsed() - elapsed, 0.0)

    def touch(self) -> bool:
        """Note a key or click; returns whether it is the first after an absence."""
        was_idle = self.idle >= _IDLE_AFTER
        self._last_activity = (self._now(), self._elapsed())
        return was_idle
