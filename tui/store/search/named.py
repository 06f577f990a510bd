"""Finds the contacts that a long text names, such as an error message that was pasted into the search box."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tui.model.contact import ContactStatus
from tui.model.query import TabCounts
from tui.store.search.contact_index import SLICE
from tui.store.search.filtering import STEPS_BETWEEN_CHECKS
from tui.store.values import FIELD_SEPARATOR

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from tui.model.query import Query

#: Shorter names occur in too many texts.
SHORTEST_NAME: Final = 4
_NAMES: Final = """
    SELECT rowid, coalesce(status, ''), coalesce(CAST(search AS TEXT), '') FROM contacts
    ORDER BY sort_key, rowid
"""

_Key = TypeVar("_Key")


class NamesInText(Generic[_Key]):
    """The contacts whose whole name occurs in a folded text, not as a part of a longer word."""

    def __init__(self, text: str) -> None:
        self._text = text
        starts = filter(self._is_edge, range(len(text)))
        # Nearly all contacts are ruled out by how their names start.
        self._starts = {text[start : start + SHORTEST_NAME] for start in starts}
        self._found: dict[str, list[_Key]] = {}

    def add(self, keys: Iterable[_Key], texts: Iterable[str]) -> None:
        """Look for the names of more contacts, which are at the start of their search texts."""
        for key, text in zip(keys, texts, strict=True):
            start = text[:SHORTEST_NAME]
            # The text has single spaces, where a name may have more.
            if start in self._starts or not start.isalnum():
                name = " ".join(text.partition(FIELD_SEPARATOR)[0].split())
                if name in self._found:
                    self._found[name].append(key)
                elif len(name) >= SHORTEST_NAME and next(self._places(name), None) is not None:
                    self._found[name] = [key]

    def keys(self) -> list[_Key]:
        """Return the keys of the contacts that are named, those with the longest names first.

        A name that only occurs within longer ones, or overlapping them, isn't meant.
        """
        taken, keys = bytearray(len(self._text)), []
        for name in sorted(self._found, key=len, reverse=True):
            free = [place for place in self._places(name) if not any(taken[place])]
            for place in free:
                taken[place] = b"\x01" * len(name)
            if free:
                keys += self._found[name]
        return keys

    def _places(self, name: str) -> Iterator[slice]:
        start = self._text.find(name)
        while start >= 0:
            end = start + len(name)
            if self._is_edge(start) and self._is_edge(end):
                yield slice(start, end)
            start = self._text.find(name, start + 1)

    def _is_edge(self, position: int) -> bool:
        """Return whether no word continues across this position."""
        around = self._text[max(position - 1, 0) : position + 1]
        return position == 0 or len(around) < len("ab") or not (around[0].isalnum() and around[1].isalnum())


def search_names(
    connection: sqlite3.Connection, query: Query, *, is_cancelled: Callable[[], bool]
) -> tuple[array[int], TabCounts]:
    """Return the row ids on the query's tab of contacts named in its long text, and the counts of all tabs.

    For as long as there is no index. Returns nothing if cancelled.
    """
    names: NamesInText[tuple[int, str]] = NamesInText(query.long_text)
    connection.set_progress_handler(is_cancelled, STEPS_BETWEEN_CHECKS)
    cursor = connection.execute(_NAMES)
    while rows := cursor.fetchmany(SLICE):
        if is_cancelled():
            return array("q"), TabCounts()
        names.add([row[:2] for row in rows], [row[2] for row in rows])
    found = names.keys()
    statuses = [status for _, status in found]
    counts = TabCounts(
        len(found), statuses.count(ContactStatus.ACTIVE), statuses.count(ContactStatus.ARCHIVED)
    )
    return array("q", (rowid for rowid, status in found if query.tab.status in {None, status})), counts
