"""From what stands in the search box to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.query import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.query import Tab


def parse_query(tab: Tab, text: str, groups: Sequence[str] = (), *, is_complete: bool = False) -> Query:
    """Read what stands in the search box. Any text can be read: see `Query.issues`.

    `groups` are the names of all contact groups, if they are known: others are then remarked upon.
    A qualifier at the end that may still be completed makes no difference, until `is_complete` says that
    nothing more is being typed: it is then as wrong as any other.
    """
    if not text or text.isspace():
        return Query(tab)
    # The first paint needs no grammar.
    from tui.model.query_grammar import read_query

    return read_query(tab, text, groups, is_complete=is_complete)
