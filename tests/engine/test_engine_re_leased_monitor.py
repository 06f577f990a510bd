"""Watching Re-Leased: evidence from a feed, or the clock where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from engine.model_xero import START, Clock, contact, tell_time
from engine.released_house import EMPTY_REPORT
from msgspec.structs import replace

from tui.engine.clock import XeroClock
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.model.change import Action, Change, Transition
from tui.model.contact import ContactStatus
from tui.model.errors import FeedError
from tui.model.evidence import NightlyWindow, SyncInterval, SyncRecord, SyncStatus, grade_change
from tui.model.reasons import FeedReason
from tui.store import Store, TransitionRequest

if TYPE_CHECKING:
    from tui.re_leased.feed import EvidenceReport

NIGHT = NightlyWindow(time(0), time(6), UTC)
SILENT = FeedError(FeedReason.UNREACHABLE)
QUIET = replace(
    EMPTY_REPORT, state="Successfully synced", next_sync_at=START + timedelta(seconds=45), cycle_seconds=45
)


class FakeObserver:
    """Replies from a script, and records the cursors it gets."""

    def __init__(self, *answers: EvidenceReport | FeedError) -> None:
        self.answers = list(answers)
        self.cursors: list[str | None] = []

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        self.cursors.append(cursor)
        answer = self.answers.pop(0)
        if isinstance(answer, FeedError):
            raise answer
        return answer

    async def aclose(self) -> None:
        pass


def report(*pick_ups: SyncRecord, **parts: Any) -> EvidenceReport:
    return replace(QUIET, pick_ups=pick_ups, **parts)


def pick_up(contact_id: str, started: datetime) -> SyncRecord:
    return SyncRecord(contact_id, ContactStatus.ARCHIVED, started, started, "1")


async def confirmed(store: Store, *ids: str) -> list[Change]:
    """Archive contacts, confirmed at the start of the test."""
    await store.save_contacts([contact(one) for one in ids], START)
    changes = await store.changes.add(Action.ARCHIVE, store.contacts(ids), START)
    applied = await store.record_transitions(
        [TransitionRequest(one.change_id, Transition.CONFIRM, confirmed_at=START) for one in changes], START
    )
    return list(applied.updated)


def feed_watch(store: Store, clock: Clock | None = None) -> ReLeasedMonitor:
    return ReLeasedMonitor(store, NIGHT, clock or Clock(), has_feed=True)


def grade(store: Store, watch: ReLeasedMonitor, change: Change, now: datetime = START) -> SyncStatus:
    found = store.changes.get(change.change_id)
    assert found is not None
    return grade_change(found, watch.knowledge, now).status


# --- with a feed ---


async def test_evidence_is_read_completely_and_saved_with_its_cursor(store: Store) -> None:
    changes = await confirmed(store, "a", "b", "c")
    watch = feed_watch(store)
    after = START + timedelta(seconds=5)
    observer = FakeObserver(
        report(pick_up("a", after), cursor="1", has_more=True),
        report(pick_up("b", after), cursor="2", has_more=True),
        report(cursor="2"),
    )
    assert await watch.poll_feed(observer)
    assert observer.cursors == [None, "1", "2"]
    assert [grade(store, watch, change) for change in changes] == [
        SyncStatus.SYNCED,
        SyncStatus.SYNCED,
        SyncStatus.PENDING,
    ]

    restarted = FakeObserver(report(cursor="2"))
    assert not await feed_watch(store).poll_feed(restarted)
    assert restarted.cursors == ["2"]


@pytest.mark.parametrize("answer", [report(state=""), SILENT])
async def test_feed_counts_as_read_after_its_first_reply(
    store: Store, answer: EvidenceReport | FeedError
) -> None:
    watch = ReLeasedMonitor(store, NIGHT, Clock(), has_feed=True)
    before = watch.status
    await watch.poll_feed(FakeObserver(answer))
    assert (before.is_polled, watch.status.is_polled) == (False, True)
    assert ReLeasedMonitor(store, NIGHT, Clock(), has_feed=False).status.is_polled


async def test_unreadable_page_is_skipped(store: Store) -> None:
    [change] = await confirmed(store, "a")
    watch = feed_watch(store)
    after = START + timedelta(seconds=5)
    observer = FakeObserver(
        report(cursor="1", has_more=True), report(pick_up("a", after), cursor="2"), report(cursor="2")
    )
    assert await watch.poll_feed(observer)
    assert observer.cursors == [None, "1"]
    assert grade(store, watch, change) is SyncStatus.SYNCED


async def test_a_cursor_that_does_not_advance_ends_the_poll(store: Store) -> None:
    await store.set_sync_state("feed.cursor", "1")
    observer = FakeObserver(report(cursor="1", has_more=True))
    assert not await feed_watch(store).poll_feed(observer)


async def test_sync_that_began_before_the_confirmation_is_ignored(store: Store) -> None:
    [change] = await confirmed(store, "a")
    watch = feed_watch(store)
    await watch.poll_feed(FakeObserver(report(pick_up("a", START - timedelta(seconds=1)), cursor="1")))
    assert grade(store, watch, change) is SyncStatus.PENDING


async def test_a_clean_sync_without_the_contact_makes_it_missed_also_after_a_restart(store: Store) -> None:
    [change] = await confirmed(store, "a")
    watch = feed_watch(store)
    started = START + timedelta(seconds=10)
    clean = report(last_sync_clean=True, last_sync_started_at=started, last_sync_finished_at=started)
    assert await watch.poll_feed(FakeObserver(clean))
    assert grade(store, watch, change) is SyncStatus.MISSED
    assert grade(store, feed_watch(store), change) is SyncStatus.MISSED
    assert not await watch.poll_feed(FakeObserver(clean))


async def test_a_sync_with_errors_stalls_and_makes_nothing_missed(store: Store) -> None:
    [change] = await confirmed(store, "a")
    watch = feed_watch(store)
    started = START + timedelta(seconds=10)
    failed = report(
        state="Sync has errors",
        last_sync_started_at=started,
        last_sync_finished_at=started,
        last_sync_clean=False,
    )
    assert await watch.poll_feed(FakeObserver(failed))
    assert not await watch.poll_feed(FakeObserver(failed))
    assert grade(store, watch, change) is SyncStatus.STALLED
    assert watch.status.is_stalled


async def test_failing_feed_is_reported_and_proves_nothing(store: Store) -> None:
    [change] = await confirmed(store, "a")
    watch = feed_watch(store)
    assert await watch.poll_feed(FakeObserver(SILENT))
    assert (watch.status.problem, watch.status.is_stalled) == (SILENT.notice, True)
    assert grade(store, watch, change, START + timedelta(days=9)) is SyncStatus.STALLED
    assert await watch.poll_feed(FakeObserver(QUIET))
    assert (watch.status.problem, watch.status.is_stalled) == (None, False)
    assert grade(store, watch, change, START + timedelta(days=9)) is SyncStatus.PENDING


async def test_evidence_read_before_a_failure_counts(store: Store) -> None:
    [change] = await confirmed(store, "a")
    watch = feed_watch(store)
    after = START + timedelta(seconds=5)
    observer = FakeObserver(report(pick_up("a", after), cursor="1", has_more=True), SILENT)
    assert await watch.poll_feed(observer)
    assert grade(store, watch, change) is SyncStatus.SYNCED


async def test_countdown_starts_with_the_cycle(store: Store) -> None:
    watch = feed_watch(store)
    await watch.poll_feed(FakeObserver(QUIET))
    assert watch.status.next_sync_at == START + timedelta(seconds=45)
    assert watch.status.cycle_started_at == START
    await watch.poll_feed(FakeObserver(report(next_sync_at=None)))
    assert watch.status.cycle_started_at is None


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ({"is_syncing": True}, 0.5),
        ({"next_sync_at": None}, 10),
        ({"next_sync_at": START + timedelta(hours=5)}, 10),
        ({"next_sync_at": START + timedelta(seconds=3)}, 3),
        ({"next_sync_at": START - timedelta(hours=1)}, 0.5),
    ],
)
async def test_the_feed_is_polled_when_it_can_have_new_evidence(
    store: Store, parts: dict[str, object], seconds: float
) -> None:
    watch = feed_watch(store)
    await watch.poll_feed(FakeObserver(report(**parts)))
    assert watch.seconds_to_next_poll == seconds


DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize("ahead", [2 * DAY, 10_000 * DAY, HOUR, 2 * timedelta(minutes=1)])
@pytest.mark.parametrize("what", ["started", "picked up", "both"])
async def test_an_item_dated_in_the_future_proves_nothing_now_or_later(
    store: Store, ahead: timedelta, what: str
) -> None:
    [before] = await confirmed(store, "a")
    clock = Clock(START + HOUR)
    watch = feed_watch(store, clock)
    odd, fine = clock() + ahead, clock()
    item = pick_up("a", odd if what != "picked up" else fine)
    item = replace(item, synced_at=odd if what != "started" else fine)
    await watch.poll_feed(FakeObserver(report(item, cursor="1")))
    assert grade(store, watch, before, clock()) is SyncStatus.PENDING
    assert store.sync_state("feed.cursor") == "1"
    assert grade(store, watch, before, clock() + 2 * ahead) is SyncStatus.PENDING


@pytest.mark.parametrize("behind", [2 * timedelta(minutes=1), HOUR, 3 * DAY])
async def test_while_this_machines_clock_may_be_behind_future_items_are_not_lost(
    store: Store, behind: timedelta
) -> None:
    changes = await confirmed(store, "a", "b")
    machine = Clock(START + HOUR - behind)
    clock = XeroClock(machine, store, lambda: 0.0)
    watch = ReLeasedMonitor(store, NIGHT, clock, has_feed=True, is_time_certain=lambda: clock.is_certain)
    began = START + HOUR
    page = report(
        pick_up("a", began),
        cursor="1",
        last_sync_clean=True,
        last_sync_started_at=began,
        last_sync_finished_at=began,
    )
    await watch.poll_feed(FakeObserver(page))
    assert store.sync_state("feed.cursor") is None
    assert [grade(store, watch, change, clock()) for change in changes] == [SyncStatus.PENDING] * 2
    tell_time(clock, began)
    await watch.poll_feed(FakeObserver(page))
    assert store.sync_state("feed.cursor") == "1"
    assert [grade(store, watch, change, clock()) for change in changes] == [
        SyncStatus.SYNCED,
        SyncStatus.MISSED,
    ]


@pytest.mark.parametrize("seconds", [1, 30, 59])
async def test_an_item_received_before_a_change_was_requested_does_not_prove_it(
    store: Store, seconds: float
) -> None:
    """Also one that is dated after the change, by a clock that is a little ahead."""
    await store.save_contacts([contact("a")], START)
    clock = Clock()
    watch = feed_watch(store, clock)
    await watch.poll_feed(FakeObserver(report(pick_up("a", START + timedelta(seconds=seconds)), cursor="1")))
    clock.forward(seconds=seconds / 2)
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["a"]), clock())
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=clock())], clock()
    )
    clock.forward(days=3)
    assert grade(store, watch, change, clock()) is SyncStatus.PENDING


@pytest.mark.parametrize("ahead", [2 * DAY, 10_000 * DAY, HOUR, 2 * timedelta(minutes=1)])
@pytest.mark.parametrize("what", ["started", "finished", "both"])
async def test_a_clean_sync_dated_in_the_future_makes_nothing_missed_now_or_later(
    store: Store, ahead: timedelta, what: str
) -> None:
    [change] = await confirmed(store, "a")
    clock = Clock(START + HOUR)
    watch = feed_watch(store, clock)
    odd, fine = clock() + ahead, clock()
    clean = report(
        last_sync_clean=True,
        last_sync_started_at=odd if what != "finished" else fine,
        last_sync_finished_at=odd if what != "started" else fine,
    )
    await watch.poll_feed(FakeObserver(clean))
    assert grade(store, watch, change, clock()) is SyncStatus.PENDING
    clock.at += 2 * ahead
    await watch.poll_feed(FakeObserver(clean))
    assert grade(store, watch, change, clock()) is SyncStatus.PENDING
    # One that can be true counts again.
    began = clock()
    await watch.poll_feed(
        FakeObserver(replace(clean, last_sync_started_at=began, last_sync_finished_at=began))
    )
    assert grade(store, watch, change, clock()) is SyncStatus.MISSED


@pytest.mark.parametrize("seconds", [1, 30, 59])
async def test_a_clean_sync_reported_before_a_change_was_requested_does_not_miss_it(
    store: Store, seconds: float
) -> None:
    await store.save_contacts([contact("a")], START)
    clock = Clock()
    watch = feed_watch(store, clock)
    began = START + timedelta(seconds=seconds)
    clean = report(last_sync_clean=True, last_sync_started_at=began, last_sync_finished_at=began)
    await watch.poll_feed(FakeObserver(clean))
    clock.forward(seconds=seconds / 2)
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["a"]), clock())
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=clock())], clock()
    )
    for _ in range(2):
        # Still shown after a restart.
        clock.forward(seconds=seconds)
        watch = feed_watch(store, clock)
        await watch.poll_feed(FakeObserver(clean))
        assert grade(store, watch, change, clock()) is SyncStatus.PENDING


async def test_a_clean_sync_stored_with_a_future_date_is_ignored(store: Store) -> None:
    [change] = await confirmed(store, "a")
    await store.set_sync_state("feed.clean_sync_started_at", (START + 2 * DAY).isoformat())
    assert grade(store, feed_watch(store), change) is SyncStatus.PENDING


# --- without one ---


async def test_without_a_feed_a_night_only_makes_changes_expected(store: Store) -> None:
    [change] = await confirmed(store, "a")
    clock = Clock()
    watch = ReLeasedMonitor(store, NIGHT, clock, has_feed=False)
    morning = datetime(2026, 3, 4, 6, tzinfo=UTC)
    assert watch.status.next_sync_at == morning
    assert not watch.tick()
    assert grade(store, watch, change, clock()) is SyncStatus.PENDING
    clock.at = morning
    assert watch.tick()
    assert not watch.tick()
    assert grade(store, watch, change, clock()) is SyncStatus.EXPECTED
    assert watch.status.next_sync_at == morning + timedelta(days=1)


def test_with_a_feed_time_makes_nothing_expected(store: Store) -> None:
    watch = feed_watch(store)
    assert not watch.tick()
    assert watch.knowledge.window is None


class EndlessObserver:
    """A feed that always has more."""

    def __init__(self, **parts: Any) -> None:
        self.looks = 0
        self.is_endless = True
        self._parts = parts

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        assert (cursor or "0") == str(self.looks)
        self.looks += 1
        found = pick_up(f"other {self.looks}", START)
        return report(found, cursor=str(self.looks), has_more=self.is_endless, **self._parts)

    async def aclose(self) -> None:
        pass


async def test_endless_feed_is_continued_at_the_next_poll(store: Store) -> None:
    (change,) = await confirmed(store, "a")
    watch = feed_watch(store)
    clean = START + timedelta(minutes=1)
    feed = EndlessObserver(last_sync_clean=True, last_sync_started_at=clean, last_sync_finished_at=clean)
    await watch.poll_feed(feed)
    first = feed.looks
    assert 1 < first < 100
    # A clean sync proves no omission until all it picked up is read.
    assert grade(store, watch, change) is SyncStatus.PENDING
    feed.is_endless = False
    await watch.poll_feed(feed)
    assert (feed.looks, store.sync_state("feed.cursor")) == (first + 1, str(first + 1))
    assert grade(store, watch, change, START + timedelta(minutes=2)) is SyncStatus.MISSED


@pytest.mark.parametrize("seconds", [1e15, -1e15, 1e308, float("inf"), float("nan")])
async def test_impossible_cycle_is_unknown(store: Store, seconds: float) -> None:
    watch = feed_watch(store)
    await watch.poll_feed(FakeObserver(report(cycle_seconds=seconds)))
    assert (watch.status.cycle_started_at, watch.status.problem) == (None, None)


@pytest.mark.parametrize("year", [1, 1969, 2200, 9999])
async def test_impossible_times_of_a_bridge_are_unknown(store: Store, year: int) -> None:
    (change,) = await confirmed(store, "a")
    odd = START.replace(year=year)
    watch = feed_watch(store)
    await watch.poll_feed(
        FakeObserver(
            report(
                replace(pick_up("a", odd), synced_at=START),
                replace(pick_up("a", START), synced_at=odd),
                cursor="1",
                next_sync_at=odd,
                last_sync_clean=True,
                last_sync_started_at=odd,
                last_sync_finished_at=odd,
            )
        )
    )
    assert (watch.status.next_sync_at, watch.status.last_sync_at) == (None, None)
    assert grade(store, watch, change) is SyncStatus.PENDING
    assert 0 < watch.seconds_to_next_poll <= 10


@pytest.mark.parametrize("stored", ["", "x", "[]", "[[[", "7", '{"state": 7, "next_sync_at": 9}', "é\x00"])
async def test_damaged_state_of_another_copy_is_survived(store: Store, stored: str) -> None:
    for name in ("feed.shared_status", "feed.clean_sync_started_at"):
        await store.set_sync_state(name, stored)
    watch = feed_watch(store)
    watch.reload(is_follower=True)
    assert (watch.status.state, watch.status.next_sync_at) == ("", None)


async def test_syncs_around_the_clock_make_nothing_expected(store: Store) -> None:
    [change] = await confirmed(store, "a")
    every = timedelta(seconds=45)
    watch = ReLeasedMonitor(store, SyncInterval(every), Clock(), has_feed=False)
    assert not watch.tick()
    assert watch.status.sync_interval == every
    assert watch.status.next_sync_at is None
    for later in (timedelta(minutes=5), timedelta(days=3)):
        assert grade(store, watch, change, START + later) is SyncStatus.PENDING
