"""The contacts table: each contact as Xero last returned it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from tui.model import timestamps
from tui.model.contact import Balances, Contact, ContactStatus
from tui.model.query import TabCounts, fold
from tui.store import values
from tui.store.values import search_text, sort_key, to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from tui.store.database import Database

# In the order of `_values`; reads and writes both follow it.
_COLUMNS: Final = (
    "contact_id", "name", "status", "updated_ms", "first_name", "last_name", "email", "account_number",
    "contact_number", "phone", "is_customer", "is_supplier", "group_names", "merged_to", "receivable",
    "receivable_overdue", "payable", "payable_overdue", "sort_key", "search",
)  # fmt: skip
_STATUS, _UPDATED, _RECEIVABLE, _SORT_KEY, _SEARCH = (
    _COLUMNS.index(name) for name in ("status", "updated_ms", "receivable", "sort_key", "search")
)
_STATUSES: Final = {status.value: status for status in ContactStatus}
# Only damage gives a row such a high id; new rows are numbered below it.
_NO_ROWID: Final = 1 << 48
# A full sync may replace a contact by an older version, unless the stored one is newer than this, in
# milliseconds: the page may then have been read before our own change.
_READS_LAG_MS: Final = 2 * 60 * 1000
_CLOCKS_DIFFER_MS: Final = 10 * 60 * 1000
# A contact dated further ahead than any clock error doesn't block updates.
_FURTHEST_AHEAD_MS: Final = 7 * 24 * 3600 * 1000
# Follows the columns in the rows of `_SELECT`.
_ROWID: Final = len(_COLUMNS)

_SELECT: Final = f"""
    SELECT {", ".join(f"c.{name}" for name in _COLUMNS)}, c.rowid, d.balances_ms, d.raw
    FROM json_each(?) AS wanted
    JOIN contacts AS c ON c.contact_id = wanted.value
    LEFT JOIN contact_documents AS d ON d.contact_rowid = c.rowid
"""  # noqa: S608 - only our own column names
_INSERT: Final = f"""
    INSERT INTO contacts ({", ".join(_COLUMNS)}, rowid) VALUES ({", ".join("?" * len(_COLUMNS))}, ?)
"""  # noqa: S608 - as above
_UPDATE: Final = f"""
    UPDATE contacts SET {", ".join(f"{name} = ?" for name in _COLUMNS)} WHERE rowid = ?
"""  # noqa: S608 - as above
_SET_DOCUMENT: Final = """
    INSERT INTO contact_documents (contact_rowid, raw, balances_ms) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET raw = excluded.raw, balances_ms = coalesce(excluded.balances_ms, balances_ms)
"""


class StatusChange(Struct, frozen=True):
    """A stored contact whose status has changed."""

    rowid: int
    old_status: ContactStatus
    old_updated_at: datetime
    contact: Contact


class UpsertResult(Struct):
    """What storing contacts changed.

    `rowids` are those of all given contacts, changed or not. `texts_changed` means that the order or the
    search index is out of date.
    """

    rowids: list[int] = field(default_factory=list)
    changed_ids: set[str] = field(default_factory=set)
    status_changes: list[StatusChange] = field(default_factory=list)
    texts_changed: bool = False


def upsert(
    connection: sqlite3.Connection,
    contacts: Iterable[Contact],
    seen_at: datetime,
    *,
    is_full_sync: bool = False,
) -> UpsertResult:
    """Store contacts as Xero returned them at that time.

    A contact older than the stored one (by `updated_at`) is ignored: a page that was read before our own
    change must not revert it. One of the same age is stored, as balances change without `UpdatedDateUTC`.
    Known balances stay if Xero left them out. A full sync also replaces contacts that are stored with a later
    date than Xero has, for example after Xero restored its data.
    """
    result = UpsertResult()
    # The last of several entries for one contact wins, as if they had arrived one after the other.
    latest: dict[str, Contact] = {}
    for contact in contacts:
        known = latest.get(contact.contact_id)
        if known is None or contact.updated_at >= known.updated_at:
            latest[contact.contact_id] = contact
    stored = {row[0]: row for row in connection.execute(_SELECT, (json.dumps(list(latest)),))}
    _insert(
        connection,
        [contact for contact_id, contact in latest.items() if contact_id not in stored],
        seen_at,
        result,
    )
    for contact_id, old in stored.items():
        contact = latest[contact_id]
        result.rowids.append(old[_ROWID])
        if _replaces_stored(contact, old, to_ms(seen_at), is_full_sync=is_full_sync):
            _update(connection, contact, old, seen_at, result)
    return result


def _replaces_stored(contact: Contact, old: tuple[Any, ...], seen_ms: int, *, is_full_sync: bool) -> bool:
    """Return whether Xero's contact replaces the stored one."""
    known = timestamps.from_milliseconds(old[_UPDATED])
    if known is None or contact.updated_at >= known or old[_STATUS] == ContactStatus.DELETED:
        return True
    ahead = to_ms(known) - seen_ms
    if is_full_sync:
        return not -_READS_LAG_MS <= ahead <= _CLOCKS_DIFFER_MS
    return ahead > _FURTHEST_AHEAD_MS


