"""Texts about contacts: titles, statuses, why they can't be changed, warnings, why they aren't up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages.formats import money
from tui.messages.texts import Catalogue, Text
from tui.model.change import State
from tui.model.columns import ColumnKey
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.model.reasons import ChangeReason, ContactReason, UndoReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.contact import Row
    from tui.model.reasons import Param

#: The titles of the columns, in the order in which they are offered.
COLUMN_TITLES: Final = {
    ColumnKey.NAME: "Contact",
    ColumnKey.STATUS: "Status",
    ColumnKey.EMAIL: "E-mail",
    ColumnKey.PHONE: "Phone",
    ColumnKey.GROUPS: "Groups",
    ColumnKey.OWES: "They owe",
    ColumnKey.OVERDUE: "Overdue",
    ColumnKey.YOU_OWE: "You owe",
    ColumnKey.ACCOUNT_NUMBER: "Account no.",
    ColumnKey.CONTACT_NUMBER: "Contact no.",
    ColumnKey.TAX_NUMBER: "Tax number",
    ColumnKey.MERGED_INTO: "Merged into",
    ColumnKey.UPDATED: "Changed in Xero",
    ColumnKey.LAST_ACTIVITY: "Last activity",
    ColumnKey.SYNC_STATUS: "Sync status",
}
_STATUSES: Final = {
    ContactStatus.ACTIVE: "Active",
    ContactStatus.ARCHIVED: "Archived",
    ContactStatus.GDPRREQUEST: "GDPR",
    ContactStatus.DELETED: "Gone",
}
#: Changes that Xero hasn't confirmed; the others have a sync status.
STATE_LABELS: Final = {
    State.QUEUED: "Queued",
    State.SENDING: "Sending",
    State.UNKNOWN: "Checking",
    State.AWAITING_USER: "Restore in Xero",
    State.REFUSED: "Refused by Xero",
}
#: Changes that ended without Xero's confirmation.
END_LABELS: Final = {State.CANCELLED: "Cancelled", State.DISMISSED: "Stopped waiting"}
RETRIED: Final = "Retried"
SYNC_LABELS: Final = {
    SyncStatus.PENDING: "Pending sync",
    SyncStatus.MISSED: "Missed last sync",
    SyncStatus.EXPECTED: "Should be synced",
    SyncStatus.REPORTED: "Reported synced",
    SyncStatus.CHECKED: "Checked by you",
    SyncStatus.SYNCED: "Synced",
    SyncStatus.STALLED: "Sync not running",
    SyncStatus.NOT_LINKED: "Not linked",
    SyncStatus.FOREIGN_CURRENCY: "Foreign currency",
    SyncStatus.SUPERSEDED: "No sync needed",
}
GONE: Final = "Gone from Xero"


def status_label(row: Row) -> str:
    """Return a contact's status as one word."""
    return "Merged" if row.is_merged else _STATUSES[row.status]


_SAVED_DATA: Final = "Showing saved data."


def _they_owe(params: Mapping[str, Param]) -> Text:
    return Text(f"They owe {_amounts(params)}.")


def _you_owe(params: Mapping[str, Param]) -> Text:
    return Text(f"You owe {_amounts(params)}.")


def _active_elsewhere(params: Mapping[str, Param]) -> Text:
    more = " and {more:,} more" if params["more"] else ""
    also = f"Also active in {{organisations}}{more}."
    return Text(also, "Re-Leased can keep one contact for several companies.")


def _protected(params: Mapping[str, Param]) -> Text:
    return Text("Protected: in the group “{group}”." if params.get("group") else "Protected.")


def _amounts(params: Mapping[str, Param]) -> str:
    outstanding, overdue = (int(str(params[name])) for name in ("outstanding", "overdue"))
    if not overdue:
        return money(outstanding)
    return f"{money(outstanding)}, {'all' if overdue == outstanding else money(overdue)} of it overdue"


