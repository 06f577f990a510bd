"""The search index: all contacts in table order, with their searchable texts, in memory.

It is loaded in a thread after the first paint and takes about 160 bytes per contact. Order and texts never
change once it is loaded (a new index replaces it); statuses are updated in place.

The index is split into chunks. Matches in a chunk are a mask: an integer with one byte per contact, 1 for a
match. Masks are built by loops that run in C, and are cheap to count, to limit to a tab and to keep.
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

#: Contacts per chunk (fewer in the last one); a chunk is searched in about 0.2 ms.
CHUNK: Final = 2_048
_NO_POSITION: Final = 0xFFFF_FFFF
# If more than this share of a chunk are candidates, searching all of it is faster than selecting them.
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
# Row ids are assigned in sequence and stay near the number of rows, and so does the size of the position
# list.
_SLACK: Final = 1_000_000


class LoadCancelledError(Exception):
    """Loading was cancelled because the store is closing."""


class Order(Struct, frozen=True):
    """Maps positions in the table to row ids, and back."""

    rowids: array[int]
    positions: array[int]

    @classmethod
    def of(cls, rowids: array[int]) -> Order:
        """Build both directions from row ids in order."""
        positions = array("I", repeat(_NO_POSITION, max(rowids, default=0) + 1))
        for position, rowid in enumerate(rowids):
            positions[rowid] = position
        return cls(rowids, positions)

    def position_of(self, rowid: int) -> int | None:
        """Return a row's position; None if the row was added later."""
        if rowid >= len(self.positions):
            return None
        position = self.positions[rowid]
        return None if position == _NO_POSITION else position


class Chunk(Struct, frozen=True):
    """Consecutive contacts: their searchable texts and their statuses."""

    # The garbage collector doesn't track a tuple of strings.
    texts: tuple[str, ...]
    statuses: bytearray

    def __len__(self) -> int:
        return len(self.texts)

    def full_mask(self) -> int:
        """Return the mask of all contacts."""
        return mask_of(b"\x01" * len(self))

    def tab_mask(self, tab: Tab) -> int:
        """Return the mask of the contacts whose current status belongs to a tab: Active or Archived."""
        return mask_of(self.statuses.translate(_ON_TAB[tab]))

    def find(self, word: str, candidates: int) -> int:
        """Return the mask of those candidates whose text contains the word."""
        if candidates.bit_count() > _FULL_SCAN_SHARE * len(self):
            return mask_of(bytes(map(contains, self.texts, repeat(word)))) & candidates
        found = bytearray(len(self))
        selected = candidates.to_bytes(len(self), "little")
        holds = map(contains, compress(self.texts, selected), repeat(word))
        for position in compress(compress(range(len(self)), selected), holds):
            found[position] = 1
        return mask_of(found)


class ContactIndex(Struct, frozen=True):
    """All contacts by position."""

    order: Order
    chunks: tuple[Chunk, ...]

    def __len__(self) -> int:
        return len(self.order.rowids)

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Update a status."""
        position = self.order.position_of(rowid)
        if position is not None:
            self.chunks[position // CHUNK].statuses[position % CHUNK] = _STATUS_BYTES[status]


def select_masked(mask: int, values: Sequence[T]) -> Iterator[T]:
    """Return the values, one for each contact of a chunk, that the mask selects."""
    return compress(values, mask.to_bytes(len(values), "little"))


def count_masked_before(mask: int, position: int) -> int:
    """Return how many contacts before a position in the chunk the mask selects."""
    return (mask & ((1 << 8 * position) - 1)).bit_count()


def is_masked(mask: int, position: int) -> bool:
    """Return whether the mask selects the contact at a position in the chunk."""
    return bool(mask >> 8 * position & 1)


def load(connection: sqlite3.Connection, *, is_stopped: Callable[[], bool]) -> ContactIndex:
    """Load the index from one snapshot, in small steps so that other threads can run.

    Raises `LoadCancelledError` if stopped.
    """
    # Four bytes per row are enough for 4 billion rows.
    rowids = array("I")
    chunks = []
    cursor = connection.execute(_CONTACTS, (highest_rowid(connection),))
    while rows := cursor.fetchmany(CHUNK):
        if is_stopped():
            raise LoadCancelledError
        some_rowids, statuses, texts = zip(*rows, strict=True)
        rowids.extend(some_rowids)
        # A status is a `StrEnum`, so the strings that SQLite returns work as keys.
        chunks.append(Chunk(texts, bytearray(map(_STATUS_BYTES.get, statuses, repeat(_OTHER)))))
    return ContactIndex(Order.of(rowids), tuple(chunks))


def highest_rowid(connection: sqlite3.Connection) -> int:
    """Return the highest plausible row id of a contact."""
    [count] = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return 4 * int(count) + _SLACK


def mask_of(flags: bytes | bytearray) -> int:
    """Return the mask with these bytes: 1 for each selected contact, else 0."""
    return int.from_bytes(flags, "little")
