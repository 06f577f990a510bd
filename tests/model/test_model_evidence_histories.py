"""Thousands of random histories: the sync status shown never exceeds the evidence there is.

What the evidence allows is worked out here once more, event by event and night by night, so that a mistake
in the one hides in the other only if it is made twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.effort import examples

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ContactStatus
from tui.model.evidence import (
    CompanyState,
    CompanyStatus,
    NightlyWindow,
    ReportKind,
    SyncKnowledge,
    SyncRecord,
    SyncStatus,
    UserReport,
    apply_evidence,
    grade_change,
    has_no_net_effect,
    is_stalled,
    presumed_synced_until,
)

BEGIN = datetime(2026, 4, 2, tzinfo=UTC)
HOURS = 24 * 6
ZONES = [ZoneInfo("Pacific/Auckland"), ZoneInfo("America/New_York"), UTC]
MINE, OTHER = "mine", "another"
STATUSES = [ContactStatus.ARCHIVED, ContactStatus.ACTIVE]


def hour(number: float) -> datetime:
    return BEGIN + timedelta(hours=number)


@dataclass(frozen=True)
class History:
    confirmed: tuple[int, ...]
    pick_ups: tuple[SyncRecord, ...]
    tellings: tuple[UserReport, ...]
    window: NightlyWindow
    now: datetime


hours = st.integers(0, HOURS)
pick_ups = st.builds(
    lambda contact, status, at: SyncRecord(contact, status, hour(at), hour(at + 1), "run"),
    st.sampled_from([MINE, OTHER]),
    st.sampled_from(STATUSES),
    hours,
)


@st.composite
def told(draw: st.DrawFn) -> UserReport:
    kind = draw(st.sampled_from(list(ReportKind)))
    contact = "" if kind.is_of_company else draw(st.sampled_from([MINE, OTHER]))
    status = draw(st.sampled_from(STATUSES)) if kind is ReportKind.CHECKED else None
    state = draw(st.sampled_from(list(CompanyState))).value if kind is ReportKind.STATE else ""
    return UserReport(kind, hour(draw(hours)), contact, status, state)


@st.composite
def histories(draw: st.DrawFn) -> History:
    confirmed = sorted(draw(st.sets(hours, min_size=1, max_size=4)))
    tellings = sorted(draw(st.lists(told(), max_size=8)), key=lambda one: one.at)
    start, end = draw(st.sampled_from([(time(0), time(6)), (time(22), time(4)), (time(2, 30), time(3))]))
    window = NightlyWindow(start, end, draw(st.sampled_from(ZONES)))
    now = hour(draw(st.integers(confirmed[-1], HOURS + 48)))
    tellings = [one for one in tellings if one.at <= now]
    seen = tuple(one for one in draw(st.lists(pick_ups, max_size=4)) if one.synced_at <= now)
    return History(tuple(confirmed), seen, tuple(tellings), window, now)


def changes_of(history: History) -> list[Change]:
    """Store the history's changes as the change log does."""
    actions = [Action.ARCHIVE, Action.RESTORE] * 2
    changes = [
        Change(
            change_id=place + 1,
            batch_id="b",
            contact_id=MINE,
            name="Bayside Club",
            action=action,
            origin=Origin.XERO if place % 2 else Origin.RESHELVE,
            state=State.CONFIRMED,
            requested_at=hour(at),
            updated_at=hour(at),
            confirmed_at=hour(at),
        )
        for place, (at, action) in enumerate(zip(history.confirmed, actions, strict=False))
    ]
    contact_told = [one for one in history.tellings if one.contact_id]
    # Later changes supersede changes without evidence.
    first = apply_evidence(changes, history.pick_ups, contact_told)
    changes = [
        replace(change, superseded=change is not changes[-1] and not (known.synced_at or known.checked_at))
        for change, known in zip(changes, first, strict=True)
    ]
    return [
        replace(
            change,
            synced_at=known.synced_at,
            checked_at=known.checked_at,
            unlinked_at=known.unlinked_at,
            relinked_at=known.relinked_at,
        )
        for change, known in zip(
            changes, apply_evidence(changes, history.pick_ups, contact_told), strict=True
        )
    ]


