"""Contacts whose status nobody can change any more, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.contact import ContactStatus

if TYPE_CHECKING:
    from tui.model.contact import Contact

MERGED: Final = "It was merged into another contact in Xero, which can't be undone."
GDPR: Final = "It is under a GDPR request in Xero, which can't be undone."
DELETED: Final = "Xero no longer knows this contact, so that nothing about it can be changed."
NOT_LOADED: Final = "Xero hasn't told of this contact yet."


def ineligible_reason(contact: Contact) -> str:
    """Say why nobody can change this contact's status any more; empty when somebody can."""
    if contact.status is ContactStatus.DELETED:
        return DELETED
    if contact.merged_to:
        return MERGED
    if contact.status is ContactStatus.GDPRREQUEST:
        return GDPR
    return ""
