from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tui.model.activity import ChangeQuery, Group
from tui.model.change import Action, Change, Origin, State

NOW = datetime(2026, 3, 5, tzinfo=UTC)
_CHANGE = Change(1, "b", "c", "Aroha", Action.ARCHIVE, Origin.HERE, State.QUEUED, NOW, NOW)


@pytest.mark.parametrize(
    ("parts", "group"),
    [
        ({"state": State.QUEUED}, Group.OPEN),
        ({"state": State.UNCLEAR}, Group.OPEN),
        ({"state": State.HANDOFF}, Group.OPEN),
        ({"state": State.REFUSED}, Group.REFUSED),
        ({"state": State.REFUSED, "superseded": True}, Group.DONE),
        ({"state": State.CONFIRMED}, Group.WAITING),
        ({"state": State.CONFIRMED, "picked_up_at": NOW}, Group.DONE),
        ({"state": State.CONFIRMED, "superseded": True}, Group.DONE),
        ({"state": State.CANCELLED}, Group.DONE),
        ({"state": State.DISMISSED}, Group.DONE),
    ],
)
def test_every_change_is_in_one_group_beside_all(parts: dict[str, Any], group: Group) -> None:
    change = replace(_CHANGE, **parts)
    assert [each for each in Group if each.holds(change)] == [Group.ALL, group]


def test_words_are_folded_and_asked_for_once() -> None:
    assert ChangeQuery.parse(Group.REFUSED, " Café  café CLUB ") == ChangeQuery(
        Group.REFUSED, ("cafe", "club")
    )
