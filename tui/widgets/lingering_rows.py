"""Rows that no longer match but are still on the screen, kept in place until the cursor moves."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tui.model.rows import Row, RowSource


class LingeringRows:
    """A row source with some contacts of an earlier one merged in.

    `rows` are the matches. Each lingering contact is read from the source it was found in, so that its row
    still shows what happens to it.
    """

    def __init__(self, rows: RowSource, lingering: Iterable[tuple[int, str, RowSource]]) -> None:
        """Merge contacts into `rows`, each before the match of that index; in order of these indexes."""
        self.rows = rows
        self._before: list[int] = []
        self._ids: list[str] = []
        self.sources: dict[str, RowSource] = {}
        for before, contact_id, source in lingering:
            self._before.append(before)
            self._ids.append(contact_id)
            self.sources[contact_id] = source
        self._places = [before + number for number, before in enumerate(self._before)]

    def __len__(self) -> int:
        return len(self.rows) + len(self._ids)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start to before stop, fewer at the end."""
        start = max(start, 0)
        first, last = self._lingering(start, stop)
        rows = list(self.rows.window(start - first, stop - last))
        for number in range(first, last):
            source, contact_id = self.sources[self._ids[number]], self._ids[number]
            index = source.index_of(contact_id)
            rows[self._places[number] - start : self._places[number] - start] = (
                () if index is None else source.window(index, index + 1)
            )
        return rows

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact ids from start to before stop."""
        start = max(start, 0)
        first, last = self._lingering(start, stop)
        ids = list(self.rows.ids(start - first, stop - last))
        for number in range(first, last):
            ids.insert(self._places[number] - start, self._ids[number])
        return ids

    def index_of(self, contact_id: str) -> int | None:
        """Return where a contact is, None if it isn't here."""
        if contact_id in self.sources:
            return self._places[self._ids.index(contact_id)]
        index = self.rows.index_of(contact_id)
        return None if index is None else index + bisect_right(self._before, index)

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return those contacts that aren't here."""
        return self.rows.absent(contact_ids) - self.sources.keys()

    def _lingering(self, start: int, stop: int) -> tuple[int, int]:
        """Return how many lingering contacts are above the first index, and above the second."""
        return bisect_left(self._places, start), bisect_left(self._places, max(start, stop))


def keep_lingering(rows: RowSource, previous: RowSource, spans: Iterable[range]) -> RowSource:
    """Return `rows` with those contacts of `previous` merged in that are in `spans` and no longer match.

    Each follows the contact it followed before. `spans` are the indexes that must not disappear.
    """
    lingering: dict[str, tuple[int, RowSource]] = {}
    for span in spans:
        ids = previous.ids(span.start, span.stop)
        indexes = [rows.index_of(contact_id) for contact_id in ids]
        matching = [index for index in indexes if index is not None]
        before = matching[0] if matching else min(span.start, len(rows))
        for contact_id, index in zip(ids, indexes, strict=True):
            if index is not None:
                before = index + 1
            else:
                lingering.setdefault(contact_id, (before, _source(previous, contact_id)))
    readable = [
        (before, one, source)
        for one, (before, source) in lingering.items()
        if source.index_of(one) is not None
    ]
    return LingeringRows(rows, sorted(readable, key=lambda entry: entry[0])) if readable else rows


def _source(previous: RowSource, contact_id: str) -> RowSource:
    """Return the source that still reads a contact, past any merging."""
    if isinstance(previous, LingeringRows):
        return previous.sources.get(contact_id, previous.rows)
    return previous
