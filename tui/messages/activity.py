"""When contacts were last used, in plain English; and why that isn't known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages import formats
from tui.messages.formats import format_number, pluralize
from tui.model.activity import ActivityAccess, TransactionKind, from_day_number
from tui.model.columns import NEVER_USED

if TYPE_CHECKING:
    from tui.model.activity import Activity, ActivityStatus

#: What asking for more access is for, in one sentence.
ACCESS: Final = (
    "With read-only access to invoices, payments and bank transactions, Reshelve shows when each contact was "
    "last used."
)
#: The command that asks for it.
COMMAND: Final = "reshelve connect --with-activity"
_KINDS: Final = {
    TransactionKind.INVOICE: "invoice",
    TransactionKind.BILL: "bill",
    TransactionKind.CREDIT_NOTE: "credit note",
    TransactionKind.PAYMENT: "payment",
    TransactionKind.BANK_TRANSACTION: "bank transaction",
    TransactionKind.REPEATING_INVOICE: "repeating invoice",
}


def activity_cell(stored: object) -> str:
    """Return the cell of the column: a date, "Never", or nothing where nothing is known."""
    if stored == NEVER_USED:
        return "Never"
    day = from_day_number(stored)
    return "" if day is None else formats.day(day)


def last_activity(activity: Activity) -> str:
    """Describe when a contact was last used: "invoice, 12 Mar 2024 (31 transactions)"."""
    also = [
        *(["has drafts"] if activity.has_drafts else []),
        *(["has repeating invoices"] if activity.has_repeating else []),
    ]
    if activity.is_never_used:
        return ", ".join(["never used", *also])
    kind = "" if activity.kind is None else _KINDS[activity.kind]
    day = "" if activity.last_at is None else formats.day(activity.last_at)
    count = f"({pluralize(activity.count, 'transaction')})"
    last = ", ".join(filter(None, (kind, day)))
    return ", ".join([" ".join(filter(None, (last, count))), *also])


def reading_text(status: ActivityStatus) -> str:
    """Return how far the reading of transactions has got; empty between two reads."""
    progress = status.progress
    if progress is None or status.kind is None:
        return ""
    what = f"{_KINDS[status.kind]}s"
    done, total = format_number(progress.done), format_number(progress.total or 0)
    return f"{'Paused reading' if progress.is_paused else 'Reading'} {what}: {done} of {total}"


def unknown_reason(status: ActivityStatus) -> str:
    """Return why it isn't known when contacts were last used, and what to do; empty if it is known."""
    why = _why_unknown(status)
    return f"Last activity isn't known{why}" if why else ""


def unknown_value(status: ActivityStatus) -> str:
    """Return the same, worded to follow a label."""
    why = _why_unknown(status)
    return f"Not known{why}" if why else ""


def _why_unknown(status: ActivityStatus) -> str:
    if status.read_until is not None:
        return ""
    if status.access is ActivityAccess.NOT_ALLOWED:
        return f": no access to transactions. To allow reading them: {COMMAND}"
    if status.access is ActivityAccess.FAILED:
        return ": Xero's transactions couldn't be read. Reshelve will retry."
    reading = reading_text(status)
    if reading:
        return f" yet. {reading}."
    return f": transactions haven't been read. To allow reading them: {COMMAND}"
