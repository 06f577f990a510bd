"""The spine: all contacts in the order of the table, with what is searched, in memory.

It is read in a thread after the first paint, and costs about 150 bytes a contact. Order and texts never
change once it is loaded (a new spine replaces it); a status is patched in place.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Final

from tui.model.contact import ContactStatus
from tui.model.query import Tab

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

_ROWS_A_TIME: Final = 2_000
_NOWHERE: Final = 0xFFFF_FFFF

#: One byte a contact: its status as the tabs know it.
OTHER, ACTIVE, ARCHIVED = range(3)
STATUS_BYTES: Final = {
    ContactStatus.GDPRREQUEST.value: OTHER,
    ContactStatus.ACTIVE.value: ACTIVE,
    ContactStatus.ARCHIVED.value: ARCHIVED,
}
TAB_BYTES: Final = {Tab.ACTIVE: ACTIVE, Tab.ARCHIVED: ARCHIVED}


class LoadStoppedError(Exception):
    """The load was told to stop: the store is closing."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which row stands at which place of the table, and back."""

    rowids: array[int]
    places: array[int]

    @classmethod
    def of(cls, rowids: array[int]) -> Order:
        """Turn row ids in order into both directions."""
        places = array("I", repeat(_NOWHERE, max(rowids, default=0) + 1))
        for place, rowid in enumerate(rowids):
            places[rowid] = place
        return cls(rowids, places)

    def place_of(self, rowid: int) -> int | None:
        """Return where a row stands, None if it came later."""
        if rowid >= len(self.places):
            return None
        place = self.places[rowid]
        return None if place == _NOWHERE else place


@dataclass(frozen=True, slots=True)
class Spine:
    """All contacts by place: order, searched text, status."""

    order: Order
    # A tuple of nothing but text is left alone by the garbage collector.
    texts: tuple[str, ...]
    statuses: bytearray

    def __len__(self) -> int:
        return len(self.texts)

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Take in a status that has changed."""
        place = self.order.place_of(rowid)
        if place is not None:
            self.statuses[place] = STATUS_BYTES[status.value]


def load(connection: sqlite3.Connection, *, is_stopped: Callable[[], bool]) -> Spine:
    """Read the spine as one consistent picture, a little at a time so that other threads get their turn.

    Raises `LoadStoppedError` when told to stop.
    """
    rowids = array("q")
    statuses = bytearray()
    texts: list[str] = []
    cursor = connection.execute("SELECT rowid, status, search FROM contacts ORDER BY sort_key, rowid")
    while rows := cursor.fetchmany(_ROWS_A_TIME):
        if is_stopped():
            raise LoadStoppedError
        some_rowids, some_statuses, some_texts = zip(*rows, strict=True)
        rowids.extend(some_rowids)
        statuses.extend(map(STATUS_BYTES.__getitem__, some_statuses))
        texts.extend(some_texts)
    return Spine(Order.of(rowids), tuple(texts), statuses)
