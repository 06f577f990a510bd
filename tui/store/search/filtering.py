"""Which contacts of the index match filters: queried once, and cached until anything changes.

Filters become SQL conditions. Typed text is always a parameter, never SQL.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.evidence import ReportKind
from tui.model.query import (
    BY_STATE,
    BalanceCondition,
    BalanceSide,
    ContactKind,
    GroupCondition,
    KindCondition,
    NoMatchCondition,
    SyncCondition,
    SyncFilter,
    TabCounts,
    fold,
    sync_filter_of,
)
from tui.model.snapshot import ChangeView
from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.search.sorting import order_by
from tui.store.values import to_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.evidence import StatusSince
    from tui.model.query import ChangedCondition, Filter, Query
    from tui.store.database import Database
    from tui.store.search.contact_index import ContactIndex


_BALANCES: Final = {
    BalanceSide.RECEIVABLE: "receivable",
    BalanceSide.PAYABLE: "payable",
    BalanceSide.OVERDUE: "receivable_overdue",
}
_KINDS: Final = {
    ContactKind.CUSTOMER: "is_customer = 1",
    ContactKind.SUPPLIER: "is_supplier = 1",
    ContactKind.ACTIVE: f"status = '{ContactStatus.ACTIVE}'",
    ContactKind.ARCHIVED: f"status = '{ContactStatus.ARCHIVED}'",
    ContactKind.GDPR: f"status = '{ContactStatus.GDPRREQUEST}'",
    ContactKind.DELETED: f"status = '{ContactStatus.DELETED}'",
    ContactKind.MERGED: "merged_to <> ''",
    ContactKind.NOT_LINKED: f"""
        contact_id IN (
            SELECT contact_id FROM user_reports AS report WHERE kind = '{ReportKind.UNLINKED}' AND number = (
                SELECT max(number) FROM user_reports WHERE contact_id = report.contact_id
                    AND kind IN ('{ReportKind.UNLINKED}', '{ReportKind.LINKED}')
            )
        )
    """,  # noqa: S608 - only our own names
}
# As in the table's rows: cancelled changes don't count.
_COUNTS: Final = "state NOT IN ('cancelled', 'dismissed')"
_LAST: Final = f"""
    change_id = (SELECT max(change_id) FROM changes WHERE contact_id = last.contact_id AND {_COUNTS})
"""  # noqa: S608 - as above
_UNSYNCED: Final = "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NULL"
# Statuses that follow from the change log alone, without the clock or the company's status.
_BY_CHANGE_LOG: Final = {
    **{sync: f"state = '{state}'" for state, sync in BY_STATE.items()},
    SyncFilter.SYNCED: "state = 'confirmed' AND synced_ms IS NOT NULL",
    SyncFilter.CHECKED: "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NOT NULL",
    SyncFilter.SUPERSEDED: f"{_UNSYNCED} AND superseded = 1",
}


class Sql(Struct, frozen=True):
    """A condition on a row of `contacts`, with its parameters. NULL means unknown."""

    text: str
    parameters: tuple[object, ...] = ()


class Translator(Struct, frozen=True):
    """Translates filters to SQL, as of a given time; `grade` returns the sync status of a change."""

    connection: sqlite3.Connection
    now: datetime
    grade: Callable[[Change], StatusSince | None]

    def translate(self, wanted: Filter) -> Sql:
        """Return the condition; a negated one doesn't match unknown values either."""
        if isinstance(wanted.condition, NoMatchCondition):
            return Sql("0")
        sql = self._condition(wanted.condition)
        return Sql(f"NOT ({sql.text})", sql.parameters) if wanted.is_negated else sql

    def _condition(
        self, condition: KindCondition | BalanceCondition | GroupCondition | SyncCondition | ChangedCondition
    ) -> Sql:
        match condition:
            case KindCondition(kind):
                return Sql(_KINDS[kind])
            case BalanceCondition(side, comparison, hundredths):
                return Sql(f"{_BALANCES[side]} {comparison} ?", (hundredths,))
            case GroupCondition():
                return _one_of("group_names", self._memberships(condition))
            case SyncCondition(sync):
                return self._synced(sync)
            case _:
                return self._changed(condition)

    def _memberships(self, condition: GroupCondition) -> Iterable[str]:
        """Yield the stored group lists that contain a matching group; there are few distinct ones."""
        rows = self.connection.execute("SELECT DISTINCT group_names FROM contacts WHERE group_names <> '[]'")
        return (stored for (stored,) in rows if any(map(condition.matches, map(fold, values.names(stored)))))

    def _synced(self, sync: SyncFilter) -> Sql:
        if sync is SyncFilter.NONE:
            return Sql(f"contact_id NOT IN (SELECT contact_id FROM changes WHERE {_COUNTS})")  # noqa: S608 - constant SQL
        if sync in _BY_CHANGE_LOG:
            last = f"SELECT contact_id FROM changes AS last WHERE {_BY_CHANGE_LOG[sync]} AND {_LAST}"  # noqa: S608 - as above
            return Sql(f"contact_id IN ({last})")
        rows = self.connection.execute(
            f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes AS last"  # noqa: S608 - as above
            f" WHERE {_UNSYNCED} AND superseded = 0 AND {_LAST}"
        )
        views = (ChangeView(change, self.grade(change)) for change in values.read_rows(change_of, rows))
        return _one_of(
            "contact_id", (view.change.contact_id for view in views if sync_filter_of(view) is sync)
        )

    def _changed(self, condition: ChangedCondition) -> Sql:
        start, end = condition.bounds(self.now, None)
        bounds = [("updated_ms >= ?", start), ("updated_ms < ?", end)]
        given = [(text, to_ms(moment)) for text, moment in bounds if moment is not None]
        return Sql(" AND ".join(text for text, _ in given), tuple(bound for _, bound in given))


