"""Which columns the contact table has at a width. Never measured from data: that would read all of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from tui.model.query import Tab

GUTTER: Final = 3
"""Cells left of the first column: the cursor, the tick of a selected row, a space."""
GAP: Final = 2


class ColumnKey(StrEnum):
    """The columns."""

    CONTACT = "contact"
    STATUS = "status"
    EMAIL = "email"
    OWES = "owes"
    LAST_CHANGE = "last change"


class Column(Struct, frozen=True):
    """A column. With a `share` it divides what fixed widths leave; it is left out below `from_width`."""

    key: ColumnKey
    title: str
    width: int = 0
    share: int = 0
    from_width: int = 0
    is_right: bool = False


class PlacedColumn(Struct, frozen=True):
    """A column and the cells it got."""

    column: Column
    width: int


_STATUS: Final = Column(ColumnKey.STATUS, "Status", width=8, from_width=48)
_COLUMNS: Final = (
    Column(ColumnKey.CONTACT, "Contact", share=3),
    _STATUS,
    Column(ColumnKey.EMAIL, "E-mail", share=2, from_width=70),
    Column(ColumnKey.OWES, "They owe", width=12, from_width=56, is_right=True),
    # As wide as "~ expected Nov 2023".
    Column(ColumnKey.LAST_CHANGE, "Last change", width=19, from_width=38),
)


def layout_columns(width: int, tab: Tab) -> tuple[PlacedColumn, ...]:
    """Divide a line of so many cells; only the All tab needs a Status column, at the cost of others."""
    has_status = tab is Tab.ALL and width >= _STATUS.from_width
    room = width - _STATUS.width - GAP if has_status else width
    columns = [
        column for column in _COLUMNS if (has_status if column is _STATUS else room >= column.from_width)
    ]
    taken = GUTTER + sum(column.width for column in columns) + GAP * (len(columns) - 1)
    free = max(0, width - taken)
    shares = sum(column.share for column in columns)
    placed: list[PlacedColumn] = []
    for column in columns:
        cells = column.width
        if column.share:
            cells = free * column.share // shares
            free -= cells
            shares -= column.share
        placed.append(PlacedColumn(column, cells))
    return tuple(placed)
