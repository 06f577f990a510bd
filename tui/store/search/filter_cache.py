"""Which contacts of the index match filters: what they compare is read once, until anything changes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from array import array
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.model.errors import StoreError
from tui.model.query import (
    BalanceCondition,
    ChangedCondition,
    CurrencyCondition,
    Filter,
    GroupCondition,
    IdleCondition,
    KindCondition,
    NeverUsedCondition,
    SyncCondition,
    SyncFilter,
    fold,
)
from tui.store import values
from tui.store.activity import LAST_ACTIVITY
from tui.store.search.contact_index import NO_POSITION
from tui.store.search.filtering import (
    AMOUNTS,
    CONTACT_KINDS,
    COUNTED,
    CURRENCY,
    STEPS_BETWEEN_CHECKS,
    Translator,
    value_range,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.evidence import StatusSince
    from tui.store.database import Database
    from tui.store.search.contact_index import ContactIndex

# With 100,000 contacts, each takes 0.1 MB.
_MAX_CACHED: Final = 8
# Rows in one step of reading, between which keys are handled: half a millisecond.
_AT_ONCE: Final = 2_048
_CACHE_KIB: Final = 256
# Texts that are compared, by qualifier: each as an expression, and of which rows. A damaged database may have
# any bytes in the first: the list of groups.
_TEXTS: Final = {
    "group": ("CAST(group_names AS TEXT)", "group_names <> '[]'"),
    "currency": (CURRENCY, "true"),
}
# No amount and no time is as small as this.
_UNKNOWN: Final = -(2**62)
_KINDS: Final = "kinds"
_KIND_BITS: Final = {kind: 1 << bit for bit, kind in enumerate(CONTACT_KINDS)}
# What is read into memory for filters, as a whole number of each row of `contacts`.
_NUMBERS: Final = {
    # An expression, which would be worked out three times below.
    LAST_ACTIVITY: f"coalesce({LAST_ACTIVITY}, {_UNKNOWN})",
    **{
        column: f"CASE typeof({column}) WHEN 'integer' THEN {column} ELSE {_UNKNOWN} END"
        for column in AMOUNTS.values()
        if column != LAST_ACTIVITY
    },
    _KINDS: " | ".join(
        f"(coalesce({condition}, 0) << {bit})" for bit, condition in enumerate(CONTACT_KINDS.values())
    ),
}


class FilterCache:
    """Returns the matches of filters as flags: a byte per position of an index, 1 for a match.

    Matches are cached until any process writes, sync statuses are reported as changed, or the minute ends
    from which relative times are counted.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], grade: Callable[[Change], StatusSince | None]
    ) -> None:
        self._database = database
        self._now = now
        self._grade = grade
        self._sync_statuses_version = 0
        self._values: _ContactValues | None = None
        self._values_version = -1
        self._cache_key: tuple[object, ...] = ()
        self._cache: OrderedDict[Filter, bytes] = OrderedDict()
        self._preparing: asyncio.Task[None] | None = None

    def sync_statuses_changed(self) -> None:
        """Invalidate the cache: sync statuses may have changed without a write."""
        self._sync_statuses_version += 1

    def moment(self) -> datetime:
        """Return the time from which relative times are counted: the start of this minute."""
        return self._now().replace(second=0, microsecond=0)

    def prepare(self, index: ContactIndex, qualifier: str) -> None:
        """Read what a qualifier compares in the background, while its value is being typed."""
        contact_values = self._current_values(index)
        if not contact_values.has(qualifier) and (self._preparing is None or self._preparing.done()):
            read = partial(contact_values.prepare, qualifier=qualifier)
            self._preparing = asyncio.create_task(self._prepare(read), name="filter values")

    async def _prepare(self, read: Callable[[sqlite3.Connection], None]) -> None:
        # The search that needs it reads it again, and reports the error.
        with suppress(StoreError):
            await self._database.read(read)

    async def flags(self, index: ContactIndex, filters: Sequence[Filter]) -> Sequence[bytes]:
        """Return the flags of each filter. Raises `StoreError`."""
        contact_values, moment = self._current_values(index), self.moment()
        key = (contact_values, self._sync_statuses_version, moment)
        if key != self._cache_key:
            self._cache_key, self._cache = key, OrderedDict()
        cache = self._cache
        flags = {wanted: cache[wanted] for wanted in filters if wanted in cache}
        missing = [wanted for wanted in filters if wanted not in cache]
        if missing:
            flags |= await self._match(contact_values, missing, moment)
        # If anything changed meanwhile, a new cache is in use by now, and this one is discarded.
        for wanted, found in flags.items():
            cache[wanted] = found
            cache.move_to_end(wanted)
        while len(cache) > max(_MAX_CACHED, len(flags)):
            cache.popitem(last=False)
        return list(flags.values())

    def _current_values(self, index: ContactIndex) -> _ContactValues:
        version = self._database.version()
        if self._values is None or index is not self._values.index or version != self._values_version:
            self._values, self._values_version = _ContactValues(index), version
        return self._values

    async def _match(
        self, contact_values: _ContactValues, filters: Sequence[Filter], moment: datetime
    ) -> dict[Filter, bytes]:
        cancelled = threading.Event()

        def match(connection: sqlite3.Connection) -> dict[Filter, bytes]:
            connection.set_progress_handler(cancelled.is_set, STEPS_BETWEEN_CHECKS)
            translator = Translator(connection, moment, self._grade)
            try:
                return {wanted: contact_values.matches(translator, wanted) for wanted in filters}
            except sqlite3.OperationalError:
                if not cancelled.is_set():
                    raise
                return {}
            finally:
                connection.set_progress_handler(None, 0)

        try:
            return await self._database.read(match)
        finally:
            cancelled.set()


