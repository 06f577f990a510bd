"""The whole engine on a test clock: what the pane and the rows show at each time, without a key press."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from engine.released_house import EMPTY_REPORT, Bridge, released_house
from msgspec.structs import replace

from tui import messages
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.model.errors import FeedError
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.query import Query
from tui.model.reasons import FeedReason, Notice
from tui.settings import OrganisationSettings
from tui.store.sync_state import CLOCK_AHEAD
from tui.widgets import sync_pane
from tui.widgets.status_badge import badge_for
from tui.widgets.sync_format import next_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.released_house import House

    from tui.model.snapshot import Snapshot
    from tui.re_leased.feed import EvidenceReport
    from tui.store import Store

pytestmark = pytest.mark.slow

AUCKLAND, NEW_YORK = "Pacific/Auckland", "America/New_York"


@pytest.fixture(autouse=True)
def _machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set this computer's zone: that of the test's parameter, else UTC."""
    zone = request.node.callspec.params.get("machine", "UTC") if hasattr(request.node, "callspec") else "UTC"
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def grade(home: House) -> SyncStatus:
    view = home.view
    assert view.sync is not None
    return view.sync.status


def row_grade(home: House) -> SyncStatus:
    """The status in the table's row, which is worked out separately from the pane."""
    [row] = home.engine.contacts.first_rows(Query()).rows.window(0, 9)
    assert row.last_change is not None
    assert row.last_change.sync is not None
    return row.last_change.sync.status


def said(home: House) -> str:
    return next_sync(home.engine.snapshot.re_leased, home.clock(), is_practice=False).text


def is_due(end: datetime) -> Callable[[Snapshot], object]:
    return lambda it: it.re_leased.next_sync_at == end


NIGHTS = [
    (AUCKLAND, (2026, 4, 5), 7),  # the clocks go back
    (AUCKLAND, (2026, 9, 27), 5),  # and forward
    (NEW_YORK, (2026, 3, 8), 5),
    (NEW_YORK, (2026, 11, 1), 7),
    (AUCKLAND, (2026, 12, 31), 6),
    ("UTC", (2027, 1, 1), 6),
]


@pytest.mark.parametrize("machine", ["UTC", AUCKLAND, NEW_YORK])
@pytest.mark.parametrize(("zone", "day", "hours"), NIGHTS)
async def test_a_night_passes_and_the_sync_status_follows(
    store: Store, zone: str, day: tuple[int, int, int], hours: int, machine: str
) -> None:
    del machine
    here = ZoneInfo(zone)
    midnight = datetime(*day, tzinfo=here).astimezone(UTC)
    evening, morning = midnight - timedelta(hours=1), midnight + timedelta(hours=hours)
    assert morning == datetime(*day, 6, tzinfo=here)
    async with released_house(store, evening, own=OrganisationSettings("00:00", "06:00", zone)) as home:
        await home.confirmed("a", evening)
        seen = await home.at(evening, is_new=lambda it: it.summary and it.summary.pending_total)
        assert (seen.re_leased.window_start_at, seen.re_leased.next_sync_at) == (midnight, morning)
        assert f"in {hours + 1} h 00 min" in said(home)
        assert "isn't connected to Re-Leased" in said(home)

        await home.at(midnight + timedelta(hours=1))
        assert f"in {hours - 1} h 00 min. Changes made since" in said(home)
        await home.at(morning - timedelta(seconds=1))
        assert "in 0:01." in said(home)
        assert (grade(home), row_grade(home)) == (SyncStatus.PENDING, SyncStatus.PENDING)

        version = home.engine.snapshot.rows_version
        seen = await home.at(morning, is_new=lambda it: it.summary and it.summary.synced)
        assert (grade(home), row_grade(home)) == (SyncStatus.EXPECTED, SyncStatus.EXPECTED)
        assert home.view.sync.since == morning  # type: ignore[union-attr]
        # The rows are read again as well, without a key press.
        assert seen.rows_version > version
        assert seen.summary is not None
        assert (seen.summary.pending_total, seen.summary.unconfirmed_total) == (0, 1)
        assert seen.re_leased.next_sync_at == datetime(*day, 6, tzinfo=here) + timedelta(days=1)


@pytest.mark.parametrize(("zone", "day", "hours"), NIGHTS)
async def test_a_laptop_asleep_through_three_windows_wakes_to_the_first(
    store: Store, zone: str, day: tuple[int, int, int], hours: int
) -> None:
    here = ZoneInfo(zone)
    midnight = datetime(*day, tzinfo=here).astimezone(UTC)
    evening, morning = midnight - timedelta(hours=1), midnight + timedelta(hours=hours)
    async with released_house(store, evening, own=OrganisationSettings("00:00", "06:00", zone)) as home:
        await home.confirmed("a", evening)
        await home.at(evening, is_new=lambda it: it.summary and it.summary.pending_total)
        awake = (datetime(*day, 12, tzinfo=here) + timedelta(days=2)).astimezone(UTC)
        seen = await home.at(awake, is_new=lambda it: it.summary and it.summary.synced)
        assert home.view.sync is not None
        assert (home.view.sync.status, home.view.sync.since) == (SyncStatus.EXPECTED, morning)
        assert row_grade(home) is SyncStatus.EXPECTED
        next_morning = (datetime(*day, 6, tzinfo=here) + timedelta(days=3)).astimezone(UTC)
        assert seen.re_leased.next_sync_at == next_morning
        assert "in 18 h 00 min" in said(home)


