"""Texts about the connection to Xero and background tasks."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import ConnectionReason, TaskReason

_TASKS: Final = {
    TaskReason.CHANGE_LOG_CHECK: "Change log check",
    TaskReason.LOCK: "Lock of this organisation",
    TaskReason.BACKUP: "Backup",
    TaskReason.CLOCK: "Clock",
    TaskReason.SEARCH_INDEX: "Search index",
    TaskReason.CONNECTION: "Connection",
    TaskReason.CONTACT_SYNC: "Loading contacts",
    TaskReason.MANUAL_RESTORES: "Checking restores",
    TaskReason.RE_LEASED: "Re-Leased",
    TaskReason.OUTBOX: "Sending changes",
    TaskReason.STATUS: "Status",
}

TEXTS: Final[Catalogue] = {
    ConnectionReason.MINUTE_LIMIT: Text("Xero's call limit for this minute is reached."),
    ConnectionReason.DAY_LIMIT: Text("Xero's daily call limit is reached.", "Queued changes are kept."),
    ConnectionReason.CONCURRENT_LIMIT: Text("Too many calls to Xero at once."),
    ConnectionReason.APP_LIMIT: Text(
        "The Xero app's limit for this minute is reached, counting everyone who uses the app."
    ),
    ConnectionReason.CALLS_RESERVED: Text("Xero's remaining calls for today are reserved for your changes."),
    ConnectionReason.REMOVED: Text(
        "This organisation is no longer connected in Xero, or a permission is missing.",
        "You can still read everything here. To change contacts, reconnect.",
        "connect",
    ),
    ConnectionReason.STANDBY: Text(
        "Another Reshelve on this computer is connected to Xero.", "This one shows its progress."
    ),
    **{
        task: Text(
            f"{name}: Unexpected error ({{kind}}). Nothing is lost.",
            "Reshelve will retry. Details are in the log file.",
        )
        for task, name in _TASKS.items()
    },
}
