from __future__ import annotations

from tui.model.activity import ChangeQuery, Group
from tui.model.change import State


def test_every_state_belongs_to_one_group_beside_all() -> None:
    states = [state for group in Group if group is not Group.ALL for state in group.states]
    assert sorted(states) == sorted(State)
    assert Group.ALL.states == tuple(State)


def test_words_are_folded_and_asked_for_once() -> None:
    assert ChangeQuery.parse(Group.REFUSED, " Café  café CLUB ") == ChangeQuery(
        Group.REFUSED, ("cafe", "club")
    )
