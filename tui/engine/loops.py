"""The engine's tasks: the outbox, the news, the hand-offs, Re-Leased, and the lease they work under."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui.engine.job import Job
from tui.engine.supervision import unexpected
from tui.engine.sync.bookmarks import PEAK
from tui.engine.weather.pace import Budget, Peak, Presence
from tui.log import logger
from tui.model.errors import ReshelveError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tui.engine.publish import Publisher
    from tui.engine.sync.lease import Lease
    from tui.engine.sync.pull import Puller
    from tui.engine.watch import ReleasedWatch
    from tui.engine.weather.disk import Disk
    from tui.engine.weather.weather import Weather
    from tui.model.snapshot import PullProgress
    from tui.released.observer import Observer
    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

_OUTBOX_SECONDS = 2.0
_LEASE_SECONDS = 1.0
_TIME_CHECK_SECONDS = 1.0


class Loops:
    """Runs the jobs of one organisation. Only the holder of the lease calls Xero."""

    def __init__(
        self,
        store: Store,
        weather: Weather,
        released: ReleasedWatch,
        publisher: Publisher,
        *,
        disk: Disk,
        now: Callable[[], datetime],
        lease: Lease,
        poll_seconds: float,
    ) -> None:
        self._store = store
        self._weather = weather
        self._released = released
        self._publisher = publisher
        self._disk = disk
        self._now = now
        self._lease = lease
        self._is_holder = asyncio.Event()
        self._follows = False
        self._is_displaced = False
        self._presence = Presence(now)
        self._budget = Budget(poll_seconds)
        self._puller: Puller | None = None
        self._outbox = Job(lambda: _OUTBOX_SECONDS, now)
        self._news = Job(self._seconds_to_news, now, drops_overlap=True)
        self._handoffs = Job(self._seconds_to_handoffs, now, drops_overlap=True)
        self._feed = Job(lambda: released.next_look, now, drops_overlap=True)

    def wake(self, *, pull: bool = False, handoffs: bool = False) -> None:
        """Send what is queued now; look for news or for finished hand-offs, too, when asked."""
        self._outbox.wake()
        if pull:
            self._news.wake()
            self._feed.wake()
        if pull or handoffs:
            self._handoffs.wake()

    def attend(self) -> None:
        """Note that a person is here; after an absence there is a look for news at once."""
        if self._presence.note() and not self._budget.is_sparing:
            self.wake(pull=True)

    def check_time(self) -> None:
        """Refresh from Xero soon: its answer carries another time."""
        if not self._budget.is_sparing:
            # Not at once: it is an answer that calls this, and its own job is still running.
            asyncio.get_running_loop().call_later(_TIME_CHECK_SECONDS, self._news.wake)

    def look_closely(self, *, on: bool) -> None:
        """Look for finished hand-offs every few seconds, as far as the day's calls allow."""
        self._presence.note()
        self._presence.is_watching = on
        if on:
            self._budget.come_close()
        self._handoffs.wake()

    def hold_pull(self, *, on: bool) -> None:
        """Hold a read of all contacts after the page it is at, or go on with it."""
        if self._puller is not None:
            self._puller.hold(on=on)

    def note_answer(self, xero: XeroClient, before: datetime | None, attempt: int | None = None) -> None:
        """Note what Xero's last answer said, if there was one since then."""
        self._budget.note(xero.calls_left.day, self._now())
        self._show_sparing()
        is_news = xero.last_answer_at is not None and xero.last_answer_at != before
        if is_news and self._is_holder.is_set():
            self._weather.fine(xero.calls_left.minute, xero.calls_left.day, attempt)

    def _seconds_to_news(self) -> float:
        pane = self._publisher.snapshot.pane
        has_handoffs = pane is not None and pane.handoff_total > 0
        return self._budget.pull_seconds(self._presence.idle, is_shared=has_handoffs)

    def _seconds_to_handoffs(self) -> float:
        return self._budget.handoff_seconds(self._presence.idle, is_close=self._presence.is_watching)

    def release(self) -> None:
        """Give the lease back."""
        if self._store.is_displaced:
            try:
                self._store.put_back(self._now(), self._lease.take)
            except StoreError as error:
                logger.error("store: %s %s", error.what, error.next_step)
        self._lease.give_back()

    async def held(self) -> None:
        """Return when this copy of the program holds the lease."""
        await self._is_holder.wait()

    async def keep_search_index(self) -> None:
        """Load what makes search fast; until then it asks the database."""
        while True:
            try:
                await self._store.finder.load()
            except StoreError as error:
                self._disk.note(error)
                await self._disk.pause()
            else:
                return

    async def hold_lease(self) -> None:
        """Take the lease when it is free, and show what other copies do."""
        while True:
            try:
                self._look_at_lease()
            except StoreError as error:
                self._disk.note(error)
                if not self._lease.is_held:
                    self._is_holder.clear()
            await asyncio.sleep(_LEASE_SECONDS)

    def _look_at_lease(self) -> None:
        self._look_at_files()
        if self._lease.take():
            self._is_holder.set()
        else:
            self._is_holder.clear()
            self._weather.elsewhere()
        is_new_follower = not self._is_holder.is_set() and not self._follows
        self._follows = not self._is_holder.is_set()
        if self._store.changed_elsewhere() or is_new_follower:
            self._released.recall(is_follower=self._follows)
            self._publisher.rows_changed(order=not self._is_holder.is_set())

    def _look_at_files(self) -> None:
        """Restore files that were taken away, at the second look: the first is shown to the person."""
        was_displaced, self._is_displaced = self._is_displaced, self._store.is_displaced
        if self._is_displaced:
            if not was_displaced:
                self._store.check_place()
            self._store.put_back(self._now(), self._lease.take)
            self._is_displaced = False
        if was_displaced:
            self._disk.note(None)
            self._publisher.rows_changed(order=True)

    async def until_open(self, open_clients: Callable[[], Awaitable[None]]) -> None:
        """Make the clients. A failure is shown as a connection problem and tried again."""
        while True:
            attempt = self._weather.attempt()
            try:
                await open_clients()
            except Exception as error:  # noqa: BLE001 - as in `_repeat`
                problem = error if isinstance(error, ReshelveError) else unexpected("connecting", error)
                self._weather.bad(problem, attempt)
                await self._weather.clear()
            else:
                return

    async def send(self, xero: XeroClient) -> None:
        """Empty the outbox, whenever there is something in it."""
        from tui.engine.sync.push import Pusher  # noqa: PLC0415 - after the first paint

        pusher = Pusher(self._store, xero, self._now, self._sent, may_send=lambda: self._lease.is_held)

        async def drain() -> None:
            await pusher.recover()
            if pusher.has_work:
                await pusher.drain()

        # What the last run left goes on at once.
        self._outbox.wake()
        await self._repeat("sending changes", self._outbox, drain, xero)

    async def pull(self, xero: XeroClient) -> None:
        """Look for news in Xero, at once and then at its pace."""
        from tui.engine.sync.pull import Puller  # noqa: PLC0415 - after the first paint

        def progress(state: PullProgress | None) -> None:
            self.note_answer(xero, None)
            self._publisher.pulling(state)

        def may_spend() -> bool:
            return not self._budget.is_sparing

        stored = self._store.cursor(PEAK)
        if stored is not None:
            self._budget.peak = Peak.parse(stored)
        puller = Puller(self._store, xero, self._now, self._applied, progress, may_spend=may_spend)
        self._puller = puller

        async def pull() -> None:
            has_ended = await puller.pull()
            await self._keep_peak()
            if has_ended:
                self._publisher.pulled(self._now())

        self._news.wake()
        await self._repeat("loading contacts", self._news, pull, xero)

    async def look_for_handoffs(self, xero: XeroClient) -> None:
        """See which hand-offs are done."""
        from tui.engine.sync.handoff import HandoffLookout  # noqa: PLC0415 - after the first paint

        lookout = HandoffLookout(self._store, xero, self._now, self._applied)
        self._handoffs.wake()
        await self._repeat("checking restores", self._handoffs, lookout.look, xero)

    async def follow_released(self, observer: Observer | None) -> None:
        """Gather evidence of what Re-Leased has picked up.

        Only the holder of the lease reads a feed; the other copies are shown what that has seen.
        """
        if observer is not None:
            await self._is_holder.wait()
        self._feed.wake()
        while True:
            await self._feed.due()
            try:
                with self._feed.running():
                    learnt = (
                        self._released.tick() if observer is None else await self._released.look(observer)
                    )
            except StoreError as error:
                # A full disk, for one: what couldn't be kept is told again at the next look.
                self._disk.note(error)
                await self._disk.pause()
                continue
            except Exception as error:
                if observer is None:
                    raise
                self._released.fail(unexpected("reading the Re-Leased feed", error))
                learnt = False
            if learnt:
                self._publisher.rows_changed()
            self._publisher.soon()

    async def _repeat(
        self, task: str, job: Job, work: Callable[[], Awaitable[None]], xero: XeroClient
    ) -> None:
        while True:
            await job.due()
            await self._is_holder.wait()
            await self._weather.clear()
            before, attempt = xero.last_answer_at, self._weather.attempt()
            try:
                with job.running():
                    await work()
            except StoreError as error:
                self._disk.note(error)
                await self._disk.pause()
                job.wake()
            except Exception as error:  # noqa: BLE001 - a bug in one task ends neither it nor the others
                self._budget.note(xero.calls_left.day, self._now())
                self._weather.bad(
                    error if isinstance(error, ReshelveError) else unexpected(task, error), attempt
                )
                job.wake()
            else:
                self.note_answer(xero, before, attempt)
            self._show_sparing()

    def _show_sparing(self) -> None:
        self._weather.spare(self._news.due_at if self._budget.is_sparing else None)

    async def _keep_peak(self) -> None:
        """Remember the day's limit as far as it was seen: a start in the evening couldn't tell it."""
        peak = self._budget.peak
        if peak is not None and str(peak) != self._store.cursor(PEAK):
            await self._store.set_cursor(PEAK, str(peak))

    def _sent(self, applied: Applied) -> None:
        # A step of a change shows on its row even where the contact itself stays as it is.
        self._publisher.rows_changed(order=applied.order_changed)

    def _applied(self, applied: Applied) -> None:
        if applied.flips:
            logger.info("xero: %d changes of status seen", len(applied.flips))
        self._publisher.applied(applied)
