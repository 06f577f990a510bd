"""Which contacts of the spine meet filters: asked of the database once, and kept until anything changes."""

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

# At 100,000 contacts, each takes a tenth of a megabyte.
_MAX_CACHED: Final = 8
# How many row ids are held at a time: each costs forty bytes until it is a mask's single one.
_AT_ONCE: Final = 32_768
# How many of SQLite's steps go by before it looks whether it is still wanted.
_STEPS_BETWEEN_CHECKS: Final = 20_000


class FilterCache:
    """Answers filters with a mask for each chunk of a spine.

    Answers hold until something is written by anybody, standings are said to have moved, or the minute ends
    that relative times are counted from.
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
        """Take note that changes may stand otherwise, though nothing may have been written."""
        self._sync_statuses_version += 1

    def moment(self) -> datetime:
        """Return what relative times are counted from: this minute."""
        return self._now().replace(second=0, microsecond=0)

    async def masks(self, index: ContactIndex, filters: Sequence[Filter]) -> Masks:
        """Return who meets all of the filters. Raises `StoreError`."""
        moment = self.moment()
        key = (self._database.version(), self._sync_statuses_version, moment)
        if index is not self._index or key != self._cache_key:
            self._index, self._cache_key, self._cache = index, key, OrderedDict()
        cache = self._cache
        masks_by_filter = {each: cache[each] for each in filters if each in cache}
        missing = [each for each in filters if each not in cache]
        if missing:
            masks_by_filter |= await self._query(index, missing, moment)
        # Should anything have changed meanwhile, others are kept by now, and these forgotten.
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
                return {each: _masks(connection, translator, index, each) for each in filters}
            except sqlite3.OperationalError:
                if not is_cancelled():
                    raise
                return {each: [0] * len(index.chunks) for each in filters}


def _cache_masks(cache: OrderedDict[Filter, Masks], masks_by_filter: Mapping[Filter, Masks]) -> None:
    """Remember these, and forget the oldest."""
    for each, masks in masks_by_filter.items():
        cache[each] = masks
        cache.move_to_end(each)
    while len(cache) > max(_MAX_CACHED, len(masks_by_filter)):
        cache.popitem(last=False)


def _masks(
    connection: sqlite3.Connection, translator: Translator, index: ContactIndex, wanted: Filter
) -> Masks:
    condition = translator.translate(wanted)
    # Row ids as one text: SQLite makes it without a stop, while other threads run.
    within = f"rowid >= ? AND rowid < ? AND ({condition.text})"
    sql = f"SELECT group_concat(rowid) FROM contacts WHERE {within}"  # noqa: S608 - our own conditions
    # Those that came after the spine was loaded have no place in it yet, and aren't asked for.
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
