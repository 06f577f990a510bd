"""The columns of the contact list: which ones are shown, how wide, and which one the list is sorted by."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace


class ColumnKey(StrEnum):
    """The columns; the values are stored."""

    NAME = "name"
    STATUS = "status"
    EMAIL = "email"
    OWES = "they_owe"
    OVERDUE = "overdue"
    YOU_OWE = "you_owe"
    PHONE = "phone"
    ACCOUNT_NUMBER = "account_number"
    CONTACT_NUMBER = "contact_number"
    TAX_NUMBER = "tax_number"
    #: The name of the contact that it was merged into, or its id if it isn't loaded.
    MERGED_INTO = "merged_into"
    GROUPS = "groups"
    #: When the contact last changed in Xero.
    UPDATED = "updated"
    #: The date of the contact's last transaction.
    LAST_ACTIVITY = "last_activity"
    #: The last change requested here, and whether Re-Leased has it.
    SYNC_STATUS = "sync_status"


#: Columns whose values a row always has; others are read only where they are shown.
ALWAYS_READ: Final = frozenset(
    {ColumnKey.NAME, ColumnKey.STATUS, ColumnKey.EMAIL, ColumnKey.OWES, ColumnKey.SYNC_STATUS}
)
#: Columns of amounts, in hundredths, times, in milliseconds, and dates, in days since 1970.
NUMBERS: Final = frozenset(
    {ColumnKey.OWES, ColumnKey.OVERDUE, ColumnKey.YOU_OWE, ColumnKey.UPDATED, ColumnKey.LAST_ACTIVITY}
)
#: The day in the column of the last activity of a contact that was never used.
NEVER_USED: Final = -1
#: Sorted from the largest or latest at first.
_DESCENDING_FIRST: Final = frozenset(
    {ColumnKey.OWES, ColumnKey.OVERDUE, ColumnKey.YOU_OWE, ColumnKey.UPDATED, ColumnKey.SYNC_STATUS}
)
LEAST_WIDTH, MOST_WIDTH = 4, 80
_BY_NAME: Final = {key.value: key for key in ColumnKey}
_MOST_STORED: Final = 64
_PREVIEW: Final = "preview"


class Sort(Struct, frozen=True):
    """The column the list is sorted by. Contacts with equal values are in order of their names."""

    column: ColumnKey = ColumnKey.NAME
    is_descending: bool = False

    @property
    def is_default(self) -> bool:
        """Whether the list is in order of names, as in Xero."""
        return self.column is ColumnKey.NAME and not self.is_descending

    def by(self, column: ColumnKey) -> Sort:
        """Return the order after a column was chosen: chosen again, it is reversed."""
        if column is self.column:
            return Sort(column, not self.is_descending)
        return Sort(column, column in _DESCENDING_FIRST)


BY_NAME: Final = Sort()


class ShownColumn(Struct, frozen=True):
    """A column that the user chose; its width in cells, 0 for one that fits."""

    key: ColumnKey
    width: int = 0


class ListLayout(Struct, frozen=True):
    """The user's columns in order, the sort, and whether wide terminals have a preview beside the list.

    Without columns, those that fit the terminal are shown.
    """

    columns: tuple[ShownColumn, ...] = ()
    sort: Sort = BY_NAME
    has_preview: bool = False

    def shows(self, key: ColumnKey) -> bool:
        """Whether the user chose this column."""
        return any(column.key is key for column in self.columns)

    def toggled(self, key: ColumnKey) -> ListLayout:
        """Return the layout with a column added at the end, or removed; the name always stays."""
        if self.shows(key):
            remaining = tuple(column for column in self.columns if column.key is not key)
            return self if key is ColumnKey.NAME else replace(self, columns=remaining)
        return replace(self, columns=(*self.columns, ShownColumn(key)))

    def moved(self, key: ColumnKey, steps: int) -> ListLayout:
        """Return the layout with a column moved right, or left if `steps` is negative."""
        columns = list(self.columns)
        index = next((place for place, column in enumerate(columns) if column.key is key), None)
        if index is None:
            return self
        column = columns.pop(index)
        columns.insert(max(0, min(index + steps, len(columns))), column)
        return replace(self, columns=tuple(columns))

    def resized(self, key: ColumnKey, width: int) -> ListLayout:
        """Return the layout with another width of a column, within limits; 0 means one that fits."""
        width = width and max(LEAST_WIDTH, min(width, MOST_WIDTH))
        columns = (ShownColumn(column.key, width) if column.key is key else column for column in self.columns)
        return replace(self, columns=tuple(columns))

    def to_text(self) -> str:
        """Return the layout as it is stored: `name,email:24;-they_owe`, and `;preview` if it has one."""
        columns = (f"{column.key}:{column.width}" if column.width else column.key for column in self.columns)
        preview = f";{_PREVIEW}" if self.has_preview else ""
        return f"{','.join(columns)};{'-' if self.sort.is_descending else ''}{self.sort.column}{preview}"

    @classmethod
    def from_text(cls, text: str | None) -> ListLayout:
        """Read a stored layout; what this version doesn't know is left out."""
        stored, order, preview, *_ = f"{text or ''};;;".split(";")
        columns: dict[ColumnKey, ShownColumn] = {}
        for part in stored.split(",")[:_MOST_STORED]:
            name, _, width = part.partition(":")
            if (key := _BY_NAME.get(name)) is not None:
                columns.setdefault(key, ShownColumn(key, _width(width)))
        if columns and ColumnKey.NAME not in columns:
            columns = {ColumnKey.NAME: ShownColumn(ColumnKey.NAME), **columns}
        sorted_by = _BY_NAME.get(order.removeprefix("-"))
        sort = BY_NAME if sorted_by is None else Sort(sorted_by, order.startswith("-"))
        return cls(tuple(columns.values()), sort, preview == _PREVIEW)


def _width(text: str) -> int:
    """Parse a width; 0 if it isn't one."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_WIDTH))
    width = int(text) if is_number else 0
    return width if LEAST_WIDTH <= width <= MOST_WIDTH else 0
