"""A sync status never exceeds its evidence, and nights are right in every time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import examples

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ContactStatus
from tui.model.evidence import NightlyWindow, SyncKnowledge, SyncRecord, SyncStatus, grade_change, proves

AUCKLAND = ZoneInfo("Pacific/Auckland")
NEW_YORK = ZoneInfo("America/New_York")
ZONES = [AUCKLAND, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Europe/London"), UTC]
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)

# Around every clock change of 2026 and 2027, where nights are an hour longer or shorter.
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of aware values have to be naive
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WINDOWS = st.tuples(TIMES, TIMES, st.sampled_from(ZONES)).map(lambda parts: NightlyWindow(*parts))
with_examples = settings(max_examples=examples(150))


def change(
    *,
    confirmed_at: datetime | None = NOON,
    action: Action = Action.ARCHIVE,
    synced_at: datetime | None = None,
    superseded: bool = False,
) -> Change:
    return Change(
        change_id=1,
        batch_id="b",
        contact_id="c",
        name="Bayside Club",
        action=action,
        origin=Origin.RESHELVE,
        state=State.CONFIRMED if confirmed_at else State.QUEUED,
        requested_at=NOON,
        updated_at=NOON,
        confirmed_at=confirmed_at,
        synced_at=synced_at,
        superseded=superseded,
    )


def pick_up(
    *, started: datetime, status: ContactStatus = ContactStatus.ARCHIVED, contact_id: str = "c"
) -> SyncRecord:
    return SyncRecord(contact_id, status, started, started + timedelta(minutes=1), "7")


# --- what shows a change as synced ---


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-3600, False), (-1, False), (0, True), (1, True), (86_400, True)]
)
def test_only_a_sync_that_began_after_the_confirmation_proves(seconds: int, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert proves(pick_up(started=NOON + timedelta(seconds=seconds)), change()) is expected


def test_sync_that_began_before_the_confirmation_proves_nothing_however_late_it_ended() -> None:
    late = SyncRecord(
        "c", ContactStatus.ARCHIVED, NOON - timedelta(seconds=1), NOON + timedelta(hours=9), "7"
    )
    assert not proves(late, change())


def test_another_contact_or_the_other_status_proves_nothing() -> None:
    after = NOON + timedelta(hours=1)
    assert not proves(pick_up(started=after, contact_id="d"), change())
    assert not proves(pick_up(started=after, status=ContactStatus.ACTIVE), change())
    assert not proves(pick_up(started=after, status=ContactStatus.GDPRREQUEST), change())
    assert proves(pick_up(started=after, status=ContactStatus.ACTIVE), change(action=Action.RESTORE))


def test_an_unconfirmed_change_has_no_evidence_and_no_sync_status() -> None:
    unconfirmed = change(confirmed_at=None)
    assert not proves(pick_up(started=NOON), unconfirmed)
    with pytest.raises(ValueError, match="confirmed"):
        grade_change(unconfirmed, SyncKnowledge(), NOON)


# --- sync statuses ---


@with_examples
@given(
    now=MOMENTS,
    confirmed_at=MOMENTS,
    synced_at=st.none() | MOMENTS,
    superseded=st.booleans(),
    window=st.none() | WINDOWS,
    clean=st.none() | MOMENTS,
)
def test_a_sync_status_never_exceeds_its_evidence(
    *,
    now: datetime,
    confirmed_at: datetime,
    synced_at: datetime | None,
    superseded: bool,
    window: NightlyWindow | None,
    clean: datetime | None,
) -> None:
    one = change(confirmed_at=confirmed_at, synced_at=synced_at, superseded=superseded)
    standing = grade_change(one, SyncKnowledge(window, clean), now)

    assert (standing.status is SyncStatus.SYNCED) == (synced_at is not None)
    if standing.status is SyncStatus.SYNCED:
        assert standing.since == synced_at
    if standing.status is SyncStatus.SUPERSEDED:
        assert superseded
        assert standing.since is None
    if standing.status is SyncStatus.MISSED:
        assert clean is not None
        assert clean >= confirmed_at
    if standing.status is SyncStatus.EXPECTED:
        assert window is not None
        assert standing.since is not None
        # A whole night has passed since Xero confirmed it.
        assert confirmed_at < standing.since <= now
    if standing.status is SyncStatus.PENDING:
        assert standing.since == confirmed_at


@with_examples
@given(window=WINDOWS, confirmed_at=MOMENTS, first=MOMENTS, second=MOMENTS)
def test_expected_change_stays_expected(
    window: NightlyWindow, confirmed_at: datetime, first: datetime, second: datetime
) -> None:
    earlier, later = sorted((first, second))
    if (
        grade_change(change(confirmed_at=confirmed_at), SyncKnowledge(window), earlier).status
        is SyncStatus.EXPECTED
    ):
        assert (
            grade_change(change(confirmed_at=confirmed_at), SyncKnowledge(window), later).status
            is SyncStatus.EXPECTED
        )


@with_examples
@given(window=WINDOWS, confirmed_at=MOMENTS)
def test_a_change_becomes_expected_exactly_when_its_next_window_ends(
    window: NightlyWindow, confirmed_at: datetime
) -> None:
    _, end = window.next_after(confirmed_at)
    one, watch = change(confirmed_at=confirmed_at), SyncKnowledge(window)
    assert grade_change(one, watch, end - timedelta(microseconds=1)).status is SyncStatus.PENDING
    assert grade_change(one, watch, end).status is SyncStatus.EXPECTED


def test_a_change_confirmed_within_the_window_waits_for_the_next_night() -> None:
    window = NightlyWindow(time(0), time(6), AUCKLAND)
    during = datetime(2026, 6, 10, 3, tzinfo=AUCKLAND)
    one = change(confirmed_at=during)
    assert (
        grade_change(one, SyncKnowledge(window), datetime(2026, 6, 10, 23, 59, tzinfo=AUCKLAND)).status
        is SyncStatus.PENDING
    )
    assert (
        grade_change(one, SyncKnowledge(window), datetime(2026, 6, 11, 6, tzinfo=AUCKLAND)).status
        is SyncStatus.EXPECTED
    )


def test_a_clean_sync_without_the_contact_makes_a_change_missed_and_not_synced() -> None:
    watch = SyncKnowledge(last_clean_sync_started_at=NOON + timedelta(hours=1))
    standing = grade_change(change(), watch, NOON + timedelta(hours=2))
    assert standing.status is SyncStatus.MISSED
    assert standing.since == NOON + timedelta(hours=1)


def test_a_clean_sync_that_began_before_the_confirmation_says_nothing() -> None:
    watch = SyncKnowledge(last_clean_sync_started_at=NOON - timedelta(seconds=1))
    assert grade_change(change(), watch, NOON + timedelta(days=9)).status is SyncStatus.PENDING


def test_with_a_feed_time_alone_never_makes_a_change_expected() -> None:
    assert grade_change(change(), SyncKnowledge(), NOON + timedelta(days=365)).status is SyncStatus.PENDING


def test_synced_change_stays_synced_when_reversed_or_missed_later() -> None:
    at = NOON + timedelta(hours=1)
    watch = SyncKnowledge(last_clean_sync_started_at=NOON + timedelta(days=1))
    assert grade_change(change(synced_at=at, superseded=True), watch, at).status is SyncStatus.SYNCED


# --- nights ---


@with_examples
@given(window=WINDOWS, moment=MOMENTS)
def test_windows_surround_the_given_time(window: NightlyWindow, moment: datetime) -> None:
    last_start, last_end = window.last_before(moment)
    next_start, next_end = window.next_after(moment)
    assert last_start < last_end <= moment <= next_start < next_end
    # Nights come every day: 24 hours, an hour more or less when the clocks change.
    assert next_start - last_start <= timedelta(hours=24 * 3 + 2)


@with_examples
@given(window=WINDOWS, moment=MOMENTS)
def test_the_next_window_is_the_last_one_once_it_has_ended(window: NightlyWindow, moment: datetime) -> None:
    start, end = window.next_after(moment)
    assert window.last_before(end) == (start, end)
    before_start, before_end = window.last_before(moment)
    assert window.last_before(before_end) == (before_start, before_end)
    assert window.next_after(before_start) == (before_start, before_end)


@with_examples
@given(window=WINDOWS, first=MOMENTS, second=MOMENTS)
def test_later_moments_have_later_windows(window: NightlyWindow, first: datetime, second: datetime) -> None:
    earlier, later = sorted((first, second))
    assert window.next_after(earlier) <= window.next_after(later)
    assert window.last_before(earlier) <= window.last_before(later)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (AUCKLAND, datetime(2026, 4, 5), 7),  # noqa: DTZ001 - a day
        (AUCKLAND, datetime(2026, 9, 27), 5),  # noqa: DTZ001 - a day
        (NEW_YORK, datetime(2026, 3, 8), 5),  # noqa: DTZ001 - a day
        (NEW_YORK, datetime(2026, 11, 1), 7),  # noqa: DTZ001 - a day
    ],
)
def test_a_night_with_a_clock_change_is_longer_or_shorter(zone: ZoneInfo, day: datetime, hours: int) -> None:
    midnight = day.replace(tzinfo=zone)
    start, end = NightlyWindow(time(0), time(6), zone).next_after(midnight.astimezone(UTC))
    assert start == midnight
    assert end == day.replace(hour=6, tzinfo=zone)
    assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("begin", "finish", "hours"),
    [(time(22), time(4), 7), (time(23, 30), time(0, 15), 0.75), (time(6), time(6), 25)],
)
def test_a_window_may_span_midnight(begin: time, finish: time, hours: float) -> None:
    # The night from 4 to 5 April 2026, when Auckland's clocks go back at three.
    evening = datetime(2026, 4, 4, 5, tzinfo=AUCKLAND)
    start, end = NightlyWindow(begin, finish, AUCKLAND).next_after(evening.astimezone(UTC))
    assert start.astimezone(AUCKLAND).time() == begin
    assert end.astimezone(AUCKLAND).time() == finish
    assert end - start == timedelta(hours=hours)


def test_times_that_a_clock_change_skips_make_the_window_as_wide_as_it_can_be() -> None:
    # On 27 September 2026 Auckland has no 02:30: 02:00 becomes 03:00 at 14:00 UTC.
    window = NightlyWindow(time(2, 30), time(3, 15), AUCKLAND)
    start, end = window.next_after(datetime(2026, 9, 26, 12, tzinfo=UTC))
    assert start == datetime(2026, 9, 26, 13, 30, tzinfo=UTC)
    assert end == datetime(2026, 9, 26, 14, 15, tzinfo=UTC)


def test_times_that_a_clock_change_repeats_make_the_window_as_wide_as_it_can_be() -> None:
    # On 5 April 2026 Auckland has 02:15 and 02:45 twice, an hour apart.
    window = NightlyWindow(time(2, 15), time(2, 45), AUCKLAND)
    start, end = window.next_after(datetime(2026, 4, 4, 12, tzinfo=UTC))
    assert start == datetime(2026, 4, 4, 13, 15, tzinfo=UTC)
    assert end == datetime(2026, 4, 4, 14, 45, tzinfo=UTC)


def test_without_a_zone_the_night_is_that_of_this_computer() -> None:
    start, _ = NightlyWindow(time(1), time(2)).next_after(NOON)
    assert start.astimezone().time() == time(1)
