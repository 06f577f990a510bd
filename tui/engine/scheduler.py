"""The engine's periodic tasks: outbox, refresh, restores, Re-Leased, and the leader lock.

An unexpected exception of a task is logged and shown, and the task is retried.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Final

from tui.engine.clock import utc_now
from tui.engine.connectivity import ActivityTracker, QuotaBudget, QuotaHighWaterMark
from tui.model.errors import ReshelveError, StoreError, UnexpectedError
from tui.model.reasons import TaskReason
from tui.store.sync_state import QUOTA_CALLS_LEFT, QUOTA_HIGH_WATER_MARK
from tui.system.log import log_unexpected, logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from tui.engine.activity_scan import ActivityScan
    from tui.engine.connectivity import ConnectionState, StorageHealth
    from tui.engine.contact_sync import ContactSync
    from tui.engine.leader_lock import LeaderLock
    from tui.engine.re_leased_monitor import ReLeasedMonitor
    from tui.engine.re_leased_reader import ReLeasedReader
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.snapshot import SyncProgress
    from tui.re_leased.feed import EvidenceSource
    from tui.re_leased.source import ContactSource
    from tui.store import Store, StoreUpdate
    from tui.xero.client import XeroClient


# Seconds.
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_WORKS_AFTER: Final = 5.0
_MOST_DOUBLINGS: Final = 10


def unexpected_error(activity: str, error: Exception) -> UnexpectedError:
    """Log an unexpected exception and return the error to show for it."""
    if isinstance(error, UnexpectedError):
        # Already logged.
        return error
    log_unexpected(activity, error)
    return UnexpectedError(type(error).__name__)


def retry_wait(bugs: int) -> float:
    """Return the seconds before the next attempt, after that many bugs in a row."""
    return float(min(_FIRST_WAIT * 2 ** min(bugs - 1, _MOST_DOUBLINGS), _LONGEST_WAIT))


async def supervise(task: TaskReason, work: Callable[[], Awaitable[None]], storage: StorageHealth) -> None:
    """Run a background task to completion; after a bug, restart it with increasing waits.

    Raises the `ReshelveError` it ends with; only bugs are retried.
    """
    bugs = 0

    def recovered() -> None:
        nonlocal bugs
        bugs = 0
        storage.record_task(task, None)

    while True:
        # An endless task counts as recovered once it has run for a while.
        timer = asyncio.get_running_loop().call_later(_WORKS_AFTER, recovered) if bugs else None
        try:
            await work()
        except Exception as error:
            if isinstance(error, ReshelveError) and not isinstance(error, UnexpectedError):
                raise
            storage.record_task(task, unexpected_error(task, error))
        else:
            storage.record_task(task, None)
            return
        finally:
            if timer is not None:
                timer.cancel()
        bugs += 1
        await asyncio.sleep(retry_wait(bugs))


# Seconds. The interval may change during a wait, and a laptop may sleep.
_NAP: Final = 15.0


class PeriodicTask:
    """A task that runs at an interval, or when woken.

    `interval` returns the seconds between the end of one run and the next. Several wakes while waiting cause
    one run. A wake during a run causes another run, so that nothing is missed, unless `drops_overlap`.
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
        """When it runs next unless woken."""
        return self._last_run_ended[0] + timedelta(seconds=self._interval())

    def wake(self) -> None:
        """Run as soon as possible."""
        if not (self._is_running and self._drops_overlap):
            self._woken.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark the task as running for the duration of the block."""
        self._is_running = True
        if self._drops_overlap:
            # This run covers all wakes until now.
            self._woken.clear()
        try:
            yield
        finally:
            self._is_running = False
            self._last_run_ended = (self._now(), monotonic())

    @property
    def is_due(self) -> bool:
        """Whether the interval has passed since the last run."""
        return self._seconds_to_next_run <= 0

    async def wait_until_due(self) -> None:
        """Wait until the next run is due."""
        while not self._woken.is_set() and (left := self._seconds_to_next_run) > 0:
            await self.wait_for_wake(min(left, _NAP))
        self._woken.clear()

    async def wait_for_wake(self, seconds: float) -> None:
        """Wait that long, or until woken."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    @property
    def _seconds_to_next_run(self) -> float:
        # Two clocks: one stops while a laptop sleeps, the other may be changed by hours.
        at, elapsed = self._last_run_ended
        return self._interval() - max((self._now() - at).total_seconds(), monotonic() - elapsed)


