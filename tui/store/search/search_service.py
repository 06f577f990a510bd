"""Answers queries: the first screen from an index, then everything from the spine."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from datetime import UTC, datetime
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Final

from tui.model.rows import SearchResult
from tui.store.contacts import read_counts
from tui.store.search.index_loader import IndexLoader
from tui.store.search.rows import IndexRows, ListedRows, RowReader, SearchRows
from tui.store.search.scan import IndexScan

if TYPE_CHECKING:
    from array import array
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from tui.model.change import Change
    from tui.model.contact import ContactStatus
    from tui.model.evidence import StatusSince
    from tui.model.query import Query, TabCounts
    from tui.model.rows import Row
    from tui.store.database import Database
    from tui.store.search.contact_index import ContactIndex
    from tui.store.search.filtering import FilterCache

# How long a search may keep the loop from painting, in seconds.
_SLICE_SECONDS: Final = 0.003
_VIEWPORT: Final = 60
_PRELOADED_MODULES: Final = ("tui.model.query_grammar", "tui.store.search.filtering")


class SearchService:
    """Searches the contacts of one store. Everything but the loading runs in the loop's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loader = IndexLoader(database)
        #: Says how a confirmed change stands with Re-Leased; set by the engine, which knows the clock.
        self.grade: Callable[[Change], StatusSince | None] = lambda _: None
        #: The clock that relative times are counted back from.
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._reader = RowReader(database, self._sync_status)
        self._filter_cache: FilterCache | None = None

    @property
    def on_loaded(self) -> Callable[[], None]:
        """Called after each load of the spine: rows found before may have come, gone or moved since."""
        return self._loader.on_loaded

    @on_loaded.setter
    def on_loaded(self, listener: Callable[[], None]) -> None:
        self._loader.on_loaded = listener

    async def load(self) -> None:
        """Load the spine, after the first paint. Raises `StoreError`; searches then go by SQL."""
        await self._loader.load()
        # What reads and answers qualifiers, while nobody waits: otherwise the first letter typed would.
        for module in _PRELOADED_MODULES:
            await asyncio.to_thread(import_module, module)

    def counts(self) -> TabCounts:
        """Return how many contacts each tab holds."""
        return read_counts(self._database)

    def first(self, query: Query) -> SearchResult:
        """Answer at once from an index, for any number of contacts; nothing but the tab is looked at."""
        counts = self.counts()
        return SearchResult(query, IndexRows(self._reader, query.tab, counts.of(query.tab)), counts)

    def rows(self, contact_ids: Sequence[str]) -> list[Row]:
        """Read these contacts as they are now; those that aren't stored are left out."""
        return self._reader.rows_of(contact_ids)

    async def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Answer a query: a first screenful if it takes longer than a turn of the loop, then everything."""
        await self._loader.wait_while_stale()
        index = self._loader.index
        if index is None and query.is_everything:
            yield self.first(query)
        elif index is None:
            async with aclosing(self._search(query)) as answers:
                async for found in answers:
                    yield found
        else:
            async with aclosing(self._scan(index, query)) as answers:
                async for found in answers:
                    yield found

    def mark_stale(self) -> None:
        """Take note that contacts have come or changed their names or texts."""
        self._loader.mark_stale()

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Take note that a contact's status has changed."""
        self._loader.patch(rowid, status)

    def sync_statuses_changed(self) -> None:
        """Take note that changes may stand otherwise with Re-Leased, though nothing was written."""
        if self._filter_cache is not None:
            self._filter_cache.sync_statuses_changed()

    def close(self) -> None:
        """Stop loading."""
        self._loader.close()

    async def _scan(self, index: ContactIndex, query: Query) -> AsyncGenerator[SearchResult, None]:
        recent = self._loader.recent
        # Nothing else is waited for here, so that a search for words takes no longer than it must.
        allowed = await self._open_filter_cache().masks(index, query.filters) if query.filters else None
        scan = IndexScan(index, query, recent.narrowest(query), allowed)
        has_answered = False
        resumed = perf_counter()
        for _ in scan.slices():
            if perf_counter() - resumed < _SLICE_SECONDS:
                continue
            if not has_answered and sum(scan.totals) >= _VIEWPORT:
                has_answered = True
                yield SearchResult(query, self._result_rows(index, scan), scan.counts, is_complete=False)
            await _yield_to_loop()
            resumed = perf_counter()
        recent.keep(scan.matches, scan.texts_total)
        yield SearchResult(query, self._result_rows(index, scan), scan.counts)

    def _open_filter_cache(self) -> FilterCache:
        if self._filter_cache is None:
            from tui.store.search.filtering import FilterCache

            self._filter_cache = FilterCache(self._database, lambda: self.now(), self._sync_status)  # noqa: PLW0108 - the engine sets its clock later
        return self._filter_cache

    def _sync_status(self, change: Change) -> StatusSince | None:
        return self.grade(change)

    def _result_rows(self, index: ContactIndex, scan: IndexScan) -> SearchRows:
        return SearchRows(self._reader, index.order, tuple(scan.shown), scan.totals)

    async def _search(self, query: Query) -> AsyncGenerator[SearchResult, None]:
        # Not before the first paint, which has no words to look for.
        from tui.store.search.conditions import Translator
        from tui.store.search.sql_search import search

        cancelled, moment = threading.Event(), self._open_filter_cache().moment()

        def select(limit: int | None) -> tuple[array[int], TabCounts]:
            with self._database.read_connection() as connection:
                translator = Translator(connection, moment, self._sync_status)
                return search(translator, query, limit, is_cancelled=cancelled.is_set)

        try:
            rowids, counts = await asyncio.to_thread(select, _VIEWPORT)
            if len(rowids) == _VIEWPORT:
                yield SearchResult(query, ListedRows(self._reader, rowids), counts, is_complete=False)
            rowids, counts = await asyncio.to_thread(select, None)
            yield SearchResult(query, ListedRows(self._reader, rowids), counts)
        finally:
            cancelled.set()


async def _yield_to_loop() -> None:
    # What became ready meanwhile is put behind who yields: its timer or socket runs after the first yield,
    # and the task that it wakes after the second.
    for _ in range(3):
        await asyncio.sleep(0)
