"""The list of all changes: what of it is asked for, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tui.model.change import State
from tui.model.query import fold

if TYPE_CHECKING:
    from tui.model.snapshot import ChangeView


class Group(StrEnum):
    """The states of changes as a person thinks of them."""

    ALL = "all"
    WORKING = "working"
    HANDOFF = "handoff"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    TAKEN_BACK = "taken back"

    @property
    def states(self) -> tuple[State, ...]:
        """The states that belong to it."""
        return _STATES[self]


_STATES: Final = {
    Group.ALL: tuple(State),
    Group.WORKING: (State.QUEUED, State.SENDING, State.UNCLEAR),
    Group.HANDOFF: (State.HANDOFF,),
    Group.CONFIRMED: (State.CONFIRMED,),
    Group.REFUSED: (State.REFUSED,),
    Group.TAKEN_BACK: (State.CANCELLED, State.DISMISSED),
}


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """A group and the folded words that must all be found in a change: its contact's name, or why."""

    group: Group = Group.ALL
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, group: Group, text: str) -> ChangeQuery:
        """Read what stands in the search box."""
        return cls(group, tuple(dict.fromkeys(fold(text).split())))


@dataclass(frozen=True, slots=True)
class ChangesFound:
    """A window of the changes found, newest first, and how many there are in all."""

    total: int
    changes: tuple[ChangeView, ...]
