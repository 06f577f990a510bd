"""Answers queries: the first screen from a database index, then everything from the search index."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from datetime import UTC, datetime
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Final

from tui.model.contact import SearchResult
from tui.model.query import IssueKind
from tui.store.contacts import read_counts
from tui.store.search.contact_index import SLICE, IndexLoader, IndexScan
from tui.store.search.ranking import MOST_RANKED, ranked
from tui.store.search.rows import FoundRows, IndexRows, RowReader
from tui.store.values import stored_query

if TYPE_CHECKING:
    from array import array
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Generator, Sequence

    from tui.model.change import Change
    from tui.model.columns import ColumnKey, Sort
    from tui.model.contact import ContactStatus, Row, RowSource
    from tui.model.evidence import StatusSince
    from tui.model.query import Query, TabCounts
    from tui.store.database import Database
    from tui.store.search.contact_index import ContactIndex
    from tui.store.search.filter_cache import FilterCache
    from tui.store.search.sorting import SortedOrders

# How long a search may block the event loop, in seconds.
_SLICE_SECONDS: Final = 0.003
# Painting the list takes longer than most searches, so a first screen is worth it only for slow ones.
_FIRST_SCREEN_SECONDS: Final = 0.03
_VIEWPORT: Final = 60
_PRELOADED_MODULES: Final = (
    "tui.model.qualifiers",
    "tui.store.search.filter_cache",
    "tui.store.search.filtering",
    "tui.store.search.named",
    "tui.store.search.sorting",
)


class SearchService:
    """Searches the contacts of one store. Everything but loading runs on the event loop's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loader = IndexLoader(database)
        #: Returns the sync status of a confirmed change; set by the engine, which knows the clock.
        self.grade: Callable[[Change], StatusSince | None] = lambda _: None
        #: The clock that relative times are counted from.
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._reader = RowReader(database, self._sync_status)
        self._filter_cache: FilterCache | None = None
        self._orders: SortedOrders | None = None

    @property
    def on_loaded(self) -> Callable[[], None]:
        """Called after each load of the search index: earlier results may be out of date."""
        return self._loader.on_loaded

    @on_loaded.setter
    def on_loaded(self, listener: Callable[[], None]) -> None:
        self._loader.on_loaded = listener

    async def load(self) -> None:
        """Load the search index, after the first paint. Raises `StoreError`; searches then use SQL."""
        await self._loader.load()
        # Preload what parses and applies qualifiers; otherwise the first letter typed would wait for it.
        for module in _PRELOADED_MODULES:
            await asyncio.to_thread(import_module, module)

    def counts(self) -> TabCounts:
        """Return how many contacts each tab has."""
        return read_counts(self._database)

    def first(self, query: Query) -> SearchResult:
        """Return a whole tab at once, for any number of contacts; the words of the query are ignored.

        In another order than by name, only its first contacts.
        """
        counts = self.counts()
        if not query.sort.is_default:
            from tui.store.search.sorting import load_order

            with self._database.read_connection() as connection:
                rowids = load_order(connection, query.tab, query.sort, _VIEWPORT)
            return SearchResult(query, FoundRows(self._reader, rowids), counts, is_complete=False)
        rows = IndexRows(self._reader, query.tab, counts.of(query.tab))
        return SearchResult(query, rows, counts, is_live=True)

    def show_columns(self, columns: Sequence[ColumnKey]) -> None:
        """Read the values of these columns with every row, besides those that a row always has."""
        self._reader.show_columns(columns)

    def rows(self, contact_ids: Sequence[str]) -> list[Row]:
        """Read the current rows of these contacts, without those that aren't stored."""
        return self._reader.rows_of(contact_ids)

    async def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Yield results: a first screen if the search takes longer than a frame or two, then everything."""
        if query.is_everything and not self._loader.is_current:
            # A sync makes the index outdated again and again, and the whole list doesn't need its texts.
            yield await self._everything(query)
            return
        await self._loader.wait_while_stale()
        index = self._loader.index
        if index is None:
            async with aclosing(self._search(query)) as answers:
                async for found in answers:
                    yield found
        else:
            async with aclosing(self._scan(index, query)) as answers:
                async for found in answers:
                    yield found

    async def listed(self, contact_ids: Collection[str], query: Query) -> SearchResult:
        """Return these contacts on the query's tab, in its order, without those that aren't stored."""
        from tui.store.search.sorting import load_listed

        rowids, counts = await self._database.read(
            lambda connection: load_listed(connection, contact_ids, query.tab, query.sort)
        )
        return SearchResult(query, FoundRows(self._reader, rowids), counts)

    async def rowids(self, query: Query, contact_ids: Collection[str] | None = None) -> Sequence[int]:
        """Return the row ids of a query's contacts in its order, or of these contacts those on its tab.

        Waits for an index that is up to date, unlike a search for the screen, which is then made again.
        """
        from tui.store.search.sorting import load_listed, load_order

        if contact_ids is not None:
            listed, _ = await self._database.read(
                lambda connection: load_listed(connection, contact_ids, query.tab, query.sort)
            )
            return listed
        if query.is_everything:
            return await self._database.read(lambda connection: load_order(connection, query.tab, query.sort))
        if self._loader.index is not None:
            await self._loader.load()
        found: RowSource | None = None
        async for result in self.find(query):
            found = result.rows
        return found.rowids if isinstance(found, FoundRows) else ()

    def stream(self, rowids: Sequence[int], columns: Sequence[ColumnKey]) -> Generator[Row]:
        """Read many rows in a thread; as `RowReader.stream`."""
        return self._reader.stream(rowids, columns)

    async def _everything(self, query: Query) -> SearchResult:
        if self._loader.index is None and query.sort.is_default:
            return self.first(query)
        from tui.store.search.sorting import load_order

        order = await self._database.read(lambda connection: load_order(connection, query.tab, query.sort))
        return SearchResult(query, FoundRows(self._reader, order), self.counts())

    def mark_stale(self) -> None:
        """Reload the index: contacts were added, or their names or texts changed."""
        self._loader.mark_stale()

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Update a contact's status in the index."""
        self._loader.patch(rowid, status)

    def sync_statuses_changed(self) -> None:
        """Invalidate cached filters: sync statuses may have changed without a write."""
        if self._filter_cache is not None:
            self._filter_cache.sync_statuses_changed()

    def close(self) -> None:
        """Stop loading."""
        self._loader.close()

    async def _scan(self, index: ContactIndex, query: Query) -> AsyncGenerator[SearchResult, None]:
        recent = self._loader.recent
        for issue in query.issues:
            if issue.kind is IssueKind.UNFINISHED:
                self._open_filter_cache().prepare(index, issue.qualifier)
        # Nothing else is awaited here, so that a search for words takes no longer than necessary.
        filters = await self._open_filter_cache().flags(index, query.filters) if query.filters else ()
        stored = stored_query(query)
        scan = IndexScan(index, stored, recent.narrowest(stored), filters)
        has_answered = False
        begun = resumed = perf_counter()
        for _ in scan.slices():
            if perf_counter() - resumed < _SLICE_SECONDS:
                continue
            is_slow = perf_counter() - begun >= _FIRST_SCREEN_SECONDS
            # Fewer would be ordered once all are known.
            is_in_order = query.sort.is_default and len(scan.rowids) > (MOST_RANKED if query.words else 0)
            if is_slow and not has_answered and is_in_order and len(scan.rowids) >= _VIEWPORT:
                has_answered = True
                first = FoundRows(self._reader, scan.rowids[:], query.words)
                yield SearchResult(query, first, scan.counts, is_complete=False)
            await _yield_to_loop()
            resumed = perf_counter()
        recent.keep(scan.matches)
        if query.long_text and not scan.counts.all:
            yield await self._named(index, query)
            return
        if query.sort.is_default:
            rowids = ranked(index, scan.rowids, query.words)
        else:
            rowids = await self._sorted(scan.rowids, query.sort)
        yield SearchResult(query, FoundRows(self._reader, rowids, query.words), scan.counts)

    async def _named(self, index: ContactIndex, query: Query) -> SearchResult:
        """Find the contacts that a long text names."""
        from tui.store.search.named import NamesInText

        names: NamesInText[int] = NamesInText(query.long_text)
        resumed = perf_counter()
        for start in range(0, len(index), SLICE):
            stop = min(start + SLICE, len(index))
            names.add(range(start, stop), index.texts[start:stop])
            if perf_counter() - resumed >= _SLICE_SECONDS:
                await _yield_to_loop()
                resumed = perf_counter()
        return await self._by_names(query, *index.on_tab(names.keys(), query.tab))

    async def _by_names(self, query: Query, rowids: array[int], counts: TabCounts) -> SearchResult:
        if rowids and not query.sort.is_default:
            rowids = await self._sorted(rowids, query.sort)
        return SearchResult(query, FoundRows(self._reader, rowids), counts, is_by_names=counts.all > 0)

    async def _sorted(self, rowids: array[int], sort: Sort) -> array[int]:
        if self._orders is None:
            from tui.store.search.sorting import SortedOrders

            self._orders = SortedOrders(self._database)
        return await self._orders.sort(rowids, sort)

    def _open_filter_cache(self) -> FilterCache:
        if self._filter_cache is None:
            from tui.store.search.filter_cache import FilterCache

            self._filter_cache = FilterCache(self._database, lambda: self.now(), self._sync_status)  # noqa: PLW0108 - the engine sets its clock later
        return self._filter_cache

    def _sync_status(self, change: Change) -> StatusSince | None:
        return self.grade(change)

    async def _search(self, query: Query) -> AsyncGenerator[SearchResult, None]:
        # Not needed before the first paint, which has no words to search for.
        from tui.store.search.filtering import Translator, search

        cancelled, moment = threading.Event(), self._open_filter_cache().moment()

        def select(limit: int | None) -> tuple[array[int], TabCounts]:
            with self._database.read_connection() as connection:
                translator = Translator(connection, moment, self._sync_status)
                return search(translator, query, limit, is_cancelled=cancelled.is_set)

        def select_named() -> tuple[array[int], TabCounts]:
            from tui.store.search.named import search_names

            with self._database.read_connection() as connection:
                return search_names(connection, query, is_cancelled=cancelled.is_set)

        try:
            rowids, counts = await asyncio.to_thread(select, _VIEWPORT)
            if len(rowids) == _VIEWPORT:
                first = FoundRows(self._reader, rowids, query.words)
                yield SearchResult(query, first, counts, is_complete=False)
            rowids, counts = await asyncio.to_thread(select, None)
            if query.long_text and not counts.all:
                yield await self._by_names(query, *await asyncio.to_thread(select_named))
            else:
                yield SearchResult(query, FoundRows(self._reader, rowids, query.words), counts)
        finally:
            cancelled.set()


async def _yield_to_loop() -> None:
    # Callbacks that became ready meanwhile are queued behind this task: a timer or socket runs after the
    # first yield, and the task that it wakes after the second.
    for _ in range(3):
        await asyncio.sleep(0)
