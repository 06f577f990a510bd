"""How Xero is to be reached right now: limits, outages and bad connections are ordinary weather."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from tui.log import logger
from tui.model.errors import OfflineError, RateLimitedError, ReconnectError, RejectedError, ReshelveError
from tui.model.snapshot import Link, XeroLink

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0


class Weather:
    """The state of the connection, and the waiting that it asks for.

    Every loop that calls Xero reports here how it went, and waits here before it calls again.
    """

    def __init__(self, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        self.link = XeroLink()
        self._now = now
        self._changed = changed
        self._failures = 0
        self._wait_ends = 0.0
        self._nudge = asyncio.Event()

    def fine(self, minute: int | None, day: int | None) -> None:
        """Note an answer from Xero, with the calls it says are left."""
        self._failures = 0
        self._become(
            XeroLink(Link.ONLINE, last_answer_at=self._now(), minute_calls_left=minute, day_calls_left=day)
        )

    def bad(self, error: ReshelveError) -> None:
        """Note a failure and decide when to call again."""
        wait = self._wait(error)
        self._wait_ends = monotonic() + wait
        logger.warning("xero: %s; next attempt in %.0f s", type(error).__name__, wait)
        self._become(
            replace(
                self.link,
                link=_link(error),
                waiting_until=self._now() + timedelta(seconds=wait),
                detail=error.what if not error.next_step else f"{error.what} {error.next_step}",
            )
        )

    def elsewhere(self) -> None:
        """Note that another copy of the program holds the lease."""
        detail = "Another Reshelve on this machine is talking to Xero; this one shows what it does."
        self._become(replace(self.link, link=Link.ELSEWHERE, waiting_until=None, detail=detail))

    def nudge(self) -> None:
        """End the waiting early because a person asked; a limit is still respected."""
        if self.link.link is not Link.LIMITED and self.link.waiting_until is not None:
            self._failures = 0
            self._become(replace(self.link, waiting_until=None))

    async def clear(self) -> None:
        """Return when Xero may be called again."""
        while (until := self.link.waiting_until) is not None:
            # Two clocks: one stands still while a laptop sleeps, the other may be set back by hours.
            left = min((until - self._now()).total_seconds(), self._wait_ends - monotonic())
            if left <= 0:
                return
            self._nudge.clear()
            try:
                # Short naps: a laptop that slept, or a clock that jumped, is noticed soon.
                await asyncio.wait_for(self._nudge.wait(), min(left, 5.0))
            except TimeoutError:
                continue

    def _wait(self, error: ReshelveError) -> float:
        if isinstance(error, RateLimitedError):
            return max(error.retry_after, 1.0)
        if isinstance(error, ReconnectError | RejectedError):
            return _LONGEST_WAIT
        self._failures += 1
        return min(_FIRST_WAIT * 2.0 ** (self._failures - 1), _LONGEST_WAIT)

    def _become(self, link: XeroLink) -> None:
        self.link = link
        if link.waiting_until is None:
            self._nudge.set()
        self._changed()


def _link(error: ReshelveError) -> Link:
    if isinstance(error, OfflineError):
        return Link.OFFLINE
    if isinstance(error, RateLimitedError):
        return Link.LIMITED
    if isinstance(error, ReconnectError):
        return Link.RECONNECT
    return Link.UNAVAILABLE