def _insert(
    connection: sqlite3.Connection, contacts: Sequence[Contact], seen_at: datetime, result: UpsertResult
) -> None:
    if not contacts:
        return
    # Numbered here, as SQLite doesn't return the row ids of `executemany`.
    sql = "SELECT coalesce(max(rowid), 0) + 1 FROM contacts WHERE rowid < ?"
    [first] = connection.execute(sql, (_NO_ROWID,)).fetchone()
    numbered = list(enumerate(contacts, first))
    connection.executemany(_INSERT, ((*_values(contact), rowid) for rowid, contact in numbered))
    connection.executemany(_SET_DOCUMENT, (_document(rowid, contact, seen_at) for rowid, contact in numbered))
    result.texts_changed = True
    result.rowids += (rowid for rowid, _ in numbered)
    result.changed_ids.update(contact.contact_id for contact in contacts)


def _update(
    connection: sqlite3.Connection,
    contact: Contact,
    old: tuple[Any, ...],
    seen_at: datetime,
    result: UpsertResult,
) -> None:
    *old_values, rowid, _, _ = old
    connection.execute(_SET_DOCUMENT, _document(rowid, contact, seen_at))
    if contact.balances is None and old[_RECEIVABLE] is not None:
        contact = replace(contact, balances=_balances(old))
    new_values = _values(contact)
    if new_values == tuple(old_values):
        return
    connection.execute(_UPDATE, (*new_values, rowid))
    result.changed_ids.add(contact.contact_id)
    before = _STATUSES.get(old[_STATUS])
    if before is None:
        # The old status isn't valid, so this isn't a status change.
        result.texts_changed = True
    elif before is not contact.status:
        result.status_changes.append(StatusChange(rowid, before, values.timestamp(old[_UPDATED]), contact))
    if (old[_SORT_KEY], old[_SEARCH]) != (new_values[_SORT_KEY], new_values[_SEARCH]):
        result.texts_changed = True


def read_contacts(database: Database, contact_ids: Sequence[str]) -> list[Contact]:
    """Read contacts in the given order, without those that aren't stored."""
    return values.read_rows(_contact, database.rows(_SELECT, (json.dumps(list(contact_ids)),)))


def contacts_in(connection: sqlite3.Connection, contact_ids: Sequence[str]) -> dict[str, Contact]:
    """Read contacts by id within a transaction, without those that aren't stored."""
    rows = connection.execute(_SELECT, (json.dumps(list(contact_ids)),))
    return {contact.contact_id: contact for contact in values.read_rows(_contact, rows)}


def find_active_by_name(database: Database, name: str, *, except_id: str) -> Contact | None:
    """Find an active contact of that name. Xero ignores case when it compares names."""
    # Names that only differ in case have the same sort key, so the index finds them.
    rows = database.rows(
        "SELECT contact_id, name FROM contacts WHERE status = 'ACTIVE' AND sort_key = ? ORDER BY rowid",
        (sort_key(name),),
    )
    for contact_id, stored_name in rows:
        if contact_id != except_id and values.text(stored_name).casefold() == name.casefold():
            return next(iter(read_contacts(database, [contact_id])), None)
    return None


