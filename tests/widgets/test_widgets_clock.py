"""The screens' time, which follows Xero's clock, and the warning about a wrong clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tui.model.contact import Organisation
from tui.model.snapshot import ReLeasedStatus, Snapshot, XeroStatus
from tui.widgets import clock

NONE, MINUTE = timedelta(), timedelta(minutes=1)
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("ahead", [NONE, 10 * MINUTE, -10 * MINUTE])
def test_moments_are_by_xeros_clock(ahead: timedelta) -> None:
    assert clock.to_xero_time(NOON, ahead) == NOON - ahead
    # A time given by the user may be by either clock; the earlier claims less.
    assert clock.reported_to_xero_time(NOON, ahead) == min(NOON, NOON - ahead)


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (NONE, ""),
        (MINUTE, ""),
        (-MINUTE, ""),
        (1.1 * MINUTE, "1 minute ahead of"),
        (-10 * MINUTE, "10 minutes behind"),
        (119 * MINUTE, "119 minutes ahead of"),
        (130 * MINUTE, "2 hours ahead of"),
        (-47 * 60 * MINUTE, "47 hours behind"),
        (timedelta(days=2), "2 days ahead of"),
        (timedelta(days=-400), "400 days behind"),
    ],
)
def test_a_wrong_clock_is_reported(ahead: timedelta, said: str) -> None:
    short = clock.short_clock_warning(ahead)
    long = clock.clock_warning(ahead)
    assert (f" {said} Xero's" in short) == bool(short) == bool(long) == bool(said)
    assert long.startswith(short)


@pytest.mark.parametrize(
    ("xero", "re_leased", "expected"),
    [
        (XeroStatus(), ReLeasedStatus(), False),
        (XeroStatus(last_reply_at=NOON), ReLeasedStatus(next_sync_at=NOON + 50 * MINUTE), False),
        (XeroStatus(), ReLeasedStatus(next_sync_at=NOON + 10 * MINUTE), True),
        (XeroStatus(), ReLeasedStatus(next_sync_at=NOON - MINUTE), True),
        (XeroStatus(), ReLeasedStatus(next_sync_at=NOON - 60 * MINUTE), False),
        (XeroStatus(retry_at=NOON + MINUTE), ReLeasedStatus(), True),
        (XeroStatus(minute_full_until=NOON + MINUTE), ReLeasedStatus(), True),
        (XeroStatus(no_reply_since=NOON - MINUTE), ReLeasedStatus(), True),
    ],
    ids=["none", "minutes", "sync soon", "sync due", "sync overdue", "retry", "limit", "no reply"],
)
def test_countdowns_that_show_seconds_are_known(
    xero: XeroStatus, re_leased: ReLeasedStatus, *, expected: bool
) -> None:
    snapshot = Snapshot(Organisation("tenant", "Demo", "!x"), xero=xero, re_leased=re_leased)
    assert clock.counts_seconds(snapshot, NOON) is expected
