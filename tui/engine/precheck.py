"""Checks contacts before they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.change import Action
from tui.model.contact import DELETED, GDPR, MERGED, ineligible_reason
from tui.model.precheck import Precheck, PrecheckLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.engine.services.contacts import RefreshResult
    from tui.model.contact import Contact
    from tui.store import Store

__all__ = ["DELETED", "GDPR", "MERGED", "ineligible_reason"]


def block_reason(action: Action, contact: Contact) -> str:
    """Return why this contact would be skipped, empty if it wouldn't be."""
    if contact.status is action.target_status:
        return "Already archived." if action is Action.ARCHIVE else "Already active."
    return ineligible_reason(contact)


def warnings(action: Action, contact: Contact, namesake: Contact | None) -> tuple[str, ...]:
    """Return warnings about the change; they never block it."""
    if action is Action.RESTORE:
        if namesake is None:
            return ()
        return (f"Another active contact is named “{namesake.name}”. Xero refuses until one is renamed.",)
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


_UNREADABLE: Final = "Xero's data for this contact couldn't be read. Showing saved data."


def build_precheck(
    store: Store, action: Action, contact_ids: Sequence[str], fresh: RefreshResult
) -> Precheck:
    """Return the findings for each contact, from saved data."""
    tenancy = store.tenancy.warnings()
    lines = []
    for contact in store.contacts(contact_ids):
        reason = block_reason(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.find_active_by_name(contact.name, except_id=contact.contact_id)
        messages = () if reason else warnings(action, contact, namesake)
        # If none could be read, a single message covers them all.
        if contact.contact_id in fresh.unread and len(fresh.unread) < len(contact_ids):
            messages = (*messages, _UNREADABLE)
        lines.append(PrecheckLine(contact, messages, reason))
    found = Precheck(
        action,
        tuple(lines),
        is_fresh=not fresh.stale_reason,
        stale_reason=fresh.stale_reason,
        is_first_archive=action is Action.ARCHIVE and tenancy.is_first_archive,
    )
    return found.with_tenant_groups(tenancy.tenant_groups)
