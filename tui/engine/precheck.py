"""The fresh look at contacts before they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.engine.preconditions import block_reason, warnings
from tui.model.change import Action
from tui.model.precheck import Precheck, PrecheckLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.engine.services.contacts import RefreshResult
    from tui.store import Store

_UNREADABLE: Final = "Xero's data for this contact couldn't be read. Showing saved data."


def build_precheck(
    store: Store, action: Action, contact_ids: Sequence[str], fresh: RefreshResult
) -> Precheck:
    """Say what there is to say about each contact, as the local copy has it."""
    tenancy = store.tenancy_warnings()
    lines = []
    for contact in store.contacts(contact_ids):
        reason = block_reason(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.find_active_by_name(contact.name, except_id=contact.contact_id)
        messages = () if reason else warnings(action, contact, namesake)
        # Where none was read, one sentence says so of them all.
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