def read_named(connection: sqlite3.Connection, texts: Collection[str]) -> dict[str, list[Contact]]:
    """Read, for each text, the contact that has it as its id, or all that have it as their name.

    Names are compared as a search does: case, accents and width of letters don't matter.
    """
    # Xero writes its ids in lower case; other programs may not.
    ids = contacts_in(connection, [*texts, *(text.lower() for text in texts)])
    found = {text: one for text in texts if (one := ids.get(text) or ids.get(text.lower()))}
    keys = {text: sort_key(text) for text in texts if text not in found}
    rows = connection.execute(
        "SELECT contact_id FROM contacts WHERE sort_key IN (SELECT value FROM json_each(?)) ORDER BY rowid",
        (json.dumps([key for key in set(keys.values()) if key]),),
    )
    by_key: dict[str, list[Contact]] = {}
    for contact in contacts_in(connection, [values.text(contact_id) for (contact_id,) in rows]).values():
        by_key.setdefault(sort_key(contact.name), []).append(contact)

    def named(text: str) -> list[Contact]:
        # The key is only the start of a long name.
        wanted = fold(text).strip()
        return [contact for contact in by_key.get(keys[text], ()) if fold(contact.name).strip() == wanted]

    return {text: [found[text]] if text in found else named(text) for text in texts}


_TOTALS: Final = """
    SELECT sum(receivable), sum(receivable_overdue), sum(payable), sum(payable_overdue) FROM contacts
    WHERE contact_id IN (SELECT value FROM json_each(?))
"""


def read_counts(database: Database) -> TabCounts:
    """Read how many contacts each tab has; takes constant time."""
    rows = database.rows("SELECT name, total FROM row_counts WHERE name LIKE 'contacts:%'")
    totals = {name: max(values.integer(total) or 0, 0) for name, total in rows}
    return TabCounts(
        all=sum(totals.values()),
        active=totals.get(f"contacts:{ContactStatus.ACTIVE}", 0),
        archived=totals.get(f"contacts:{ContactStatus.ARCHIVED}", 0),
    )


def total_balances(connection: sqlite3.Connection, contact_ids: Collection[str]) -> Balances:
    """Add up the known balances of contacts."""
    sums = connection.execute(_TOTALS, (json.dumps(list(contact_ids)),)).fetchone()
    receivable, receivable_overdue, payable, payable_overdue = (values.integer(total) or 0 for total in sums)
    return Balances(receivable, receivable_overdue, payable, payable_overdue)


def _values(contact: Contact) -> tuple[object, ...]:
    balances = contact.balances
    money = (
        (None, None, None, None)
        if balances is None
        else (balances.receivable, balances.receivable_overdue, balances.payable, balances.payable_overdue)
    )
    return (
        contact.contact_id,
        contact.name,
        contact.status.value,
        to_ms(contact.updated_at),
        contact.first_name,
        contact.last_name,
        contact.email,
        contact.account_number,
        contact.contact_number,
        contact.phone,
        int(contact.is_customer),
        int(contact.is_supplier),
        _group_names(contact.groups) if contact.groups else "[]",
        contact.merged_to,
        *money,
        sort_key(contact.name),
        search_text(
            contact.name,
            contact.phone,
            contact.email,
            (contact.first_name, contact.last_name),
            (contact.account_number, contact.contact_number),
        ),
    )


# An organisation has few groups, and writing JSON takes a quarter of the time of all values.
@lru_cache(maxsize=256)
def _group_names(groups: tuple[str, ...]) -> str:
    return json.dumps(groups, ensure_ascii=False)


def _document(rowid: int, contact: Contact, seen_at: datetime) -> tuple[int, bytes, int | None]:
    return rowid, contact.raw, None if contact.balances is None else to_ms(seen_at)


def _contact(row: tuple[Any, ...]) -> Contact:
    """Read a row. Raises `UnreadableRowError` for an invalid status."""
    return Contact(
        contact_id=values.text(row[0]),
        name=values.text(row[1]),
        status=values.enum_member(ContactStatus, row[_STATUS]),
        updated_at=values.timestamp(row[_UPDATED]),
        first_name=values.text(row[4]),
        last_name=values.text(row[5]),
        email=values.text(row[6]),
        account_number=values.text(row[7]),
        contact_number=values.text(row[8]),
        phone=values.text(row[9]),
        is_customer=values.flag(row[10]),
        is_supplier=values.flag(row[11]),
        groups=values.names(row[12]),
        merged_to=values.text(row[13]),
        balances=_balances(row),
        raw=row[-1] if isinstance(row[-1], bytes) else b"{}",
    )


def _balances(row: tuple[Any, ...]) -> Balances | None:
    """Read the balances; None if any of them is unknown."""
    receivable, receivable_overdue, payable, payable_overdue = map(
        values.integer, row[_RECEIVABLE : _RECEIVABLE + 4]
    )
    if receivable is None or receivable_overdue is None or payable is None or payable_overdue is None:
        return None
    return Balances(
        receivable, receivable_overdue, payable, payable_overdue, timestamps.from_milliseconds(row[-2])
    )
