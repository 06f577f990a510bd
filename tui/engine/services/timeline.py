"""Format the entries of the change log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import State
from tui.model.contact_details import TimelineEntry
from tui.store.change_log.entries import CHECKED, DETECTED, NOTE, RENAMED, REQUESTED, RETRIED, SYNCED

if TYPE_CHECKING:
    from tui.store import ChangeLogEntry

_STATE_TEXT = {
    State.QUEUED: "queued",
    State.SENDING: "sent to Xero",
    State.UNKNOWN: "checking the result with Xero",
    State.AWAITING_USER: "needs you to click Restore in Xero",
    State.CONFIRMED: "confirmed by Xero",
    State.REFUSED: "refused by Xero",
    State.CANCELLED: "cancelled before sending",
    State.DISMISSED: "stopped waiting",
}
_TRANSITION_TEXT = {
    REQUESTED: "requested in Reshelve",
    DETECTED: "done in Xero by someone else",
    SYNCED: "synced to Re-Leased",
    CHECKED: "checked in Re-Leased by you",
    RETRIED: "retried as a new change",
    RENAMED: "continues under another name",
    NOTE: "continues",
}


def timeline_line(entry: ChangeLogEntry) -> TimelineEntry:
    """Return an entry's text and time in this computer's time zone."""
    when = entry.at.astimezone().strftime("%d %b %Y %H:%M:%S")
    description = _TRANSITION_TEXT.get(entry.transition) or _STATE_TEXT[entry.state]
    text = f"{entry.action.value.capitalize()} {description}"
    return TimelineEntry(when, f"{text}: {entry.message}" if entry.message else text)
