"""The changes around those that are visible, as they were last read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.change_list import ChangeSearchResult
    from tui.model.snapshot import ChangeView

_MARGIN = 100


class ChangeWindow:
    """A part of a list that may be far too long to be read whole."""

    def __init__(self) -> None:
        self.total = 0
        self._start = 0
        self._changes: Sequence[ChangeView] = ()

    def set_changes(self, start: int, found: ChangeSearchResult) -> None:
        """Hold what was read from this place on."""
        self.total, self._start, self._changes = found.total, start, found.changes

    def at(self, index: int) -> ChangeView | None:
        """Return a change, None where it wasn't read."""
        position = index - self._start
        return self._changes[position] if 0 <= position < len(self._changes) else None

    def index_of(self, change_id: int) -> int | None:
        """Return where a change stands, None if that wasn't read."""
        for position, view in enumerate(self._changes):
            if view.change.change_id == change_id:
                return self._start + position
        return None

    def covers(self, start: int, stop: int) -> bool:
        """Say whether all of these were read."""
        stop = min(stop, self.total)
        return start >= stop or (self._start <= start and stop <= self._start + len(self._changes))


def with_margin(start: int, stop: int) -> tuple[int, int]:
    """Return what to read for these to be visible, with some before and after."""
    return max(0, start - _MARGIN), stop + _MARGIN
