"""What the contact table shows, and where it gets it from, a window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tui.model.contact import ContactStatus
    from tui.model.query import Query, TabCounts
    from tui.model.snapshot import ChangeView


class Row(Struct, frozen=True):
    """One contact as a line of the table; `owes` is in hundredths, None where nothing is known."""

    contact_id: str
    name: str
    email: str
    status: ContactStatus
    owes: int | None
    is_merged: bool
    last_change: ChangeView | None


class RowSource(Protocol):
    """Contacts in the order of the table. Cost follows what is asked for, not what is stored."""

    def __len__(self) -> int:
        """Return the number of contacts found."""
        ...

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start to before stop, fewer at the end."""
        ...

    def index_of(self, contact_id: str) -> int | None:
        """Return where a contact stands, None if it isn't among those found."""
        ...

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact ids from start to before stop, for selecting ranges and all found."""
        ...

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return those of many contacts that aren't among those found."""
        ...


class SearchResult(Struct, frozen=True):
    """The answer to a query: rows, and how many of the words' finds each tab holds.

    `is_complete` is False for a first screenful that arrives before the counts are known.
    """

    query: Query
    rows: RowSource
    counts: TabCounts
    is_complete: bool = True
