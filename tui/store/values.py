"""Stored values as they are read: one of a wrong type, or out of range, is unknown and never an error.

SQLite keeps any value in any column. A disk, another program or an older Reshelve may have left one there
that this program would never write.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from tui.model.reasons import ChangeReason, Notice, find_reason
from tui.model.timestamps import EPOCH, from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from enum import StrEnum

_T = TypeVar("_T")
_E = TypeVar("_E", bound="StrEnum")


def text(value: object) -> str:
    """Return a text; empty for what is none."""
    if isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def integer(value: object) -> int | None:
    """Return a whole number; None for what is none."""
    return value if isinstance(value, int) else None


def flag(value: object) -> bool:
    """Return whether a flag is set."""
    return value == 1


def timestamp(*values: object) -> datetime:
    """Return the first of the values that is a known moment; 1970 where none is."""
    return next(filter(None, map(from_milliseconds, values)), EPOCH)


def names(value: object) -> tuple[str, ...]:
    """Return the texts of a JSON array; none for what is no such array."""
    found = _json(value)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def json_object(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for anything else."""
    found = _json(value)
    return found if isinstance(found, dict) else {}


def fields(value: object) -> dict[str, str]:
    """Return the texts of a JSON object by their names; none for what is no such object."""
    return {name: one for name, one in json_object(value).items() if isinstance(one, str)}


def notice(code: object, params: object) -> Notice | None:
    """Return a stored reason with its parameters, given as JSON or as read from it; None for no reason.

    One that this version doesn't know becomes `ChangeReason.UNKNOWN`.
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
    """Read rows, leaving out those without a value that they can't be understood without."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except UnreadableRowError:
            continue
    return found


class UnreadableRowError(Exception):
    """A row lacks a value that it can't be understood without."""


def enum_member(kind: type[_E], value: Any) -> _E:
    """Return a member of an enumeration. Raises `UnreadableRowError` for a value that is none of its."""
    try:
        return kind(value)
    except ValueError:
        raise UnreadableRowError(kind.__name__) from None


def _json(value: object) -> object:
    try:
        return json.loads(text(value))
    except (ValueError, RecursionError):
        return None
