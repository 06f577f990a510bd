from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from widgets.table_host import NOW, view

from tui.model.change import Action, State
from tui.model.evidence import Grade
from tui.widgets.signs import sign


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (State.QUEUED, "◌ queued"),
        (State.SENDING, "… archiving"),
        (State.UNCLEAR, "? checking"),
        (State.HANDOFF, "↗ press Restore"),
        (State.REFUSED, "✗ refused"),
        (State.CANCELLED, ""),
        (State.DISMISSED, ""),
    ],
)
def test_a_change_on_its_way_says_where_it_is(state: State, text: str) -> None:
    assert sign(view(state), NOW).text == text


def test_a_restore_being_sent_says_so() -> None:
    assert sign(view(State.SENDING, action=Action.RESTORE), NOW).text == "… restoring"


@pytest.mark.parametrize(
    ("grade", "since", "text"),
    [
        (None, None, "◷ pending"),
        (Grade.PENDING, None, "◷ pending"),
        (Grade.OVERDUE, NOW, "! overdue"),
        (Grade.EXPECTED, datetime(2024, 11, 23, 6, tzinfo=UTC), "~ expected 23 Nov"),
        (Grade.EXPECTED, datetime(2023, 11, 3, 6, tzinfo=UTC), "~ expected Nov 2023"),
        (Grade.READ, datetime(2024, 11, 23, 2, 14, tzinfo=UTC), "✓ read 02:14"),
        (Grade.READ, datetime(2024, 11, 4, 2, 14, tzinfo=UTC), "✓ read 4 Nov"),
        (Grade.SUPERSEDED, None, ""),
    ],
)
def test_a_confirmed_change_says_how_it_stands(
    grade: Grade | None, since: datetime | None, text: str
) -> None:
    assert sign(view(State.CONFIRMED, grade, since), NOW).text == text


def test_times_are_told_in_the_zone_of_now() -> None:
    auckland = timezone(timedelta(hours=13))
    since = datetime(2024, 11, 23, 11, 14, tzinfo=UTC)
    shown = sign(view(State.CONFIRMED, Grade.READ, since), NOW.astimezone(auckland))
    assert shown.text == "✓ read 00:14"


def test_every_sign_fits_its_column() -> None:
    since = datetime(2023, 9, 30, tzinfo=UTC)
    views = [view(state) for state in State] + [view(State.CONFIRMED, grade, since) for grade in Grade]
    assert max(len(sign(one, NOW).text) for one in views) <= 19
