"""Rows of the contact table, read from SQLite when they are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from tui.model.change import State
from tui.model.columns import ALWAYS_READ, NUMBERS, ColumnKey
from tui.model.contact import ContactStatus, Row, SearchMatch
from tui.model.query import Tab, fold
from tui.model.snapshot import ChangeView
from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.values import without_hyphens

if TYPE_CHECKING:
    import sqlite3
    from array import array
    from collections.abc import Callable, Collection, Generator, Sequence
    from contextlib import AbstractContextManager

    from tui.model.change import Change
    from tui.model.evidence import StatusSince


class Reader(Protocol):
    """What rows are read from: the open store, or another one that is only read."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Read rows as tuples."""
        ...

    def read_connection(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open a separate connection for a thread that reads a lot."""
        ...


# A cancelled change doesn't count; the one before it does.
_ROWS: Final = f"""
    SELECT c.contact_id, c.name, c.email, c.status, c.receivable, c.merged_to,
        {{more}} {", ".join(f"h.{column}" for column in CHANGE_COLUMNS)}
    FROM json_each(?) AS wanted
    LEFT JOIN contacts AS c ON c.rowid = wanted.value
    LEFT JOIN changes AS h
        ON h.change_id = (
            SELECT max(change_id) FROM changes
            WHERE contact_id = c.contact_id AND state NOT IN ('cancelled', 'dismissed')
        )
"""  # noqa: S608 - only our own column names
# Read for searches: what is searched besides the name and the e-mail address, as `_match` takes it.
_SEARCHED: Final = ("c.first_name", "c.last_name", "c.phone", "c.account_number", "c.contact_number")
_IDS: Final = """
    SELECT coalesce(c.contact_id, '') FROM json_each(?) AS wanted
    LEFT JOIN contacts AS c ON c.rowid = wanted.value
"""
_TAB_CONDITIONS: Final = {
    Tab.ALL: "",
    Tab.ACTIVE: "WHERE status = 'ACTIVE'",
    Tab.ARCHIVED: "WHERE status = 'ARCHIVED'",
}
_AT_ONCE: Final = 500
_STATUSES: Final = {status.value: status for status in ContactStatus}
# Replaces a contact that was deleted or can't be read, so that every other row keeps its position.
_PLACEHOLDER: Final = Row("", "", "", ContactStatus.ARCHIVED, None, is_merged=False, last_change=None)


class RowReader:
    """Reads rows by id in the given order, each with its contact's latest change."""

    def __init__(self, database: Reader, grade: Callable[[Change], StatusSince | None]) -> None:
        self._database = database
        self._grade = grade
        self._more: tuple[ColumnKey, ...] = ()
        self._sql = _sql_with(())

    def show_columns(self, columns: Sequence[ColumnKey]) -> None:
        """Read the values of these columns too, besides those that a row always has."""
        more = tuple(key for key in columns if key not in ALWAYS_READ)
        if more != self._more:
            self._more, self._sql = more, _sql_with(more)

    def rows(self, rowids: Sequence[int], words: Sequence[str] = ()) -> list[Row]:
        """Read rows, with a placeholder without an id for each that no longer exists.

        Those found by `words` say by what, if it isn't the name.
        """
        sql = _sql_with(self._more, _SEARCHED) if words else self._sql
        rows = self._database.rows(sql, (str(list(rowids)),))
        return [self._row(row, self._more, words) for row in rows]

    def stream(self, rowids: Sequence[int], columns: Sequence[ColumnKey]) -> Generator[Row]:
        """Read rows in batches from one snapshot of the database, without those that no longer exist.

        Each has the values of these columns. Must be called in a thread. Raises `StoreError`.
        """
        more = tuple(key for key in columns if key not in ALWAYS_READ)
        sql = _sql_with(more)
        with self._database.read_connection() as connection:
            connection.execute("BEGIN")
            for start in range(0, len(rowids), _AT_ONCE):
                batch = str(list(rowids[start : start + _AT_ONCE]))
                for found in connection.execute(sql, (batch,)).fetchall():
                    row = self._row(found, more)
                    if row.contact_id:
                        yield row

    def rows_of(self, contact_ids: Sequence[str]) -> list[Row]:
        """Read the rows of these contacts, without those that aren't stored."""
        rowids = (self.rowid(contact_id) for contact_id in contact_ids)
        return self.rows([rowid for rowid in rowids if rowid is not None])

    def ids(self, rowids: Sequence[int]) -> list[str]:
        """Read contact ids only; empty for rows that no longer exist."""
        return [values.text(row[0]) for row in self._database.rows(_IDS, (str(list(rowids)),))]

    def rowid(self, contact_id: str) -> int | None:
        """Return a contact's row id; None if it isn't stored."""
        rows = self._database.rows("SELECT rowid FROM contacts WHERE contact_id = ?", (contact_id,))
        return rows[0][0] if rows else None

    def rowids(self, contact_ids: Collection[str]) -> dict[str, int]:
        """Return the row ids of contacts, without those that aren't stored."""
        sql = """
            SELECT contact_id, rowid FROM contacts
            WHERE contact_id IN (SELECT value FROM json_each(?))
        """
        return dict(self._database.rows(sql, (json.dumps(list(contact_ids)),)))

    def on_tab(self, tab: Tab, contact_ids: Collection[str]) -> frozenset[str]:
        """Return which of the contacts are on a tab."""
        sql = f"""
            SELECT contact_id FROM contacts {_TAB_CONDITIONS[tab] or "WHERE true"}
            AND contact_id IN (SELECT value FROM json_each(?))
        """  # noqa: S608 - our own conditions
        return frozenset(row[0] for row in self._database.rows(sql, (json.dumps(list(contact_ids)),)))

    def in_order(self, tab: Tab, start: int, stop: int) -> list[int]:
        """Return the row ids of a range of a tab, from its index."""
        sql = f"SELECT rowid FROM contacts {_TAB_CONDITIONS[tab]} ORDER BY sort_key, rowid LIMIT ? OFFSET ?"  # noqa: S608 - our own conditions
        return [row[0] for row in self._database.rows(sql, (stop - start, start))]

    def position_on_tab(self, tab: Tab, contact_id: str) -> int | None:
        """Return a contact's position on a tab; None if it isn't there."""
        condition = _TAB_CONDITIONS[tab] or "WHERE true"
        sql = f"""
            SELECT count(*) FROM contacts {condition} AND (sort_key, rowid) <
                (SELECT sort_key, rowid FROM contacts {condition} AND contact_id = ?1)
            HAVING EXISTS (SELECT 1 FROM contacts {condition} AND contact_id = ?1)
        """  # noqa: S608 - our own conditions
        rows = self._database.rows(sql, (contact_id,))
        return rows[0][0] if rows else None

    def _row(self, row: tuple[Any, ...], more: Sequence[ColumnKey], words: Sequence[str] = ()) -> Row:
        contact_id, name, email, status, owes, merged_to, *rest = row
        searched, rest = (rest[: len(_SEARCHED)], rest[len(_SEARCHED) :]) if words else ([], rest)
        known = _STATUSES.get(status)
        if contact_id is None or known is None:
            return _PLACEHOLDER
        return Row(
            contact_id=values.text(contact_id),
            name=values.text(name),
            email=values.text(email),
            status=known,
            owes=values.integer(owes),
            is_merged=bool(values.text(merged_to)),
            last_change=self._view(tuple(rest[len(more) :])),
            more=tuple(map(_value, more, rest)) if more else (),
            match=_match(words, values.text(name), values.text(email), [*map(values.text, searched)])
            if words
            else None,
        )

    def _view(self, row: tuple[Any, ...]) -> ChangeView | None:
        if row[0] is None:
            return None
        for change in values.read_rows(change_of, [row]):
            return self._shown(change)
        return None

    def _shown(self, change: Change) -> ChangeView:
        return ChangeView(change, self._grade(change) if change.state is State.CONFIRMED else None)


def _sql_with(more: Sequence[ColumnKey], searched: Sequence[str] = ()) -> str:
    """Return the statement that reads rows, what a search looks in, and the values of further columns."""
    expressions = list(searched)
    if more:
        from tui.store.search.sorting import VALUES

        expressions += [VALUES[key] for key in more]
    return _ROWS.format(more="".join(f"{expression}, " for expression in expressions))


def _value(key: ColumnKey, stored: object) -> tuple[ColumnKey, str | int | None]:
    if key is ColumnKey.GROUPS:
        return key, ", ".join(values.names(stored))
    return key, values.integer(stored) if key in NUMBERS else values.text(stored)


def _match(words: Sequence[str], name: str, email: str, searched: Sequence[str]) -> SearchMatch | None:
    """Return the first field that has a word which the name doesn't have."""
    first_name, last_name, phone, *numbers = searched
    folded = fold(name)
    missing = next((word for word in words if word not in folded and word not in without_hyphens(folded)), "")
    if not missing:
        return None
    person = " ".join(filter(None, (first_name, last_name)))
    address = fold(email)
    shown = (
        (None, person, fold(person)),
        # As for the search: the domain counts for words with `@` or a dot.
        (ColumnKey.EMAIL, email, address if {"@", "."} & {*missing} else address.partition("@")[0]),
        (ColumnKey.PHONE, phone, fold("".join(phone.split()) + " " + "".join(filter(str.isdecimal, phone)))),
        *zip((ColumnKey.ACCOUNT_NUMBER, ColumnKey.CONTACT_NUMBER), numbers, map(fold, numbers), strict=True),
    )
    for column, text, folded in shown:
        if missing in folded or missing in without_hyphens(folded):
            return SearchMatch(column, text)
    return None


class FoundRows:
    """The results of a search: contacts in a fixed order, by row id; the rows themselves are read live."""

    def __init__(self, reader: RowReader, rowids: array[int], words: Sequence[str] = ()) -> None:
        self._reader = reader
        self.rowids = rowids
        self._words = words

    def __len__(self) -> int:
        return len(self.rowids)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start up to, not including, stop; fewer at the end."""
        return self._reader.rows(self.rowids[max(start, 0) : max(stop, 0)], self._words)

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact ids from start up to, not including, stop."""
        return self._reader.ids(self.rowids[max(start, 0) : max(stop, 0)])

    def index_of(self, contact_id: str) -> int | None:
        """Return a contact's position; None if it isn't among the results."""
        rowid = self._reader.rowid(contact_id)
        try:
            return None if rowid is None else self.rowids.index(rowid)
        except ValueError:
            return None

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return which of the contacts aren't among the results."""
        rowids = self._reader.rowids(contact_ids)
        present = frozenset(rowids.values()).intersection(self.rowids)
        found = (contact_id for contact_id, rowid in rowids.items() if rowid in present)
        return frozenset(contact_ids).difference(found)


class IndexRows:
    """A whole tab, read from its database index: available at once for any number of contacts."""

    def __init__(self, reader: RowReader, tab: Tab, length: int) -> None:
        self._reader = reader
        self._tab = tab
        self._length = length

    def __len__(self) -> int:
        return self._length

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start up to, not including, stop; fewer at the end."""
        return self._reader.rows(self._rowids(start, stop))

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact ids from start up to, not including, stop."""
        return self._reader.ids(self._rowids(start, stop))

    def index_of(self, contact_id: str) -> int | None:
        """Return a contact's position; None if it isn't on the tab."""
        return self._reader.position_on_tab(self._tab, contact_id)

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return which of the contacts aren't on the tab."""
        return frozenset(contact_ids) - self._reader.on_tab(self._tab, contact_ids)

    def _rowids(self, start: int, stop: int) -> list[int]:
        start, stop = max(start, 0), min(stop, self._length)
        return self._reader.in_order(self._tab, start, stop) if start < stop else []
