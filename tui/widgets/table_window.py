"""The part of a row source that the screen shows, read in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.rows import Row, RowSource


class RowWindow:
    """Rows around what is visible, read once and kept until forgotten.

    A screenful before and after is read along, so that single steps and a page seldom read again.
    """

    def __init__(self) -> None:
        self._source: RowSource | None = None
        self._start = 0
        self._stop = 0
        self._rows: Sequence[Row] = ()

    def open(self, source: RowSource) -> None:
        """Look at another source."""
        self._source = source
        self.invalidate()

    def invalidate(self) -> None:
        """Read again when next asked: rows may look different."""
        self._start = self._stop = 0
        self._rows = ()

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start to before stop; fewer where the source has no more."""
        if self._source is None or stop <= start:
            return ()
        if start < self._start or stop > self._stop:
            margin = stop - start
            self._start, self._stop = max(0, start - margin), stop + margin
            self._rows = self._source.window(self._start, self._stop)
        return self._rows[start - self._start : stop - self._start]

    def row(self, index: int) -> Row | None:
        """Return one row, None where there is none."""
        if self._start <= index < self._stop:
            rows = self._rows[index - self._start : index - self._start + 1]
        elif self._source is not None and index >= 0:
            # Not kept: a look at the cursor must not cost the view its rows.
            rows = self._source.window(index, index + 1)
        else:
            return None
        return rows[0] if rows else None
