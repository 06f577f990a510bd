"""Checks the values in the store's columns in SQL, and sanitises them row by row.

SQLite's own check finds damaged pages. Values of a wrong type, unknown enum values and times out of range are
valid for SQLite; they come from a damaged disk, another program or an older Reshelve.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tui.model.change import Action, Origin, State
from tui.model.change_list import BatchKind
from tui.model.contact import ContactStatus
from tui.model.evidence import ReportKind
from tui.model.timestamps import EARLIEST_MS, LATEST_MS, from_milliseconds
from tui.store import values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum


def _id(value: object) -> int | None:
    """Return a row id; None if it would leave no ids for later rows, so that the row gets a new one."""
    number = values.integer(value)
    return number if number is not None and 1 <= number <= _HIGHEST_KEPT else None


def _unchanged(value: object) -> object:
    return value


def _object(value: object) -> str:
    """Return the text of a JSON object; an empty object for anything else."""
    try:
        is_object = isinstance(json.loads(values.text(value)), dict)
    except (ValueError, RecursionError):
        is_object = False
    return values.text(value) if is_object else "{}"


# Row ids count up from 1, so a valid one is never this high.
_HIGHEST_ID: Final = 1 << 48
# Ids after that of a row that keeps its own must be valid too.
_HIGHEST_KEPT: Final = _HIGHEST_ID >> 1


class _Column(Struct, frozen=True):
    """The condition for valid values of `{0}`; NULL is always valid if the table allows it.

    `sanitise` turns any value into a valid one as far as possible.
    """

    condition: str
    sanitise: Callable[[object], object] = _unchanged
    is_moment: bool = False


_WHOLE: Final = _Column("typeof({0}) = 'integer'", values.integer)
_ID: Final = _Column(f"typeof({{0}}) = 'integer' AND {{0}} BETWEEN 1 AND {_HIGHEST_ID}", _id)
_COUNT: Final = _Column("typeof({0}) = 'integer' AND {0} >= 0")
_FLAG: Final = _Column("typeof({0}) = 'integer' AND {0} IN (0, 1)", lambda value: int(values.flag(value)))
_TEXT: Final = _Column("typeof({0}) = 'text'", values.text)
_BYTES: Final = _Column("typeof({0}) IN ('blob', 'text')")
_OBJECT: Final = _Column(
    "typeof({0}) = 'text' AND CASE WHEN json_valid({0}) THEN json_type({0}) = 'object' END", _object
)
_ARRAY: Final = _Column(
    "typeof({0}) = 'text' AND CASE WHEN json_valid({0}) THEN json_type({0}) = 'array' END"
)
_MOMENT: Final = _Column(
    f"typeof({{0}}) = 'integer' AND {{0}} >= {EARLIEST_MS} AND {{0}} < {LATEST_MS}", is_moment=True
)


def _optional(column: _Column) -> _Column:
    """Return a column that keeps NULL when it is sanitised."""
    return replace(column, sanitise=lambda value: None if value is None else column.sanitise(value))


def _one_of(kind: type[StrEnum], *also: str) -> _Column:
    return _Column(f"{{0}} IN ({', '.join(repr(str(word)) for word in (*also, *kind))})")


_CHANGES: Final = {
    "change_id": _ID, "batch_id": _TEXT, "contact_id": _TEXT, "name": _TEXT, "action": _one_of(Action),
    "origin": _one_of(Origin), "state": _one_of(State), "requested_ms": _MOMENT, "updated_ms": _MOMENT,
    "confirmed_ms": _MOMENT, "idempotency_key": _TEXT, "message": _TEXT, "synced_ms": _MOMENT,
    "superseded": _FLAG, "reverses_change_id": _WHOLE, "retry_of_id": _WHOLE,
    "sent_when_updated_ms": _MOMENT, "checked_ms": _MOMENT, "unlinked_ms": _MOMENT, "relinked_ms": _MOMENT,
    "reason": _optional(_TEXT), "reason_params": _optional(_OBJECT),
}  # fmt: skip
_CHANGE_LOG: Final[Mapping[str, Mapping[str, _Column]]] = {
    "changes": _CHANGES,
    "transitions": {
        "transition_id": _ID, "at_ms": _MOMENT, "change_id": _WHOLE, "transition": _TEXT,
        "state": _one_of(State), "detail": _OBJECT,
    },
    "sync_records": {
        "sync_record_id": _ID, "contact_id": _TEXT, "status": _one_of(ContactStatus),
        "sync_started_ms": _MOMENT, "synced_ms": _MOMENT, "run_id": _TEXT,
    },
    "batches": {
        "number": _ID, "batch_id": _TEXT, "kind": _one_of(BatchKind), "target_batch_id": _TEXT,
        "at_ms": _MOMENT,
    },
    "batch_targets": {
        "number": _ID, "batch_id": _TEXT, "change_id": _WHOLE, "wanted_action": _one_of(Action),
    },
    "user_reports": {
        "number": _ID, "reported_ms": _MOMENT, "at_ms": _MOMENT, "kind": _one_of(ReportKind),
        "contact_id": _TEXT, "status": _one_of(ContactStatus, ""), "state": _TEXT,
    },
    "tenant_group_marks": {
        "number": _ID, "reported_ms": _MOMENT, "group_name": _TEXT, "is_tenants": _FLAG,
    },
    "sync_state": {"name": _TEXT, "value": _TEXT},
}  # fmt: skip
_CONTACTS: Final[Mapping[str, Mapping[str, _Column]]] = {
    "contacts": {
        "rowid": _COUNT,
        **dict.fromkeys(
            ("contact_id", "name", "first_name", "last_name", "email", "account_number", "contact_number",
             "phone", "merged_to", "sort_key", "search"),
            _TEXT,
        ),
        "status": _one_of(ContactStatus), "updated_ms": _MOMENT, "is_customer": _FLAG, "is_supplier": _FLAG,
        "group_names": _ARRAY,
        **dict.fromkeys(("receivable", "receivable_overdue", "payable", "payable_overdue"), _WHOLE),
    },
    "contact_documents": {"contact_rowid": _COUNT, "raw": _BYTES, "balances_ms": _MOMENT},
    "row_counts": {"name": _TEXT, "total": _COUNT},
    "missing_contacts": {"contact_id": _TEXT, "since_ms": _MOMENT, "status": _one_of(ContactStatus, "")},
}  # fmt: skip
#: Finds changes that can't be read: these columns must be valid.
UNREADABLE_CHANGE: Final = " OR ".join(
    f"NOT ({_CHANGES[name].condition.format(name)})" for name in ("action", "origin", "state")
)
# Tables whose rows are worthless without their times.
_EVIDENCE: Final = frozenset({"sync_records", "user_reports"})


def count_invalid_in_change_log(connection: sqlite3.Connection) -> str:
    """Return how many rows of the change log have an invalid value; empty if none do."""
    return _count_invalid(connection, _CHANGE_LOG)


def count_invalid_in_contacts(connection: sqlite3.Connection) -> str:
    """Return how many rows of contacts have an invalid value; empty if none do."""
    return _count_invalid(connection, _CONTACTS)


def _count_invalid(connection: sqlite3.Connection, tables: Mapping[str, Mapping[str, _Column]]) -> str:
    for table, columns in tables.items():
        # Missing tables count as damage, which is detected elsewhere.
        existing = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if not existing:
            continue
        wrong = " OR ".join(
            # `IS NOT` because the condition can be NULL.
            f"({name} IS NOT NULL AND ({column.condition.format(name)}) IS NOT 1)"
            for name, column in columns.items()
            if name in existing or name == "rowid"
        )
        sql = f"SELECT count(*) FROM {table} WHERE {wrong}"  # noqa: S608 - our own names
        with closing(connection.execute(sql)) as rows:
            [count] = rows.fetchone()
        if count:
            return f"{table}: {count} invalid"
    return ""


def sanitise_rows(
    table: str, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return the rows of a change log table with every invalid value replaced.

    A time is replaced by another one of the row, or of the row before; a text, flag or reference by the
    readable part of it. Evidence without a valid time is left out. Rows that are entirely unreadable are left
    to the caller.
    """
    names = tuple(columns)
    found = []
    last_ms = EARLIEST_MS
    for row in rows:
        fields = dict(zip(names, row, strict=True))
        times = [
            value
            for name, value in fields.items()
            if name in _REQUIRED_MOMENTS and from_milliseconds(value) is not None
        ]
        is_dated = all(
            from_milliseconds(value) is not None
            for name, value in fields.items()
            if name in _EVIDENCE_MOMENTS
        )
        if table in _EVIDENCE and not is_dated:
            continue
        last_ms = times[0] if times else last_ms
        found.append(tuple(_sanitise_value(table, name, value, last_ms) for name, value in fields.items()))
    return found


_REQUIRED_MOMENTS: Final = frozenset({"requested_ms", "updated_ms", "at_ms", "reported_ms"})
_EVIDENCE_MOMENTS: Final = frozenset({"sync_started_ms", "synced_ms", "at_ms"})


def _sanitise_value(table: str, name: str, value: object, near_ms: int) -> object:
    column = _CHANGE_LOG[table].get(name)
    if column is None:
        return value
    if not column.is_moment:
        return column.sanitise(value)
    if from_milliseconds(value) is not None:
        return value
    return near_ms if name in _REQUIRED_MOMENTS else None
