"""The `order` parameter: properties in any case, separated by commas, each with its direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.sandbox.accounting.responses import query_error

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIRECTIONS: Final = {"": "ASC", "asc": "ASC", "ascending": "ASC", "desc": "DESC", "descending": "DESC"}


def parse_order(text: str, columns: Mapping[str, str], type_name: str) -> dict[str, str]:
    """Return the columns to sort by, the first first, with the direction of each.

    `columns` are known by property name in lower case. Raises `ApiError` (QueryParseException).
    """
    ordered: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        name, _, direction = part.strip().partition(" ")
        direction = direction.strip().lower()
        if not name or direction not in _DIRECTIONS:
            raise query_error("Syntax error")
        if name.lower() not in columns:
            raise query_error(f"No property or field '{name}' exists in type '{type_name}'")
        ordered.setdefault(columns[name.lower()], _DIRECTIONS[direction])
    return ordered


def as_sql(ordered: Mapping[str, str]) -> str:
    """Write what follows `ORDER BY`."""
    return ", ".join(f"{column} {direction}" for column, direction in ordered.items())
