"""The real engine of an organisation, at rest: nothing happens in Xero or Re-Leased unless a test does it.

The store, the services, the sync statuses and the snapshots are the program's own. Only the two clients are
stand-ins: Xero is a `ModelXero`, the test sets what the feed returns. Nothing waits: writes are made on the
caller's thread, and a snapshot is published as soon as something changed.
"""

from __future__ import annotations

import atexit
import inspect
import shutil
import tempfile
import weakref
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from engine.model_xero import ModelXero, tell_time
from msgspec.structs import replace
from support.sample_contacts import NOW, contact_id, contacts

from tui.engine.engine import Engine
from tui.engine.engine_factory import ClientFactory, nightly_window
from tui.engine.leader_lock import LOCK_NAME, LeaderLock
from tui.engine.services import WriteAccess
from tui.model.change import Action, Change, State, Transition
from tui.model.change_list import ChangeQuery
from tui.model.contact import Contact, HistoryEntry, Organisation
from tui.model.evidence import ReportKind, SyncRecord, SyncStatus, UserReport
from tui.re_leased.feed import EvidenceReport
from tui.settings import ReLeasedSettings, Settings, XeroSettings
from tui.store import Store, TransitionRequest
from tui.store.database import FILE_NAME, Database
from tui.store.search.contact_index import RecentSearches
from tui.store.sync_state import FULL_SYNC_ENDED_AT, REFRESHED_UNTIL
from tui.system.paths import Paths
from tui.widgets import clock
from tui.xero.results import CallsLeft

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import datetime

    from tui.engine.contact_sync import ContactSync
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.reasons import Notice
    from tui.model.snapshot import (
        ChangeView,
        ReLeasedStatus,
        Snapshot,
        SyncProgress,
        XeroStatus,
    )
    from tui.xero.client import XeroClient
    from tui.xero.results import LookupResult

T = TypeVar("T")

SERVICES: Final = (
    "contacts", "changes", "change_log", "undo", "manual_restores", "evidence", "comparison", "tenancy",
    "duplicates",
    "marks",
)  # fmt: skip
#: Called so often that they would fill the list of calls.
_UNNOTED: Final = {"url", "first_rows", "pending"}
_PATHS: Final = {
    State.QUEUED: (),
    State.SENDING: (Transition.SEND,),
    State.UNKNOWN: (Transition.SEND, Transition.REPLY_LOST),
    State.AWAITING_USER: (Transition.AWAIT_USER,),
    State.CONFIRMED: (Transition.SEND, Transition.CONFIRM),
    State.REFUSED: (Transition.SEND, Transition.REFUSE),
    State.CANCELLED: (Transition.CANCEL,),
    State.DISMISSED: (Transition.AWAIT_USER, Transition.DISMISS),
}
DEMO: Final = Organisation("t1", "Demo Company (NZ)", "!Qj35V")
A_MINUTE_AGO: Final = NOW - timedelta(minutes=1)
LAST_LOADED: Final = NOW - timedelta(hours=3)
HISTORY: Final = (
    HistoryEntry(NOW.replace(hour=9, minute=12, second=0), "Robin Hale", "Edited", "E-mail address changed."),
    HistoryEntry(NOW.replace(year=2025, month=2, day=1, hour=16), "System Generated", "Created", ""),
)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine that waits for nothing returns."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the coroutine waited for something")


class InlineDatabase(Database):
    """Reads and writes on the caller's thread, without waiting for the disk."""

    async def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        durable: bool = True,
        after: Callable[[T], None] | None = None,
    ) -> T:
        del durable
        if self.write_block is not None:
            raise self.write_block
        result = self._transact(work, durable=False)
        self.on_written(None)
        if after is not None:
            after(result)
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._reader)


class StandInXero(ModelXero):
    """Xero without a network: replies at once, unless `gate` or `failures` is set."""

    gate: asyncio.Event | None = None
    failures: dict[str, Exception]

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        await self._reply("look_up")
        return await super().look_up(contact_ids)

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        await self._reply("history")
        return HISTORY if contact_id in self.contacts_now else ()

    async def aclose(self) -> None:
        """Do nothing."""

    async def _reply(self, call: str) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if call in self.failures:
            raise self.failures[call]
        self.last_reply_at = self.clock()