class _ContactValues:
    """What filters compare, by the contacts' positions in an index. Each value is read when first needed.

    Used in threads. With 100,000 contacts, reading a value takes 50 to 100 ms and 0.8 MB; comparing it, 4 ms.
    """

    def __init__(self, index: ContactIndex) -> None:
        self.index = index
        self._numbers: dict[str, array[int]] = {}
        self._rowids_by_text: dict[str, dict[str, array[int]]] = {}
        # What is being read isn't read twice.
        self._lock = threading.Lock()

    def has(self, qualifier: str) -> bool:
        """Return whether nothing needs to be read for this qualifier."""
        if qualifier in _TEXTS:
            return qualifier in self._rowids_by_text
        column = _column(qualifier)
        return column is None or column in self._numbers

    def prepare(self, connection: sqlite3.Connection, qualifier: str) -> None:
        """Read what this qualifier compares."""
        if qualifier in _TEXTS:
            self._by_text(connection, qualifier)
        elif column := _column(qualifier):
            self._number(connection, column)

    def matches(self, translator: Translator, wanted: Filter) -> bytes:
        """Return a byte for each position: 1 if the contact matches. Unknown values match nothing."""
        connection, condition, is_negated = translator.connection, wanted.condition, wanted.is_negated
        match condition:
            case BalanceCondition() | ChangedCondition() | IdleCondition() | NeverUsedCondition():
                column, least, below = value_range(condition, translator.now)
                return _within(self._number(connection, column), least, below, is_negated=is_negated)
            case KindCondition(kind) if kind in _KIND_BITS:
                bit = _KIND_BITS[kind]
                return bytes([(kinds & bit == 0) is is_negated for kinds in self._number(connection, _KINDS)])
            case GroupCondition():
                return self._flags(self._members(connection, condition), is_negated=is_negated)
            case CurrencyCondition(currency):
                in_currency = self._in_currency(connection, currency, is_negated=is_negated)
                return self._flags(in_currency, is_negated=False)
            case SyncCondition(SyncFilter.NONE):
                changed = f"contact_id IN (SELECT contact_id FROM changes WHERE {COUNTED})"  # noqa: S608 - constant SQL
                return self._flags(_rowids(connection, changed), is_negated=not is_negated)
            case _:
                sql = translator.translate(Filter(condition))
                return self._flags(_rowids(connection, sql.text, sql.parameters), is_negated=is_negated)

    def _number(self, connection: sqlite3.Connection, column: str) -> array[int]:
        with self._lock:
            numbers = self._numbers.get(column)
            if numbers is None:
                numbers = self._numbers[column] = self._read_number(connection, _NUMBERS[column])
            return numbers

    def _read_number(self, connection: sqlite3.Connection, expression: str) -> array[int]:
        numbers, positions = array("q", [_UNKNOWN]) * len(self.index), self.index.positions
        for rowids, found in self._read(connection, expression):
            for rowid, number in zip(rowids, found, strict=True):
                if (position := positions[rowid]) != NO_POSITION:
                    numbers[position] = number
        return numbers

    def _members(self, connection: sqlite3.Connection, condition: GroupCondition) -> Iterator[int]:
        for stored, rowids in self._by_text(connection, "group").items():
            if any(map(condition.matches, map(fold, values.names(stored)))):
                yield from rowids

    def _in_currency(self, connection: sqlite3.Connection, wanted: str, *, is_negated: bool) -> Iterator[int]:
        for currency, rowids in self._by_text(connection, "currency").items():
            if currency and (currency == wanted) is not is_negated:
                yield from rowids

    def _by_text(self, connection: sqlite3.Connection, qualifier: str) -> dict[str, array[int]]:
        """Return the row ids of contacts by what this qualifier compares; there are few different texts."""
        with self._lock:
            if qualifier not in self._rowids_by_text:
                by_text: dict[str, array[int]] = {}
                for rowids, stored in self._read(connection, *_TEXTS[qualifier]):
                    for rowid, text in zip(rowids, stored, strict=True):
                        by_text.setdefault(text, array("I")).append(rowid)
                self._rowids_by_text[qualifier] = by_text
            return self._rowids_by_text[qualifier]

    def _read(
        self, connection: sqlite3.Connection, expression: str, condition: str = "true"
    ) -> Iterator[tuple[list[int], list[Any]]]:
        """Yield row ids, and an expression of each: many in a step, in which other threads run."""
        # A page of the file isn't read twice.
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        sql = f"""
            SELECT json_group_array(rowid), json_group_array({expression}) FROM contacts AS c
            WHERE rowid >= ? AND rowid < ? AND {condition}
        """  # noqa: S608 - our own expressions
        # Contacts added after the index was loaded aren't in it yet, and are left out.
        end = len(self.index.positions)
        for start in range(0, end, _AT_ONCE):
            bounds = (start, min(start + _AT_ONCE, end))
            rowids, found = map(json.loads, connection.execute(sql, bounds).fetchone())
            yield rowids, found

    def _flags(self, rowids: Iterable[int], *, is_negated: bool) -> bytes:
        flags, positions = bytearray([is_negated]) * len(self.index), self.index.positions
        for rowid in rowids:
            if 0 <= rowid < len(positions) and (position := positions[rowid]) != NO_POSITION:
                flags[position] = not is_negated
        return bytes(flags)


def _column(qualifier: str) -> str | None:
    return _KINDS if qualifier == "is" else AMOUNTS.get(qualifier)


def _within(numbers: array[int], least: int | None, below: int | None, *, is_negated: bool) -> bytes:
    first = _UNKNOWN + 1 if least is None else least
    end = -_UNKNOWN if below is None else below
    if is_negated:
        return bytes([not first <= number < end and number != _UNKNOWN for number in numbers])
    return bytes([first <= number < end for number in numbers])


def _rowids(connection: sqlite3.Connection, condition: str, parameters: Sequence[object] = ()) -> list[int]:
    sql = f"SELECT json_group_array(rowid) FROM contacts AS c WHERE {condition}"  # noqa: S608 - our own conditions
    (found,) = connection.execute(sql, parameters).fetchone()
    rowids: list[int] = json.loads(found)
    return rowids
