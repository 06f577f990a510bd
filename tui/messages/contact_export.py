"""The columns and cells of exported contacts: one table for every format, for screens and commands.

Amounts are in the organisation's currency, which has a column of its own. Where nothing is known, the cell is
empty; nothing owed is 0. Times are in UTC.
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tui.messages.activity import activity_cell
from tui.messages.contacts import COLUMN_TITLES, GONE, STATE_LABELS, SYNC_LABELS, status_label
from tui.model.activity import from_day_number
from tui.model.change import State
from tui.model.columns import NUMBERS, ColumnKey
from tui.model.contact import ContactStatus
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.tables import ContactExport, TableColumn
from tui.model.timestamps import from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from tui.model.contact import Row
    from tui.model.query import Query
    from tui.model.tables import Cell, TableFormat

_AMOUNTS: Final = NUMBERS - {ColumnKey.UPDATED, ColumnKey.LAST_ACTIVITY}
_CURRENCY: Final = TableColumn("currency", "Currency")
_SYNC_SINCE: Final = TableColumn("sync_status_since", "Sync status since (UTC)")
_CONTACT_ID: Final = TableColumn("contact_id", "Xero ContactID")


def contact_export(
    query: Query,
    table_format: TableFormat,
    *,
    currency: str,
    contact_ids: Iterable[str] | None = None,
    columns: Sequence[ColumnKey] | None = None,
    with_id: bool | None = None,
) -> ContactExport:
    """Describe an export of the contacts of a query, or of these contacts on its tab.

    Without `columns`, it has all of them, and last the ContactID by which Xero and Re-Leased know a contact;
    with them, only if `with_id` is set. `currency` is the organisation's own, empty if unknown.
    """
    keys = tuple(COLUMN_TITLES if columns is None else columns)
    # After the last amount.
    last_amount = max((place for place, key in enumerate(keys) if key in _AMOUNTS), default=None)
    if with_id is None:
        with_id = columns is None
    titles: list[TableColumn] = []
    for place, key in enumerate(keys):
        in_utc = " (UTC)" if key is ColumnKey.UPDATED else ""
        titles.append(TableColumn(key.value, f"{COLUMN_TITLES[key]}{in_utc}"))
        if place == last_amount:
            titles.append(_CURRENCY)
        if key is ColumnKey.SYNC_STATUS:
            titles.append(_SYNC_SINCE)

    # Chosen once: there may be a hundred thousand rows.
    readers = [_READERS.get(key) for key in keys]

    def cells(row: Row) -> Sequence[Cell]:
        found: list[Cell] = []
        more = dict(row.more) if row.more else {}
        for place, (key, read) in enumerate(zip(keys, readers, strict=True)):
            if read is not None:
                found.append(read(row))
            elif key is ColumnKey.SYNC_STATUS:
                found += _sync_cells(row)
            else:
                found.append(_further_cell(key, more.get(key)))
            if place == last_amount:
                found.append(currency)
        return (*found, row.contact_id) if with_id else found

    return ContactExport(
        query,
        None if contact_ids is None else frozenset(contact_ids),
        table_format,
        keys,
        (*titles, _CONTACT_ID) if with_id else tuple(titles),
        cells,
    )


def _amount(cents: object) -> Decimal | None:
    return Decimal(cents).scaleb(-2) if isinstance(cents, int) else None


def _further_cell(key: ColumnKey, value: str | int | None) -> Cell:
    """Return the cell of a column that not every row has."""
    if key is ColumnKey.UPDATED:
        return from_milliseconds(value)
    if key is ColumnKey.LAST_ACTIVITY:
        on = from_day_number(value)
        return on.isoformat() if on is not None else activity_cell(value)
    if key in _AMOUNTS:
        return _amount(value)
    return value if isinstance(value, str) else ""


#: The cells of columns whose values every row has, but the sync status, which has two.
_READERS: Final[Mapping[ColumnKey, Callable[[Row], Cell]]] = {
    ColumnKey.NAME: attrgetter("name"),
    ColumnKey.EMAIL: attrgetter("email"),
    ColumnKey.STATUS: status_label,
    ColumnKey.OWES: lambda row: _amount(row.owes),
}


def _sync_cells(row: Row) -> tuple[str, datetime | None]:
    """Return the status of a contact's last change as the list shows it, and since when it applies."""
    label, since, is_superseded = "", None, False
    if row.last_change is not None:
        change = row.last_change.change
        if change.state is State.CONFIRMED:
            sync = row.last_change.sync or StatusSince(SyncStatus.PENDING)
            label, since = SYNC_LABELS[sync.status], sync.since
            is_superseded = sync.status is SyncStatus.SUPERSEDED
            if sync.status is SyncStatus.PENDING:
                since = since or change.confirmed_at
        else:
            label = STATE_LABELS.get(change.state, "")
    if row.status is ContactStatus.DELETED and (not label or is_superseded):
        return GONE, None
    return label, since
