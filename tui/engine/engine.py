"""The engine: keeps the store, Xero and Re-Leased in step, and answers the screens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui.engine.change_service import ChangeService
from tui.engine.clock import XeroClock, utc_now
from tui.engine.comparison_service import ComparisonService
from tui.engine.connectivity.connection_state import ConnectionState
from tui.engine.connectivity.storage_health import StorageHealth
from tui.engine.contact_details import build_contact_page
from tui.engine.evidence_service import EvidenceService
from tui.engine.maintenance.upkeep import maintain
from tui.engine.precheck import RefreshResult, build_precheck, refresh_contacts
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.read_only import writes
from tui.engine.scheduler import Scheduler
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.engine.supervision import supervise
from tui.engine.tenancy_service import TenancyService
from tui.model.errors import ReshelveError, XeroError
from tui.system.log import log_unexpected, logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from tui.engine.clients import ClientFactory
    from tui.engine.sync.leader_lock import LeaderLock
    from tui.model.backend import ContactDetails, HistoryEntry
    from tui.model.change import Action
    from tui.model.contact import Organisation
    from tui.model.evidence import NightlyWindow
    from tui.model.precheck import Precheck
    from tui.model.query import Query
    from tui.model.rows import SearchResult
    from tui.model.snapshot import Snapshot
    from tui.store import Store


class Engine(ChangeService, EvidenceService, TenancyService, ComparisonService):
    """One organisation at work. Implements `model.backend.Backend`; owns the store and closes it.

    Constructing it touches the disk alone; `run` begins to talk to Xero and Re-Leased.
    """

    def __init__(
        self,
        organisation: Organisation,
        store: Store,
        clients: ClientFactory,
        *,
        lock: LeaderLock,
        window: NightlyWindow,
        poll_seconds: float,
        is_read_only: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._organisation = organisation
        self._is_read_only = is_read_only
        self._store = store
        self._clients = clients
        # Whatever is kept, judged or counted down here is by Xero's clock.
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
        self._publisher = SnapshotPublisher(
            organisation, store, self._connection, self._re_leased, storage=self._storage, clock=now
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
        )
        now.on_uncertain = self._scheduler.check_clock
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_stopped = False

    @property
    def snapshot(self) -> Snapshot:
        """What is known now."""
        return self._publisher.snapshot

    @property
    def is_sandbox(self) -> bool:
        """Whether Xero's pages are on this machine."""
        return self._clients.is_sandbox

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed here."""
        return self._is_read_only

    @property
    def is_stopped(self) -> bool:
        """Whether the store is closed, or about to be."""
        return self._is_stopped

    def now(self) -> datetime:
        """Return the time by Xero's clock, as far as it is known."""
        return self._now()

    def record_user_activity(self) -> None:
        """Note that a person is here."""
        self._scheduler.record_user_activity()

    def pause_sync(self, *, on: bool) -> None:
        """Hold a read of all contacts after the page it is at, or go on with it from there."""
        self._scheduler.pause_sync(on=on)

    async def run(self) -> None:
        """Work until a part of the engine fails, and raise what it raised. Bad weather is no failure."""
        # Nothing is sent from a journal that can't be read whole.
        await self._start({"Change log check": self._store.check_change_log})
        await self._start(
            {
                "Lock of this organisation": self._scheduler.keep_lock,
                "Backup": lambda: maintain(
                    self._store, self._scheduler.wait_for_lock, self._now, self._storage
                ),
                "Clock": lambda: self._clock.save_offset(self._storage),
                "Search index": self._scheduler.load_search_index,
                "Connection": self._work_online,
            }
        )

    async def _work_online(self) -> None:
        """Make the clients, however often that takes, then run all that needs them."""
        await self._scheduler.open_clients(self._clients.open)
        xero = self._clients.xero
        xero.rate_limiter.on_full = self._connection.record_minute_limit
        xero.on_server_time(self._clock.update_offset)
        xero.on_slow_response(self._connection.record_slow_reply)
        work: dict[str, Callable[[], Awaitable[None]]] = {
            "Loading contacts": lambda: self._scheduler.run_contact_sync(xero),
            "Checking restores": lambda: self._scheduler.poll_manual_restores(xero),
            "Re-Leased": lambda: self._scheduler.monitor_re_leased(self._clients.evidence_source),
        }
        if not self._is_read_only:
            work["Sending changes"] = lambda: self._scheduler.run_outbox(xero)
        await self._start(work)

    async def _start(self, work: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        """Run the tasks until all have ended or one has failed; nothing once the engine is being stopped."""
        if self._is_stopped:
            return
        tasks = [
            asyncio.create_task(supervise(name, each, self._storage), name=name)
            for name, each in work.items()
        ]
        self._tasks += tasks
        await asyncio.gather(*tasks)

    async def stop(self) -> None:
        """End all work between two steps of the journal, and close the store."""
        if self._is_stopped:
            return
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            # One that had failed before must not keep the store from being closed.
            if isinstance(outcome, Exception):
                logger.error("engine: a part of it had failed", exc_info=outcome)
        self._publisher.stop()
        try:
            await self._clients.close()
        except Exception as error:  # noqa: BLE001 - whatever a connection does, the store is closed
            log_unexpected("closing the connections", error)
        self._scheduler.release_lock()
        self._store.close()

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call the listener with each new snapshot; returns what ends it."""
        return self._publisher.subscribe(listener)

    def first_rows(self, query: Query) -> SearchResult:
        """Answer from an index of the store, for the first paint."""
        return self._store.search.first(query)

    def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Answer a query, a first screenful as soon as there is one."""
        return self._store.search.find(query)

    async def precheck(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Read the contacts fresh and say what there is to say before changing them."""
        fresh = await self._refresh_contacts(contact_ids)
        return build_precheck(self._store, action, contact_ids, fresh)

    async def refresh(self) -> None:
        """Look for news now."""
        self._connection.retry_now()
        self._scheduler.wake(refresh=True)

    def reconnected(self) -> None:
        """Ask Xero again at once: there is a new sign-in."""
        self._connection.retry_now()
        self._scheduler.wake(refresh=True)

    async def contact_details(self, contact_id: str) -> ContactDetails:
        """Read one contact and its changes from the local copy."""
        return build_contact_page(self._store, self._publisher.grade, contact_id)

    async def refresh_contact(self, contact_id: str) -> None:
        """Read one contact fresh from Xero, its balances included."""
        fresh = await self._refresh_contacts([contact_id])
        if fresh.stale_reason:
            raise ReshelveError(fresh.stale_reason, "What is shown is as it was last read.")

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        """Read Xero's own history of a contact."""
        try:
            return await self._clients.xero.history(contact_id)
        except XeroError as error:
            raise ReshelveError(error.message, error.next_step, action=error.action) from error

    def set_fast_polling(self, *, on: bool) -> None:
        """Look every few seconds whether hand-offs are done."""
        self._scheduler.set_fast_polling(on=on)

    def contact_url(self, contact_id: str) -> str:
        """Return the contact's address in Xero's pages."""
        return self._clients.contact_url(contact_id)

    @writes
    async def simulate_restore(self, contact_id: str) -> None:
        """Press Restore in the practice Xero's page, and look whether it worked."""
        await self._clients.simulate_restore(contact_id)
        # This one first: the usual round takes a while where hundreds wait.
        if (await self._refresh_contacts([contact_id])).stale_reason:
            self._scheduler.wake(manual_restores=True)

    async def _refresh_contacts(self, contact_ids: Sequence[str]) -> RefreshResult:
        """Bring contacts up to date for a person who waits."""
        attempt, applied = self._connection.attempt(), self._publisher.record_write
        fresh = await refresh_contacts(self._store, self._clients, self._now, applied, contact_ids)
        if not fresh.stale_reason:
            self._scheduler.record_reply(self._clients.xero, None, attempt)
        return fresh

    def _on_update(self) -> None:
        self._publisher.schedule()
