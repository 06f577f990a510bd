"""What is to be known of a contact before it is archived or restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import Action
from tui.model.eligibility import GDPR, GONE, MERGED, out_of_reach

if TYPE_CHECKING:
    from tui.model.contact import Contact

__all__ = ["GDPR", "GONE", "MERGED", "blocked", "out_of_reach", "warnings"]


def blocked(action: Action, contact: Contact) -> str:
    """Say why this contact would be left out of the change; empty when it needn't be."""
    if contact.status is action.target:
        return "It is archived already." if action is Action.ARCHIVE else "It is active already."
    return out_of_reach(contact)


def warnings(action: Action, contact: Contact, namesake: Contact | None) -> tuple[str, ...]:
    """Say what a careful colleague would. Only Xero refuses; this informs."""
    if action is Action.RESTORE:
        if namesake is None:
            return ()
        return (f"An active contact is also called “{namesake.name}”: Xero refuses until one is renamed.",)
    balances = contact.balances
    if balances is None:
        return ()
    said = []
    if balances.receivable:
        said.append(_amount("They owe", balances.receivable, balances.receivable_overdue))
    if balances.payable:
        said.append(_amount("You owe", balances.payable, balances.payable_overdue))
    return tuple(said)


def _amount(who: str, outstanding: int, overdue: int) -> str:
    late = f", {overdue / 100:,.2f} of it overdue" if overdue else ""
    return f"{who} {outstanding / 100:,.2f}{late}."