class StandInClients(ClientFactory):
    """Clients that reach a stand-in for Xero."""

    def __init__(
        self, organisation: Organisation, folder: Path, xero: StandInXero, *, has_feed: bool
    ) -> None:
        settings = Settings(
            xero=XeroSettings(pages_url="https://go.xero.com"),
            re_leased=ReLeasedSettings(feed_url="http://localhost/feed" if has_feed else ""),
        )
        super().__init__(settings, Paths.under(folder), organisation)
        self.stand_in = xero
        self.practice = True

    @property
    def xero(self) -> XeroClient:
        return self.stand_in.client

    @property
    def is_sandbox(self) -> bool:
        return self.practice

    async def simulate_restore(self, contact_id: str) -> None:
        self.stand_in.set_status(contact_id, Action.RESTORE.target_status)


class RecordedService:
    """Wraps a real service: records its calls, and fails if a test wants it to."""

    def __init__(self, service: object, engine: IdleEngine) -> None:
        self._service = service
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._service, name)
        if name in _UNNOTED:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            self._engine.record_call(name, *arguments, *named.values())
            return method(*arguments, **named)

        async def later(*arguments: Any, **named: Any) -> Any:
            self._engine.record_call(name, *arguments, *named.values())
            if name in self._engine.gates:
                await self._engine.gates[name].wait()
            return await method(*arguments, **named)

        return later if inspect.iscoroutinefunction(method) else call


