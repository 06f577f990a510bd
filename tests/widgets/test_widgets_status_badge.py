from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from widgets.table_host import NOW, view

from tui.model.change import Action, State
from tui.model.evidence import StatusSince, SyncStatus
from tui.widgets.status_badge import advice_after_sync, badge_for, describe_status, legend_of


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (State.QUEUED, "◌ Queued"),
        (State.SENDING, "… Sending"),
        (State.UNKNOWN, "? Checking"),
        (State.AWAITING_USER, "↗ Restore in Xero"),
        (State.REFUSED, "✗ Refused by Xero"),
        (State.CANCELLED, ""),
        (State.DISMISSED, ""),
    ],
)
def test_open_change_shows_its_state(state: State, text: str) -> None:
    assert badge_for(view(state), NOW).text == text


def test_restore_being_sent_is_shown() -> None:
    assert badge_for(view(State.SENDING, action=Action.RESTORE), NOW).text == "… Sending"


@pytest.mark.parametrize(
    ("grade", "since", "text"),
    [
        (None, None, "◷ Pending sync"),
        (SyncStatus.PENDING, None, "◷ Pending sync"),
        (SyncStatus.PENDING, datetime(2024, 11, 23, 2, 14, tzinfo=UTC), "◷ Pending sync 02:14"),
        (SyncStatus.MISSED, NOW, "! Missed last sync 12:41"),
        (SyncStatus.STALLED, datetime(2024, 11, 22, 2, 14, tzinfo=UTC), "‖ Sync not running 22 Nov"),
        (SyncStatus.REPORTED, datetime(2024, 11, 23, 2, 14, tzinfo=UTC), "◑ Reported synced 02:14"),
        (SyncStatus.CHECKED, datetime(2024, 11, 23, 2, 14, tzinfo=UTC), "◕ Checked by you 02:14"),
        (SyncStatus.NOT_LINKED, datetime(2023, 11, 3, 6, tzinfo=UTC), "⊘ Not linked Nov 2023"),
        (SyncStatus.FOREIGN_CURRENCY, datetime(2024, 11, 23, 2, 14, tzinfo=UTC), "¤ Foreign currency 02:14"),
        (SyncStatus.EXPECTED, datetime(2024, 11, 23, 6, tzinfo=UTC), "~ Should be synced 23 Nov"),
        (SyncStatus.EXPECTED, datetime(2023, 11, 3, 6, tzinfo=UTC), "~ Should be synced Nov 2023"),
        (SyncStatus.SYNCED, datetime(2024, 11, 23, 2, 14, tzinfo=UTC), "✓ Synced 02:14"),
        (SyncStatus.SYNCED, datetime(2024, 11, 4, 2, 14, tzinfo=UTC), "✓ Synced 4 Nov"),
        (SyncStatus.SUPERSEDED, None, "· No sync needed"),
    ],
)
def test_confirmed_change_shows_its_sync_status(
    grade: SyncStatus | None, since: datetime | None, text: str
) -> None:
    assert badge_for(view(State.CONFIRMED, grade, since), NOW).text == text


def test_every_sync_status_has_its_own_sign_and_word() -> None:
    signs = [badge_for(view(State.CONFIRMED, grade, NOW), NOW) for grade in SyncStatus]
    assert len({one.symbol for one in signs}) == len(SyncStatus)
    assert len({one.label.partition(" ")[0] for one in signs}) == len(SyncStatus)
    # Only Re-Leased's own data makes a change plainly "Synced".
    assert [one.symbol for one in signs if one.label.startswith("Synced")] == ["✓"]


@pytest.mark.parametrize("grade", [grade for grade in SyncStatus if grade is not SyncStatus.SUPERSEDED])
def test_every_sync_status_shows_its_meaning_and_age(grade: SyncStatus) -> None:
    said = describe_status(StatusSince(grade, datetime(2024, 11, 22, 2, 14, tzinfo=UTC)), NOW)
    assert said.endswith(" 22 Nov 02:14")
    assert said.startswith("Synced") == (grade is SyncStatus.SYNCED)


def test_superseded_change_needs_no_sync() -> None:
    assert describe_status(StatusSince(SyncStatus.SUPERSEDED), NOW).startswith("No sync needed")


def test_times_are_shown_in_the_zone_of_now() -> None:
    auckland = timezone(timedelta(hours=13))
    since = datetime(2024, 11, 23, 11, 14, tzinfo=UTC)
    shown = badge_for(view(State.CONFIRMED, SyncStatus.SYNCED, since), NOW.astimezone(auckland))
    assert shown.text == "✓ Synced 00:14"


def test_every_sign_fits_its_column() -> None:
    since = datetime(2023, 9, 30, tzinfo=UTC)
    views = [view(state) for state in State] + [view(State.CONFIRMED, grade, since) for grade in SyncStatus]
    assert max(len(badge_for(one, NOW).fitted(21).text) for one in views) <= 21


@pytest.mark.parametrize("grade", SyncStatus)
@pytest.mark.parametrize("action", Action)
def test_drafts_are_approved_after_a_restore_that_re_leased_has(grade: SyncStatus, action: Action) -> None:
    shown = view(State.CONFIRMED, grade, NOW, action=action)
    has_it = action is Action.RESTORE and grade in {SyncStatus.SYNCED, SyncStatus.CHECKED}
    assert bool(advice_after_sync(shown)) == has_it == ("Drafts" in legend_of(shown))


def test_foreign_currency_change_is_named_as_left_out() -> None:
    assert "leaves these contacts out" in legend_of(view(State.CONFIRMED, SyncStatus.FOREIGN_CURRENCY, NOW))
