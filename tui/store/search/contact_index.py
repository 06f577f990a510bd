"""The spine: all contacts in the order of the table, with what is searched, in memory.

It is read in a thread after the first paint, and costs about 160 bytes a contact. Order and texts never
change once it is loaded (a new spine replaces it); a status is patched in place.

It is made of chunks. What is found in a chunk is a mask, a number with a byte for each contact, 1 where it
is found: made by loops that run in C, it costs next to nothing to count, to cut down to a tab and to keep.
"""

from __future__ import annotations

from array import array
from itertools import compress, repeat
from operator import contains
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.query import Tab

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

#: How many contacts a chunk holds (the last one fewer): searched in about a fifth of a millisecond.
CHUNK: Final = 2_048
_NO_POSITION: Final = 0xFFFF_FFFF
# Where more than this share of a chunk is in question, looking at all of it is quicker than choosing.
_FULL_SCAN_SHARE: Final = 0.6

_OTHER, _ACTIVE, _ARCHIVED = range(3)
_STATUS_BYTES: Final = {
    ContactStatus.GDPRREQUEST: _OTHER,
    ContactStatus.DELETED: _OTHER,
    ContactStatus.ACTIVE: _ACTIVE,
    ContactStatus.ARCHIVED: _ARCHIVED,
}
_ON_TAB: Final = {
    Tab.ACTIVE: bytes(int(byte == _ACTIVE) for byte in range(256)),
    Tab.ARCHIVED: bytes(int(byte == _ARCHIVED) for byte in range(256)),
}


_CONTACTS: Final = """
    SELECT rowid, status, coalesce(CAST(search AS TEXT), '') FROM contacts
    WHERE rowid BETWEEN 1 AND ? ORDER BY sort_key, rowid
"""
# Numbers given out one after the other stay near the number of rows, and so does what it takes to list them.
_SLACK: Final = 1_000_000


class LoadCancelledError(Exception):
    """The load was told to stop: the store is closing."""


class Order(Struct, frozen=True):
    """Which row stands at which place of the table, and back."""

    rowids: array[int]
    positions: array[int]

    @classmethod
    def of(cls, rowids: array[int]) -> Order:
        """Turn row ids in order into both directions."""
        positions = array("I", repeat(_NO_POSITION, max(rowids, default=0) + 1))
        for position, rowid in enumerate(rowids):
            positions[rowid] = position
        return cls(rowids, positions)

    def position_of(self, rowid: int) -> int | None:
        """Return where a row stands, None if it came later."""
        if rowid >= len(self.positions):
            return None
        position = self.positions[rowid]
        return None if position == _NO_POSITION else position


class Chunk(Struct, frozen=True):
    """Some contacts in order: their searched texts and their statuses."""

    # A tuple of nothing but text is left alone by the garbage collector.
    texts: tuple[str, ...]
    statuses: bytearray

    def __len__(self) -> int:
        return len(self.texts)

    def full_mask(self) -> int:
        """Return the mask of all contacts."""
        return mask_of(b"\x01" * len(self))

    def tab_mask(self, tab: Tab) -> int:
        """Return the mask of the contacts with the status of a tab, Active or Archived, as it is now."""
        return mask_of(self.statuses.translate(_ON_TAB[tab]))

    def find(self, word: str, candidates: int) -> int:
        """Return the mask of those among the given whose text holds the word."""
        if candidates.bit_count() > _FULL_SCAN_SHARE * len(self):
            return mask_of(bytes(map(contains, self.texts, repeat(word)))) & candidates
        found = bytearray(len(self))
        selected = candidates.to_bytes(len(self), "little")
        holds = map(contains, compress(self.texts, selected), repeat(word))
        for position in compress(compress(range(len(self)), selected), holds):
            found[position] = 1
        return mask_of(found)


class ContactIndex(Struct, frozen=True):
    """All contacts by place."""

    order: Order
    chunks: tuple[Chunk, ...]

    def __len__(self) -> int:
        return len(self.order.rowids)

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Take in a status that has changed."""
        position = self.order.position_of(rowid)
        if position is not None:
            self.chunks[position // CHUNK].statuses[position % CHUNK] = _STATUS_BYTES[status]


def select_masked(mask: int, values: Sequence[T]) -> Iterator[T]:
    """Return the values, one for each contact of a chunk, that the mask chooses."""
    return compress(values, mask.to_bytes(len(values), "little"))


def count_masked_before(mask: int, position: int) -> int:
    """Return how many contacts before a place of the chunk the mask chooses."""
    return (mask & ((1 << 8 * position) - 1)).bit_count()


def is_masked(mask: int, position: int) -> bool:
    """Say whether the mask chooses the contact at a place of the chunk."""
    return bool(mask >> 8 * position & 1)


def load(connection: sqlite3.Connection, *, is_stopped: Callable[[], bool]) -> ContactIndex:
    """Read the spine as one consistent picture, a little at a time so that other threads get their turn.

    Raises `LoadCancelledError` when told to stop.
    """
    # Four bytes a row suffice for four thousand million of them.
    rowids = array("I")
    chunks = []
    cursor = connection.execute(_CONTACTS, (highest_rowid(connection),))
    while rows := cursor.fetchmany(CHUNK):
        if is_stopped():
            raise LoadCancelledError
        some_rowids, statuses, texts = zip(*rows, strict=True)
        rowids.extend(some_rowids)
        # A status is a string, so what SQLite returns finds its key.
        chunks.append(Chunk(texts, bytearray(map(_STATUS_BYTES.get, statuses, repeat(_OTHER)))))
    return ContactIndex(Order.of(rowids), tuple(chunks))


def highest_rowid(connection: sqlite3.Connection) -> int:
    """Return the highest number that a contact's row can sensibly have."""
    [count] = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return 4 * int(count) + _SLACK


def mask_of(flags: bytes | bytearray) -> int:
    """Return the mask that has these bytes: 1 for each contact it chooses, else 0."""
    return int.from_bytes(flags, "little")
