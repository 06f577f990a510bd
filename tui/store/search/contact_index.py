"""The search index: the order of all contacts, their searchable texts and their statuses, in memory.

It is loaded in a thread after the first paint and takes about 160 bytes per contact. Order and texts never
change once it is loaded (a new index replaces it); statuses are updated in place.

A search is a plain scan of the texts, in slices short enough to keep the screen responsive. Matches in a
slice are a mask: an integer with one byte per contact, 1 for a match. Masks are built by loops that run in C,
and are cheap to count, to limit to a tab and to keep: with 100,000 contacts, a first letter takes half as
long as with lists of matches. SQLite's trigram index takes ten times as long, and slows down every write.
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
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.errors import ReshelveError, StoreClosedError, StoreError, UnexpectedError
from tui.model.query import Query, Tab, TabCounts
from tui.system.log import log_unexpected, logger

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from tui.store.database import Database


#: Contacts in one slice of a search: at most half a millisecond.
SLICE: Final = 2_048
_MAX_CACHED: Final = 8
# If more than this share of a slice are candidates, searching all of it is faster than selecting them.
_FULL_SCAN_SHARE: Final = 0.6
#: In `ContactIndex.positions`, of a row id that no contact has.
NO_POSITION: Final = 0xFFFF_FFFF

_OTHER, _ACTIVE, _ARCHIVED = range(3)
_STATUS_BYTES: Final = {
    ContactStatus.GDPRREQUEST: _OTHER,
    ContactStatus.DELETED: _OTHER,
    ContactStatus.ACTIVE: _ACTIVE,
    ContactStatus.ARCHIVED: _ARCHIVED,
}
# Translates statuses to flags: on the tab Active, on the tab Archived.
_IS_ON_TAB: Final = tuple(bytes(int(byte == tab) for byte in range(256)) for tab in (_ACTIVE, _ARCHIVED))

_CONTACTS: Final = """
    SELECT rowid, status, coalesce(CAST(search AS TEXT), '') FROM contacts
    WHERE rowid BETWEEN 1 AND ? ORDER BY sort_key, rowid
"""
# Row ids are assigned in sequence and stay near the number of rows, and so does the size of the index.
_SLACK: Final = 1_000_000


class LoadCancelledError(Exception):
    """Loading was cancelled because the store is closing."""


class ContactIndex(Struct, frozen=True):
    """All contacts, by their position in the table: row ids, texts, and statuses."""

    rowids: array[int]
    # The garbage collector doesn't track a tuple of strings.
    texts: tuple[str, ...]
    statuses: bytearray
    #: The position of each row id.
    positions: array[int]

    def __len__(self) -> int:
        return len(self.rowids)

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Update a status; a contact that was added later isn't in the index yet."""
        if rowid < len(self.positions) and self.positions[rowid] != NO_POSITION:
            self.statuses[self.positions[rowid]] = _STATUS_BYTES[status]

    def on_tab(self, positions: Sequence[int], tab: Tab) -> tuple[array[int], TabCounts]:
        """Return the row ids of those positions that are on a tab, and how many of all each tab has."""
        statuses = [self.statuses[position] for position in positions]
        counts = TabCounts(len(positions), statuses.count(_ACTIVE), statuses.count(_ARCHIVED))
        wanted = {Tab.ALL: {_OTHER, _ACTIVE, _ARCHIVED}, Tab.ACTIVE: {_ACTIVE}, Tab.ARCHIVED: {_ARCHIVED}}[
            tab
        ]
        on_tab = compress(positions, map(wanted.__contains__, statuses))
        return array("I", map(self.rowids.__getitem__, on_tab)), counts


def load(connection: sqlite3.Connection, *, is_stopped: Callable[[], bool]) -> ContactIndex:
    """Load the index from one snapshot, in small steps so that other threads can run.

    Raises `LoadCancelledError` if stopped.
    """
    # Four bytes per row are enough for 4 billion rows.
    rowids = array("I")
    texts: list[str] = []
    statuses = bytearray()
    cursor = connection.execute(_CONTACTS, (highest_rowid(connection),))
    while rows := cursor.fetchmany(SLICE):
        if is_stopped():
            raise LoadCancelledError
        some_rowids, some_statuses, some_texts = zip(*rows, strict=True)
        rowids.extend(some_rowids)
        texts.extend(some_texts)
        # A status is a `StrEnum`, so the strings that SQLite returns work as keys.
        statuses.extend(map(_STATUS_BYTES.get, some_statuses, repeat(_OTHER)))
    positions = array("I", repeat(NO_POSITION, max(rowids, default=0) + 1))
    for position, rowid in enumerate(rowids):
        positions[rowid] = position
    return ContactIndex(rowids, tuple(texts), statuses, positions)


