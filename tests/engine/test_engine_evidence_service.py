"""What a user reports about Re-Leased, from the key to the sync status."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, Clock, contact, tell_time
from engine.released_house import EMPTY_REPORT, Bridge, SilentPublisher
from msgspec.structs import replace

from tui.engine.clock import XeroClock
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.services import WriteAccess
from tui.engine.services.evidence import EvidenceService
from tui.model.change import Origin
from tui.model.contact import ContactStatus
from tui.model.errors import FeedError, ReshelveError
from tui.model.evidence import CompanyState, NightlyWindow, SyncStatus, grade_change
from tui.model.reasons import EvidenceReason, FeedReason

if TYPE_CHECKING:
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.change import Change
    from tui.store import Store

NIGHT = NightlyWindow(time(0), time(6), UTC)


class Desk(EvidenceService):
    """The service, with a clock that a test sets."""

    def __init__(self, store: Store, clock: Clock, publisher: SnapshotPublisher) -> None:
        self.machine = clock
        self.xero = XeroClock(clock, store)
        monitor = ReLeasedMonitor(store, NIGHT, self.xero, has_feed=False)
        access = WriteAccess(is_read_only=False, is_read_only_connection=lambda: False)
        super().__init__(store, publisher, monitor, self.xero, access, on_sync_ended=lambda: None)


@pytest.fixture
async def desk(store: Store) -> Desk:
    """Make a service over a store with a contact that was archived in Xero at the start."""
    await store.save_contacts([contact("a")], START - timedelta(hours=1))
    gone = replace(contact("a"), status=ContactStatus.ARCHIVED, updated_at=START)
    await store.save_contacts([gone], START)
    clock = Clock()
    clock.at = START + timedelta(minutes=10)
    return Desk(store, clock, SilentPublisher())  # type: ignore[arg-type]


def archived(desk: Desk) -> Change:
    [change] = desk._store.changes.of_contact("a")
    return change


def grade(desk: Desk) -> SyncStatus:
    [change] = desk._store.changes.of_contact("a")
    assert change.origin is Origin.XERO
    return grade_change(change, desk._re_leased.knowledge, desk._now()).status


def running_since(desk: Desk) -> datetime | None:
    return desk._re_leased.status.reported_sync_since


@pytest.mark.parametrize(("minutes", "expected"), [(-1, SyncStatus.PENDING), (1, SyncStatus.REPORTED)])
async def test_a_sync_reported_from_start_to_end_counts_from_its_start(
    desk: Desk, minutes: int, expected: SyncStatus
) -> None:
    started = START + timedelta(minutes=minutes)
    await desk.report_sync_started(started)
    assert running_since(desk) == started
    assert grade(desk) is SyncStatus.PENDING
    await desk.report_sync_ended(is_clean=True)
    assert running_since(desk) is None
    assert grade(desk) is expected


async def test_a_sync_that_showed_errors_stalls(desk: Desk) -> None:
    await desk.report_sync_started(START + timedelta(minutes=1))
    await desk.report_sync_ended(is_clean=False)
    assert grade(desk) is SyncStatus.STALLED
    assert desk._re_leased.status.is_stalled
    assert desk._re_leased.status.state_reported_at == desk._now()


async def test_impossible_reports_are_rejected(desk: Desk) -> None:
    with pytest.raises(ReshelveError) as refused:
        await desk.report_sync_started(desk._now() + timedelta(minutes=1))
    assert refused.value.reason is EvidenceReason.FUTURE_SYNC_START
    with pytest.raises(ReshelveError) as refused:
        await desk.report_sync_ended(is_clean=True)
    assert refused.value.reason is EvidenceReason.NO_SYNC_REPORTED
    assert desk._re_leased.status.last_report is None


async def test_a_contact_checked_in_re_leased_is_recorded(desk: Desk) -> None:
    await desk.report_contact_checked(archived(desk))
    assert grade(desk) is SyncStatus.CHECKED


async def test_clock_behind_xeros_does_not_discard_a_check(desk: Desk) -> None:
    desk.machine.at = START - timedelta(minutes=5)
    await desk.report_contact_checked(archived(desk))
    assert grade(desk) is SyncStatus.CHECKED


@pytest.mark.parametrize(
    ("ahead", "told_at", "expected"),
    [
        # Three minutes before Xero confirmed the change, and three minutes after.
        (10, -3, SyncStatus.PENDING),
        (10, 3, SyncStatus.REPORTED),
        (-10, -3, SyncStatus.PENDING),
        (-10, 3, SyncStatus.REPORTED),
    ],
)
async def test_a_reported_sync_is_dated_by_xeros_clock(
    desk: Desk, ahead: int, told_at: int, expected: SyncStatus
) -> None:
    now = START + timedelta(minutes=told_at)
    desk.machine.at = now + timedelta(minutes=ahead)
    tell_time(desk.xero, now)
    # What the screens' clock says then, which follows Xero's as well.
    await desk.report_sync_started(desk._now())
    assert running_since(desk) == now
    desk.machine.at += timedelta(minutes=30)
    tell_time(desk.xero, now + timedelta(minutes=30))
    await desk.report_sync_ended(is_clean=True)
    assert grade(desk) is expected
    assert desk._re_leased.status.state_reported_at == now + timedelta(minutes=30)


async def test_check_on_a_computer_whose_clock_is_ahead_does_not_cover_a_later_change(
    desk: Desk,
) -> None:
    now = START + timedelta(minutes=1)
    desk.machine.at = now + timedelta(minutes=10)
    tell_time(desk.xero, now)
    await desk.report_contact_checked(archived(desk))
    # Restored and archived again before the time that this machine's clock showed.
    back_at, gone_at = now + timedelta(minutes=2), now + timedelta(minutes=3)
    for at, status in ((back_at, ContactStatus.ACTIVE), (gone_at, ContactStatus.ARCHIVED)):
        await desk._store.save_contacts([replace(contact("a"), status=status, updated_at=at)], at)
    told = {change.confirmed_at: change.checked_at for change in desk._store.changes.of_contact("a")}
    assert told == {START: now, back_at: None, gone_at: None}


async def test_check_of_a_contact_that_has_changed_is_rejected(desk: Desk) -> None:
    seen = archived(desk)
    back = replace(contact("a"), updated_at=START + timedelta(minutes=5))
    await desk._store.save_contacts([back], START + timedelta(minutes=6))
    assert len(desk._store.changes.of_contact("a")) == 2
    with pytest.raises(ReshelveError) as refused:
        await desk.report_contact_checked(seen)
    assert refused.value.reason is EvidenceReason.CONTACT_CHANGED
    assert all(change.checked_at is None for change in desk._store.changes.of_contact("a"))


async def test_a_sync_reported_while_the_company_is_not_working_is_shown_as_stalled(desk: Desk) -> None:
    await desk.report_sync_started(desk._now())
    assert not desk._re_leased.status.is_stalled
    await desk.report_company_state(CompanyState.NOT_CONNECTED)
    assert grade(desk) is SyncStatus.STALLED
    assert desk._re_leased.status.is_stalled


async def test_an_unlinked_contact_is_left_out_until_it_is_linked_again(desk: Desk) -> None:
    await desk.report_unlinked("a", on=True)
    assert grade(desk) is SyncStatus.NOT_LINKED
    await desk.report_unlinked("a", on=False)
    assert grade(desk) is SyncStatus.PENDING


async def test_a_state_is_shown_with_its_time_also_by_another_copy(desk: Desk) -> None:
    other = ReLeasedMonitor(desk._store, NIGHT, desk._now, has_feed=False)
    await desk.report_company_state(CompanyState.NEEDS_RECONNECTING)
    assert other.status.state == ""
    other.reload(is_follower=True)
    assert (other.status.state, other.status.state_reported_at) == ("Needs reconnecting", desk._now())
    assert other.knowledge.stalled_since == desk._now()


async def test_a_copy_without_the_lock_shows_what_the_holder_has_read(store: Store) -> None:
    holder, follower = (ReLeasedMonitor(store, NIGHT, Clock(), has_feed=True) for _ in range(2))
    soon = datetime(2030, 1, 1, tzinfo=UTC)
    report = replace(EMPTY_REPORT, cursor="1", state="Successfully synced", next_sync_at=soon)
    await holder.poll_feed(Bridge(report))
    follower.reload(is_follower=True)
    assert (follower.status.state, follower.status.next_sync_at) == ("Successfully synced", soon)
    silent = FeedError(FeedReason.SOURCE_PROBLEM, problem="It fell silent.")
    await holder.poll_feed(Bridge(silent))
    follower.reload(is_follower=True)
    assert (follower.status.problem, follower.knowledge.stalled_since) == (silent.notice, Clock()())
    # A stored time is read back as a time.
    await holder.poll_feed(Bridge(FeedError(FeedReason.SOURCE_PROBLEM, problem="Expired", at=soon)))
    follower.reload(is_follower=True)
    assert follower.status.problem is not None
    assert follower.status.problem.params == {"problem": "Expired", "at": soon}


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        # As written by versions before reason codes.
        ("It fell silent.", None),
        ({"reason": "feed.something_new", "params": {"number": 7}}, FeedReason.FAILED),
        ({"reason": "feed.unreachable"}, FeedReason.UNREACHABLE),
    ],
)
async def test_feed_state_stored_by_another_version_is_read_as_far_as_possible(
    store: Store, stored: object, problem: FeedReason | None
) -> None:
    status = json.dumps({"state": "Not connected", "is_syncing": False, "problem": stored})
    await store.set_sync_state("feed.shared_status", status)
    follower = ReLeasedMonitor(store, NIGHT, Clock(), has_feed=True)
    follower.reload(is_follower=True)
    assert follower.status.state == "Not connected"
    assert (follower.status.problem and follower.status.problem.reason) is problem
