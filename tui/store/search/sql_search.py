"""Searches with SQL while the index isn't loaded: slower, but available at once."""

from __future__ import annotations

import sqlite3
from array import array
from typing import TYPE_CHECKING, Final

from tui.model.contact import ContactStatus
from tui.model.query import Tab, TabCounts
from tui.store.search.conditions import Sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.query import Query
    from tui.store.search.conditions import Translator

# SQLite steps between two checks for cancellation.
_STEPS_BETWEEN_CHECKS: Final = 20_000
_TAB_STATUS: Final = {Tab.ACTIVE: ContactStatus.ACTIVE, Tab.ARCHIVED: ContactStatus.ARCHIVED}


def search(
    translator: Translator, query: Query, limit: int | None, *, is_cancelled: Callable[[], bool]
) -> tuple[array[int], TabCounts]:
    """Return the row ids on the query's tab, in order, and the counts of all tabs among the rows read.

    Returns partial results if cancelled. With a limit, other tabs are left out.
    """
    connection = translator.connection
    connection.set_progress_handler(is_cancelled, _STEPS_BETWEEN_CHECKS)
    status = _TAB_STATUS.get(query.tab)
    rowids = array("q")
    totals: dict[object, int] = dict.fromkeys(ContactStatus, 0)
    try:
        condition = _condition(translator, query, None if limit is None else status)
        sql = f"SELECT rowid, status FROM contacts WHERE {condition.text} ORDER BY sort_key, rowid LIMIT ?"  # noqa: S608 - our own conditions
        for rowid, found in connection.execute(sql, (*condition.parameters, -1 if limit is None else limit)):
            totals[found] = totals.get(found, 0) + 1
            if status is None or status == found:
                rowids.append(rowid)
    except sqlite3.OperationalError:
        if not is_cancelled():
            raise
    counts = TabCounts(sum(totals.values()), totals[ContactStatus.ACTIVE], totals[ContactStatus.ARCHIVED])
    return rowids, counts


def _condition(translator: Translator, query: Query, status: ContactStatus | None) -> Sql:
    parts = [
        *(Sql("instr(search, ?) > 0", (word,)) for word in query.words),
        *(Sql("instr(search, ?) = 0", (word,)) for word in query.excluded_words),
        *map(translator.translate, query.filters),
    ]
    if status is not None:
        parts.append(Sql("status = ?", (status.value,)))
    text = " AND ".join(f"({part.text})" for part in parts)
    return Sql(text, tuple(parameter for part in parts for parameter in part.parameters))
