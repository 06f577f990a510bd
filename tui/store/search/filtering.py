"""Which contacts of the index match filters: queried once, and cached until anything changes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections import OrderedDict
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Final

from tui.store.search.conditions import Translator
from tui.store.search.contact_index import mask_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.evidence import StatusSince
    from tui.model.filters import Filter
    from tui.store.database import Database
    from tui.store.search.contact_index import ContactIndex

Masks = list[int]

# With 100,000 contacts, each takes 0.1 MB.
_MAX_CACHED: Final = 8
# Row ids per query: each takes 40 bytes until it is stored in a mask.
_AT_ONCE: Final = 32_768
# SQLite steps between two checks for cancellation.
_STEPS_BETWEEN_CHECKS: Final = 20_000


class FilterCache:
    """Returns the matches of filters as a mask for each chunk of an index.

    Results are cached until any process writes, sync statuses are reported as changed, or the minute ends
    from which relative times are counted.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], grade: Callable[[Change], StatusSince | None]
    ) -> None:
        self._database = database
        self._now = now
        self._grade = grade
        self._sync_statuses_version = 0
        self._index: ContactIndex | None = None
        self._cache_key: tuple[object, ...] = ()
        self._cache: OrderedDict[Filter, Masks] = OrderedDict()

    def sync_statuses_changed(self) -> None:
        """Invalidate the cache: sync statuses may have changed without a write."""
        self._sync_statuses_version += 1

    def moment(self) -> datetime:
        """Return the time from which relative times are counted: the start of this minute."""
        return self._now().replace(second=0, microsecond=0)

    async def masks(self, index: ContactIndex, filters: Sequence[Filter]) -> Masks:
        """Return the masks of the contacts that match all filters. Raises `StoreError`."""
        moment = self.moment()
        key = (self._database.version(), self._sync_statuses_version, moment)
        if index is not self._index or key != self._cache_key:
            self._index, self._cache_key, self._cache = index, key, OrderedDict()
        cache = self._cache
        masks_by_filter = {wanted: cache[wanted] for wanted in filters if wanted in cache}
        missing = [wanted for wanted in filters if wanted not in cache]
        if missing:
            masks_by_filter |= await self._query(index, missing, moment)
        # If anything changed meanwhile, a new cache is in use by now, and this one is discarded.
        _cache_masks(cache, masks_by_filter)
        return [reduce(and_, masks) for masks in zip(*masks_by_filter.values(), strict=True)]

    async def _query(
        self, index: ContactIndex, filters: Sequence[Filter], moment: datetime
    ) -> dict[Filter, Masks]:
        cancelled = threading.Event()
        try:
            return await asyncio.to_thread(self._load, index, filters, moment, cancelled.is_set)
        finally:
            cancelled.set()

    def _load(
        self,
        index: ContactIndex,
        filters: Sequence[Filter],
        moment: datetime,
        is_cancelled: Callable[[], bool],
    ) -> dict[Filter, Masks]:
        with self._database.read_connection() as connection:
            connection.set_progress_handler(is_cancelled, _STEPS_BETWEEN_CHECKS)
            translator = Translator(connection, moment, self._grade)
            try:
                return {wanted: _masks(connection, translator, index, wanted) for wanted in filters}
            except sqlite3.OperationalError:
                if not is_cancelled():
                    raise
                return {wanted: [0] * len(index.chunks) for wanted in filters}


def _cache_masks(cache: OrderedDict[Filter, Masks], masks_by_filter: Mapping[Filter, Masks]) -> None:
    """Cache these masks, and evict the oldest."""
    for wanted, masks in masks_by_filter.items():
        cache[wanted] = masks
        cache.move_to_end(wanted)
    while len(cache) > max(_MAX_CACHED, len(masks_by_filter)):
        cache.popitem(last=False)


def _masks(
    connection: sqlite3.Connection, translator: Translator, index: ContactIndex, wanted: Filter
) -> Masks:
    condition = translator.translate(wanted)
    # Row ids as one string: SQLite builds it in a single step while other threads run.
    within = f"rowid >= ? AND rowid < ? AND ({condition.text})"
    sql = f"SELECT group_concat(rowid) FROM contacts WHERE {within}"  # noqa: S608 - our own conditions
    # Contacts added after the index was loaded have no position in it yet, and are left out.
    flags = bytearray(len(index.order.positions))
    for start in range(0, len(flags), _AT_ONCE):
        bounds = (start, min(start + _AT_ONCE, len(flags)))
        (found,) = connection.execute(sql, (*bounds, *condition.parameters)).fetchone()
        for rowid in json.loads(f"[{found or ''}]"):
            flags[rowid] = 1
    masks, start = [], 0
    for chunk in index.chunks:
        rowids = index.order.rowids[start : start + len(chunk)]
        masks.append(mask_of(bytes(map(flags.__getitem__, rowids))))
        start += len(chunk)
    return masks
