"""The engine's tasks: the outbox, the news, the hand-offs, Re-Leased, and the lease they work under."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from tui.engine.clock import utc_now
from tui.engine.connectivity.quota import ActivityTracker, QuotaBudget, QuotaHighWaterMark
from tui.engine.supervision import unexpected_error
from tui.engine.sync.sync_state import QUOTA_HIGH_WATER_MARK
from tui.model.errors import ReshelveError, StoreError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from tui.engine.connectivity.connection_state import ConnectionState, StorageHealth
    from tui.engine.re_leased_monitor import ReLeasedMonitor
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.engine.sync.contact_sync import ContactSync
    from tui.engine.sync.leader_lock import LeaderLock
    from tui.model.snapshot import SyncProgress
    from tui.re_leased.evidence_source import EvidenceSource
    from tui.store import Store, StoreUpdate
    from tui.xero.client import XeroClient


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


_OUTBOX_SECONDS = 2.0
_LOCK_CHECK_SECONDS = 1.0
_TIME_CHECK_SECONDS = 1.0


class Scheduler:
    """Runs the jobs of one organisation. Only the holder of the lease calls Xero."""

    def __init__(
        self,
        store: Store,
        connection: ConnectionState,
        re_leased: ReLeasedMonitor,
        publisher: SnapshotPublisher,
        *,
        storage: StorageHealth,
        now: Callable[[], datetime],
        lock: LeaderLock,
        poll_seconds: float,
    ) -> None:
        self._store = store
        self._connection = connection
        self._re_leased = re_leased
        self._publisher = publisher
        self._storage = storage
        self._now = now
        self._lock = lock
        self._has_lock = asyncio.Event()
        self._is_follower = False
        self._is_displaced = False
        self._activity = ActivityTracker(now)
        self._budget = QuotaBudget(poll_seconds)
        self._contact_sync: ContactSync | None = None
        self._outbox_task = PeriodicTask(lambda: _OUTBOX_SECONDS, now)
        self._refresh_task = PeriodicTask(self._refresh_interval, now, drops_overlap=True)
        self._manual_restore_task = PeriodicTask(self._manual_restore_interval, now, drops_overlap=True)
        self._feed_task = PeriodicTask(lambda: re_leased.seconds_to_next_poll, now, drops_overlap=True)

    def wake(self, *, refresh: bool = False, manual_restores: bool = False) -> None:
        """Send what is queued now; look for news or for finished hand-offs, too, when asked."""
        self._outbox_task.wake()
        if refresh:
            self._refresh_task.wake()
            self._feed_task.wake()
        if refresh or manual_restores:
            self._manual_restore_task.wake()

    def record_user_activity(self) -> None:
        """Note that a person is here; after an absence there is a look for news at once."""
        if self._activity.touch() and not self._budget.is_reserving:
            self.wake(refresh=True)

    def check_clock(self) -> None:
        """Refresh from Xero soon: its answer carries another time."""
        if not self._budget.is_reserving:
            # Not at once: it is an answer that calls this, and its own job is still running.
            asyncio.get_running_loop().call_later(_TIME_CHECK_SECONDS, self._refresh_task.wake)

    def set_fast_polling(self, *, on: bool) -> None:
        """Look for finished hand-offs every few seconds, as far as the day's calls allow."""
        self._activity.touch()
        self._activity.is_waiting_for_restores = on
        if on:
            self._budget.start_fast_polling()
        self._manual_restore_task.wake()

    def pause_sync(self, *, on: bool) -> None:
        """Hold a read of all contacts after the page it is at, or go on with it."""
        if self._contact_sync is not None:
            self._contact_sync.pause(on=on)

    def record_reply(self, xero: XeroClient, before: datetime | None, attempt: int | None = None) -> None:
        """Note what Xero's last answer said, if there was one since then."""
        self._budget.record(xero.calls_left.day, self._now())
        self._update_background_limit()
        is_new_reply = xero.last_reply_at is not None and xero.last_reply_at != before
        if is_new_reply and self._has_lock.is_set():
            self._connection.record_success(xero.calls_left.minute, xero.calls_left.day, attempt)

    def _refresh_interval(self) -> float:
        summary = self._publisher.snapshot.summary
        has_manual_restores = summary is not None and summary.manual_restore_total > 0
        return self._budget.refresh_interval(self._activity.idle, is_shared=has_manual_restores)

    def _manual_restore_interval(self) -> float:
        return self._budget.manual_restore_interval(
            self._activity.idle, is_fast=self._activity.is_waiting_for_restores
        )

    def release_lock(self) -> None:
        """Give the lease back."""
        if self._store.is_displaced:
            try:
                self._store.restore_files(self._now(), self._lock.acquire)
            except StoreError as error:
                logger.error("store: %s %s", error.message, error.next_step)
        self._lock.release()

    async def wait_for_lock(self) -> None:
        """Return when this copy of the program holds the lease."""
        await self._has_lock.wait()

    async def load_search_index(self) -> None:
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
                    self._has_lock.clear()
            await asyncio.sleep(_LOCK_CHECK_SECONDS)

    def _check_lock(self) -> None:
        self._check_files()
        if self._lock.acquire():
            self._has_lock.set()
        else:
            self._has_lock.clear()
            self._connection.mark_standby()
        is_new_follower = not self._has_lock.is_set() and not self._is_follower
        self._is_follower = not self._has_lock.is_set()
        if self._store.changed_elsewhere() or is_new_follower:
            self._re_leased.reload(is_follower=self._is_follower)
            self._publisher.rows_changed(order=not self._has_lock.is_set())

    def _check_files(self) -> None:
        """Restore files that were taken away, at the second look: the first is shown to the person."""
        was_displaced, self._is_displaced = self._is_displaced, self._store.is_displaced
        if self._is_displaced:
            if not was_displaced:
                self._store.check_displaced()
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
                problem = error if isinstance(error, ReshelveError) else unexpected_error("connecting", error)
                self._connection.record_failure(problem, attempt)
                await self._connection.wait_until_ready()
            else:
                return

    async def run_outbox(self, xero: XeroClient) -> None:
        """Empty the outbox, whenever there is something in it."""
        from tui.engine.sync.outbox import Outbox

        outbox = Outbox(
            self._store, xero, self._now, self._on_outbox_write, may_send=lambda: self._lock.is_held
        )

        async def drain() -> None:
            await outbox.recover()
            if outbox.has_work:
                await outbox.run_until_empty()

        # What the last run left goes on at once.
        self._outbox_task.wake()
        await self._repeat("sending changes", self._outbox_task, drain, xero)

    async def run_contact_sync(self, xero: XeroClient) -> None:
        """Look for news in Xero, at once and then at its pace."""
        from tui.engine.sync.contact_sync import ContactSync

        def progress(state: SyncProgress | None) -> None:
            self.record_reply(xero, None)
            self._publisher.update_progress(state)

        def may_call() -> bool:
            return not self._budget.is_reserving

        stored = self._store.sync_state(QUOTA_HIGH_WATER_MARK)
        if stored is not None:
            self._budget.high_water_mark = QuotaHighWaterMark.parse(stored)
        contact_sync = ContactSync(
            self._store, xero, self._now, self._on_sync_write, progress, may_call=may_call
        )
        self._contact_sync = contact_sync

        async def refresh() -> None:
            has_ended = await contact_sync.refresh()
            await self._save_high_water_mark()
            if has_ended:
                self._publisher.record_refresh(self._now())

        self._refresh_task.wake()
        await self._repeat("loading contacts", self._refresh_task, refresh, xero)

    async def poll_manual_restores(self, xero: XeroClient) -> None:
        """See which hand-offs are done."""
        from tui.engine.sync.manual_restores import ManualRestorePoller

        poller = ManualRestorePoller(self._store, xero, self._now, self._on_sync_write)
        self._manual_restore_task.wake()
        await self._repeat("checking restores", self._manual_restore_task, poller.poll, xero)

    async def monitor_re_leased(self, source: EvidenceSource | None) -> None:
        """Gather evidence of what Re-Leased has picked up.

        Only the holder of the lease reads a feed; the other copies are shown what that has seen.
        """
        if source is not None:
            await self._has_lock.wait()
        self._feed_task.wake()
        while True:
            await self._feed_task.wait_until_due()
            try:
                with self._feed_task.running():
                    has_new_evidence = (
                        self._re_leased.tick() if source is None else await self._re_leased.poll_feed(source)
                    )
            except StoreError as error:
                # A full disk, for one: what couldn't be kept is told again at the next look.
                self._storage.record(error)
                await self._storage.wait_before_retry()
                continue
            except Exception as error:
                if source is None:
                    raise
                self._re_leased.record_failure(unexpected_error("reading the Re-Leased feed", error))
                has_new_evidence = False
            if has_new_evidence:
                self._publisher.rows_changed()
            self._publisher.schedule()

    async def _repeat(
        self, task: str, job: PeriodicTask, work: Callable[[], Awaitable[None]], xero: XeroClient
    ) -> None:
        while True:
            await job.wait_until_due()
            await self._has_lock.wait()
            await self._connection.wait_until_ready()
            before, attempt = xero.last_reply_at, self._connection.attempt()
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
                    error if isinstance(error, ReshelveError) else unexpected_error(task, error), attempt
                )
                job.wake()
            else:
                self.record_reply(xero, before, attempt)
            self._update_background_limit()

    def _update_background_limit(self) -> None:
        self._connection.limit_background_calls(
            self._refresh_task.due_at if self._budget.is_reserving else None
        )

    async def _save_high_water_mark(self) -> None:
        """Remember the day's limit as far as it was seen: a start in the evening couldn't tell it."""
        peak = self._budget.high_water_mark
        if peak is not None and str(peak) != self._store.sync_state(QUOTA_HIGH_WATER_MARK):
            await self._store.set_sync_state(QUOTA_HIGH_WATER_MARK, str(peak))

    def _on_outbox_write(self, applied: StoreUpdate) -> None:
        # A step of a change shows on its row even where the contact itself stays as it is.
        self._publisher.rows_changed(order=applied.order_changed)

    def _on_sync_write(self, applied: StoreUpdate) -> None:
        if applied.detected:
            logger.info("xero: %d changes of status seen", len(applied.detected))
        self._publisher.record_write(applied)
