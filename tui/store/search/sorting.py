"""Orders of the contacts by any column."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections import Counter
from itertools import compress
from typing import TYPE_CHECKING, Final

from tui.model.columns import ColumnKey, Sort
from tui.model.contact import ContactStatus
from tui.model.query import Tab, TabCounts
from tui.store.activity import LAST_ACTIVITY
from tui.store.search.contact_index import SLICE, highest_rowid

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from tui.store.database import Database

#: The value of each column, of a row of `contacts AS c`.
VALUES: Final = {
    ColumnKey.NAME: "c.name",
    ColumnKey.STATUS: "CASE WHEN c.merged_to <> '' THEN 'MERGED' ELSE c.status END",
    ColumnKey.EMAIL: "c.email",
    ColumnKey.OWES: "c.receivable",
    ColumnKey.OVERDUE: "c.receivable_overdue",
    ColumnKey.YOU_OWE: "c.payable",
    ColumnKey.PHONE: "c.phone",
    ColumnKey.ACCOUNT_NUMBER: "c.account_number",
    ColumnKey.CONTACT_NUMBER: "c.contact_number",
    ColumnKey.TAX_NUMBER: """(
        SELECT CASE WHEN json_valid(CAST(raw AS TEXT)) THEN json_extract(CAST(raw AS TEXT), '$.TaxNumber') END
        FROM contact_documents WHERE contact_rowid = c.rowid
    )""",
    ColumnKey.MERGED_INTO: """CASE c.merged_to WHEN '' THEN '' ELSE coalesce(
        (SELECT survivor.name FROM contacts AS survivor WHERE survivor.contact_id = c.merged_to), c.merged_to
    ) END""",
    ColumnKey.GROUPS: "CASE c.group_names WHEN '[]' THEN '' ELSE c.group_names END",
    ColumnKey.UPDATED: "c.updated_ms",
    ColumnKey.LAST_ACTIVITY: LAST_ACTIVITY,
    # As in the table's rows: cancelled changes don't count.
    ColumnKey.SYNC_STATUS: """(
        SELECT max(change_id) FROM changes
        WHERE contact_id = c.contact_id AND state NOT IN ('cancelled', 'dismissed')
    )""",
}
# Compared without the marks of JSON: a quotation mark would sort "Owners abroad" before "Owners".
_GROUPS: Final = "replace(replace(replace(c.group_names, '[\"', ''), '\"]', ''), '\",\"', char(31))"
_TEXTS: Final = frozenset(
    {
        ColumnKey.EMAIL,
        ColumnKey.PHONE,
        ColumnKey.ACCOUNT_NUMBER,
        ColumnKey.CONTACT_NUMBER,
        ColumnKey.TAX_NUMBER,
        ColumnKey.MERGED_INTO,
        ColumnKey.GROUPS,
    }
)


def order_by(sort: Sort) -> str:
    """Return the SQL of an order. Contacts without a value are at the end, whatever the direction."""
    direction = "DESC" if sort.is_descending else "ASC"
    if sort.column is ColumnKey.NAME:
        return f"c.sort_key {direction}, c.rowid {direction}"
    value = _GROUPS if sort.column is ColumnKey.GROUPS else VALUES[sort.column]
    collation = " COLLATE NOCASE" if sort.column in _TEXTS else ""
    return f"coalesce({VALUES[sort.column]}, '') = '', {value}{collation} {direction}, c.sort_key, c.rowid"


def load_order(connection: sqlite3.Connection, tab: Tab, sort: Sort, limit: int | None = None) -> array[int]:
    """Read the row ids of a tab in an order."""
    on_tab = "" if tab.status is None else f" AND c.status = '{tab.status}'"
    sql = f"""
        SELECT c.rowid FROM contacts AS c WHERE c.rowid BETWEEN 1 AND ?{on_tab}
        ORDER BY {order_by(sort)} LIMIT ?
    """  # noqa: S608 - our own expressions
    order = array("I")
    cursor = connection.execute(sql, (highest_rowid(connection), -1 if limit is None else limit))
    while rows := cursor.fetchmany(SLICE):
        order.extend(rowid for (rowid,) in rows)
    return order


def load_listed(
    connection: sqlite3.Connection, contact_ids: Collection[str], tab: Tab, sort: Sort
) -> tuple[array[int], TabCounts]:
    """Read the row ids of these contacts on a tab, in an order, and how many of them each tab has."""
    sql = f"""
        SELECT c.rowid, c.status FROM contacts AS c
        WHERE c.contact_id IN (SELECT value FROM json_each(?)) ORDER BY {order_by(sort)}
    """  # noqa: S608 - our own expressions
    found = connection.execute(sql, (json.dumps(list(contact_ids)),)).fetchall()
    statuses = Counter(status for _, status in found)
    counts = TabCounts(len(found), statuses[ContactStatus.ACTIVE], statuses[ContactStatus.ARCHIVED])
    return array("I", (rowid for rowid, status in found if tab.status in {None, status})), counts


class SortedOrders:
    """Sorts the results of the search index, which are in order of names; keeps an order until changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: tuple[int, Sort] | None = None
        self._order = array("I")

    async def sort(self, rowids: array[int], sort: Sort) -> array[int]:
        """Return the row ids in an order. Raises `StoreError`."""
        key = (self._database.version(), sort)
        if key != self._key:
            order = await self._database.read(lambda connection: load_order(connection, Tab.ALL, sort))
            self._key, self._order = key, order
        return await asyncio.to_thread(_in_order, self._order, rowids)


def _in_order(order: array[int], rowids: array[int]) -> array[int]:
    # Contacts that were added meanwhile are found by the next search.
    wanted = bytearray(max(order, default=0) + 1)
    for rowid in rowids:
        if rowid < len(wanted):
            wanted[rowid] = 1
    return array("I", compress(order, map(wanted.__getitem__, order)))
