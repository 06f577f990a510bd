"""Rows of the contact table, and the source from which they are read a window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tui.model.contact import ContactStatus
    from tui.model.query import Query, TabCounts
    from tui.model.snapshot import ChangeView


class Row(Struct, frozen=True):
    """One contact as a row of the table; `owes` is in hundredths, None if unknown."""

    contact_id: str
    name: str
    email: str
    status: ContactStatus
    owes: int | None
    is_merged: bool
    last_change: ChangeView | None


class RowSource(Protocol):
    """Contacts in table order. The cost depends on the rows requested, not on how many are stored."""

    def __len__(self) -> int:
        """Return the number of results."""
        ...

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start up to, not including, stop; fewer at the end."""
        ...

    def index_of(self, contact_id: str) -> int | None:
        """Return a contact's position; None if it isn't among the results."""
        ...

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact ids from start up to, not including, stop, to select ranges or all results."""
        ...

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return which of the contacts aren't among the results."""
        ...


class SearchResult(Struct, frozen=True):
    """The result of a query: rows, and how many contacts match on each tab.

    `is_complete` is False for a first screen that arrives before the counts are known.
    """

    query: Query
    rows: RowSource
    counts: TabCounts
    is_complete: bool = True
