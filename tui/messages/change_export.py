"""The columns and cells of the change log: one table for every file, and for scripts. Times are in UTC.

Besides the status that the app shows, it has the codes that it follows from, which stay the same: for a sync
status, what `sync:` calls it in a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui import messages
from tui.messages.contacts import END_LABELS, RETRIED, STATE_LABELS, SYNC_LABELS
from tui.model.change import State
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.query import sync_filter_of
from tui.model.tables import TableColumn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.change import ChangeLogEntry
    from tui.model.snapshot import ChangeView
    from tui.model.tables import Cell


COLUMNS: Final = (
    TableColumn("requested_at", "Requested (UTC)"),
    TableColumn("contact", "Contact"),
    TableColumn("contact_id", "Xero ContactID"),
    TableColumn("action", "Change"),
    TableColumn("by", "By"),
    TableColumn("status", "Status"),
    TableColumn("state", "State in Xero"),
    TableColumn("sync_status", "Sync status"),
    TableColumn("sync_status_since", "Sync status since (UTC)"),
    TableColumn("reason", "Reason"),
    TableColumn("xero_message", "Xero's message"),
    TableColumn("confirmed_at", "Confirmed by Xero (UTC)"),
    TableColumn("change_id", "Change no."),
    TableColumn("reverses_change_id", "Undoes change no."),
    TableColumn("retry_of_id", "Retries change no."),
    TableColumn("note", "Your note"),
)
#: One row for each step of each change.
ENTRY_COLUMNS: Final = (
    TableColumn("at", "At (UTC)"),
    TableColumn("change_id", "Change no."),
    TableColumn("action", "Change"),
    TableColumn("step", "Step"),
    TableColumn("state", "State afterwards"),
    TableColumn("reason", "Reason"),
    TableColumn("xero_message", "Xero's message"),
)


def change_status(view: ChangeView) -> str:
    """Return the status of a change as the list of changes shows it, without a time."""
    change = view.change
    if change.state is State.CONFIRMED:
        return SYNC_LABELS[_sync(view).status]
    if change.state is State.REFUSED and change.superseded:
        return RETRIED
    return STATE_LABELS.get(change.state) or END_LABELS[change.state]


def status_since(view: ChangeView) -> datetime | None:
    """Return since when the sync status applies; None if the change has none, or for an unknown time."""
    if view.change.state is not State.CONFIRMED:
        return None
    sync = _sync(view)
    return sync.since or (view.change.confirmed_at if sync.status is SyncStatus.PENDING else None)


def change_cells(view: ChangeView) -> Sequence[Cell]:
    """Return the cells of `COLUMNS`."""
    change = view.change
    return (
        change.requested_at,
        change.name,
        change.contact_id,
        change.action.value,
        change.origin.value,
        change_status(view),
        change.state.value,
        sync_filter_of(view).value if change.state is State.CONFIRMED else "",
        status_since(view),
        "" if change.notice is None else messages.message(change.notice),
        change.message,
        change.confirmed_at,
        str(change.change_id),
        _number(change.reverses_change_id),
        _number(change.retry_of_id),
        change.note,
    )


def entry_cells(entry: ChangeLogEntry) -> Sequence[Cell]:
    """Return the cells of `ENTRY_COLUMNS`."""
    return (
        entry.at,
        str(entry.change_id),
        entry.action.value,
        entry.transition,
        entry.state.value,
        "" if entry.notice is None else messages.message(entry.notice),
        entry.message,
    )


def _sync(view: ChangeView) -> StatusSince:
    return view.sync or StatusSince(SyncStatus.PENDING)


def _number(change_id: int | None) -> str:
    return "" if change_id is None else str(change_id)
