"""Turns the text of the search box into a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.query import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.query import Tab


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
