"""The engine's tasks survive their errors, and end when they are stopped."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from engine.model_xero import Clock, Fault, ModelXero, contact
from engine.released_house import SilentPublisher

from tui.engine import connectivity
from tui.engine import scheduler as loops_module
from tui.engine.connectivity import StorageHealth
from tui.engine.engine import Engine
from tui.engine.scheduler import Scheduler
from tui.model.change import Action, State
from tui.model.contact import ContactStatus, Organisation
from tui.model.errors import ReadOnlyError, ReshelveError, StoreError
from tui.model.evidence import NightlyWindow
from tui.model.reasons import ConnectionReason, ContactReason, GeneralReason, Notice, ReadOnlyReason
from tui.model.snapshot import ConnectionStatus
from tui.xero.rate_limiter import RateLimiter
from tui.xero.results import CallsLeft

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from tui.model.snapshot import Snapshot
    from tui.store import Store
    from tui.xero.results import ContactsPage, LookupResult

PATIENCE = 30
FULL = StoreError(GeneralReason.UNEXPECTED_ERROR, kind="full")


class FullDisk:
    """A monitor whose first poll finds the disk full."""

    seconds_to_next_poll = 0.001

    def __init__(self) -> None:
        self.looks = 0
        self.looked_again = asyncio.Event()

    async def poll_feed(self, _source: object) -> bool:
        self.looks += 1
        if self.looks == 1:
            raise FULL
        self.looked_again.set()
        return True


async def test_a_full_disk_does_not_end_the_re_leased_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectivity, "_PAUSE", 0.001)
    watch, publisher, unused = FullDisk(), SilentPublisher(), cast("Any", None)
    disk = StorageHealth(lambda: None)
    loops = Scheduler(
        unused,
        unused,
        cast("Any", watch),
        cast("Any", publisher),
        storage=disk,
        now=Clock(),
        lock=unused,
        poll_seconds=15,
    )
    following = asyncio.create_task(loops.monitor_re_leased(cast("Any", object())))
    loops._has_lock.set()
    await asyncio.wait_for(watch.looked_again.wait(), PATIENCE)
    assert disk.write_problem == FULL.notice
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert following.cancelled()
    assert watch.looks >= 2


async def test_only_the_holder_of_the_lock_reads_the_feed() -> None:
    watch, unused = FullDisk(), cast("Any", None)
    publisher = SilentPublisher()
    loops = Scheduler(
        unused,
        unused,
        cast("Any", watch),
        cast("Any", publisher),
        storage=StorageHealth(lambda: None),
        now=Clock(),
        lock=unused,
        poll_seconds=15,
    )
    watch.looks = 1
    following = asyncio.create_task(loops.monitor_re_leased(cast("Any", object())))
    for _ in range(20):
        await asyncio.sleep(0)
    assert watch.looks == 1
    loops._has_lock.set()
    await asyncio.wait_for(watch.looked_again.wait(), PATIENCE)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


# --- a whole engine over a model Xero ---


class LiveXero(ModelXero):
    """Reports limits and times like the client, and counts requests."""

    def __init__(self, *contact_ids: str) -> None:
        super().__init__({one: contact(one) for one in contact_ids})
        self.rate_limiter = RateLimiter()
        self.pulls = 0
        self.pulled = asyncio.Event()
        self.calls_left = CallsLeft(60, 5_000)
        self.gate: asyncio.Event | None = None

    async def contacts(
        self, page: int, *, page_size: int = 1000, modified_since: datetime | None = None
    ) -> ContactsPage:
        self.pulls += 1
        self.pulled.set()
        if self.gate is not None:
            await self.gate.wait()
        answer = await super().contacts(page, page_size=page_size, modified_since=modified_since)
        self._answered()
        return answer

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        found = await super().look_up(contact_ids)
        self._answered()
        return found

    def _answered(self) -> None:
        self.clock.forward(seconds=1)
        self.last_reply_at = self.clock()


class House:
    """A running engine, and what it publishes."""

    def __init__(self, engine: Engine, xero: LiveXero, clock: Clock) -> None:
        self.engine, self.xero, self.clock = engine, xero, clock
        self._news = asyncio.Event()
        engine.subscribe(self._hear)

    def _hear(self, _: Snapshot) -> None:
        self._news.set()

    async def until(self, condition: Callable[[Snapshot], object]) -> Snapshot:
        async with asyncio.timeout(PATIENCE):
            while not condition(self.engine.snapshot):
                self._news.clear()
                await self._news.wait()
        return self.engine.snapshot


@asynccontextmanager
async def house(
    store: Store,
    xero: LiveXero,
    *,
    is_read_only: bool = False,
    lease: object = None,
    poll_seconds: float = 3600,
) -> AsyncIterator[House]:
    async def nothing() -> None:
        pass

    clock = Clock()
    connectors = SimpleNamespace(
        has_feed=False,
        has_contact_source=False,
        is_sandbox=False,
        evidence_source=None,
        reload_sign_in=lambda: None,
        xero=xero,
        open=nothing,
        close=nothing,
    )
    lease = lease or SimpleNamespace(acquire=lambda: True, is_held=True, release=lambda: None)
    engine = Engine(
        Organisation("tenant", "Books", "!abc"),
        store,
        cast("Any", connectors),
        lock=cast("Any", lease),
        window=NightlyWindow(clock().time(), clock().time()),
        poll_seconds=poll_seconds,
        is_read_only=is_read_only,
        now=clock,
    )
    running = asyncio.create_task(engine.run())
    try:
        yield House(engine, xero, clock)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.stop()


async def test_first_sync_reads_everything_and_dates_the_balances(store: Store) -> None:
    async with house(store, LiveXero("a", "b")) as home:
        seen = await home.until(lambda it: it.last_refresh_at)
        assert seen.counts.all == 2
        assert seen.balances_read_at == home.clock()
        assert seen.xero.day_calls_left == 5_000


async def test_several_refresh_requests_become_one(store: Store) -> None:
    xero = LiveXero("a")
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        xero.gate = asyncio.Event()
        pulls = xero.pulls
        xero.pulled.clear()
        for _ in range(3):
            await home.engine.contacts.refresh()
        await asyncio.wait_for(xero.pulled.wait(), PATIENCE)
        await home.engine.contacts.refresh()
        xero.contacts_now["b"] = contact("b", updated_at=xero.clock())
        xero.gate.set()
        await home.until(lambda it: it.counts.all == 2)
        for _ in range(20):
            await asyncio.sleep(0)
        assert xero.pulls == pulls + 1


async def test_the_first_key_after_being_idle_refreshes_at_once(store: Store) -> None:
    xero = LiveXero("a")
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        xero.contacts_now["b"] = contact("b", updated_at=xero.clock())
        home.engine.record_user_activity()
        home.clock.forward(minutes=6)
        home.engine.record_user_activity()
        await home.until(lambda it: it.counts.all == 2)
        assert xero.pulls == 2


def intervals(home: House) -> tuple[float, float]:
    """Return the refresh interval and that of restores, in seconds."""
    loops = home.engine._scheduler
    return loops._refresh_interval(), loops._manual_restore_interval()


async def test_without_the_focus_xero_is_soon_read_less_often_and_restores_are_not(store: Store) -> None:
    async with house(store, LiveXero("a"), poll_seconds=15) as home:
        await home.until(lambda it: it.last_refresh_at)
        home.engine.record_focus(has_focus=False)
        before = intervals(home)
        home.clock.forward(seconds=59)
        assert intervals(home) == before
        home.clock.forward(seconds=1)
        assert intervals(home) == (4 * before[0], before[1])
        home.engine.manual_restores.set_fast_polling(on=True)
        home.clock.forward(hours=2)
        assert intervals(home) == (before[0], 2.5)
        home.engine.manual_restores.set_fast_polling(on=False)
        home.clock.forward(minutes=2)
        assert intervals(home) == (4 * before[0], before[1])
        home.engine.record_user_activity()
        assert intervals(home) == before


async def test_a_terminal_that_never_reports_the_focus_is_left_only_after_the_usual_time(
    store: Store,
) -> None:
    async with house(store, LiveXero("a"), poll_seconds=15) as home:
        await home.until(lambda it: it.last_refresh_at)
        before = intervals(home)
        home.engine.record_user_activity()
        home.clock.forward(seconds=299)
        assert intervals(home) == before


@pytest.mark.parametrize(("away", "refreshes"), [(14, 0), (61, 1), (400, 1)])
async def test_the_focus_back_refreshes_at_once_if_that_is_due(
    store: Store, away: int, refreshes: int
) -> None:
    xero = LiveXero("a")
    async with house(store, xero, poll_seconds=15) as home:
        await home.until(lambda it: it.last_refresh_at)
        pulls = xero.pulls
        # As with a refresh that has just been made.
        with home.engine._scheduler._refresh_task.running():
            pass
        home.engine.record_focus(has_focus=False)
        home.clock.forward(seconds=away)
        for _ in range(50):
            await asyncio.sleep(0)
        assert xero.pulls == pulls
        xero.pulled.clear()
        home.engine.record_focus(has_focus=True)
        if refreshes:
            await asyncio.wait_for(xero.pulled.wait(), PATIENCE)
        for _ in range(50):
            await asyncio.sleep(0)
        assert xero.pulls == pulls + refreshes


async def test_a_failure_of_several_tasks_counts_as_one(store: Store) -> None:
    xero = LiveXero("a")
    xero.read_faults = [Fault.SIGNED_OUT]
    async with house(store, xero) as home:
        seen = await home.until(lambda it: it.xero.status is ConnectionStatus.RECONNECT)
        assert seen.xero.retry_at is not None
        home.engine.reconnected()
        seen = await home.until(lambda it: it.last_refresh_at)
        assert seen.xero.status is ConnectionStatus.ONLINE


async def test_last_fifth_of_the_daily_calls_is_reserved_and_reported(store: Store) -> None:
    xero = LiveXero("a")
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        xero.calls_left = CallsLeft(60, 990)
        await home.engine.contacts.refresh()
        seen = await home.until(lambda it: it.xero.detail)
        assert (seen.xero.status, seen.xero.day_calls_left) == (ConnectionStatus.ONLINE, 990)
        assert seen.xero.detail == Notice(ConnectionReason.CALLS_RESERVED)
        assert seen.xero.retry_at is not None
        assert (seen.xero.retry_at - home.clock()).total_seconds() == 3600
        # The user's own requests are still made.
        assert await home.engine.changes.request(Action.ARCHIVE, ["a"]) == 1
        await home.until(lambda it: it.summary and it.summary.pending_total)
        assert xero.status("a") is ContactStatus.ARCHIVED


async def test_the_limit_that_was_seen_survives_a_restart(store: Store) -> None:
    async with house(store, LiveXero("a")) as home:
        await home.until(lambda it: it.last_refresh_at)
        assert (store.sync_state("quota.high_water_mark") or "").startswith("5000 ")


# --- reading only ---


async def test_read_only_mode_refuses_changes_and_sends_nothing(store: Store) -> None:
    xero = LiveXero("a")
    await store.save_contacts(list(xero.contacts_now.values()), xero.clock())
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["a"]), xero.clock())
    async with house(store, xero, is_read_only=True) as home:
        await home.until(lambda it: it.last_refresh_at)
        assert home.engine.is_read_only
        for refused in (
            home.engine.changes.request(Action.ARCHIVE, ["a"]),
            home.engine.changes.cancel(change),
            home.engine.manual_restores.dismiss(change),
            home.engine.manual_restores.simulate_restore("a"),
        ):
            with pytest.raises(ReadOnlyError) as error:
                await refused
            assert error.value.reason is ReadOnlyReason.OPTION
        assert not xero.writes
        left = store.changes.get(change.change_id)
        assert left is not None
        assert left.state is State.QUEUED


# --- one contact, fresh ---


async def test_single_contact_is_refreshed(store: Store) -> None:
    xero = LiveXero("a")
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        versions = home.engine.snapshot.rows_version
        xero.set_status("a", ContactStatus.ARCHIVED)
        await home.engine.contacts.refresh_one("a")
        await home.until(lambda it: it.rows_version > versions)
        assert store.counts().archived == 1


async def test_failed_refresh_of_a_contact_has_a_reason(store: Store) -> None:
    xero = LiveXero("a")
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        xero.read_faults = [Fault.OFFLINE]
        with pytest.raises(ReshelveError, match="offline"):
            await home.engine.contacts.refresh_one("a")


async def test_contact_found_deleted_by_a_refresh_is_marked(store: Store) -> None:
    xero = LiveXero("a")
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        xero.contacts_now.clear()
        [line] = (await home.engine.changes.precheck(Action.ARCHIVE, ["a"])).lines
        assert line.blocked_reason is ContactReason.DELETED


# --- the disk ---


async def test_a_disk_error_is_not_a_connection_problem_and_is_retried(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity, "_PAUSE", 0.3)
    write, is_full = store._database.write, True

    async def on_a_full_disk(work: Any, **options: Any) -> Any:
        if is_full:
            store.on_written(FULL)
            raise FULL
        return await write(work, **options)

    monkeypatch.setattr(store._database, "write", on_a_full_disk)
    xero = LiveXero("a")
    async with house(store, xero) as home:
        seen = await home.until(lambda it: it.storage_problem)
        assert seen.storage_problem == FULL.notice
        assert seen.xero.status not in {ConnectionStatus.UNAVAILABLE, ConnectionStatus.OFFLINE}
        is_full = False
        seen = await home.until(lambda it: it.last_refresh_at)
        assert not seen.storage_problem
        assert seen.counts.all == 1


async def test_unreadable_store_leaves_the_shown_data(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(store, LiveXero("a")) as home:
        await home.until(lambda it: it.last_refresh_at)

        def broken() -> None:
            raise FULL

        monkeypatch.setattr(store, "counts", broken)
        await home.engine.contacts.refresh()
        seen = await home.until(lambda it: it.storage_problem)
        assert seen.counts.all == 1


async def test_the_lock_and_the_search_index_survive_a_failing_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity, "_PAUSE", 0.001)
    monkeypatch.setattr(loops_module, "_LOCK_CHECK_SECONDS", 0.001)
    failures = {"load": 2, "look": 2}

    def fails(what: str) -> None:
        if failures[what]:
            failures[what] -= 1
            raise FULL

    load, look = store.search.load, store.changed_elsewhere

    async def bad_load() -> None:
        fails("load")
        await load()

    def bad_look() -> bool:
        fails("look")
        return look()

    monkeypatch.setattr(store.search, "load", bad_load)
    monkeypatch.setattr(store, "changed_elsewhere", bad_look)
    async with house(store, LiveXero("a")) as home:
        await home.until(lambda it: it.last_refresh_at and not any(failures.values()))
