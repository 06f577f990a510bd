"""Pictures of what is known of Re-Leased: the pane, Troubleshoot and its dialogs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.notices import notice
from support.pictures import SIZES, picture
from support.sample_contacts import NOW

from tui.model.change import Action, State
from tui.model.evidence import SyncStatus
from tui.model.snapshot import ConnectionStatus, ReLeasedStatus, XeroStatus

if TYPE_CHECKING:
    from typing import Any

    from support.pictures import Compare

FEED = ReLeasedStatus(has_feed=True, state="Successfully synced", next_sync_at=NOW + timedelta(seconds=9))
TONIGHT = NOW + timedelta(hours=17, minutes=19)
NIGHTLY = ReLeasedStatus(next_sync_at=TONIGHT, cycle_started_at=TONIGHT - timedelta(days=1))
REPORTED = replace(NIGHTLY, state_reported_at=NOW - timedelta(hours=2))
PANES = {
    "reading": ReLeasedStatus(has_feed=True, state="In progress", is_syncing=True),
    "reconnect": replace(FEED, state="Needs reconnecting"),
    "unreachable": replace(FEED, problem=notice("The address doesn't answer.")),
    "nightly": NIGHTLY,
    "late": replace(FEED, next_sync_at=NOW - timedelta(hours=3)),
    "night": replace(
        NIGHTLY,
        next_sync_at=NOW + timedelta(hours=3, minutes=59),
        window_start_at=NOW - timedelta(hours=2),
        zone=ZoneInfo("Pacific/Auckland"),
    ),
    "recorded": replace(NIGHTLY, reported_sync_since=NOW - timedelta(minutes=20)),
    "forgotten": replace(NIGHTLY, reported_sync_since=NOW - timedelta(days=2)),
    "disconnected": replace(REPORTED, state="Not connected"),
}


@pytest.mark.parametrize("state", ["reading", "late", "nightly", "forgotten", "disconnected"])
def test_pane(snap_compare: Compare, busy: IdleEngine, state: str) -> None:
    busy.publish(re_leased=PANES[state])
    assert picture(snap_compare, busy, as_text=True)


@pytest.mark.parametrize("size", [(40, 15), (60, 20)])
@pytest.mark.parametrize("state", ["reconnect", "night", "recorded"])
def test_pane_small(snap_compare: Compare, busy: IdleEngine, state: str, size: tuple[int, int]) -> None:
    busy.publish(re_leased=PANES[state])
    assert picture(snap_compare, busy, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_pane_nothing_pending(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, IdleEngine.with_contacts(), size=size, as_text=True)


@pytest.fixture
def graded() -> IdleEngine:
    """A change of every sync status that can occur without a feed and a reported sync."""
    backend = IdleEngine.with_contacts(has_feed=False)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.EXPECTED, at=NOW - timedelta(days=1))
    grades = (SyncStatus.CHECKED, SyncStatus.SYNCED, SyncStatus.NOT_LINKED)
    for number, grade in enumerate((*grades, SyncStatus.SUPERSEDED, SyncStatus.PENDING), start=1):
        backend.put_change(number, Action.ARCHIVE, State.CONFIRMED, grade)
    backend.publish_changes()
    return backend


@pytest.mark.parametrize("size", SIZES)
def test_pane_sync_statuses(snap_compare: Compare, graded: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, graded, "end", size=size)


def test_changes_sync_statuses(snap_compare: Compare, graded: IdleEngine) -> None:
    assert picture(snap_compare, graded, "l")


@pytest.mark.parametrize("size", SIZES)
def test_manual_sync_started(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.publish(re_leased=PANES["nightly"])
    assert picture(snap_compare, busy, "m", *"12:59", "enter", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_manual_sync_ended(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.publish(re_leased=ReLeasedStatus(reported_sync_since=NOW - timedelta(minutes=20)))
    assert picture(snap_compare, busy, "m", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_unlinked(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "enter", "N", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_troubleshoot(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.publish(re_leased=PANES["reconnect"])
    assert picture(snap_compare, busy, "t", size=size)


TROUBLES: dict[str, dict[str, Any]] = {
    "nightly": {"re_leased": NIGHTLY},
    "signed-out": {
        "xero": XeroStatus(ConnectionStatus.RECONNECT, detail=notice("The sign-in to Xero has ended.")),
        "re_leased": replace(REPORTED, state="Successfully synced"),
    },
    "offline": {
        "xero": XeroStatus(
            ConnectionStatus.OFFLINE,
            detail=notice("Xero can't be reached."),
            retry_at=NOW + timedelta(seconds=24),
        ),
        "last_refresh_at": None,
        "re_leased": PANES["forgotten"],
    },
    "silent": {"re_leased": PANES["unreachable"]},
    "recorded": {"re_leased": PANES["recorded"]},
    "clock": {"re_leased": REPORTED, "clock_ahead": timedelta(minutes=10)},
}


@pytest.mark.parametrize("state", TROUBLES)
def test_troubleshoot_problems(snap_compare: Compare, busy: IdleEngine, state: str) -> None:
    busy.publish(**TROUBLES[state])
    assert picture(snap_compare, busy, "t", as_text=True)


@pytest.mark.parametrize("size", [(40, 15), (120, 36)])
def test_troubleshoot_all_well(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, IdleEngine.with_contacts(), "t", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_troubleshoot_retry(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "t", "R", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_sync_overview(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "t", "w", size=size)
