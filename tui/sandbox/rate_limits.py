"""Xero's rate limits: per organisation 60 calls a minute, 5 at once, 5,000 a day; per app 10,000 a minute.

Counted in memory: a restarted sandbox starts with full limits.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY = 86_400.0
_RETRY_CONCURRENT = 1


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that was reached: Xero's name for it and the seconds to wait."""

    problem: str
    retry_after: int


@dataclass(slots=True)
class _Usage:
    minute: deque[float] = field(default_factory=deque)
    day: deque[float] = field(default_factory=deque)
    at_once: int = 0

    def prune(self, now: float, minute_seconds: float) -> None:
        for calls, length in ((self.minute, minute_seconds), (self.day, _DAY)):
            while calls and calls[0] <= now - length:
                calls.popleft()


@dataclass(slots=True)
class RateLimits:
    """The limits and their usage. All windows slide; `minute_seconds` can make a minute short."""

    minute: int = 60
    day: int = 5000
    at_once: int = 5
    app_minute: int = 10_000
    minute_seconds: float = 60.0
    _usage: dict[int, _Usage] = field(default_factory=dict)
    _app: deque[float] = field(default_factory=deque)

    def acquire(self, org: int) -> Exceeded | None:
        """Use one call of an organisation, or return the limit that blocks it without counting the call."""
        now, usage = time.monotonic(), self._current_usage(org)
        if usage.at_once >= self.at_once:
            return Exceeded("concurrent", _RETRY_CONCURRENT)
        if len(usage.day) >= self.day:
            return Exceeded("day", _wait(usage.day, self.day, _DAY, now))
        if len(usage.minute) >= self.minute:
            return Exceeded("minute", _wait(usage.minute, self.minute, self.minute_seconds, now))
        if len(self._app) >= self.app_minute:
            return Exceeded("appminute", _wait(self._app, self.app_minute, self.minute_seconds, now))
        for calls in (usage.minute, usage.day, self._app):
            calls.append(now)
        return None

    @contextmanager
    def running(self, org: int) -> Iterator[None]:
        """Count a call as concurrent while it lasts."""
        usage = self._current_usage(org)
        usage.at_once += 1
        try:
            yield
        finally:
            usage.at_once -= 1

    def headers(self, org: int | None) -> dict[str, str]:
        """Return the calls left, for a response; an unknown organisation has no limits of its own."""
        self._prune_app(time.monotonic())
        left = {"X-AppMinLimit-Remaining": str(max(0, self.app_minute - len(self._app)))}
        if org is not None:
            usage = self._current_usage(org)
            left["X-MinLimit-Remaining"] = str(max(0, self.minute - len(usage.minute)))
            left["X-DayLimit-Remaining"] = str(max(0, self.day - len(usage.day)))
        return left

    def refill(self) -> None:
        """Reset all limits."""
        self._app.clear()
        for usage in self._usage.values():
            usage.minute.clear()
            usage.day.clear()

    def _current_usage(self, org: int) -> _Usage:
        now = time.monotonic()
        self._prune_app(now)
        usage = self._usage.setdefault(org, _Usage())
        usage.prune(now, self.minute_seconds)
        return usage

    def _prune_app(self, now: float) -> None:
        while self._app and self._app[0] <= now - self.minute_seconds:
            self._app.popleft()


def _wait(calls: deque[float], limit: int, length: float, now: float) -> int:
    if limit <= 0 or len(calls) < limit:
        return ceil(length)
    return max(1, ceil(calls[len(calls) - limit] + length - now))