def watch_of(history: History) -> SyncKnowledge:
    company = CompanyStatus.of(history.tellings)
    return SyncKnowledge(
        history.window,
        reported_syncs=company.reported_syncs,
        stalled_since=company.stalled_since,
        recovered_at=company.recovered_at,
    )


class Allowed:
    """The status that the history allows for one change, written from the rules, not from the program."""

    def __init__(self, history: History, place: int) -> None:
        self.history = history
        self.begin = hour(history.confirmed[place])
        later = history.confirmed[place + 1 :]
        self.reversed_at = hour(later[0]) if later else hour(10_000)
        self.tab = STATUSES[place % 2]

    def read(self) -> bool:
        return any(
            (one.contact_id, one.status) == (MINE, self.tab)
            and self.begin <= one.sync_started_at < self.reversed_at
            for one in self.history.pick_ups
        )

    def seen(self) -> bool:
        return any(
            (one.kind, one.contact_id, one.status) == (ReportKind.CHECKED, MINE, self.tab)
            and self.begin <= one.at < self.reversed_at
            for one in self.history.tellings
        )

    def is_unlinked(self, moment: datetime) -> bool:
        unlinked = False
        for one in self.history.tellings:
            if one.contact_id == MINE and one.at <= moment and one.kind.value in {"unlinked", "linked"}:
                unlinked = one.kind is ReportKind.UNLINKED
        return unlinked

    def told(self) -> bool:
        started: datetime | None = None
        for one in self.history.tellings:
            if one.kind is ReportKind.SYNC_STARTED:
                started = one.at
            elif one.kind is ReportKind.SYNC_CLEAN and started is not None:
                if started >= self.begin and not self.is_unlinked(started):
                    return True
                started = None
            elif one.kind is ReportKind.SYNC_FAILED:
                started = None
        return False

    def stalled(self) -> bool:
        works = True
        for one in self.history.tellings:
            if one.kind is ReportKind.SYNC_FAILED:
                works = False
            elif one.kind is ReportKind.SYNC_CLEAN:
                works = True
            elif one.kind is ReportKind.STATE:
                works = one.state in {"Successfully synced", "In progress"}
        return not works

    def a_night_has_passed(self) -> bool:
        window, night = self.history.window, (BEGIN - timedelta(days=2)).date()
        for _ in range(HOURS // 24 + 6):
            last = night if window.end > window.start else night + timedelta(days=1)
            start = datetime.combine(night, window.start, window.zone).astimezone(UTC)
            end = datetime.combine(last, window.end, window.zone).astimezone(UTC)
            if self.begin <= start and end <= self.history.now and not self.is_unlinked(start):
                return True
            night += timedelta(days=1)
        return False


@settings(max_examples=examples(500))
@given(histories())
def test_the_sync_status_shown_never_exceeds_the_evidence(history: History) -> None:
    watch = watch_of(history)
    for place, change in enumerate(changes_of(history)):
        grade, allowed = grade_change(change, watch, history.now).status, Allowed(history, place)
        assert (grade is SyncStatus.SYNCED) == allowed.read()
        assert (grade is SyncStatus.CHECKED) == (allowed.seen() and not allowed.read())
        if grade is SyncStatus.REPORTED:
            assert allowed.told()
        if grade is SyncStatus.EXPECTED:
            assert allowed.a_night_has_passed()
            assert not allowed.stalled()
            assert not allowed.is_unlinked(history.now)
        assert (grade is SyncStatus.NOT_LINKED) <= allowed.is_unlinked(history.now)
        assert (grade is SyncStatus.STALLED) <= allowed.stalled()
        assert (grade is SyncStatus.SUPERSEDED) <= (place + 1 < len(history.confirmed))


@settings(max_examples=examples(250))
@given(histories(), st.integers(0, 72))
def test_time_alone_only_makes_a_change_expected_after_a_night(history: History, later: int) -> None:
    watch = watch_of(history)
    for change in changes_of(history):
        before = grade_change(change, watch, history.now)
        after = grade_change(change, watch, history.now + timedelta(hours=later))
        assert after == before or (before.status, after.status) == (SyncStatus.PENDING, SyncStatus.EXPECTED)


@settings(max_examples=examples(250))
@given(histories())
def test_presumed_synced_changes_are_counted_up_to_one_time(history: History) -> None:
    watch, last = watch_of(history), changes_of(history)[-1]
    assert last.confirmed_at is not None
    if last.synced_at or last.checked_at or last.unlinked_at:
        return
    done = presumed_synced_until(watch, history.now)
    waits = max(last.confirmed_at, last.relinked_at or last.confirmed_at)
    is_done = done is not None and waits <= done
    grade = grade_change(last, watch, history.now).status
    assert is_done == (grade in {SyncStatus.REPORTED, SyncStatus.EXPECTED})


# --- a laptop asleep, midnight, and the clocks ---


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Auckland", (2026, 4, 5)),  # the clocks go back
        ("Pacific/Auckland", (2026, 9, 27)),  # and forward
        ("America/New_York", (2026, 3, 8)),  # forward
        ("America/New_York", (2026, 11, 1)),  # and back
        ("Pacific/Auckland", (2026, 12, 31)),
    ],
)
def test_a_laptop_asleep_through_three_windows_wakes_to_the_first_of_them(
    zone: str, day: tuple[int, int, int]
) -> None:
    here = ZoneInfo(zone)
    window = NightlyWindow(time(0), time(6), here)
    eve = datetime(*day, tzinfo=here) - timedelta(hours=1)
    [change] = changes_of(History((0,), (), (), window, eve))
    change = replace(change, confirmed_at=eve.astimezone(UTC))
    watch = SyncKnowledge(window)
    morning = datetime(*day, 6, tzinfo=here)
    # Elapsed time, not clock time: the night of the change is an hour longer or shorter.
    asleep = morning.astimezone(UTC) - timedelta(seconds=1)
    assert grade_change(change, watch, asleep).status is SyncStatus.PENDING
    for nights in range(3):
        awake = grade_change(change, watch, (morning + timedelta(days=nights, hours=2)).astimezone(UTC))
        assert (awake.status, awake.since) == (SyncStatus.EXPECTED, morning.astimezone(UTC))