TEXTS: Final[Catalogue] = {
    ContactReason.MERGED: Text("Merged into another contact in Xero, which can't be undone."),
    ContactReason.GDPR: Text("Locked in Xero for a privacy request (GDPR), which can't be undone."),
    ContactReason.DELETED: Text("No longer in Xero, so it can't be archived or restored."),
    ContactReason.NOT_LOADED: Text("Not loaded from Xero yet."),
    ContactReason.ALREADY_ARCHIVED: Text("Already archived."),
    ContactReason.ALREADY_ACTIVE: Text("Already active."),
    ContactReason.NAME_TAKEN: Text(
        "Another active contact is named “{name}”. Xero refuses this until you rename one."
    ),
    ContactReason.THEY_OWE: _they_owe,
    ContactReason.YOU_OWE: _you_owe,
    ContactReason.ACTIVE_ELSEWHERE: _active_elsewhere,
    ContactReason.FOREIGN_CURRENCY: Text(
        "In {currency}, your organisation in {base}.", "Re-Leased doesn't sync contacts in another currency."
    ),
    ContactReason.PROTECTED: _protected,
    ContactReason.HAS_WARNINGS: Text("It has a warning, so it was left out."),
    ContactReason.UNREADABLE: Text("Xero's data for this contact couldn't be read.", _SAVED_DATA),
    ContactReason.SOME_UNREADABLE: Text(
        "Xero's data for {count:,} of {total:contact} couldn't be read.", _SAVED_DATA
    ),
    ContactReason.TOO_MANY: Text("More than {most:contact} can't be checked with Xero at once.", _SAVED_DATA),
    ContactReason.SLOW_REPLY: Text(
        "Xero is slow to respond. Its call limit for this minute may be reached.", _SAVED_DATA
    ),
    ContactReason.INCOMPLETE_REPLY: Text(
        "Xero's reply was incomplete.", "Nothing is lost. Reshelve will retry automatically."
    ),
    ContactReason.NOT_SAVED: Text("This contact isn't in the saved data.", action="refresh"),
    ChangeReason.NO_REPLY: Text("No reply from Xero."),
    ChangeReason.UNREACHABLE: Text("Couldn't reach Xero."),
    ChangeReason.NOT_CONFIRMED: Text(
        "Not confirmed by Xero.", "Nothing is lost. Reshelve will check and retry."
    ),
    ChangeReason.NOT_APPLIED: Text("Xero accepted the request but didn't change the contact."),
    ChangeReason.NEVER_ARRIVED: Text("Checked with Xero: not changed yet."),
    ChangeReason.INTERRUPTED: Text("Interrupted before Xero's reply was recorded."),
    ChangeReason.INTERRUPTED_BY_BUG: Text("Interrupted by an unexpected error ({kind})."),
    ChangeReason.CONFIRMED_LATE: Text(
        "An earlier request, which Xero hadn't confirmed, was carried out after all."
    ),
    ChangeReason.DETECTED_IN_XERO: Text("Reshelve detected it in Xero."),
    ChangeReason.ARCHIVED_FIRST: Text("Someone archived it in Xero first, so it wasn't sent."),
    ChangeReason.MERGED_AWAY: Text("Someone merged it into another contact in Xero, which archives it."),
    ChangeReason.RESTORED_SINCE: Text(
        "Someone restored it in Xero after this was requested, so it was left active. "
        "Retry if you still want to archive it."
    ),
    ChangeReason.RESTORED_BEFORE: Text("It had been restored in Xero before this was requested."),
    ChangeReason.CHANGED_SINCE: Text(
        "No reply from Xero, and the contact has been changed since. It may have been archived and restored. "
        "Check it in Xero, then retry if you still want to archive it."
    ),
    ChangeReason.RENAMED: Text("“{old}” is now called “{new}” in Xero."),
    ChangeReason.OPPOSITE_REQUESTED: Text("The opposite was requested before this was sent."),
    ChangeReason.UNDONE: Text("Undone."),
    ChangeReason.REDONE: Text("Redone."),
    ChangeReason.NOTHING_TO_UNDO: Text("The change that this was to undo was never made."),
    ChangeReason.UNDONE_FIRST: Text("Undone before it was made."),
    ChangeReason.UNLINKED: Text("Marked as not linked in Re-Leased, so its syncs leave this contact out."),
    ChangeReason.LINKED: Text("Marked as linked again in Re-Leased."),
    ChangeReason.NO_NET_EFFECT: Text("Re-Leased never had what this reversed, so no sync is needed."),
    ChangeReason.FROM_BACKUP: Text("Restored from a backup, so it is checked with Xero again."),
    ChangeReason.REPAIRED: Text("Restored by a repair."),
    ChangeReason.UNKNOWN: Text("The reason was recorded by another version of Reshelve."),
    UndoReason.CHANGED_AGAIN: Text("Changed again since."),
    UndoReason.CHANGED_IN_XERO: Text("Changed in Xero since."),
    UndoReason.STATUS_DIFFERS: Text("Its status has changed since."),
    UndoReason.NOT_CARRIED_OUT: Text("Refused or cancelled."),
    UndoReason.NO_CHANGE_NEEDED: Text("No change needed."),
    UndoReason.PLAN_OUTDATED: Text(
        "Another action came first, so nothing was changed.", "Look again, then decide."
    ),
    UndoReason.ALREADY_PROCESSED: Text("This change has already been processed.", "Nothing was cancelled."),
}
