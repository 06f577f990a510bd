"""The screens' time, which follows Xero's clock, and what is said of a machine's clock that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tui.widgets import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

NONE, MINUTE = timedelta(), timedelta(minutes=1)
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _right_again() -> Iterator[None]:
    yield
    clock.follow(NONE)


@pytest.mark.parametrize("ahead", [NONE, 10 * MINUTE, -10 * MINUTE])
def test_now_is_xeros_time(ahead: timedelta) -> None:
    before = datetime.now(UTC)
    clock.follow(ahead)
    assert before <= clock.now() + ahead <= datetime.now(UTC)
    assert clock.by_xero(NOON) == NOON - ahead
    # What a person names may be by either clock: the earlier claims less.
    assert clock.by_person(NOON) == min(NOON, NOON - ahead)


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
def test_a_clock_that_is_wrong_is_told(ahead: timedelta, said: str) -> None:
    short = f"This machine's clock is {said} Xero's: set it right." if said else ""
    assert clock.short_trouble(ahead) == short
    assert clock.trouble(ahead) == (f"{short} Times are taken by Xero's until then." if said else "")
