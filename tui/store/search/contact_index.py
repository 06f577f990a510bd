"""The search index: all contacts in table order, with their searchable texts, in memory.

It is loaded in a thread after the first paint and takes about 160 bytes per contact. Order and texts never
change once it is loaded (a new index replaces it); statuses are updated in place.

The index is split into chunks. Matches in a chunk are a mask: an integer with one byte per contact, 1 for a
match. Masks are built by loops that run in C, and are cheap to count, to limit to a tab and to keep. Words
are searched in slices short enough to keep the screen responsive.
"""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections import OrderedDict
from contextlib import suppress
from itertools import compress, repeat
from operator import contains
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.errors import ReshelveError, StoreClosedError, StoreError, UnexpectedError
from tui.model.query import Query, Tab, TabCounts
from tui.system.log import log_unexpected, logger

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from tui.store.database import Database


_MAX_CACHED: Final = 8


class WordMatches(Struct, frozen=True):
    """The contacts whose texts match a query, on all tabs: a mask for each chunk of the index.

    The query has no filters: matches of filters change all the time, those of texts only with the index.
    """

    query: Query
    masks: Sequence[int]


class RecentSearches:
    """Caches the last few searches of an index: the next query is usually similar to one of them."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[frozenset[str], ...], tuple[int, WordMatches]] = OrderedDict()

    def keep(self, matches: WordMatches, total: int) -> None:
        """Cache these matches, and evict the oldest."""
        key = (frozenset(matches.query.words), frozenset(matches.query.excluded_words))
        self._cache[key] = (total, matches)
        self._cache.move_to_end(key)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)

    def narrowest(self, query: Query) -> WordMatches | None:
        """Return the smallest cached matches that include all matches of the query."""
        wider = [entry for entry in self._cache.values() if query.narrows(entry[1].query)]
        return min(wider, key=lambda entry: entry[0])[1] if wider else None


class IndexScan:
    """One search of the index. Every slice adds to the matches and to the counts of the tabs.

    `within` are matches that include all matches of the query's texts. `allowed` are the masks of the
    contacts that match its filters, None if it has none.
    """

    def __init__(
        self,
        index: ContactIndex,
        query: Query,
        within: WordMatches | None,
        allowed: Sequence[int] | None = None,
    ) -> None:
        self._index = index
        self._tab = query.tab
        self._among = within
        self._allowed = allowed
        # Words that `within` was already searched for needn't be searched again.
        done = within.query if within else Query()
        # The longest word is likely the rarest, which leaves few texts to search for the others.
        self._words = sorted((word for word in query.words if word not in done.words), key=len, reverse=True)
        self._excluded_words = [word for word in query.excluded_words if word not in done.excluded_words]
        self._masks: list[int] = []
        self.matches = WordMatches(query.words_only, self._masks)
        #: How many contacts match the texts, whether or not they match the filters.
        self.texts_total = 0
        #: The mask of each chunk on the query's tab, and how many contacts it selects.
        self.shown: list[int] = []
        self.totals: list[int] = []
        self.counts = TabCounts()

    def slices(self) -> Iterator[None]:
        """Search one chunk per step, in well under a millisecond."""
        for number, chunk in enumerate(self._index.chunks):
            texts = self._search_chunk(chunk, self._among.masks[number] if self._among else chunk.full_mask())
            found = texts if self._allowed is None else texts & self._allowed[number]
            active, archived = found & chunk.tab_mask(Tab.ACTIVE), found & chunk.tab_mask(Tab.ARCHIVED)
            shown = {Tab.ALL: found, Tab.ACTIVE: active, Tab.ARCHIVED: archived}[self._tab]
            self._masks.append(texts)
            self.texts_total += texts.bit_count()
            self.shown.append(shown)
            self.totals.append(shown.bit_count())
            self.counts = TabCounts(
                self.counts.all + found.bit_count(),
                self.counts.active + active.bit_count(),
                self.counts.archived + archived.bit_count(),
            )
            yield

    def _search_chunk(self, chunk: Chunk, mask: int) -> int:
        for word in self._words:
            if not mask:
                break
            mask = chunk.find(word, mask)
        for word in self._excluded_words:
            mask ^= chunk.find(word, mask)
        return mask


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
_ORDERS: Final = {
    tab: f"SELECT rowid FROM contacts WHERE rowid BETWEEN 1 AND ?{on_tab} ORDER BY sort_key, rowid"  # noqa: S608 - our own conditions
    for tab, on_tab in (
        (Tab.ALL, ""),
        (Tab.ACTIVE, f" AND status = '{ContactStatus.ACTIVE}'"),
        (Tab.ARCHIVED, f" AND status = '{ContactStatus.ARCHIVED}'"),
    )
}
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


def load_order(connection: sqlite3.Connection, tab: Tab) -> Order:
    """Read the order of a tab alone, in a tenth of the time of the index."""
    rowids = array("I")
    cursor = connection.execute(_ORDERS[tab], (highest_rowid(connection),))
    while rows := cursor.fetchmany(CHUNK):
        rowids.extend(rowid for (rowid,) in rows)
    return Order.of(rowids)


def highest_rowid(connection: sqlite3.Connection) -> int:
    """Return the highest plausible row id of a contact."""
    [count] = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return 4 * int(count) + _SLACK


def mask_of(flags: bytes | bytearray) -> int:
    """Return the mask with these bytes: 1 for each selected contact, else 0."""
    return int.from_bytes(flags, "little")


# A load starts once nothing has changed for so many seconds: a sync of many pages changes the order all the
# time. If somebody searches meanwhile, it only waits for a pause, in times of the last load.
_REST_SECONDS: Final = 3.0
_PAUSE_FACTOR: Final = 10
# A search waits for a load that is as short as this, so results for small stores are always exact.
_CHEAP_SECONDS: Final = 0.03


class IndexLoader:
    """Keeps the current index, updates statuses in it, and reloads it when order or texts have changed."""

    def __init__(self, database: Database) -> None:
        self.index: ContactIndex | None = None
        self.recent = RecentSearches()
        #: Called on the event loop's thread after each load: earlier results may be out of date.
        self.on_loaded: Callable[[], None] = lambda: None
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._is_stale = True
        # When the next load may start, and what wakes the task when that has changed.
        self._resting_until = 0.0
        self._pausing_until = 0.0
        self._is_rescheduled = asyncio.Event()
        # Callers waiting for the running load, and for the next one.
        self._waiting_now: list[asyncio.Future[None]] | None = None
        self._waiting_next: list[asyncio.Future[None]] = []
        self._patches: list[tuple[int, ContactStatus]] = []
        self._load_seconds = 0.0
        self._stop = threading.Event()

    @property
    def is_current(self) -> bool:
        """Whether there is an index of everything stored now."""
        return self.index is not None and not self._is_stale and self._waiting_now is None

    async def load(self) -> None:
        """Wait for an index of everything stored now, loading it at once if needed. Raises `StoreError`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiting_now is not None and not self._is_stale:
            self._waiting_now.append(waiter)
        elif self.index is None or self._is_stale:
            self._waiting_next.append(waiter)
            self._is_stale = True
            self._pausing_until = 0.0
            self._start_without_rest()
        else:
            return
        await waiter

    async def wait_while_stale(self) -> None:
        """Wait for an outdated or loading index, if loading is quick; otherwise have it loaded soon."""
        if self.index is None or self.is_current:
            return
        if self._load_seconds <= _CHEAP_SECONDS:
            with suppress(StoreError, UnexpectedError):
                await self.load()
        elif self._is_stale:
            self._start_without_rest()

    def mark_stale(self) -> None:
        """Reload the index once changes have ended; does nothing until the first load is requested."""
        self._is_stale = True
        self._resting_until = perf_counter() + _REST_SECONDS
        if self._task is not None:
            self._start()

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Update a status, in the index and in a load that may be running."""
        self._patches.append((rowid, status))
        if self.index is not None:
            self.index.patch(rowid, status)

    def close(self) -> None:
        """Stop a running load; no one is waiting for it any more."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()

    def _start_without_rest(self) -> None:
        self._resting_until = 0.0
        self._is_rescheduled.set()
        self._start()

    def _start(self) -> None:
        if (self._task is None or self._task.done()) and not self._stop.is_set():
            self._task = asyncio.create_task(self._keep_loading(), name="search index")

    async def _keep_loading(self) -> None:
        try:
            while self._is_stale:
                await self._pause()
                await self._load_once()
        except StoreError as error:
            # Retried after the next change or search.
            logger.warning("the search could not be brought up to date: %s", error)
        except UnexpectedError:
            # Logged and reported to waiting callers; searches use the previous index, or SQL.
            return
        except Exception as error:  # noqa: BLE001 - this task is never awaited
            log_unexpected("loading the search index", error)
        finally:
            _notify(self._waiting_next, StoreClosedError())
            self._waiting_next = []

    async def _load_once(self) -> None:
        self._is_stale = False
        self._patches.clear()
        waiting = self._waiting_now = self._waiting_next
        self._waiting_next = []
        started_at = perf_counter()
        try:
            index = await asyncio.to_thread(self._read)
            for rowid, status in self._patches:
                index.patch(rowid, status)
            self.index, self.recent = index, RecentSearches()
        except StoreError as error:
            self._is_stale = True
            _notify(waiting, error)
            raise
        except (LoadCancelledError, asyncio.CancelledError):
            _notify(waiting, StoreClosedError())
            raise asyncio.CancelledError from None
        except Exception as error:
            self._is_stale = True
            log_unexpected("loading the search index", error)
            unexpected = UnexpectedError(type(error).__name__)
            _notify(waiting, unexpected)
            raise unexpected from error
        else:
            _notify(waiting)
            self.on_loaded()
        finally:
            self._waiting_now = None
            ended_at = perf_counter()
            self._load_seconds = ended_at - started_at
            self._pausing_until = ended_at + _PAUSE_FACTOR * self._load_seconds

    async def _pause(self) -> None:
        while (remaining := max(self._resting_until, self._pausing_until) - perf_counter()) > 0:
            self._is_rescheduled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._is_rescheduled.wait()

    def _read(self) -> ContactIndex:
        with self._database.read_connection() as connection:
            return load(connection, is_stopped=self._stop.is_set)


def _notify(waiting: list[asyncio.Future[None]], error: ReshelveError | None = None) -> None:
    for waiter in waiting:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