async def test_change_during_the_night_waits_for_the_next_night(store: Store) -> None:
    night = datetime(2026, 6, 9, 14, tzinfo=UTC)  # two in the morning of the tenth, in Auckland
    async with released_house(store, night, timezone="NEWZEALANDSTANDARDTIME") as home:
        await home.confirmed("a", night)
        await home.at(night, is_new=lambda it: it.summary and it.summary.pending_total)
        assert "by 06:00 (Pacific/Auckland), in 4 h 00 min." in said(home)
        assert "made since 00:00 wait for tomorrow night" in said(home)
        fraction = next_sync(home.engine.snapshot.re_leased, night, is_practice=False).fraction
        assert fraction == pytest.approx(20 / 24)
        first = night + timedelta(hours=4)
        await home.at(first, is_new=is_due(first + timedelta(days=1)))
        assert grade(home) is SyncStatus.PENDING
        await home.at(first + timedelta(days=1), is_new=lambda it: it.summary and it.summary.synced)
        assert grade(home) is SyncStatus.EXPECTED


async def test_after_a_restart_at_night_the_sync_status_still_changes_in_the_morning(store: Store) -> None:
    evening = datetime(2026, 6, 9, 22, tzinfo=UTC)
    async with released_house(store, evening) as home:
        await home.confirmed("a", evening)
        await home.at(evening + timedelta(hours=4), is_new=lambda it: it.summary and it.summary.pending_total)
        # As after a start at two: the countdown is to this morning, not to tomorrow's.
        released = home.engine._re_leased
        released.status = ReLeasedMonitor(store, released._schedule, home.clock, has_feed=False).status
        assert home.engine._re_leased.status.next_sync_at == datetime(2026, 6, 10, 6, tzinfo=UTC)
        version = home.engine.snapshot.rows_version
        seen = await home.at(
            datetime(2026, 6, 10, 6, tzinfo=UTC), is_new=lambda it: it.summary and it.summary.synced
        )
        assert seen.rows_version > version
        assert row_grade(home) is SyncStatus.EXPECTED


async def test_a_clock_set_back_reverts_what_was_expected_too_early(store: Store) -> None:
    evening = datetime(2026, 6, 9, 22, tzinfo=UTC)
    morning = datetime(2026, 6, 10, 6, tzinfo=UTC)
    async with released_house(store, evening) as home:
        await home.confirmed("a", evening)
        # The clock was set a week ahead, then corrected.
        await home.at(evening + timedelta(days=7), is_new=lambda it: it.summary and it.summary.synced)
        assert grade(home) is SyncStatus.EXPECTED
        seen = await home.at(evening + timedelta(hours=1), is_new=is_due(morning))
        assert (grade(home), row_grade(home)) == (SyncStatus.PENDING, SyncStatus.PENDING)
        assert seen.summary is not None
        assert seen.summary.pending_total == 1
        assert "in 7 h 00 min" in said(home)


@pytest.mark.parametrize("machine", [AUCKLAND, NEW_YORK])
async def test_after_midnight_the_pane_shows_yesterday(store: Store, machine: str) -> None:
    here = ZoneInfo(machine)
    evening = datetime(2026, 6, 9, 23, 50, tzinfo=here).astimezone(UTC)
    async with released_house(store, evening, own=OrganisationSettings("01:00", "05:00", machine)) as home:
        await home.confirmed("a", evening)
        await home.at(evening, is_new=lambda it: it.summary and it.summary.pending_total)
        before = badge_for(home.view, evening.astimezone())
        after = badge_for(home.view, (evening + timedelta(minutes=10)).astimezone())
        assert (before.text, after.text) == ("◷ Pending sync 23:50", "◷ Pending sync 9 Jun")
        lines = _pane(home.engine.snapshot, evening)
        assert "by 05:00, in 5 h 10 min" in " ".join(lines.split())


def _pane(snapshot: Snapshot, now: datetime) -> str:
    return "\n".join(line.plain for line in sync_pane.tall(snapshot, now, 44, 30, is_practice=False))