class IdleEngine(Engine):
    """An engine whose tasks don't run. `calls` lists the calls of the screens."""

    def __init__(
        self,
        known: Sequence[Contact],
        *,
        has_feed: bool = True,
        is_sandbox: bool = True,
        is_read_only: bool = False,
        organisation: Organisation = DEMO,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="reshelve-"))
        shutil.copyfile(_prepared(tuple(known)), self.folder / FILE_NAME)
        self.xero = StandInXero({contact.contact_id: contact for contact in known})
        self.xero.failures = {}
        self.xero.clock.at = NOW
        self.xero.calls_left = CallsLeft(minute=57, day=4812)
        self.clients = StandInClients(organisation, self.folder, self.xero, has_feed=has_feed)
        self.clients.practice = is_sandbox
        store = Store(InlineDatabase.open(self.folder))
        self.calls: list[tuple[Any, ...]] = []
        self.failures: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.attended = 0
        self.focus_reports: list[bool] = []
        self._requests = 0
        super().__init__(
            organisation,
            store,
            self.clients,
            lock=LeaderLock(self.folder / LOCK_NAME),
            window=nightly_window(Settings(), organisation),
            poll_seconds=60,
            is_read_only=is_read_only or organisation.is_read_only,
            now=lambda: clock.now(),  # noqa: PLW0108 - tests move it
        )
        for name in SERVICES:
            setattr(self, name, RecordedService(getattr(self, name), self))
        self._publisher._schedule_in = lambda seconds: self._publisher._publish()  # type: ignore[method-assign]  # noqa: ARG005 - at once
        self._scheduler._contact_sync = cast("ContactSync", _FullSync(self._publisher))
        # No refresh would bring new balances.
        self._clock.on_uncertain = lambda: None
        self._connection.record_success(57, 4812)
        self._publisher.record_refresh(LAST_LOADED)
        self._cycles = 0
        if has_feed:
            self.feed()
        self._load_index()
        _open.append(self)

    @classmethod
    def with_contacts(cls, count: int = 30, **options: Any) -> IdleEngine:
        """Return an engine that has loaded so many contacts."""
        return cls(contacts(count), **options)

    # --- how it was started ---

    @property
    def time(self) -> datetime:
        """The current time, for the screens too."""
        return clock.now()

    @property
    def is_sandbox(self) -> bool:
        return self.clients.is_sandbox

    @is_sandbox.setter
    def is_sandbox(self, on: bool) -> None:
        self.clients.practice = on

    @property
    def is_read_only(self) -> bool:
        return self._is_read_only

    @is_read_only.setter
    def is_read_only(self, on: bool) -> None:
        self._is_read_only = on
        access = WriteAccess(on, lambda: self.snapshot.organisation.is_read_only)
        for name in SERVICES:
            service = getattr(self, name)._service
            if hasattr(service, "_access"):
                service._access = access

    # --- calls of the app ---

    async def run(self) -> None:
        self.record_call("run")
        # As when the search index has been loaded: what was listed from the database is listed from it.
        self._store.search.on_loaded()

    async def stop(self) -> None:
        # The files stay for later checks of the test.
        self._publisher.stop()
        self.record_call("stop")

    def reconnected(self) -> None:
        self.record_call("reconnected")
        super().reconnected()

    def record_user_activity(self) -> None:
        self.attended += 1

    def record_focus(self, *, has_focus: bool) -> None:
        self.focus_reports.append(has_focus)

    def record_call(self, call: str, *arguments: Any) -> None:
        """Record a call, with contacts in place of their changes' ids."""
        self.calls.append((call, *(_recorded_argument(argument) for argument in arguments)))
        if call in self.failures:
            raise self.failures[call]

    def fail(self, call: str, error: Exception) -> None:
        """Let the next calls of this kind fail."""
        assert hasattr(self, call) or any(hasattr(getattr(self, name), call) for name in SERVICES), call
        self.failures[call] = error

    @property
    def listeners(self) -> Sequence[Callable[[Snapshot], None]]:
        """The listeners to new snapshots."""
        return self._publisher._listeners

    # --- what happens in Xero ---

    @property
    def known(self) -> dict[str, Contact]:
        """The contacts in Xero; `load` stores them."""
        return self.xero.contacts_now

    @known.setter
    def known(self, known: dict[str, Contact]) -> None:
        self.xero.contacts_now = known

    def load(self, *, publish: bool = True) -> None:
        """Load what has changed in Xero, as a refresh does."""
        stored = {contact.contact_id: contact for contact in self._store.contacts(list(self.known))}
        changed = [contact for one, contact in self.known.items() if stored.get(one) != contact]
        update = at_once(self._store.save_contacts(changed, self.time))
        if update.order_changed:
            self._load_index()
        if publish:
            self._publisher.record_write(update)

    def _load_index(self) -> None:
        """Load the search index on this thread."""
        loader = self._store.search._loader
        loader.index, loader.recent, loader._is_stale = loader._read(), RecentSearches(), False

    def edit(self, *numbers: int, **parts: Any) -> None:
        """Change contacts in Xero, and load them."""
        for number in numbers:
            one = contact_id(number)
            self.known[one] = replace(self.known[one], **parts)
        self.load()

    def remove(self, *numbers: int) -> None:
        """Delete contacts in Xero, and notice it."""
        gone = [contact_id(number) for number in numbers]
        for one in gone:
            del self.known[one]
        self._publisher.record_write(at_once(self._store.save_contacts([], self.time, deleted=gone)))

    def put_change(
        self,
        number: int,
        action: Action,
        state: State,
        grade: SyncStatus | None = None,
        words: str = "",
        *,
        notice: Notice | None = None,
        at: datetime | None = None,
    ) -> Change:
        """Request a change and take it this far, a minute ago or at that time."""
        changes = self.request(action, number, at=at)
        [change] = self.move_all(changes, state, words=words, notice=notice, at=changes[0].requested_at)
        return change if grade is None else self.grade(change, grade)

    def request(
        self, action: Action, *numbers: int, at: datetime | None = None, note: str = ""
    ) -> list[Change]:
        """Request a change of these contacts, in one batch."""
        # Each a little later than the one before.
        self._requests += 1
        at = at or min(A_MINUTE_AGO + timedelta(milliseconds=self._requests), NOW)
        if at < LAST_LOADED:
            # It is confirmed as of then only if data loaded since can't have shown it.
            at_once(self._store.set_sync_state(REFRESHED_UNTIL, at.isoformat()))
        found = self._store.contacts([contact_id(number) for number in numbers])
        added = at_once(self._store.changes.add(action, found, at, note=note))
        assert len(added) == len(numbers), "another change is open"
        return added

    def move(self, change: Change, state: State, **parts: Any) -> Change:
        """Take a change to a later state, now."""
        [moved] = self.move_all([change], state, **parts)
        return moved

    def move_all(
        self,
        changes: Sequence[Change],
        state: State,
        *,
        words: str = "",
        notice: Notice | None = None,
        at: datetime | None = None,
    ) -> list[Change]:
        """Take changes in one state to a later one; Xero's contacts follow."""
        at = at or self.time
        path, taken = _PATHS[state], len(_PATHS[changes[0].state])
        is_on_the_way = path[:taken] == _PATHS[changes[0].state]
        for step in path[taken:] if is_on_the_way else path[-1:]:
            is_sent = step is Transition.SEND
            requests = [
                TransitionRequest(
                    change.change_id,
                    step,
                    message="" if is_sent else words,
                    notice=None if is_sent else notice,
                    confirmed_at=at if step is Transition.CONFIRM else None,
                    idempotency_key="key" if is_sent else "",
                )
                for change in changes
            ]
            seen = []
            if step is Transition.CONFIRM:
                for change in changes:
                    contact = self.known[change.contact_id]
                    seen.append(replace(contact, status=change.action.target_status, updated_at=at))
                self.known.update({contact.contact_id: contact for contact in seen})
            at_once(self._store.record_transitions(requests, at, seen))
        return [self.change(change.change_id) for change in changes]

    def change(self, change_id: int) -> Change:
        """Return a change as it is now."""
        found = self._store.changes.get(change_id)
        assert found is not None
        return found

    @property
    def changes_made(self) -> Sequence[Change]:
        """Every change, oldest first."""
        _, found = at_once(self._store.changes.page(ChangeQuery(), 0, 1_000_000))
        return found[::-1]

    # --- what happens in Re-Leased ---

    def feed(self, **parts: Any) -> None:
        """Read a feed with these values, and otherwise no problems."""
        self._cycles += 1
        report = EvidenceReport(
            pick_ups=(),
            cursor=str(self._cycles),
            state="Successfully synced",
            next_sync_at=NOW + timedelta(seconds=32),
            cycle_seconds=45,
            last_sync_started_at=None,
            last_sync_finished_at=NOW - timedelta(seconds=13),
            last_sync_clean=False,
            is_syncing=False,
            has_more=False,
        )
        at_once(self._re_leased.poll_feed(_Feed(replace(report, **parts))))
        self._publisher.rows_changed()

    def report(self, kind: ReportKind, at: datetime, **parts: Any) -> None:
        """Record what the user saw in Re-Leased."""
        at_once(self._store.evidence.record_reports([UserReport(kind, at, **parts)], at))
        self._re_leased.reload()
        self._publisher.rows_changed()

    def grade(self, change: Change, grade: SyncStatus) -> Change:
        """Add the evidence that gives this status."""
        at, one, status = change.confirmed_at, change.contact_id, change.action.target_status
        assert at is not None
        match grade:
            case SyncStatus.SYNCED:
                record = SyncRecord(one, status, at, at, "run")
                at_once(self._store.evidence.record_synced([record], ("feed.cursor", str(change.change_id))))
            case SyncStatus.MISSED:
                self.feed(last_sync_started_at=at, last_sync_finished_at=at, last_sync_clean=True)
                self.feed()
            case SyncStatus.STALLED:
                self.feed(state="Sync has errors")
            case SyncStatus.CHECKED:
                self.report(ReportKind.CHECKED, at, contact_id=one, status=status)
            case SyncStatus.NOT_LINKED:
                self.report(ReportKind.UNLINKED, at, contact_id=one)
            case SyncStatus.FOREIGN_CURRENCY:
                [found] = self._store.contacts([one])
                foreign = replace(found, raw=b'{"DefaultCurrency": "USD"}')
                at_once(self._store.save_contacts([foreign], at))
                at_once(self._store.set_base_currency("NZD"))
            case SyncStatus.REPORTED:
                self.report(ReportKind.SYNC_STARTED, at)
                self.report(ReportKind.SYNC_CLEAN, at)
            case SyncStatus.SUPERSEDED:
                reverse = Action.RESTORE if change.action is Action.ARCHIVE else Action.ARCHIVE
                [undone] = at_once(self._store.changes.add(reverse, self._store.contacts([one]), at))
                self.move(undone, State.CONFIRMED)
        graded = self.change(change.change_id)
        # What is pending waits, and is expected to be synced once a night without a feed has passed.
        sync = self.view(graded).sync
        assert sync is not None
        assert sync.status is grade
        return graded

    def mark(self, *names: str) -> None:
        """Choose these contact groups as tenants."""
        for name in names:
            at_once(self._store.tenancy.mark_tenants(name, self.time, on=True))

    @property
    def marked(self) -> set[str]:
        """The contact groups chosen as tenants."""
        return set(self._store.tenancy.tenant_groups())

    # --- what the engine publishes ---

    def view(self, change: Change) -> ChangeView:
        """Return a change with its sync status."""
        return self._publisher.view(change)

    def publish_changes(self, **parts: Any) -> None:
        """Load what has changed in Xero, and publish everything."""
        self.load(publish=False)
        self.publish(**parts)
        self._publisher.rows_changed(order=True)

    def publish(
        self,
        *,
        xero: XeroStatus | None = None,
        re_leased: ReLeasedStatus | None = None,
        clock_ahead: timedelta | None = None,
        is_paused: bool | None = None,
        storage_problem: Notice | None = None,
        unreadable: int | None = None,
        **sync: SyncProgress | datetime | None,
    ) -> None:
        """Set the engine's state so that a snapshot has these values, and publish it."""
        if xero is not None:
            self._connection._minute_full_until = xero.minute_full_until
            self._connection._silent_since = xero.no_reply_since
            self._connection.xero_status = replace(xero, minute_full_until=None, no_reply_since=None)
        if re_leased is not None:
            self._re_leased.status = re_leased
        if clock_ahead is not None:
            tell_time(self._clock, self.time - clock_ahead)
        if is_paused is not None:
            at_once(self._store.changes.pause(self.time, on=is_paused))
        if storage_problem is not None:
            self._storage.write_problem = storage_problem
        if unreadable is not None:
            self._record_unreadable(unreadable)
        if "progress" in sync:
            self._publisher._sync_progress = sync.pop("progress")  # type: ignore[assignment]
        if "last_refresh_at" in sync:
            self._publisher._last_refresh_at = sync.pop("last_refresh_at")  # type: ignore[assignment]
        assert not sync, sync
        self._publisher.schedule()

    def _record_unreadable(self, count: int) -> None:
        at_once(self._store.record_unreadable([f"mark {number}" for number in range(count)]))
        if not count:
            # A full sync in which every contact can be read.
            at_once(self._store.begin_full_sync())
            at_once(self._store.end_full_sync())


