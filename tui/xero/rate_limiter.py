"""Client-side rate limiting for Xero: 60 calls a minute and 5 at a time per organisation."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from contextlib import asynccontextmanager
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_CALLS: Final = 60
_SECONDS: Final = 60.0
_AT_ONCE: Final = 5
# Seconds. Smaller changes of the wait aren't reported.
_NOTIFY_TOLERANCE: Final = 0.5
#: Timeout of a call in seconds, also if its response trickles in.
LONGEST_CALL: Final = 120.0
#: The same for writes: their responses are short, and crash recovery waits this long.
LONGEST_WRITE: Final = 45.0


class Priority(IntEnum):
    """The order in which waiting calls are sent."""

    WRITE = 0
    INTERACTIVE = 1
    BACKGROUND = 2
    SCAN = 3


# Calls of each minute that are left to those with a higher priority: a scan takes many minutes, and whatever
# the user does meanwhile mustn't wait for the next one.
_RESERVED: Final = {Priority.WRITE: 0, Priority.INTERACTIVE: 1, Priority.BACKGROUND: 2, Priority.SCAN: 20}


class MinuteWindow:
    """The calls that count towards Xero's minute limit.

    A call counts from its response, not its start: Xero received it in between, so the window is never too
    short. Calls that Xero counts but this process doesn't know of (from before a restart) are derived from
    its responses and assumed to be recent.
    """

    def __init__(self, *, calls: int = _CALLS, seconds: float = _SECONDS) -> None:
        self._calls = calls
        self._seconds = seconds
        self._answered: deque[float] = deque()
        self.in_flight = 0

    def delay(self, now: float, *, reserve: int = 0) -> float:
        """Seconds until one more call fits, leaving `reserve` free; infinite if only a response helps."""
        while self._answered and self._answered[0] <= now - self._seconds:
            self._answered.popleft()
        excess = len(self._answered) + self.in_flight + reserve + 1 - self._calls
        if excess <= 0:
            return 0.0
        if excess > len(self._answered):
            return math.inf
        return self._answered[excess - 1] + self._seconds - now

    def begin(self) -> None:
        """Count a call that is about to start."""
        self.in_flight += 1

    def end(self, now: float, *, reached_xero: bool, remaining: int | None) -> None:
        """Count a finished call; `remaining` is Xero's count for this minute."""
        self.in_flight -= 1
        if not reached_xero:
            return
        self._answered.append(now)
        if remaining is not None:
            unknown = self._calls - max(remaining, 0) - len(self._answered) - self.in_flight
            self._answered.extend([now] * unknown)


class Permit:
    """A rate-limit permit; the caller records the outcome."""

    def __init__(self) -> None:
        self.reached_xero = True
        self.remaining: int | None = None


class RateLimiter:
    """Admits calls within Xero's limits by priority, with a slot reserved for writes."""

    def __init__(self, window: MinuteWindow | None = None) -> None:
        #: Called when calls wait for Xero's minute limit, with the seconds until the first can be sent, and
        #: with None when none is waiting any more.
        self.on_full: Callable[[float | None], None] = lambda _: None
        self._full_until: float | None = None
        self._window = window or MinuteWindow()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._serial = count()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def permit(self, priority: Priority) -> AsyncIterator[Permit]:
        """Wait for a permit; the call lasts as long as the block."""
        await self._acquire(priority)
        permit = Permit()
        try:
            yield permit
        finally:
            self._release(permit)

    async def _acquire(self, priority: Priority) -> None:
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._serial), waiter))
        self._admit()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                unused = Permit()
                unused.reached_xero = False
                self._release(unused)
            else:
                self._admit()
            raise

    def _release(self, permit: Permit) -> None:
        now = asyncio.get_running_loop().time()
        self._window.end(now, reached_xero=permit.reached_xero, remaining=permit.remaining)
        self._admit()

    def _admit(self) -> None:
        """Admit waiting calls by priority; a blocked call blocks all behind it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        delay = self._admit_ready(loop.time())
        if delay is not None:
            self._timer = loop.call_later(delay, self._admit)
        # A scan leaves calls unused on purpose.
        is_scan = bool(self._waiting) and self._waiting[0][0] is Priority.SCAN
        self._notify_full(None if delay is None or is_scan else loop.time() + delay)

    def _admit_ready(self, now: float) -> float | None:
        """Admit waiting calls; return the seconds until the minute limit allows the next one."""
        while self._waiting:
            priority, _, waiter = self._waiting[0]
            if waiter.done():
                heapq.heappop(self._waiting)
                continue
            is_write = priority is Priority.WRITE
            if self._window.in_flight >= (_AT_ONCE if is_write else _AT_ONCE - 1):
                return None
            delay = self._window.delay(now, reserve=_RESERVED[priority])
            if delay > 0:
                return delay if math.isfinite(delay) else None
            heapq.heappop(self._waiting)
            self._window.begin()
            waiter.set_result(None)
        return None

    def _notify_full(self, until: float | None) -> None:
        """Notify if the time changed by more than rounding since the last notification."""
        known = self._full_until
        if until is not None and known is not None and abs(until - known) <= _NOTIFY_TOLERANCE:
            return
        if until is not known:
            self._full_until = until
            self.on_full(None if until is None else until - asyncio.get_running_loop().time())
