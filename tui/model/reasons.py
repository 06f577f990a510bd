"""Why something happened or failed, as values. `tui.messages` turns them into sentences.

Everything below the screens returns and raises these codes, so that a sentence can be reworded without
touching what is stored, and so that no sentence names a key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache

from msgspec import Struct

#: What a reason's sentence can contain. Text from outside is made safe where the sentence is shown.
Param = str | int | float | date | datetime | timedelta


class Reason(StrEnum):
    """A reason code. Its values are unique in the program and, once stored, never change."""


class Notice(Struct, frozen=True):
    """A reason with its parameters: what a sentence is made of."""

    reason: Reason
    params: dict[str, Param] = {}

    def __hash__(self) -> int:
        """Let what has a notice be hashed, such as a row of the contact table."""
        return hash(self.reason)

    def __str__(self) -> str:
        """Return the code and its parameters, for the log."""
        params = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.reason} ({params})" if params else str(self.reason)


def find_reason(code: str) -> Reason | None:
    """Return the reason of a stored code; None for one that this version doesn't know."""
    return _reasons().get(code)


@cache
def _reasons() -> dict[str, Reason]:
    return {str(reason): reason for kind in Reason.__subclasses__() for reason in kind}


class GeneralReason(Reason):
    """Reasons that belong to no single part of the program."""

    BUG = "general.bug"
    BUG_NOT_LOGGED = "general.bug_not_logged"
    STORE_CLOSED = "general.store_closed"
    UNEXPECTED_ERROR = "general.unexpected_error"
    LEGACY = "general.legacy"


class ReadOnlyReason(Reason):
    """Why changes are blocked: the connection's permissions, or the option `--read-only`."""

    CONNECTION = "read_only.connection"
    OPTION = "read_only.option"


class ContactReason(Reason):
    """What is to be known about contacts before they are changed, and why they can't be. Some are stored."""

    MERGED = "contacts.merged"
    GDPR = "contacts.gdpr"
    DELETED = "contacts.deleted"
    NOT_LOADED = "contacts.not_loaded"
    ALREADY_ARCHIVED = "contacts.already_archived"
    ALREADY_ACTIVE = "contacts.already_active"
    # Warnings. Amounts are in hundredths.
    NAME_TAKEN = "contacts.name_taken"
    THEY_OWE = "contacts.they_owe"
    YOU_OWE = "contacts.you_owe"
    # Why saved data is shown.
    UNREADABLE = "contacts.unreadable"
    SOME_UNREADABLE = "contacts.some_unreadable"
    TOO_MANY = "contacts.too_many"
    SLOW_REPLY = "contacts.slow_reply"
    INCOMPLETE_REPLY = "contacts.incomplete_reply"
    NOT_SAVED = "contacts.not_saved"


class ChangeReason(Reason):
    """What happened to a change, beside Xero's own words; stored with the change and in its log."""

    # What became of a request.
    NO_REPLY = "changes.no_reply"
    UNREACHABLE = "changes.unreachable"
    NOT_CONFIRMED = "changes.not_confirmed"
    NOT_APPLIED = "changes.not_applied"
    NEVER_ARRIVED = "changes.never_arrived"
    INTERRUPTED = "changes.interrupted"
    INTERRUPTED_BY_BUG = "changes.interrupted_by_bug"
    CONFIRMED_LATE = "changes.confirmed_late"
    # What someone did in Xero.
    DETECTED_IN_XERO = "changes.detected_in_xero"
    ARCHIVED_FIRST = "changes.archived_first"
    MERGED_AWAY = "changes.merged_away"
    RESTORED_SINCE = "changes.restored_since"
    RESTORED_BEFORE = "changes.restored_before"
    CHANGED_SINCE = "changes.changed_since"
    RENAMED = "changes.renamed"
    # What the user did in Reshelve.
    OPPOSITE_REQUESTED = "changes.opposite_requested"
    UNDONE = "changes.undone"
    REDONE = "changes.redone"
    NOTHING_TO_UNDO = "changes.nothing_to_undo"
    UNDONE_FIRST = "changes.undone_first"
    UNLINKED = "changes.unlinked"
    LINKED = "changes.linked"
    NO_NET_EFFECT = "changes.no_net_effect"
    # After a repair.
    FROM_BACKUP = "changes.from_backup"
    REPAIRED = "changes.repaired"
    # Shown in place of a stored reason that this version doesn't know.
    UNKNOWN = "changes.unknown"


class UndoReason(Reason):
    """Why an undo or redo leaves a contact, or everything, as it is."""

    CHANGED_AGAIN = "undo.changed_again"
    CHANGED_IN_XERO = "undo.changed_in_xero"
    STATUS_DIFFERS = "undo.status_differs"
    NOT_CARRIED_OUT = "undo.not_carried_out"
    NO_CHANGE_NEEDED = "undo.no_change_needed"
    PLAN_OUTDATED = "undo.plan_outdated"
    ALREADY_PROCESSED = "undo.already_processed"