# Between two reads of transactions, and between two attempts of one that had to stop.
_ACTIVITY_SECONDS = 6 * 3_600.0
_UNFINISHED_SECONDS = 60.0
# Xero's reads may lag its writes a little.
_ACTIVITY_OVERLAP = timedelta(minutes=1)

_OUTBOX_SECONDS = 2.0
# Between two looks for changes to send while none are known: requests of other copies wake the outbox.
_IDLE_OUTBOX_SECONDS = 30.0
_LOCK_CHECK_SECONDS = 1.0
_TIME_CHECK_SECONDS = 1.0


class Scheduler:
    """Runs the tasks of one organisation. Only the holder of the lock calls Xero."""

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
        reader: ReLeasedReader | None = None,
    ) -> None:
        self._store = store
        self._connection = connection
        self._re_leased = re_leased
        self._publisher = publisher
        self._storage = storage
        self._now = now
        self._lock = lock
        self._reader = reader
        self._has_lock = asyncio.Event()
        self._is_follower = False
        self._is_displaced = False
        self._activity = ActivityTracker(now)
        self._budget = QuotaBudget(poll_seconds)
        self._contact_sync: ContactSync | None = None
        self._activity_scan: ActivityScan | None = None
        self._outbox_task = PeriodicTask(self._outbox_interval, now)
        self._refresh_task = PeriodicTask(self._refresh_interval, now, drops_overlap=True)
        self._manual_restore_task = PeriodicTask(self._manual_restore_interval, now, drops_overlap=True)
        self._feed_task = PeriodicTask(lambda: re_leased.seconds_to_next_poll, now, drops_overlap=True)
        self._read_task = PeriodicTask(self._re_leased_interval, now)
        self._activity_task = PeriodicTask(self._activity_interval, now)

    def wake(self, *, refresh: bool = False, manual_restores: bool = False) -> None:
        """Send queued changes now; optionally also refresh or check restores."""
        self._outbox_task.wake()
        if refresh:
            self._refresh_task.wake()
            self._feed_task.wake()
            self._read_task.wake()
        if refresh or manual_restores:
            self._manual_restore_task.wake()

    def record_user_activity(self) -> None:
        """Record user activity; refresh immediately after being idle."""
        if self._activity.touch() and not self._budget.is_reserving:
            self.wake(refresh=True)

    def record_focus(self, *, has_focus: bool) -> None:
        """Record that the terminal got or lost the focus; refresh if that is due with the focus back."""
        self._activity.has_focus = has_focus
        if not has_focus:
            self._activity.touch()
            return
        self.record_user_activity()
        if self._refresh_task.is_due:
            self._refresh_task.wake()

    def check_clock(self) -> None:
        """Refresh from Xero soon, to get another reading of its clock."""
        if not self._budget.is_reserving:
            # Not immediately: this is called by a response while its task is still running.
            asyncio.get_running_loop().call_later(_TIME_CHECK_SECONDS, self._refresh_task.wake)

    def set_fast_polling(self, *, on: bool) -> None:
        """Check restores every few seconds, as far as the daily limit allows."""
        self._activity.touch()
        self._activity.is_waiting_for_restores = on
        if on:
            self._budget.start_fast_polling()
        self._manual_restore_task.wake()

    def pause_sync(self, *, on: bool) -> None:
        """Pause a full sync, and a read of transactions, after the current page, or resume them."""
        if self._contact_sync is not None:
            self._contact_sync.pause(on=on)
        if self._activity_scan is not None:
            self._activity_scan.pause(on=on)

    def wake_activity_scan(self) -> None:
        """Find out again whether transactions can be read, and read them."""
        self._activity_task.wake()

    def record_reply(self, xero: XeroClient, before: datetime | None, attempt: int | None = None) -> None:
        """Record Xero's latest reply if there was one since then."""
        self._budget.record(xero.calls_left.day, self._now())
        self._update_background_limit()
        is_new_reply = xero.last_reply_at is not None and xero.last_reply_at != before
        if is_new_reply and self._has_lock.is_set():
            self._connection.record_success(xero.calls_left.minute, xero.calls_left.day, attempt)

    def _outbox_interval(self) -> float:
        summary = self._publisher.snapshot.summary
        is_idle = summary is not None and not summary.in_progress_total
        return _IDLE_OUTBOX_SECONDS if is_idle else _OUTBOX_SECONDS

    def _refresh_interval(self) -> float:
        summary = self._publisher.snapshot.summary
        has_manual_restores = summary is not None and summary.manual_restore_total > 0
        return self._budget.refresh_interval(self._activity.idle_or_away, is_shared=has_manual_restores)

    def _manual_restore_interval(self) -> float:
        # Regardless of the focus: restores are finished in the browser.
        return self._budget.manual_restore_interval(
            self._activity.idle, is_fast=self._activity.is_waiting_for_restores
        )

    def release_lock(self) -> None:
        """Release the lock."""
        if self._store.maintenance.is_displaced:
            try:
                self._store.maintenance.restore_files(self._now(), self._lock.acquire)
            except StoreError as error:
                logger.error("store: %s", error)
        self._lock.release()

    async def wait_for_lock(self) -> None:
        """Wait until this copy of Reshelve holds the lock."""
        await self._has_lock.wait()

    async def load_search_index(self) -> None:
        """Load the search index; until then searches use the database."""
        while True:
            try:
                await self._store.search.load()
            except StoreError as error:
                self._storage.record(error)
                await self._storage.wait_before_retry()
            else:
                return

    async def keep_lock(self) -> None:
        """Acquire the lock when it is free, and show the progress of other copies."""
        # Importing what locks files takes longer than a key may wait.
        await asyncio.to_thread(import_module, "filelock")
        while True:
            try:
                self._check_lock()
            except StoreError as error:
                self._storage.record(error)
                if not self._lock.is_held:
                    self._lock_lost()
            await asyncio.sleep(_LOCK_CHECK_SECONDS)

    def _check_lock(self) -> None:
        self._check_files()
        if self._lock.acquire():
            self._has_lock.set()
            self._connection.end_standby()
        else:
            self._lock_lost()
            self._connection.mark_standby()
        is_new_follower = not self._has_lock.is_set() and not self._is_follower
        self._is_follower = not self._has_lock.is_set()
        if self._store.changed_elsewhere() or is_new_follower:
            self._outbox_task.wake()
            self._re_leased.reload(is_follower=self._is_follower)
            if self._reader is not None:
                self._reader.reload()
            self._publisher.rows_changed(order=not self._has_lock.is_set())

    def _lock_lost(self) -> None:
        if self._has_lock.is_set():
            self._has_lock.clear()
            # It waits for the lock, and then sends what another copy has left.
            self._outbox_task.wake()

    def _check_files(self) -> None:
        """Restore displaced files on the second check; the first check only shows the problem."""
        was_displaced, self._is_displaced = self._is_displaced, self._store.maintenance.is_displaced
        if self._is_displaced:
            if not was_displaced:
                self._store.maintenance.check_displaced()
            self._store.maintenance.restore_files(self._now(), self._lock.acquire)
            self._is_displaced = False
        if was_displaced:
            self._storage.record(None)
            self._publisher.rows_changed(order=True)

    async def open_clients(self, open_clients: Callable[[], Awaitable[None]]) -> None:
        """Create the clients. A failure is shown as a connection problem and retried; a bug is raised."""
        while True:
            attempt = self._connection.attempt()
            try:
                await open_clients()
            except UnexpectedError:
                raise
            except ReshelveError as error:
                self._connection.record_failure(error, attempt)
                await self._connection.wait_until_ready()
            else:
                return

    async def run_outbox(self, xero: XeroClient) -> None:
        """Send queued changes whenever there are any."""
        from tui.engine.outbox import Outbox

        outbox = Outbox(
            self._store, xero, self._now, self._on_outbox_write, may_send=lambda: self._lock.is_held
        )

        async def drain() -> None:
            await outbox.recover()
            if outbox.has_work:
                await outbox.run_until_empty()

        # Continue with unsent changes of the last run.
        self._outbox_task.wake()
        await self._repeat(TaskReason.OUTBOX, self._outbox_task, drain, xero)

    async def run_contact_sync(self, xero: XeroClient) -> None:
        """Refresh from Xero at the refresh interval, starting now."""
        from tui.engine.contact_sync import ContactSync

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
            await self._save_quota()
            if has_ended:
                self._publisher.record_refresh(self._now())
                if self._activity_scan is not None and self._activity_scan.is_unfinished:
                    self._activity_task.wake()

        self._refresh_task.wake()
        await self._repeat(TaskReason.CONTACT_SYNC, self._refresh_task, refresh, xero)

    async def run_activity_scan(self, xero: XeroClient) -> None:
        """Read the contacts' transactions, if the sign-in gives access to them."""
        from tui.engine.activity_scan import ActivityScan

        def show() -> None:
            self.record_reply(xero, None)
            self._publisher.update_activity(scan.status)

        scan = self._activity_scan = ActivityScan(
            self._store,
            xero,
            self._now,
            may_call=lambda: self._budget.may_scan,
            on_update=show,
            on_read=lambda: self._publisher.rows_changed(order=True),
            overlap=_ACTIVITY_OVERLAP,
        )
        self._activity_task.wake()
        await self._repeat(TaskReason.ACTIVITY, self._activity_task, scan.read, xero)

    def _activity_interval(self) -> float:
        is_unfinished = self._activity_scan is not None and self._activity_scan.is_unfinished
        return _UNFINISHED_SECONDS if is_unfinished else _ACTIVITY_SECONDS

    async def poll_manual_restores(self, xero: XeroClient) -> None:
        """Check which restores were finished in Xero."""
        from tui.engine.contact_sync import ManualRestorePoller

        poller = ManualRestorePoller(self._store, xero, self._now, self._on_sync_write)
        self._manual_restore_task.wake()
        await self._repeat(TaskReason.MANUAL_RESTORES, self._manual_restore_task, poller.poll, xero)

    async def monitor_re_leased(self, source: EvidenceSource | None) -> None:
        """Collect evidence of what Re-Leased has synced.

        Only the holder of the lock reads a feed; other copies show its results.
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
                # Such as a full disk: what couldn't be saved is read again next time.
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

    def read_all_of_re_leased(self) -> None:
        """Read all of Re-Leased's contacts as soon as possible, if there is a connection."""
        if self._reader is not None:
            self._reader.want_all()
            self._read_task.wake()

    async def read_re_leased(self, open_source: Callable[[], Awaitable[ContactSource]]) -> None:
        """Read Re-Leased's own contacts when they are due.

        Only the holder of the lock reads; other copies show its results.
        """
        reader = self._reader
        if reader is None:
            return
        self._read_task.wake()
        while True:
            await self._read_task.wait_until_due()
            await self._has_lock.wait()
            try:
                with self._read_task.running():
                    if await reader.read(open_source):
                        self._publisher.rows_changed()
            except StoreError as error:
                self._storage.record(error)
                await self._storage.wait_before_retry()
                self._read_task.wake()

    def _re_leased_interval(self) -> float:
        return math.inf if self._reader is None else self._reader.seconds_to_next_read

    async def _repeat(
        self, task: TaskReason, job: PeriodicTask, work: Callable[[], Awaitable[None]], xero: XeroClient
    ) -> None:
        bugs = 0
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
            except Exception as error:  # noqa: BLE001 - a bug in one task must not end it or the others
                if isinstance(error, ReshelveError) and not isinstance(error, UnexpectedError):
                    self._budget.record(xero.calls_left.day, self._now())
                    self._connection.record_failure(error, attempt)
                else:
                    # Not Xero's fault: if it replied, the connection works.
                    self.record_reply(xero, before, attempt)
                    self._storage.record_task(task, unexpected_error(task, error))
                    bugs += 1
                    await job.wait_for_wake(retry_wait(bugs))
                job.wake()
            else:
                bugs = 0
                self._storage.record_task(task, None)
                self.record_reply(xero, before, attempt)
            self._update_background_limit()

    def _update_background_limit(self) -> None:
        self._connection.limit_background_calls(
            self._refresh_task.due_at if self._budget.is_reserving else None
        )

    async def _save_quota(self) -> None:
        """Save the daily limit as far as it is known, as few calls left don't reveal it, and the calls left.

        The calls left are for readers of saved data; Xero returns them with every reply.
        """
        if self._budget.left is not None:
            left = QuotaHighWaterMark(self._budget.left, self._now())
            await self._store.set_sync_state(QUOTA_CALLS_LEFT, str(left), durable=False)
        peak = self._budget.high_water_mark
        if peak is not None and str(peak) != self._store.sync_state(QUOTA_HIGH_WATER_MARK):
            await self._store.set_sync_state(QUOTA_HIGH_WATER_MARK, str(peak))

    def _on_outbox_write(self, applied: StoreUpdate) -> None:
        # A change's progress shows on its row even if the contact is unchanged.
        self._publisher.rows_changed(order=applied.order_changed)

    def _on_sync_write(self, applied: StoreUpdate) -> None:
        if applied.detected:
            logger.info("xero: %d changes of status seen", len(applied.detected))
        self._publisher.record_write(applied)