def test_a_change_within_the_window_at_midnight_waits_a_whole_night() -> None:
    here = ZoneInfo("America/New_York")
    window = NightlyWindow(time(22), time(4), here)
    midnight = datetime(2026, 6, 2, tzinfo=here)
    [change] = changes_of(History((0,), (), (), window, midnight))
    change = replace(change, confirmed_at=midnight.astimezone(UTC))
    for at, grade in ((6, SyncStatus.PENDING), (27, SyncStatus.PENDING), (28, SyncStatus.EXPECTED)):
        now = (midnight + timedelta(hours=at)).astimezone(UTC)
        assert grade_change(change, SyncKnowledge(window), now).status is grade


# --- one rule at a time ---


def told_at(kind: ReportKind, at: float, state: str = "") -> UserReport:
    return UserReport(kind, hour(at), state=state)


def grade_of(
    *tellings: UserReport, confirmed: int = 10, now: int = 15, window: NightlyWindow | None = None
) -> SyncStatus:
    window = window or NightlyWindow(time(0), time(6), UTC)
    history = History((confirmed,), (), tellings, window, hour(now))
    return grade_change(changes_of(history)[0], watch_of(history), history.now).status


@pytest.mark.parametrize(
    ("started", "end", "grade"),
    [
        (9.99, ReportKind.SYNC_CLEAN, SyncStatus.PENDING),
        (10, ReportKind.SYNC_CLEAN, SyncStatus.REPORTED),
        (11, ReportKind.SYNC_CLEAN, SyncStatus.REPORTED),
        (11, ReportKind.SYNC_FAILED, SyncStatus.STALLED),
    ],
)
def test_only_a_sync_started_after_the_confirmation_counts_as_reported(
    started: float, end: ReportKind, grade: SyncStatus
) -> None:
    assert grade_of(told_at(ReportKind.SYNC_STARTED, started), told_at(end, 12)) is grade


