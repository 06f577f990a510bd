from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tui.model.change import Action, Change, Origin, State
from tui.model.change_list import ChangeGroup, ChangeQuery
from tui.model.reasons import ContactReason, Reason

NOW = datetime(2026, 3, 5, tzinfo=UTC)
_CHANGE = Change(1, "b", "c", "Aroha", Action.ARCHIVE, Origin.RESHELVE, State.QUEUED, NOW, NOW)


@pytest.mark.parametrize(
    ("parts", "group"),
    [
        ({"state": State.QUEUED}, ChangeGroup.OPEN),
        ({"state": State.UNKNOWN}, ChangeGroup.OPEN),
        ({"state": State.AWAITING_USER}, ChangeGroup.OPEN),
        ({"state": State.REFUSED}, ChangeGroup.REFUSED),
        ({"state": State.REFUSED, "superseded": True}, ChangeGroup.DONE),
        ({"state": State.CONFIRMED}, ChangeGroup.PENDING),
        ({"state": State.CONFIRMED, "synced_at": NOW}, ChangeGroup.DONE),
        ({"state": State.CONFIRMED, "superseded": True}, ChangeGroup.DONE),
        ({"state": State.CANCELLED}, ChangeGroup.DONE),
        ({"state": State.DISMISSED}, ChangeGroup.DONE),
    ],
)
def test_every_change_is_in_one_group_beside_all(parts: dict[str, Any], group: ChangeGroup) -> None:
    change = replace(_CHANGE, **parts)
    assert [each for each in ChangeGroup if each.contains(change)] == [ChangeGroup.ALL, group]


def test_words_are_folded_and_asked_for_once() -> None:
    reasons: dict[str, tuple[Reason, ...]] = {"cafe": (), "club": (ContactReason.MERGED,)}
    assert ChangeQuery.parse(ChangeGroup.REFUSED, " Café  café CLUB ", reasons.__getitem__) == ChangeQuery(
        ChangeGroup.REFUSED, ("cafe", "club"), ((), (ContactReason.MERGED,))
    )
