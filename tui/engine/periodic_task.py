"""Something done again and again."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from tui.engine.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

# Seconds. How often it is to be done may change while it waits, and a laptop may sleep meanwhile.
_NAP: Final = 15.0


class PeriodicTask:
    """Done when its time has come, or when it is woken.

    `interval` gives the seconds between the end of one round and the next. Woken while it waits, it is done
    once, however often it was woken. Woken while it is being done, it is done again, so that nothing that
    came too late for this round is lost; unless it `drops_overlap`: then the round under way is the answer.
    """

    def __init__(
        self,
        interval: Callable[[], float],
        now: Callable[[], datetime] = utc_now,
        *,
        drops_overlap: bool = False,
    ) -> None:
        self._interval = interval
        self._now = now
        self._drops_overlap = drops_overlap
        self._is_running = False
        self._woken = asyncio.Event()
        self._last_run_ended = (now(), monotonic())

    @property
    def due_at(self) -> datetime:
        """When it is done next if nobody wakes it."""
        return self._last_run_ended[0] + timedelta(seconds=self._interval())

    def wake(self) -> None:
        """Do it as soon as possible."""
        if not (self._is_running and self._drops_overlap):
            self._woken.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do it, for as long as the block lasts."""
        self._is_running = True
        if self._drops_overlap:
            # Whoever woke it until now is answered by this round.
            self._woken.clear()
        try:
            yield
        finally:
            self._is_running = False
            self._last_run_ended = (self._now(), monotonic())

    async def wait_until_due(self) -> None:
        """Return when it is to be done."""
        while (left := self._interval() - self._seconds_since_run) > 0:
            try:
                async with asyncio.timeout(min(left, _NAP)):
                    await self._woken.wait()
            except TimeoutError:
                continue
            break
        self._woken.clear()

    @property
    def _seconds_since_run(self) -> float:
        # Two clocks: one stands still while a laptop sleeps, the other may be set by hours.
        at, elapsed = self._last_run_ended
        return max((self._now() - at).total_seconds(), monotonic() - elapsed)
