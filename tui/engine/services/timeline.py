"""The entries of the change log as a person reads them."""

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
    State.UNKNOWN: "in doubt, so it is read again",
    State.AWAITING_USER: "handed to a person, to be pressed in Xero",
    State.CONFIRMED: "confirmed by Xero",
    State.REFUSED: "refused",
    State.CANCELLED: "taken back before it left",
    State.DISMISSED: "no longer waited for",
}
_TRANSITION_TEXT = {
    REQUESTED: "asked for here",
    DETECTED: "done in Xero by somebody else",
    SYNCED: "seen in Re-Leased",
    CHECKED: "seen in Re-Leased by a person",
    RETRIED: "asked for once more, as a new change",
    RENAMED: "goes on under another name",
    NOTE: "goes on",
}


def timeline_line(entry: ChangeLogEntry) -> TimelineEntry:
    """Return what an entry says, and when in this machine's time."""
    when = entry.at.astimezone().strftime("%d %b %Y %H:%M:%S")
    description = _TRANSITION_TEXT.get(entry.transition) or _STATE_TEXT[entry.state]
    text = f"{entry.action.value.capitalize()} {description}"
    return TimelineEntry(when, f"{text}: {entry.message}" if entry.message else text)