def highest_rowid(connection: sqlite3.Connection) -> int:
    """Return the highest plausible row id of a contact."""
    [count] = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return 4 * int(count) + _SLACK


class TextMatches(Struct, frozen=True):
    """The contacts on all tabs whose texts match a query: a mask for each slice of the index.

    The query has no filters: matches of filters change all the time, those of texts only with the index.
    """

    query: Query
    masks: list[int]

    def count(self) -> int:
        """Return how many contacts match."""
        return sum(map(int.bit_count, self.masks))


class RecentSearches:
    """Caches the last few searches of an index: the next query is usually similar to one of them."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[frozenset[str], ...], TextMatches] = OrderedDict()

    def keep(self, matches: TextMatches) -> None:
        """Cache these matches, and evict the oldest."""
        key = (frozenset(matches.query.words), frozenset(matches.query.excluded_words))
        self._cache[key] = matches
        self._cache.move_to_end(key)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)

    def narrowest(self, query: Query) -> TextMatches | None:
        """Return the smallest cached matches that include all matches of the query."""
        wider = [matches for matches in self._cache.values() if query.narrows(matches.query)]
        return min(wider, key=TextMatches.count, default=None)


class IndexScan:
    """One search of the index. Every slice adds to the matches and to the counts of the tabs.

    `within` are matches that include all matches of the query's texts. `filters` has, for each filter of the
    query, a byte per position: 1 if the contact matches it.
    """

    def __init__(
        self, index: ContactIndex, query: Query, within: TextMatches | None, filters: Sequence[bytes] = ()
    ) -> None:
        self._index = index
        self._tab = query.tab
        self._within = within
        self._filters = filters
        # Words that `within` was already searched for needn't be searched again.
        done = within.query if within else Query()
        # The longest word is likely the rarest, which leaves few texts to search for the others.
        self._words = sorted((word for word in query.words if word not in done.words), key=len, reverse=True)
        self._excluded_words = [word for word in query.excluded_words if word not in done.excluded_words]
        #: The matches of the texts, whether or not they match the filters.
        self.matches = TextMatches(query.words_only, [])
        #: The row ids found on the query's tab, in table order.
        self.rowids = array("I")
        self.counts = TabCounts()

    def slices(self) -> Iterator[None]:
        """Search one slice of the contacts per step, in well under a millisecond."""
        for number, start in enumerate(range(0, len(self._index), SLICE)):
            part = slice(start, start + SLICE)
            candidates = self._within.masks[number] if self._within else None
            found = 0 if candidates == 0 else self._search(self._index.texts[part], candidates)
            self.matches.masks.append(found)
            if found:
                self._add(found, part)
            yield

    def _add(self, found: int, part: slice) -> None:
        """Add the matches of one slice that also match the filters."""
        for flags in self._filters:
            found &= _mask_of(flags[part])
        statuses, rowids = self._index.statuses[part], self._index.rowids[part]
        active, archived = (found & _mask_of(statuses.translate(on_tab)) for on_tab in _IS_ON_TAB)
        self.counts = TabCounts(
            self.counts.all + found.bit_count(),
            self.counts.active + active.bit_count(),
            self.counts.archived + archived.bit_count(),
        )
        shown = {Tab.ALL: found, Tab.ACTIVE: active, Tab.ARCHIVED: archived}[self._tab]
        self.rowids.extend(compress(rowids, shown.to_bytes(len(rowids), "little")))

    def _search(self, texts: Sequence[str], candidates: int | None) -> int:
        mask = _mask_of(b"\x01" * len(texts)) if candidates is None else candidates
        for word in self._words:
            if not mask:
                break
            mask = _matches(texts, word, mask)
        for word in self._excluded_words:
            mask ^= _matches(texts, word, mask)
        return mask


def _matches(texts: Sequence[str], word: str, candidates: int) -> int:
    """Return the mask of those candidates whose text contains the word."""
    if candidates.bit_count() > _FULL_SCAN_SHARE * len(texts):
        return _mask_of(bytes(map(contains, texts, repeat(word)))) & candidates
    found = bytearray(len(texts))
    selected = candidates.to_bytes(len(texts), "little")
    holds = map(contains, compress(texts, selected), repeat(word))
    for position in compress(compress(range(len(texts)), selected), holds):
        found[position] = 1
    return _mask_of(found)


def _mask_of(flags: bytes | bytearray) -> int:
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
