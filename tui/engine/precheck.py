"""Checks contacts before they are changed."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tui.model.change import Action
from tui.model.contact import ineligible_reason
from tui.model.precheck import Precheck, PrecheckLine
from tui.model.reasons import ContactReason, Notice
from tui.store.read_only_summary import find_active

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tui.engine.services.contacts import RefreshResult
    from tui.model.contact import Contact
    from tui.store import Store


def block_reason(action: Action, contact: Contact) -> ContactReason | None:
    """Return why this contact would be skipped, or None."""
    if contact.status is action.target_status:
        return ContactReason.ALREADY_ARCHIVED if action is Action.ARCHIVE else ContactReason.ALREADY_ACTIVE
    return ineligible_reason(contact)


def warnings(action: Action, contact: Contact, namesake: Contact | None) -> tuple[Notice, ...]:
    """Return warnings about the change; they never block it."""
    if action is Action.RESTORE:
        return () if namesake is None else (name_taken(namesake),)
    known = contact.balances
    if known is None:
        return ()
    owed = (
        (ContactReason.THEY_OWE, known.receivable, known.receivable_overdue),
        (ContactReason.YOU_OWE, known.payable, known.payable_overdue),
    )
    return tuple(
        Notice(reason, {"outstanding": outstanding, "overdue": overdue})
        for reason, outstanding, overdue in owed
        if outstanding
    )


def name_taken(namesake: Contact) -> Notice:
    """Return the notice that another active contact has the name of one to be restored."""
    return Notice(ContactReason.NAME_TAKEN, {"name": namesake.name})


# Seconds for the stores of all other organisations, and how many of these are named.
_LONGEST_SEARCH: Final = 1.0
_MOST_NAMED: Final = 3


def find_elsewhere(others: Sequence[tuple[str, Path]], contacts: Sequence[Contact]) -> dict[str, Notice]:
    """Return a warning for each contact that other organisations have as an active one, by its id.

    `others` are their names and folders; only saved data is read, for a second at most. Blocks.
    """
    names: dict[str, list[str]] = {}
    ends_at = time.monotonic() + _LONGEST_SEARCH
    for name, folder in others:
        for contact_id in find_active(folder, contacts, seconds=ends_at - time.monotonic()):
            names.setdefault(contact_id, []).append(name)
    return {contact_id: _active_elsewhere(found) for contact_id, found in names.items()}


def _active_elsewhere(names: Sequence[str]) -> Notice:
    shown = names[:_MOST_NAMED]
    more = len(names) - len(shown)
    return Notice(ContactReason.ACTIVE_ELSEWHERE, {"organisations": ", ".join(shown), "more": more})


def build_precheck(
    store: Store,
    action: Action,
    contact_ids: Sequence[str],
    fresh: RefreshResult,
    elsewhere: Mapping[str, Notice] = MappingProxyType({}),
) -> Precheck:
    """Return the findings for each contact, from saved data; `elsewhere` is from `find_elsewhere`."""
    tenancy = store.tenancy.warnings()
    lines = []
    for contact in store.contacts(contact_ids):
        reason = block_reason(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.find_active_by_name(contact.name, except_id=contact.contact_id)
        notices = () if reason else warnings(action, contact, namesake)
        if not reason and contact.contact_id in elsewhere:
            notices = (*notices, elsewhere[contact.contact_id])
        # If none could be read, a single message covers them all.
        if contact.contact_id in fresh.unread and len(fresh.unread) < len(contact_ids):
            notices = (*notices, Notice(ContactReason.UNREADABLE))
        lines.append(PrecheckLine(contact, notices, reason))
    found = Precheck(
        action,
        tuple(lines),
        stale_reason=fresh.stale_reason,
        is_first_archive=action is Action.ARCHIVE and tenancy.is_first_archive,
    )
    return found.with_tenant_groups(tenancy.tenant_groups)