class _Feed:
    """A feed that returns this report."""

    def __init__(self, report: EvidenceReport) -> None:
        self._report = report

    async def fetch(self, _: str | None) -> EvidenceReport:
        return self._report

    async def aclose(self) -> None:
        """Do nothing."""


class _FullSync:
    """A full sync between two pages."""

    def __init__(self, publisher: SnapshotPublisher) -> None:
        self._publisher = publisher

    def pause(self, *, on: bool) -> None:
        if (progress := self._publisher._sync_progress) is not None:
            self._publisher.update_progress(replace(progress, is_paused=on))


def _recorded_argument(argument: Any) -> Any:
    if isinstance(argument, Change):
        return argument.contact_id
    if isinstance(argument, list | tuple):
        return tuple(_recorded_argument(each) for each in argument)
    return argument


@cache
def _prepared(known: tuple[Contact, ...]) -> Path:
    """Return a database in which a full sync has stored these contacts."""
    folder = Path(tempfile.mkdtemp(prefix="reshelve-prepared-"))
    weakref.finalize(_prepared, shutil.rmtree, folder, ignore_errors=True)
    database = InlineDatabase.open(folder)
    store = Store(database)
    at_once(store.save_contacts(known, LAST_LOADED, is_full_sync=True))
    for name in (FULL_SYNC_ENDED_AT, REFRESHED_UNTIL):
        at_once(store.set_sync_state(name, LAST_LOADED.isoformat()))
    database._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return folder / FILE_NAME


def close_all() -> None:
    """Close every engine, after a test."""
    while _open:
        engine = _open.pop()
        engine._store.close()
        shutil.rmtree(engine.folder, ignore_errors=True)


_open: list[IdleEngine] = []
atexit.register(close_all)
