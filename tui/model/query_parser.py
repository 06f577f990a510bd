"""Turns the text of the search box into a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.query import Query, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.query import Tab

# No name has as many; a database can't compare any number of them.
_MOST_WORDS: Final = 30
_LONGEST_MESSAGE: Final = 20_000


def parse_query(tab: Tab, text: str, groups: Sequence[str] = (), *, is_complete: bool = False) -> Query:
    """Parse the text of the search box. Any text is accepted: see `Query.issues`.

    `groups` are the names of all contact groups, if known: other names then raise an issue. An incomplete
    qualifier at the end is ignored unless `is_complete` means that nothing more is being typed: it is then as
    invalid as any other.
    """
    if not text or text.isspace():
        return Query(tab)
    # Imported here because the first paint needs no grammar.
    from tui.model.qualifiers import read_query

    return read_query(tab, text, groups, is_complete=is_complete)


def parse_message(tab: Tab, text: str) -> Query:
    """Return the query for a name, or for the contacts that a pasted message names; it has no filters."""
    pieces = fold(text[:_LONGEST_MESSAGE]).split()
    return Query(tab, tuple(dict.fromkeys(pieces))[:_MOST_WORDS], long_text=" ".join(pieces))
