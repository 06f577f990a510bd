"""The engine's tasks: the outbox, the news, the hand-offs, Re-Leased, and the lease they work under."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui.engine.pace import pull_interval
from tui.log import logger
from tui.model.errors import ReshelveError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tui.engine.lease import Lease
    from tui.engine.publish import Publisher
    from tui.engine.watch import ReleasedWatch
    from tui.engine.weather import Weather
    from tui.model.snapshot import PullProgress
    from tui.released.observer import Observer
    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

_OUTBOX_SECONDS = 2.0
_CLOSE_SECONDS = 2.5
_FAR_SECONDS = 15.0
_LEASE_SECONDS = 1.0


class Job:
    """Something done again and again: when its time has come, or when it is woken."""

    def __init__(self, interval: Callable[[], float]) -> None:
        self._interval = interval
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Do it as soon as possible."""
        self._woken.set()

    async def due(self) -> None:
        """Return when it is to be done."""
        try:
            await asyncio.wait_for(self._woken.wait(), self._interval())
        except TimeoutError:
            return
        self._woken.clear()


class Loops:
    """Runs the jobs of one organisation. Only the holder of the lease calls Xero."""

    def __init__(
        self,
        store: Store,
        weather: Weather,
        released: ReleasedWatch,
        publisher: Publisher,
        now: Callable[[], datetime],
        *,
        lease: Lease,
        poll_seconds: float,
    ) -> None:
        self._store = store
        self._weather = weather
        self._released = released
        self._publisher = publisher
        self._now = now
        self._lease = lease
        self._is_holder = asyncio.Event()
        self._is_close = False
        self._outbox = Job(lambda: _OUTBOX_SECONDS)
        self._news = Job(lambda: pull_interval(poll_seconds, weather.link.day_calls_left))
        self._handoffs = Job(self._seconds_to_handoffs)
        self._feed = Job(lambda: released.next_look)

    def wake(self, *, pull: bool = False, handoffs: bool = False) -> None:
        """Send what is queued now; look for news or for finished hand-offs, too, when asked."""
        self._outbox.wake()
        if pull:
            self._news.wake()
            self._feed.wake()
        if pull or handoffs:
            self._handoffs.wake()

    def look_closely(self, *, on: bool) -> None:
        """Look for finished hand-offs every few seconds."""
        self._is_close = on
        self._handoffs.wake()

    def _seconds_to_handoffs(self) -> float:
        if self._is_close:
            return _CLOSE_SECONDS
        # Slower as the day's calls run out, like pulls, and half as often: a pull sees most restores anyway.
        return 2 * pull_interval(_FAR_SECONDS, self._weather.link.day_calls_left)

    def release(self) -> None:
        """Give the lease back."""
        self._lease.give_back()

    async def keep_search_index(self) -> None:
        """Load what makes search fast; until then it asks the database."""
        await self._store.finder.load()

    async def hold_lease(self) -> None:
        """Take the lease when it is free, and show what other copies do."""
        while True:
            if self._lease.take():
                self._is_holder.set()
            else:
                self._weather.elsewhere()
            if self._store.changed_elsewhere():
                self._publisher.rows_changed(order=not self._is_holder.is_set())
            await asyncio.sleep(_LEASE_SECONDS)

    async def send(self, xero: XeroClient) -> None:
        """Empty the outbox, whenever there is something in it."""
        from tui.engine.push import Pusher  # noqa: PLC0415 - after the first paint

        pusher = Pusher(self._store, xero, self._now, self._sent)

        async def drain() -> None:
            await pusher.recover()
            if pusher.has_work:
                await pusher.drain()

        await self._repeat(self._outbox, drain, xero)

    async def pull(self, xero: XeroClient) -> None:
        """Look for news in Xero, at once and then at its pace."""
        from tui.engine.pull import Puller  # noqa: PLC0415 - after the first paint

        def progress(state: PullProgress | None) -> None:
            self._note_answer(xero, None)
            self._publisher.pulling(state)

        puller = Puller(self._store, xero, self._now, self._applied, progress)

        async def pull() -> None:
            await puller.pull()
            self._publisher.pulled(self._now())

        self._news.wake()
        await self._repeat(self._news, pull, xero)

    async def look_for_handoffs(self, xero: XeroClient) -> None:
        """See which hand-offs are done."""
        from tui.engine.handoff import HandoffLookout  # noqa: PLC0415 - after the first paint

        lookout = HandoffLookout(self._store, xero, self._now, self._applied)
        self._handoffs.wake()
        await self._repeat(self._handoffs, lookout.look, xero)

    async def follow_released(self, observer: Observer | None) -> None:
        """Gather evidence of what Re-Leased has picked up."""
        self._feed.wake()
        while True:
            await self._feed.due()
            try:
                learnt = self._released.tick() if observer is None else await self._released.look(observer)
            except StoreError as error:
                # A full disk, for one: what couldn't be kept is told again at the next look.
                logger.warning("re-leased: %s", error.what)
                continue
            if learnt:
                self._publisher.rows_changed()
            self._publisher.soon()

    async def _repeat(self, job: Job, work: Callable[[], Awaitable[None]], xero: XeroClient) -> None:
        while True:
            await job.due()
            await self._is_holder.wait()
            await self._weather.clear()
            before = xero.last_answer_at
            try:
                await work()
            except ReshelveError as error:
                self._weather.bad(error)
                job.wake()
            else:
                self._note_answer(xero, before)

    def _note_answer(self, xero: XeroClient, before: datetime | None) -> None:
        if xero.last_answer_at is not None and xero.last_answer_at != before:
            self._weather.fine(xero.calls_left.minute, xero.calls_left.day)

    def _sent(self, applied: Applied) -> None:
        # A step of a change shows on its row even where the contact itself stays as it is.
        self._publisher.rows_changed(order=applied.order_changed)

    def _applied(self, applied: Applied) -> None:
        if applied.flips:
            logger.info("xero: %d changes of status seen", len(applied.flips))
        self._publisher.applied(applied)
