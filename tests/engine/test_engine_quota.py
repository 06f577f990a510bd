"""The share of a day's calls that background tasks may use, and user activity."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engine.model_xero import START, Clock
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import examples

from tui.engine.connectivity import ActivityTracker, QuotaBudget, QuotaHighWaterMark

POLLS = st.floats(1, 600)
LEFT = st.integers(0, 5_000)
IDLE = st.sampled_from([0.0, 299.0, 300.0, 3_599.0, 3_600.0, 1e6])
with_examples = settings(max_examples=examples(100))


def budget(left: int | None, poll_seconds: float = 15, *, peak: int = 5_000) -> QuotaBudget:
    made = QuotaBudget(poll_seconds)
    made.record(peak, START)
    made.record(left, START)
    return made


# --- the day's limit ---


@pytest.mark.parametrize(
    ("seen", "limit", "reserve"),
    [(4_998, 5_000, 1_000), (1_001, 5_000, 1_000), (1_000, 1_000, 200), (640, 1_000, 200)],
)
def test_daily_limit_is_the_smallest_that_fits_what_was_seen(seen: int, limit: int, reserve: int) -> None:
    made = QuotaBudget(15)
    made.record(seen, START)
    assert (made.limit, made.reserve) == (limit, reserve)


def test_unknown_daily_limit_is_taken_as_seen() -> None:
    assert budget(100_000, peak=1).limit == 100_000


@pytest.mark.parametrize("odd", [25_000, 100_000, 9_999_999])
def test_one_implausible_number_of_calls_left_stops_no_refreshes(odd: int) -> None:
    made = budget(odd)
    made.record(4_900, START)
    assert not made.is_reserving
    assert made.reserve == 1_000


def test_highest_number_of_calls_left_counts_for_a_day() -> None:
    made = budget(4_000)
    made.record(900, START + timedelta(hours=23))
    assert made.limit == 5_000
    made.record(890, START + timedelta(hours=25))
    assert made.limit == 1_000


def test_high_water_mark_is_saved_and_loaded() -> None:
    peak = QuotaHighWaterMark(4_998, START)
    assert QuotaHighWaterMark.parse(str(peak)) == peak


def test_reply_without_quota_changes_nothing() -> None:
    made = QuotaBudget(15)
    made.record(None, START)
    assert (made.left, made.limit, made.is_reserving) == (None, None, False)
    assert made.refresh_interval(0, is_shared=False) == 15
    assert made.manual_restore_interval(0, is_fast=True) == 2.5


# --- how often ---


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(5_000, 21.6), (3_000, 43.2), (1_100, 864), (1_001, 3_600), (1_000, 3_600), (0, 3_600)],
)
def test_refresh_intervals_at_xeros_limit(left: int, seconds: float) -> None:
    assert budget(left).refresh_interval(0, is_shared=False) == pytest.approx(seconds)


@with_examples
@given(poll=POLLS, left=LEFT, idle=IDLE)
def test_all_polling_together_lasts_a_day_and_leaves_a_fifth(poll: float, left: int, idle: float) -> None:
    made = budget(left, poll)
    pulls = 86_400 / made.refresh_interval(idle, is_shared=True)
    looks = 86_400 / made.manual_restore_interval(idle, is_fast=False)
    # An hourly refresh is made in any case, to see whether Xero's day has reset.
    assert pulls + looks <= max(left - 1_000, 2 * 24) + 1e-6


@with_examples
@given(poll=POLLS, fewer=LEFT, more=LEFT, idle=IDLE)
def test_fewer_calls_left_never_mean_more_frequent_refreshes(
    poll: float, fewer: int, more: int, idle: float
) -> None:
    fewer, more = sorted((fewer, more))
    slow, quick = budget(fewer, poll), budget(more, poll)
    assert slow.refresh_interval(idle, is_shared=False) >= quick.refresh_interval(idle, is_shared=False)
    assert slow.manual_restore_interval(idle, is_fast=False) >= quick.manual_restore_interval(
        idle, is_fast=False
    )


@with_examples
@given(poll=POLLS, left=LEFT, idle=IDLE)
def test_refreshes_are_never_more_frequent_than_the_setting(poll: float, left: int, idle: float) -> None:
    assert budget(left, poll).refresh_interval(idle, is_shared=False) >= poll


@pytest.mark.parametrize(
    ("poll", "idle", "seconds"),
    [(30, 299, 30), (30, 300, 120), (30, 3_600, 600), (200, 300, 600), (600, 300, 600), (600, 3_600, 600)],
)
def test_an_idle_user_means_polling_less_often(poll: float, idle: float, seconds: float) -> None:
    assert budget(5_000, poll).refresh_interval(idle, is_shared=False) == seconds


def test_only_reserved_calls_left_means_an_hourly_refresh_and_no_restore_checks() -> None:
    made = budget(1_000)
    assert made.is_reserving
    assert made.refresh_interval(0, is_shared=True) == 3_600
    assert made.manual_restore_interval(0, is_fast=True) == 86_400
    assert not budget(1_001).is_reserving


def test_watched_list_is_polled_fast_up_to_a_quarter_of_the_budget() -> None:
    made = budget(5_000)
    made.start_fast_polling()
    spent = 0
    while made.manual_restore_interval(0, is_fast=True) == 2.5:
        spent += 1
        made.record(5_000 - spent, START)
    assert spent == 1_000
    assert made.manual_restore_interval(0, is_fast=True) > 60
    made.start_fast_polling()
    assert made.manual_restore_interval(0, is_fast=True) == 2.5


@with_examples
@given(left=LEFT, opened=st.lists(st.integers(0, 400), max_size=30))
def test_reserved_calls_are_kept_however_often_the_list_is_opened(left: int, opened: list[int]) -> None:
    made = budget(left)
    for looks in opened:
        made.start_fast_polling()
        for _ in range(looks):
            if made.manual_restore_interval(0, is_fast=True) > 2.5:
                break
            assert made.left is not None
            made.record(made.left - 1, START)
    assert made.left is not None
    assert made.left >= min(left, made.reserve)


def test_list_opened_before_the_first_reply_is_limited_after_it() -> None:
    made = QuotaBudget(15)
    made.start_fast_polling()
    made.record(1_000, START)
    assert made.manual_restore_interval(0, is_fast=True) == 2.5
    made.record(800, START)
    assert made.manual_restore_interval(0, is_fast=True) > 2.5


# --- user activity ---


class There:
    def __init__(self) -> None:
        self.clock = Clock()
        self.elapsed = 0.0
        self.presence = ActivityTracker(self.clock, lambda: self.elapsed)


def test_first_key_after_an_absence_is_reported_once() -> None:
    there = There()
    assert not there.presence.touch()
    there.clock.forward(minutes=4)
    there.elapsed += 240
    assert not there.presence.touch()
    there.clock.forward(minutes=5)
    there.elapsed += 300
    assert there.presence.idle == 300
    assert there.presence.touch()
    assert not there.presence.touch()


def test_sleep_counts_as_absence_although_one_clock_stopped() -> None:
    there = There()
    there.clock.forward(hours=8)
    assert there.presence.idle == 8 * 3_600
    assert there.presence.touch()


def test_absence_is_noticed_although_the_clock_was_set_back() -> None:
    there = There()
    there.clock.forward(hours=-3)
    assert there.presence.idle == 0
    there.elapsed += 400
    assert there.presence.touch()


def test_a_user_who_watches_restores_counts_as_active() -> None:
    there = There()
    there.presence.is_waiting_for_restores = True
    there.clock.forward(hours=2)
    assert there.presence.idle == 0


@pytest.mark.parametrize(
    ("has_focus", "seconds", "counts_as"),
    [(True, 60, 60), (True, 299, 299), (False, 59, 59), (False, 60, 300), (False, 4_000, 4_000)],
)
def test_a_minute_without_the_focus_counts_as_absence(
    *, has_focus: bool, seconds: float, counts_as: float
) -> None:
    there = There()
    there.presence.has_focus = has_focus
    there.elapsed += seconds
    assert there.presence.idle_or_away == counts_as
    assert there.presence.idle == seconds


def test_a_user_who_finishes_restores_in_the_browser_counts_as_active() -> None:
    there = There()
    there.presence.has_focus = False
    there.presence.is_waiting_for_restores = True
    there.elapsed += 7_200
    assert there.presence.idle_or_away == 0
