"""The engine: keeps the store in sync with Xero and Re-Leased, and serves the screens."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from tui.engine.clock import XeroClock, utc_now
from tui.engine.connectivity import ConnectionState, StorageHealth
from tui.engine.maintenance import maintain
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.scheduler import Scheduler, supervise
from tui.engine.services import WriteAccess
from tui.engine.services.changes import ChangeLog, ChangeService, ManualRestoreService, UndoService
from tui.engine.services.contacts import ContactRefresher, ContactService, TenancyService
from tui.engine.services.evidence import ComparisonService, EvidenceService
from tui.engine.services.marks import MarkService
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.errors import StoreError
from tui.model.reasons import TaskReason
from tui.system.log import log_unexpected, logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from tui.engine.engine_factory import ClientFactory
    from tui.engine.leader_lock import LeaderLock
    from tui.engine.re_leased_reader import ReLeasedReader
    from tui.engine.services.duplicates import DuplicateService
    from tui.model.contact import Organisation
    from tui.model.evidence import NightlyWindow, SyncInterval
    from tui.model.snapshot import Snapshot
    from tui.store import Store


class Engine:
    """Runs one organisation. Implements `model.services.RunnableBackend`; owns the store and closes it.

    The constructor only uses the disk; `run` starts to connect to Xero and Re-Leased.
    """

    def __init__(
        self,
        organisation: Organisation,
        store: Store,
        clients: ClientFactory,
        *,
        lock: LeaderLock,
        window: NightlyWindow | SyncInterval,
        poll_seconds: float,
        is_read_only: bool = False,
        now: Callable[[], datetime] = utc_now,
        others: Callable[[], Sequence[tuple[str, Path]]] = tuple,
    ) -> None:
        """`others` returns the names and folders of the user's other organisations."""
        self._organisation = organisation
        self._is_read_only = is_read_only
        self._store = store
        self._clients = clients
        # Everything stored, compared or counted down uses Xero's clock.
        self._clock = self._now = now = XeroClock(now, store)
        self._connection = ConnectionState(now, self._on_update)
        self._storage = StorageHealth(self._on_update)
        store.on_written = self._storage.record
        self._re_leased = ReLeasedMonitor(
            store,
            window,
            now,
            has_feed=clients.has_feed,
            is_time_certain=lambda: self._clock.is_certain,
        )
        self._reader = self._create_reader(clients, store)
        self._publisher = SnapshotPublisher(
            organisation,
            store,
            self._connection,
            self._re_leased,
            reader=self._reader,
            storage=self._storage,
            clock=now,
        )
        now.on_offset_changed = self._publisher.rows_changed
        self._scheduler = Scheduler(
            store,
            self._connection,
            self._re_leased,
            self._publisher,
            storage=self._storage,
            now=now,
            lock=lock,
            poll_seconds=poll_seconds,
            reader=self._reader,
        )
        now.on_uncertain = self._scheduler.check_clock
        self._tasks: list[asyncio.Task[Any]] = []
        access = WriteAccess(is_read_only, lambda: self.snapshot.organisation.is_read_only)
        publisher, scheduler = self._publisher, self._scheduler
        refresher = ContactRefresher(
            store=store,
            clients=clients,
            connection=self._connection,
            publisher=publisher,
            scheduler=scheduler,
            now=now,
        )
        self.contacts = ContactService(
            store=store,
            clients=clients,
            connection=self._connection,
            publisher=publisher,
            scheduler=scheduler,
            refresher=refresher,
            now=now,
        )
        self.changes = ChangeService(
            store=store,
            publisher=publisher,
            scheduler=scheduler,
            refresher=refresher,
            now=now,
            access=access,
            others=others,
        )
        self.undo = UndoService(store, publisher, scheduler, now, access)
        self.change_log = ChangeLog(store, publisher)
        self.manual_restores = ManualRestoreService(
            store=store,
            clients=clients,
            publisher=publisher,
            scheduler=scheduler,
            refresher=refresher,
            now=now,
            access=access,
        )
        self.evidence = EvidenceService(
            store, publisher, self._re_leased, now, access, on_sync_ended=scheduler.read_all_of_re_leased
        )
        self.comparison = ComparisonService(store, publisher, now, access, clients)
        self.tenancy = TenancyService(store, publisher, now, access)
        self._access = access
        self.marks = MarkService(store, publisher, now, access)
        self._is_stopped = False

    @cached_property
    def duplicates(self) -> DuplicateService:
        """Probable duplicates; not needed before the user looks for them."""
        from tui.engine.services.duplicates import DuplicateService

        return DuplicateService(self._store, self._now, self._access)

    def _create_reader(self, clients: ClientFactory, store: Store) -> ReLeasedReader | None:
        if not clients.has_contact_source:
            return None
        # Imported here because most organisations have no connection to Re-Leased.
        from tui.engine.re_leased_reader import ReLeasedReader

        return ReLeasedReader(
            store,
            self._clock,
            lambda: self._re_leased.knowledge,
            poll_seconds=clients.re_leased_seconds,
            on_update=self._on_update,
            is_time_certain=lambda: self._clock.is_certain,
        )

    @property
    def snapshot(self) -> Snapshot:
        """The latest snapshot."""
        return self._publisher.snapshot

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the sandbox on this computer."""
        return self._clients.is_sandbox

    @property
    def is_read_only(self) -> bool:
        """Whether this organisation is read-only."""
        return self._is_read_only

    @property
    def is_stopped(self) -> bool:
        """Whether the store is closed, or about to be."""
        return self._is_stopped

    def now(self) -> datetime:
        """Return Xero's time, as far as it is known."""
        return self._now()

    def record_user_activity(self) -> None:
        """Record user activity."""
        self._scheduler.record_user_activity()

    def record_focus(self, *, has_focus: bool) -> None:
        """Record that the terminal got or lost the focus."""
        self._scheduler.record_focus(has_focus=has_focus)

    async def run(self) -> None:
        """Run until a task fails, and raise its error. Connection errors are retried and never end a task."""
        # Nothing is sent from a change log that isn't fully readable.
        await self._start({TaskReason.CHANGE_LOG_CHECK: self._store.maintenance.check_change_log})
        await self._start(
            {
                TaskReason.LOCK: self._scheduler.keep_lock,
                TaskReason.BACKUP: lambda: maintain(
                    self._store, self._scheduler.wait_for_lock, self._now, self._storage
                ),
                TaskReason.CLOCK: lambda: self._clock.save_offset(self._storage),
                TaskReason.STATUS: self._save_base_currency,
                TaskReason.SEARCH_INDEX: self._scheduler.load_search_index,
                TaskReason.CONNECTION: self._work_online,
            }
        )

    async def _save_base_currency(self) -> None:
        """Let the store mark changes of contacts in another currency than the organisation's."""
        while True:
            try:
                if await self._store.set_base_currency(self._organisation.base_currency):
                    self._publisher.rows_changed()
            except StoreError as error:
                self._storage.record(error)
                await self._storage.wait_before_retry()
            else:
                return

    async def _work_online(self) -> None:
        """Create the clients, with retries, then run the tasks that need them."""
        await self._scheduler.open_clients(self._clients.open)
        xero = self._clients.xero
        xero.rate_limiter.on_full = self._connection.record_minute_limit
        xero.on_server_time(self._clock.update_offset)
        xero.on_slow_response(self._connection.record_slow_reply)
        work: dict[TaskReason, Callable[[], Awaitable[None]]] = {
            TaskReason.CONTACT_SYNC: lambda: self._scheduler.run_contact_sync(xero),
            TaskReason.ACTIVITY: lambda: self._scheduler.run_activity_scan(xero),
            TaskReason.MANUAL_RESTORES: lambda: self._scheduler.poll_manual_restores(xero),
            TaskReason.RE_LEASED: lambda: self._scheduler.monitor_re_leased(self._clients.evidence_source),
        }
        if self._reader is not None:
            work[TaskReason.RE_LEASED_CONTACTS] = lambda: self._scheduler.read_re_leased(
                self._clients.open_contact_source
            )
        if not self._is_read_only:
            work[TaskReason.OUTBOX] = lambda: self._scheduler.run_outbox(xero)
        await self._start(work)

    async def _start(self, work: Mapping[TaskReason, Callable[[], Awaitable[None]]]) -> None:
        """Run the tasks until all end or one fails; no-op once the engine is stopping."""
        if self._is_stopped:
            return
        tasks = [
            asyncio.create_task(supervise(task, run, self._storage), name=task) for task, run in work.items()
        ]
        self._tasks += tasks
        await asyncio.gather(*tasks)

    async def stop(self) -> None:
        """Stop all tasks between two change log steps, and close the store."""
        if self._is_stopped:
            return
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            # An earlier failure must not keep the store from closing.
            if isinstance(outcome, Exception):
                logger.error("engine: a part of it had failed", exc_info=outcome)
        self._publisher.stop()
        try:
            await self._clients.close()
        except Exception as error:  # noqa: BLE001 - the store must be closed in any case
            log_unexpected("closing the connections", error)
        self._scheduler.release_lock()
        self._store.close()

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call the listener with each new snapshot; returns a function that unsubscribes it."""
        return self._publisher.subscribe(listener)

    def disconnected(self) -> None:
        """Show that the user ended the sign-in, and stop calling Xero."""
        self._connection.disconnect()

    def reconnected(self) -> None:
        """Call Xero immediately: there is a new sign-in, or its organisations have changed."""
        self._connection.reconnect()
        self._clients.reload_sign_in()
        self._scheduler.wake(refresh=True)
        self._scheduler.wake_activity_scan()

    def _on_update(self) -> None:
        self._publisher.schedule()
