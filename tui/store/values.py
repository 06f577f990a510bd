"""Reads stored values: a value of a wrong type, or out of range, is unknown and never an error.

SQLite accepts any value in any column. A disk error, another program or an older Reshelve may have left one
that this program would never write.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from tui.model.reasons import ChangeReason, Notice, find_reason
from tui.model.timestamps import EPOCH, from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import StrEnum


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Return an aware time in milliseconds, rounded down; Xero's times have the same resolution."""
    return (moment - _EPOCH) // _MILLISECOND


_T = TypeVar("_T")
_E = TypeVar("_E", bound="StrEnum")


def text(value: object) -> str:
    """Return a string; empty for other types."""
    if isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def integer(value: object) -> int | None:
    """Return an integer; None for other types."""
    return value if isinstance(value, int) else None


def flag(value: object) -> bool:
    """Return whether a flag is set."""
    return value == 1


def timestamp(*values: object) -> datetime:
    """Return the first of the values that is a valid time; 1970 if none is."""
    return next(filter(None, map(from_milliseconds, values)), EPOCH)


def names(value: object) -> tuple[str, ...]:
    """Return the strings of a JSON array; empty for anything else."""
    found = _json(value)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def json_object(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for anything else."""
    found = _json(value)
    return found if isinstance(found, dict) else {}


def fields(value: object) -> dict[str, str]:
    """Return the strings of a JSON object by name; empty for anything else."""
    return {name: item for name, item in json_object(value).items() if isinstance(item, str)}


def notice(code: object, params: object) -> Notice | None:
    """Return a stored reason with its parameters; None if there is none.

    `params` is JSON or already parsed. A reason that this version doesn't know becomes
    `ChangeReason.UNKNOWN`.
    """
    if not text(code):
        return None
    reason = find_reason(text(code))
    if reason is None:
        return Notice(ChangeReason.UNKNOWN)
    found = params if isinstance(params, dict) else json_object(params)
    return Notice(
        reason, {name: value for name, value in found.items() if isinstance(value, str | int | float)}
    )


def read_rows(read: Callable[[tuple[Any, ...]], _T], rows: Iterable[tuple[Any, ...]]) -> list[_T]:
    """Read rows, skipping those that lack a required value."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except UnreadableRowError:
            continue
    return found


class UnreadableRowError(Exception):
    """A row lacks a required value."""


def enum_member(kind: type[_E], value: Any) -> _E:
    """Return an enum member. Raises `UnreadableRowError` for an unknown value."""
    try:
        return kind(value)
    except ValueError:
        raise UnreadableRowError(kind.__name__) from None


def _json(value: object) -> object:
    try:
        return json.loads(text(value))
    except (ValueError, RecursionError):
        return None