def _one_of(column: str, values: Iterable[str]) -> Sql:
    wanted = list(values)
    if not wanted:
        # SQLite would scan all contacts for an empty list.
        return Sql("0")
    return Sql(f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(wanted),))  # noqa: S608 - our own names


def search(
    translator: Translator, query: Query, limit: int | None, *, is_cancelled: Callable[[], bool]
) -> tuple[array[int], TabCounts]:
    """Return the row ids on the query's tab, in order, and the counts of all tabs among the rows read.

    Returns partial results if cancelled. With a limit, other tabs are left out.
    """
    connection = translator.connection
    connection.set_progress_handler(is_cancelled, _STEPS_BETWEEN_CHECKS)
    status = query.tab.status
    rowids = array("q")
    totals: dict[object, int] = dict.fromkeys(ContactStatus, 0)
    try:
        condition = _condition(translator, query, None if limit is None else status)
        order = order_by(query.sort)
        sql = f"SELECT rowid, status FROM contacts AS c WHERE {condition.text} ORDER BY {order} LIMIT ?"  # noqa: S608 - our own conditions
        for rowid, found in connection.execute(sql, (*condition.parameters, -1 if limit is None else limit)):
            totals[found] = totals.get(found, 0) + 1
            if status is None or status == found:
                rowids.append(rowid)
    except sqlite3.OperationalError:
        if not is_cancelled():
            raise
    counts = TabCounts(sum(totals.values()), totals[ContactStatus.ACTIVE], totals[ContactStatus.ARCHIVED])
    return rowids, counts


def _condition(translator: Translator, query: Query, status: ContactStatus | None) -> Sql:
    parts = [
        *(Sql("instr(search, ?) > 0", (word,)) for word in query.words),
        *(Sql("instr(search, ?) = 0", (word,)) for word in query.excluded_words),
        *map(translator.translate, query.filters),
    ]
    if status is not None:
        parts.append(Sql("status = ?", (status.value,)))
    text = " AND ".join(f"({part.text})" for part in parts)
    return Sql(text, tuple(parameter for part in parts for parameter in part.parameters))


# With 100,000 contacts, each takes 0.1 MB.
_MAX_CACHED: Final = 8
# Row ids per query: each takes 40 bytes until it is stored as a flag.
_AT_ONCE: Final = 32_768
# SQLite steps between two checks for cancellation.
_STEPS_BETWEEN_CHECKS: Final = 20_000


class FilterCache:
    """Returns the matches of filters as flags: a byte per position of an index, 1 for a match.

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
        self._cache: OrderedDict[Filter, bytes] = OrderedDict()

    def sync_statuses_changed(self) -> None:
        """Invalidate the cache: sync statuses may have changed without a write."""
        self._sync_statuses_version += 1

    def moment(self) -> datetime:
        """Return the time from which relative times are counted: the start of this minute."""
        return self._now().replace(second=0, microsecond=0)

    async def flags(self, index: ContactIndex, filters: Sequence[Filter]) -> Sequence[bytes]:
        """Return the flags of each filter. Raises `StoreError`."""
        moment = self.moment()
        key = (self._database.version(), self._sync_statuses_version, moment)
        if index is not self._index or key != self._cache_key:
            self._index, self._cache_key, self._cache = index, key, OrderedDict()
        cache = self._cache
        flags = {wanted: cache[wanted] for wanted in filters if wanted in cache}
        missing = [wanted for wanted in filters if wanted not in cache]
        if missing:
            flags |= await self._query(index, missing, moment)
        # If anything changed meanwhile, a new cache is in use by now, and this one is discarded.
        for wanted, found in flags.items():
            cache[wanted] = found
            cache.move_to_end(wanted)
        while len(cache) > max(_MAX_CACHED, len(flags)):
            cache.popitem(last=False)
        return list(flags.values())

    async def _query(
        self, index: ContactIndex, filters: Sequence[Filter], moment: datetime
    ) -> dict[Filter, bytes]:
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
    ) -> dict[Filter, bytes]:
        with self._database.read_connection() as connection:
            connection.set_progress_handler(is_cancelled, _STEPS_BETWEEN_CHECKS)
            translator = Translator(connection, moment, self._grade)
            try:
                return {wanted: _flags(connection, translator, index, wanted) for wanted in filters}
            except sqlite3.OperationalError:
                if not is_cancelled():
                    raise
                return {wanted: bytes(len(index)) for wanted in filters}


def _flags(
    connection: sqlite3.Connection, translator: Translator, index: ContactIndex, wanted: Filter
) -> bytes:
    condition = translator.translate(wanted)
    # Row ids as one string: SQLite builds it in a single step while other threads run.
    within = f"rowid >= ? AND rowid < ? AND ({condition.text})"
    sql = f"SELECT group_concat(rowid) FROM contacts WHERE {within}"  # noqa: S608 - our own conditions
    # Contacts added after the index was loaded aren't in it yet, and are left out.
    flags = bytearray(len(index.positions))
    for start in range(0, len(flags), _AT_ONCE):
        bounds = (start, min(start + _AT_ONCE, len(flags)))
        (found,) = connection.execute(sql, (*bounds, *condition.parameters)).fetchone()
        for rowid in json.loads(f"[{found or ''}]"):
            flags[rowid] = 1
    return bytes(map(flags.__getitem__, index.rowids))