@pytest.mark.parametrize(
    ("wrong", "notice"),
    [
        (
            FeedError(FeedReason.SOURCE_PROBLEM, problem="The folder is gone."),
            Notice(FeedReason.SOURCE_PROBLEM, {"problem": "The folder is gone."}),
        ),
        (ValueError("a secret of its own"), Notice(FeedReason.FAILED)),
        (KeyError("id"), Notice(FeedReason.FAILED)),
        (OSError(5, "Input/output error"), Notice(FeedReason.FAILED)),
        (
            replace(EMPTY_REPORT, cursor="1", next_sync_at=datetime(2026, 6, 10)),  # noqa: DTZ001 - that is what is wrong with it
            Notice(FeedReason.NO_TIME_ZONE),
        ),
    ],
)
async def test_a_failing_bridge_is_stalled_and_never_synced(
    store: Store, wrong: EvidenceReport | Exception, notice: Notice
) -> None:
    noon, bridge = datetime(2026, 6, 9, 12, tzinfo=UTC), Bridge(EMPTY_REPORT)
    async with released_house(store, noon, evidence_source=bridge) as home:
        await home.confirmed("a", noon)
        await home.at(noon, is_new=lambda it: it.summary and it.summary.pending_total)
        assert grade(home) is SyncStatus.PENDING
        bridge.answer = wrong
        seen = await home.at(noon + timedelta(days=9), is_new=lambda it: it.re_leased.problem)
        assert seen.re_leased.problem == notice
        assert (grade(home), row_grade(home)) == (SyncStatus.STALLED, SyncStatus.STALLED)
        assert seen.summary is not None
        assert (seen.summary.stalled_total, seen.summary.pending_total) == (1, 1)
        pane = " ".join(_pane(seen, home.clock()).split())
        assert "feed can't be read" in pane
        assert messages.message(notice) in pane
        bridge.answer = EMPTY_REPORT
        await home.at(noon + timedelta(days=10), is_new=lambda it: not it.re_leased.problem)
        assert grade(home) is SyncStatus.PENDING


@pytest.mark.parametrize("minutes", [10, -10, 60 * 30, -60 * 30])
async def test_night_ends_by_xeros_clock(store: Store, minutes: int) -> None:
    ahead, second = timedelta(minutes=minutes), timedelta(seconds=1)
    evening, morning = datetime(2026, 6, 9, 23, tzinfo=UTC), datetime(2026, 6, 10, 6, tzinfo=UTC)
    async with released_house(
        store, evening + ahead, own=OrganisationSettings("00:00", "06:00", "UTC")
    ) as home:
        home.told_time(ahead)
        await home.confirmed("a", evening)
        await home.at(evening + ahead, is_new=lambda it: it.summary and it.summary.pending_total)
        assert home.engine.snapshot.clock_ahead == ahead

        home.clock.at = morning + ahead - second
        home.told_time(ahead)
        seen = await home.at(home.clock())
        assert (grade(home), row_grade(home)) == (SyncStatus.PENDING, SyncStatus.PENDING)
        assert seen.re_leased.next_sync_at == morning

        home.clock.at = morning + ahead
        home.told_time(ahead)
        await home.at(home.clock(), is_new=lambda it: it.summary and it.summary.synced)
        assert (grade(home), row_grade(home)) == (SyncStatus.EXPECTED, SyncStatus.EXPECTED)
        assert home.view.sync == StatusSince(SyncStatus.EXPECTED, morning)


async def test_what_was_expected_too_early_is_pending_again_once_the_time_is_known(store: Store) -> None:
    evening, morning = datetime(2026, 6, 9, 23, tzinfo=UTC), datetime(2026, 6, 10, 6, tzinfo=UTC)
    own = OrganisationSettings("00:00", "06:00", "UTC")
    async with released_house(store, evening, own=own) as home:
        await home.confirmed("a", evening)
        await home.at(morning, is_new=lambda it: it.summary and it.summary.synced)
        assert row_grade(home) is SyncStatus.EXPECTED
        home.told_time(timedelta(minutes=10))
        await home.at(morning, is_new=lambda it: it.summary and it.summary.pending_total)
        await home.at(morning, is_new=is_due(morning))
        assert (grade(home), row_grade(home)) == (SyncStatus.PENDING, SyncStatus.PENDING)


async def test_xeros_time_is_used_at_the_next_start_before_a_reply(store: Store) -> None:
    evening, morning = datetime(2026, 6, 9, 23, tzinfo=UTC), datetime(2026, 6, 10, 6, tzinfo=UTC)
    own = OrganisationSettings("00:00", "06:00", "UTC")
    await store.set_sync_state(CLOCK_AHEAD, "600.0")
    async with released_house(store, evening, own=own) as home:
        await home.confirmed("a", evening)
        await home.at(morning, is_new=lambda it: it.summary and it.summary.pending_total)
        assert grade(home) is SyncStatus.PENDING
        await home.at(morning + timedelta(minutes=10), is_new=lambda it: it.summary and it.summary.synced)
        assert grade(home) is SyncStatus.EXPECTED
