"""An unexpected exception ends no task of the engine, and leaves no change half done."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from engine.released_house import EMPTY_REPORT
from engine.test_engine_scheduler import LiveXero, house
from msgspec.structs import replace

from tui import messages
from tui.engine import connectivity, maintenance, scheduler
from tui.engine import engine as engine_module
from tui.engine.clock import XeroClock
from tui.engine.contact_sync import ContactSync, ManualRestorePoller
from tui.engine.outbox import Outbox
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.scheduler import Scheduler
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.change import Action, State
from tui.model.reasons import Notice, TaskReason
from tui.model.snapshot import ConnectionStatus
from tui.store import Store
from tui.store.maintenance.repair import Maintenance
from tui.store.search.contact_index import IndexLoader
from tui.store.search.search_service import SearchService

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui.model.snapshot import Snapshot
    from tui.re_leased.feed import EvidenceReport

SECRET = "Bayside Club"
KINDS = (
    RuntimeError,
    KeyError,
    MemoryError,
    RecursionError,
    sqlite3.OperationalError,
    OSError,
    OverflowError,
)

# Everything that the engine runs in the background, and the steps it takes there.
PLACES = {
    "check of the journal": (Maintenance, "check_change_log"),
    "lease": (Scheduler, "_check_lock"),
    "lease, others' writes": (Store, "changed_elsewhere"),
    "backup": (maintenance, "_back_up"),
    "backup in its thread": (Maintenance, "back_up"),
    "check of everything": (Maintenance, "check_file"),
    "looking after": (engine_module, "maintain"),
    "clock": (XeroClock, "save_offset"),
    "search index": (SearchService, "load"),
    "search index in its thread": (IndexLoader, "_read"),
    "clients": (Scheduler, "open_clients"),
    "pull": (ContactSync, "refresh"),
    "pull, its start": (Scheduler, "run_contact_sync"),
    "pull, storing": (Store, "save_contacts"),
    "pull, its bookmark": (Scheduler, "_save_quota"),
    "hand-offs": (ManualRestorePoller, "poll"),
    "hand-offs, their start": (Scheduler, "poll_manual_restores"),
    "clock's look at Re-Leased": (ReLeasedMonitor, "tick"),
    "Re-Leased, its start": (Scheduler, "monitor_re_leased"),
    "outbox": (Outbox, "run_until_empty"),
    "outbox, recovery": (Outbox, "recover"),
    "outbox, its start": (Scheduler, "run_outbox"),
    "outbox, settling": (Outbox, "verify_unknown"),
    "snapshots": (SnapshotPublisher, "_build"),
}


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: BaseException) -> None:
    original = getattr(owner, name)
    errors = [error]

    def failing(*arguments: Any, **named: Any) -> Any:
        if errors:
            raise errors.pop()
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, failing)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(scheduler, "_WORKS_AFTER", 0.05)
    monkeypatch.setattr(connectivity, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr("tui.engine.snapshot_publisher._RETRY", 0.02)
    monkeypatch.setattr("tui.engine.snapshot_publisher._COALESCE", 0)


@pytest.mark.parametrize(
    ("place", "kind"),
    [*((place, RuntimeError) for place in PLACES), *(("pull", kind) for kind in KINDS[1:])],
)
async def test_bug_in_one_task_is_logged_shown_and_retried(
    store: Store,
    place: str,
    kind: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown: list[Snapshot] = []

    def said() -> str:
        notices = (each.storage_problem for each in shown)
        return " ".join(messages.in_full(notice) for notice in notices if notice is not None)

    async with house(store, LiveXero("a", "b")) as home:
        home.engine.subscribe(shown.append)
        fail_once(monkeypatch, *PLACES[place], kind(SECRET))
        # A request for changes runs every task, also those that wait.
        home.engine._on_update()
        await home.until(lambda it: it.last_refresh_at)
        await home.engine.changes.request(Action.ARCHIVE, ["a"])
        await home.until(lambda it: it.summary and it.summary.pending_total == 1)
        await home.until(lambda _: kind.__name__ in said())
        await home.engine.contacts.refresh()
        await home.until(lambda it: it.xero.status is ConnectionStatus.ONLINE and not it.storage_problem)
        assert store.changes.totals()[State.CONFIRMED] == 1
        assert len(home.xero.writes) == 1
    # A bug of ours is never shown as a failure of Xero's.
    assert {each.xero.status for each in shown} <= {ConnectionStatus.STARTING, ConnectionStatus.ONLINE}
    assert all(each.xero.detail is None for each in shown)
    assert f"failed unexpectedly: {kind.__name__} at " in caplog.text
    assert SECRET not in caplog.text + said()


@pytest.mark.parametrize(
    ("place", "task"),
    [
        ("clients", TaskReason.CONNECTION),
        ("pull", TaskReason.CONTACT_SYNC),
        ("hand-offs", TaskReason.MANUAL_RESTORES),
        ("outbox", TaskReason.OUTBOX),
    ],
)
async def test_a_bug_is_shown_as_that_of_its_task_until_the_task_works_again(
    store: Store, place: str, task: TaskReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that nothing but the user's refresh retries it.
    monkeypatch.setattr(scheduler, "_FIRST_WAIT", 0.3 if place == "clients" else 600.0)
    monkeypatch.setattr(scheduler, "_LONGEST_WAIT", 600.0)
    fail_once(monkeypatch, *PLACES[place], RuntimeError(SECRET))
    async with house(store, LiveXero("a")) as home:
        if place == "outbox":
            await home.until(lambda it: it.last_refresh_at)
            await home.engine.changes.request(Action.ARCHIVE, ["a"])
        await home.until(lambda it: it.storage_problem is not None)
        assert home.engine.snapshot.storage_problem == Notice(task, {"kind": "RuntimeError"})
        await home.engine.contacts.refresh()
        await home.until(lambda it: it.storage_problem is None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_carried_out", [True, False])
async def test_a_bug_while_a_change_is_sent_makes_it_unknown_and_then_resolved(
    store: Store, kind: type[Exception], *, is_carried_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    xero = LiveXero("a")
    send, seen = xero.change_status, []

    async def fail(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(xero, "change_status", send)
        if is_carried_out:
            await send(*arguments, **named)
        raise kind(SECRET)

    def look(_: object, error: BaseException, __: object = None) -> None:
        seen.append((type(error), store.changes.totals().get(State.SENDING, 0)))

    xero.change_status = fail  # type: ignore[method-assign]
    monkeypatch.setattr("tui.engine.scheduler.log_unexpected", look)
    async with house(store, xero) as home:
        await home.until(lambda it: it.last_refresh_at)
        await home.engine.changes.request(Action.ARCHIVE, ["a"])
        await home.until(lambda it: it.summary and it.summary.pending_total == 1)
        assert len(xero.writes) == 1
    # By then, the change is no longer shown as being sent.
    assert seen == [(kind, 0)]


async def test_clients_that_cannot_be_made_are_made_later(store: Store) -> None:
    attempts = 0

    async def open_clients() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise RuntimeError(SECRET)

    async with house(store, LiveXero("a")) as home:
        home.engine._clients.open = open_clients  # type: ignore[method-assign]
        await home.until(lambda it: it.last_refresh_at)
        assert attempts == 3


@pytest.mark.parametrize("is_early", [False, True])
async def test_an_engine_stopped_during_its_first_check_starts_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, *, is_early: bool
) -> None:
    begun, started = asyncio.Event(), []

    async def check(_: Maintenance) -> None:
        begun.set()
        await asyncio.sleep(0)

    async def keep_lock(_: Scheduler) -> None:
        started.append("")

    monkeypatch.setattr(Maintenance, "check_change_log", check)
    monkeypatch.setattr(Scheduler, "keep_lock", keep_lock)
    async with house(store, LiveXero("a")) as home:
        if not is_early:
            await begun.wait()
        await home.engine.stop()
        for _ in range(20):
            await asyncio.sleep(0)
    assert begun.is_set() is not is_early
    assert started == []


async def test_a_search_that_waits_for_a_broken_load_is_answered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, IndexLoader, "_read", RuntimeError(SECRET))
    with pytest.raises(Exception, match="RuntimeError"):
        await asyncio.wait_for(store.search.load(), 5)
    await asyncio.wait_for(store.search.load(), 5)


async def test_a_failing_listener_does_not_affect_the_others(store: Store) -> None:
    heard = asyncio.Event()

    def fail(_: Snapshot) -> None:
        raise RuntimeError(SECRET)

    async with house(store, LiveXero("a")) as home:
        home.engine.subscribe(fail)
        home.engine.subscribe(lambda it: heard.set() if it.last_refresh_at else None)
        await asyncio.wait_for(heard.wait(), 5)


# --- a feed ---


class Feed:
    """A feed whose replies the test sets."""

    def __init__(self, answer: Callable[[str | None], EvidenceReport]) -> None:
        self.answer = answer
        self.looks = 0

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        self.looks += 1
        return self.answer(cursor)


async def test_endless_feed_does_not_block_other_tasks(tmp_path: Path, store: Store) -> None:
    del tmp_path
    feed = Feed(lambda cursor: replace(EMPTY_REPORT, cursor=str(int(cursor or 0) + 1), has_more=True))
    window: Any = None
    watch = ReLeasedMonitor(store, window, LiveXero().clock, has_feed=True)
    await asyncio.wait_for(watch.poll_feed(feed), 10)  # type: ignore[arg-type]
    first = feed.looks
    await asyncio.wait_for(watch.poll_feed(feed), 10)  # type: ignore[arg-type]
    # The next poll continues from its cursor.
    assert 1 < feed.looks == 2 * first < 200


@pytest.mark.parametrize("seconds", [1e15, -1e15, 1e9, float("inf"), float("nan"), -1.0])
async def test_implausible_cycle_is_ignored(store: Store, seconds: float) -> None:
    clock = LiveXero().clock
    report = replace(EMPTY_REPORT, next_sync_at=clock(), cycle_seconds=seconds)
    feed = Feed(lambda _: report)
    window: Any = None
    watch = ReLeasedMonitor(store, window, clock, has_feed=True)
    await watch.poll_feed(feed)  # type: ignore[arg-type]
    assert watch.status.cycle_started_at is None
    assert watch.status.next_sync_at == clock()
