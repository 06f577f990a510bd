"""The screens' time, which follows Xero's clock, and the warning about a wrong clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

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
