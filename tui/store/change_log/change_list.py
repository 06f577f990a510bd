"""The list of all changes: counted, searched, and read one window at a time."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from tui.model.change_list import ChangeGroup
from tui.model.query import fold
from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.schema.fragments import PENDING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from tui.model.change import Change
    from tui.model.change_list import ChangeQuery
    from tui.model.reasons import Reason

_COLUMNS: Final = ", ".join(CHANGE_COLUMNS)
_AT_ONCE: Final = 1_000
# The groups of `model.change_list.group_of`; the conditions for refused and pending are those of the indexes.
_OPEN: Final = "state IN ('queued', 'sending', 'unknown', 'awaiting_user')"
# As bytes: SQLite can't pass text that isn't UTF-8 to a Python function. A reason's own text is shown only
# without a message from Xero; its parameters are always searched.
_TEXTS: Final = "CAST(name || ' ' || action || ' ' || message || ' ' || coalesce(reason_params, '') AS BLOB)"
_CONTAINS: Final = (
    f"(instr(folded({_TEXTS}), ?) > 0 OR message = '' AND reason IN (SELECT value FROM json_each(?)))"  # noqa: S608 - constant SQL
)
_REFUSED: Final = "state = 'refused' AND superseded = 0"
_IN: Final = {
    ChangeGroup.ALL: "1",
    ChangeGroup.OPEN: _OPEN,
    ChangeGroup.REFUSED: _REFUSED,
    ChangeGroup.PENDING: PENDING,
    ChangeGroup.DONE: f"NOT ({_OPEN}) AND NOT ({_REFUSED}) AND NOT ({PENDING})",
}


def count(connection: sqlite3.Connection, query: ChangeQuery) -> int:
    """Count the matching changes."""
    condition, parameters = _condition(connection, query)
    sql = f"SELECT count(*) FROM changes WHERE {condition}"  # noqa: S608 - our own conditions
    return int(connection.execute(sql, parameters).fetchone()[0])


def window(connection: sqlite3.Connection, query: ChangeQuery, start: int, stop: int) -> list[Change]:
    """Read the matching changes from start up to, not including, stop; newest first."""
    condition, parameters = _condition(connection, query)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE {condition} ORDER BY change_id DESC LIMIT ? OFFSET ?",  # noqa: S608 - constant SQL
        (*parameters, max(stop - start, 0), start),
    )
    return values.read_rows(change_of, rows)


def iter_all(connection: sqlite3.Connection, query: ChangeQuery) -> Iterator[Change]:
    """Read all matching changes, newest first, in small batches."""
    condition, parameters = _condition(connection, query)
    cursor = connection.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE {condition} ORDER BY change_id DESC",  # noqa: S608 - as above
        parameters,
    )
    while rows := cursor.fetchmany(_AT_ONCE):
        yield from values.read_rows(change_of, rows)


def _folded(text: object) -> str:
    return fold(values.text(text))


def _condition(connection: sqlite3.Connection, query: ChangeQuery) -> tuple[str, tuple[object, ...]]:
    conditions, parameters = [_IN[query.group]], []
    if query.words:
        # Folded while searching: there are far fewer changes than contacts, and typing doesn't wait for it.
        connection.create_function("folded", 1, _folded, deterministic=True)
    no_reasons: tuple[Reason, ...] = ()
    for word, reasons in zip_longest(query.words, query.reasons, fillvalue=no_reasons):
        conditions.append(_CONTAINS)
        parameters += [word, json.dumps(reasons)]
    return " AND ".join(conditions), tuple(parameters)