def test_a_sync_whose_end_is_not_reported_proves_nothing() -> None:
    assert grade_of(told_at(ReportKind.SYNC_STARTED, 11)) is SyncStatus.PENDING
    ended_twice = (told_at(ReportKind.SYNC_CLEAN, 12), told_at(ReportKind.SYNC_CLEAN, 13))
    assert grade_of(*ended_twice) is SyncStatus.PENDING


@pytest.mark.parametrize("state", list(CompanyState))
def test_a_company_state_never_raises_a_sync_status_and_a_bad_one_stalls(state: CompanyState) -> None:
    shown = grade_of(told_at(ReportKind.STATE, 12, state.value))
    assert shown is (SyncStatus.STALLED if is_stalled(state) else SyncStatus.PENDING)


def test_nights_before_a_stall_was_cleared_count_for_nothing() -> None:
    bad = told_at(ReportKind.STATE, 20, "Needs reconnecting")
    good = told_at(ReportKind.STATE, 40, "Successfully synced")
    assert grade_of(now=31) is SyncStatus.EXPECTED
    assert grade_of(bad, now=31) is SyncStatus.STALLED
    assert grade_of(bad, good, now=41) is SyncStatus.PENDING
    assert grade_of(bad, good, now=54) is SyncStatus.EXPECTED


def test_syncs_while_a_contact_was_unlinked_left_it_out() -> None:
    unlinked = UserReport(ReportKind.UNLINKED, hour(12), MINE)
    linked = UserReport(ReportKind.LINKED, hour(40), MINE)
    synced = (told_at(ReportKind.SYNC_STARTED, 20), told_at(ReportKind.SYNC_CLEAN, 21))
    assert grade_of(unlinked, now=31) is SyncStatus.NOT_LINKED
    assert grade_of(unlinked, *synced, now=31) is SyncStatus.NOT_LINKED
    assert grade_of(unlinked, *synced, linked, now=41) is SyncStatus.PENDING
    assert grade_of(unlinked, *synced, linked, now=54) is SyncStatus.EXPECTED


def test_a_clean_sync_in_the_feed_outweighs_a_reported_one() -> None:
    [change] = changes_of(History((10,), (), (), NightlyWindow(time(0), time(6), UTC), hour(20)))
    company = CompanyStatus.of([told_at(ReportKind.SYNC_STARTED, 11), told_at(ReportKind.SYNC_CLEAN, 12)])
    watch = SyncKnowledge(reported_syncs=company.reported_syncs, last_clean_sync_started_at=hour(13))
    assert grade_change(change, watch, hour(20)).status is SyncStatus.MISSED
    assert grade_change(change, replace(watch, stalled_since=hour(14)), hour(20)).status is SyncStatus.STALLED


@example(2)
@given(st.integers(1, 4))
def test_reversing_a_change_that_was_never_synced_needs_no_sync(count: int) -> None:
    *earlier, last = changes_of(
        History(tuple(range(count)), (), (), NightlyWindow(time(0), time(6), UTC), hour(9))
    )
    assert has_no_net_effect(last, earlier) == (count % 2 == 0)
    if earlier:
        arrived = [*earlier[:-1], replace(earlier[-1], synced_at=hour(3))]
        assert not has_no_net_effect(last, arrived)
