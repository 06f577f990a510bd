"""What is to be known of a contact before it is archived or restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import Action
from tui.model.eligibility import DELETED, GDPR, MERGED, ineligible_reason

if TYPE_CHECKING:
    from tui.model.contact import Contact

__all__ = ["DELETED", "GDPR", "MERGED", "block_reason", "ineligible_reason", "warnings"]


def block_reason(action: Action, contact: Contact) -> str:
    """Say why this contact would be left out of the change; empty when it needn't be."""
    if contact.status is action.target_status:
        return "It is archived already." if action is Action.ARCHIVE else "It is active already."
    return ineligible_reason(contact)


def warnings(action: Action, contact: Contact, namesake: Contact | None) -> tuple[str, ...]:
    """Say what a careful colleague would. Only Xero refuses; this informs."""
    if action is Action.RESTORE:
        if namesake is None:
            return ()
        return (f"An active contact is also called “{namesake.name}”: Xero refuses until one is renamed.",)
    balances = contact.balances
    if balances is None:
        return ()
    messages = []
    if balances.receivable:
        messages.append(_balance_warning("They owe", balances.receivable, balances.receivable_overdue))
    if balances.payable:
        messages.append(_balance_warning("You owe", balances.payable, balances.payable_overdue))
    return tuple(messages)


def _balance_warning(who: str, outstanding: int, overdue: int) -> str:
    overdue_part = f", {overdue / 100:,.2f} of it overdue" if overdue else ""
    return f"{who} {outstanding / 100:,.2f}{overdue_part}."
