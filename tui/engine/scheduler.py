"""The engine's tasks: the outbox, the news, the hand-offs, Re-Leased, and the lease they work under."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui.engine.connectivity.quota import ActivityTracker, QuotaBudget, QuotaHighWaterMark
from tui.engine.periodic_task import PeriodicTask
from tui.engine.supervision import unexpected
from tui.engine.sync.sync_state import PEAK
from tui.model.errors import ReshelveError, StoreError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tui.engine.connectivity.connection_state import ConnectionState
    from tui.engine.connectivity.storage_health import StorageHealth
    from tui.engine.re_leased_monitor import ReLeasedMonitor
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.engine.sync.contact_sync import ContactSync
    from tui.engine.sync.leader_lock import LeaderLock
    from tui.model.snapshot import PullProgress
    from tui.re_leased.evidence_source import EvidenceSource
    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

_OUTBOX_SECONDS = 2.0
_LEASE_SECONDS = 1.0
_TIME_CHECK_SECONDS = 1.0


class Scheduler:
    """Runs the jobs of one organisation. Only the holder of the lease calls Xero."""

    def __init__(
        self,
        store: Store,
        weather: ConnectionState,
        released: ReLeasedMonitor,
        publisher: SnapshotPublisher,
        *,
        disk: StorageHealth,
        now: Callable[[], datetime],
        lease: LeaderLock,
        poll_seconds: float,
    ) -> None:
        self._store = store
        self._connection = weather
        self._re_leased = released
        self._publisher = publisher
        self._storage = disk
        self._now = now
        self._lock = lease
        self._is_holder = asyncio.Event()
        self._follows = False
        self._is_displaced = False
        self._activity = ActivityTracker(now)
        self._budget = QuotaBudget(poll_seconds)
        self._contact_sync: ContactSync | None = None
        self._outbox = PeriodicTask(lambda: _OUTBOX_SECONDS, now)
        self._refresh = PeriodicTask(self._seconds_to_refresh, now, drops_overlap=True)
        self._manual_restores = PeriodicTask(self._seconds_to_manual_restores, now, drops_overlap=True)
        self._feed = PeriodicTask(lambda: released.seconds_to_next_poll, now, drops_overlap=True)

    def wake(self, *, pull: bool = False, handoffs: bool = False) -> None:
        """Send what is queued now; look for news or for finished hand-offs, too, when asked."""
        self._outbox.wake()
        if pull:
            self._refresh.wake()
            self._feed.wake()
        if pull or handoffs:
            self._manual_restores.wake()

    def record_user_activity(self) -> None:
        """Note that a person is here; after an absence there is a look for news at once."""
        if self._activity.touch() and not self._budget.is_reserving:
            self.wake(pull=True)

    def check_time(self) -> None:
        """Refresh from Xero soon: its answer carries another time."""
        if not self._budget.is_reserving:
            # Not at once: it is an answer that calls this, and its own job is still running.
            asyncio.get_running_loop().call_later(_TIME_CHECK_SECONDS, self._refresh.wake)

    def set_fast_polling(self, *, on: bool) -> None:
        """Look for finished hand-offs every few seconds, as far as the day's calls allow."""
        self._activity.touch()
        self._activity.is_waiting_for_restores = on
        if on:
            self._budget.start_fast_polling()
        self._manual_restores.wake()

    def pause_sync(self, *, on: bool) -> None:
        """Hold a read of all contacts after the page it is at, or go on with it."""
        if self._contact_sync is not None:
            self._contact_sync.pause(on=on)

    def record_reply(self, xero: XeroClient, before: datetime | None, attempt: int | None = None) -> None:
        """Note what Xero's last answer said, if there was one since then."""
        self._budget.record(xero.calls_left.day, self._now())
        self._show_sparing()
        is_news = xero.last_answer_at is not None and xero.last_answer_at != before
        if is_news and self._is_holder.is_set():
            self._connection.record_success(xero.calls_left.minute, xero.calls_left.day, attempt)

    def _seconds_to_refresh(self) -> float:
        pane = self._publisher.snapshot.summary
        has_handoffs = pane is not None and pane.manual_restore_total > 0
        return self._budget.pull_seconds(self._activity.idle, is_shared=has_handoffs)

    def _seconds_to_manual_restores(self) -> float:
        return self._budget.manual_restore_seconds(
            self._activity.idle, is_close=self._activity.is_waiting_for_restores
        )

    def release_lock(self) -> None:
        """Give the lease back."""
        if self._store.is_displaced:
            try:
                self._store.restore_files(self._now(), self._lock.acquire)
            except StoreError as error:
                logger.error("store: %s %s", error.what, error.next_step)
        self._lock.release()

    async def wait_for_lock(self) -> None:
        """Return when this copy of the program holds the lease."""
        await self._is_holder.wait()

    async def keep_search_index(self) -> None:
        """Load what makes search fast; until then it asks the database."""
        while True:
            try:
                await self._store.search.load()
            except StoreError as error:
                self._storage.record(error)
                await self._storage.wait_before_retry()
            else:
                return

    async def keep_lock(self) -> None:
        """Take the lease when it is free, and show what other copies do."""
        while True:
            try:
                self._check_lock()
            except StoreError as error:
                self._storage.record(error)
                if not self._lock.is_held:
                    self._is_holder.clear()
            await asyncio.sleep(_LEASE_SECONDS)

    def _check_lock(self) -> None:
        self._check_files()
        if self._lock.acquire():
            self._is_holder.set()
        else:
            self._is_holder.clear()
            self._connection.mark_standby()
        is_new_follower = not self._is_holder.is_set() and not self._follows
        self._follows = not self._is_holder.is_set()
        if self._store.changed_elsewhere() or is_new_follower:
            self._re_leased.reload(is_follower=self._follows)
            self._publisher.rows_changed(order=not self._is_holder.is_set())

    def _check_files(self) -> None:
        """Restore files that were taken away, at the second look: the first is shown to the person."""
        was_displaced, self._is_displaced = self._is_displaced, self._store.is_displaced
        if self._is_displaced:
            if not was_displaced:
                self._store.check_place()
            self._store.restore_files(self._now(), self._lock.acquire)
            self._is_displaced = False
        if was_displaced:
            self._storage.record(None)
            self._publisher.rows_changed(order=True)

    async def open_clients(self, open_clients: Callable[[], Awaitable[None]]) -> None:
        """Make the clients. A failure is shown as a connection problem and tried again."""
        while True:
            attempt = self._connection.attempt()
            try:
                await open_clients()
            except Exception as error:  # noqa: BLE001 - as in `_repeat`
                problem = error if isinstance(error, ReshelveError) else unexpected("connecting", error)
                self._connection.record_failure(problem, attempt)
                await self._connection.wait_until_ready()
            else:
                return

    async def run_outbox(self, xero: XeroClient) -> None:
        """Empty the outbox, whenever there is something in it."""
        from tui.engine.sync.outbox import Outbox  # noqa: PLC0415 - after the first paint

        pusher = Outbox(self._store, xero, self._now, self._sent, may_send=lambda: self._lock.is_held)

        async def drain() -> None:
            await pusher.recover()
            if pusher.has_work:
                await pusher.run_until_empty()

        # What the last run left goes on at once.
        self._outbox.wake()
        await self._repeat("sending changes", self._outbox, drain, xero)

    async def run_contact_sync(self, xero: XeroClient) -> None:
        """Look for news in Xero, at once and then at its pace."""
        from tui.engine.sync.contact_sync import ContactSync  # noqa: PLC0415 - after the first paint

        def progress(state: PullProgress | None) -> None:
            self.record_reply(xero, None)
            self._publisher.update_progress(state)

        def may_spend() -> bool:
            return not self._budget.is_reserving

        stored = self._store.sync_state(PEAK)
        if stored is not None:
            self._budget.peak = QuotaHighWaterMark.parse(stored)
        puller = ContactSync(self._store, xero, self._now, self._applied, progress, may_spend=may_spend)
        self._contact_sync = puller

        async def pull() -> None:
            has_ended = await puller.refresh()
            await self._keep_peak()
            if has_ended:
                self._publisher.record_refresh(self._now())

        self._refresh.wake()
        await self._repeat("loading contacts", self._refresh, pull, xero)

    async def poll_manual_restores(self, xero: XeroClient) -> None:
        """See which hand-offs are done."""
        from tui.engine.sync.manual_restores import ManualRestorePoller  # noqa: PLC0415 - after the first paint

        lookout = ManualRestorePoller(self._store, xero, self._now, self._applied)
        self._manual_restores.wake()
        await self._repeat("checking restores", self._manual_restores, lookout.poll, xero)

    async def monitor_re_leased(self, observer: EvidenceSource | None) -> None:
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
                        self._re_leased.tick()
                        if observer is None
                        else await self._re_leased.poll_feed(observer)
                    )
            except StoreError as error:
                # A full disk, for one: what couldn't be kept is told again at the next look.
                self._storage.record(error)
                await self._storage.wait_before_retry()
                continue
            except Exception as error:
                if observer is None:
                    raise
                self._re_leased.record_failure(unexpected("reading the Re-Leased feed", error))
                learnt = False
            if learnt:
                self._publisher.rows_changed()
            self._publisher.schedule()

    async def _repeat(
        self, task: str, job: PeriodicTask, work: Callable[[], Awaitable[None]], xero: XeroClient
    ) -> None:
        while True:
            await job.due()
            await self._is_holder.wait()
            await self._connection.wait_until_ready()
            before, attempt = xero.last_answer_at, self._connection.attempt()
            try:
                with job.running():
                    await work()
            except StoreError as error:
                self._storage.record(error)
                await self._storage.wait_before_retry()
                job.wake()
            except Exception as error:  # noqa: BLE001 - a bug in one task ends neither it nor the others
                self._budget.record(xero.calls_left.day, self._now())
                self._connection.record_failure(
                    error if isinstance(error, ReshelveError) else unexpected(task, error), attempt
                )
                job.wake()
            else:
                self.record_reply(xero, before, attempt)
            self._show_sparing()

    def _show_sparing(self) -> None:
        self._connection.limit_background_calls(self._refresh.due_at if self._budget.is_reserving else None)

    async def _keep_peak(self) -> None:
        """Remember the day's limit as far as it was seen: a start in the evening couldn't tell it."""
        peak = self._budget.peak
        if peak is not None and str(peak) != self._store.sync_state(PEAK):
            await self._store.set_sync_state(PEAK, str(peak))

    def _sent(self, applied: Applied) -> None:
        # A step of a change shows on its row even where the contact itself stays as it is.
        self._publisher.rows_changed(order=applied.order_changed)

    def _applied(self, applied: Applied) -> None:
        if applied.flips:
            logger.info("xero: %d changes of status seen", len(applied.flips))
        self._publisher.record_write(applied)
