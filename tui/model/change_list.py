"""The list of all changes: what of it is asked for, and what is shown."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.change import State
from tui.model.query import fold

if TYPE_CHECKING:
    from tui.model.change import Change
    from tui.model.snapshot import ChangeView


class ChangeGroup(StrEnum):
    """Where changes stand, as a person thinks of it. Every change is in one group beside all."""

    ALL = "all"
    OPEN = "open"
    REFUSED = "refused"
    PENDING = "waiting"
    DONE = "done"

    def contains(self, change: Change) -> bool:
        """Say whether a change belongs to it."""
        return self is ChangeGroup.ALL or self is group_of(change)


def group_of(change: Change) -> ChangeGroup:
    """Return where a change stands.

    Something is still to happen here or in Xero (open), Xero refused it and nobody tried again (refused),
    Xero has it and Re-Leased isn't seen to have it (waiting), or nothing more is to happen (done): Re-Leased
    leaves out the contact, for one.
    """
    if change.state.is_open:
        return ChangeGroup.OPEN
    if change.superseded:
        return ChangeGroup.DONE
    if change.state is State.REFUSED:
        return ChangeGroup.REFUSED
    arrived = change.synced_at or change.checked_at or change.unlinked_at
    is_waiting = change.state is State.CONFIRMED and arrived is None
    return ChangeGroup.PENDING if is_waiting else ChangeGroup.DONE


class ChangeQuery(Struct, frozen=True):
    """A group and the folded words that must all be found in a change: its contact's name, or why."""

    group: ChangeGroup = ChangeGroup.ALL
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, group: ChangeGroup, text: str) -> ChangeQuery:
        """Read what stands in the search box."""
        return cls(group, tuple(dict.fromkeys(fold(text).split())))


class ChangeSearchResult(Struct, frozen=True):
    """A window of the changes found, newest first, and how many there are in all."""

    total: int
    changes: tuple[ChangeView, ...]


class ManualRestore(Struct, frozen=True):
    """A restore that waits for a person in Xero.

    `expected_refusal` is why Xero will refuse it, as far as the local copy can tell; mostly empty.
    """

    change: Change
    expected_refusal: str = ""
