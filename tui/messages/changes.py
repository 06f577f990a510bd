"""Texts about changes: their results, and what undo does."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import ChangeReason, UndoReason

TEXTS: Final[Catalogue] = {
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
