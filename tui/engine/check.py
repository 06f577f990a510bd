"""The fresh look at contacts before they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.rules import blocked, warnings
from tui.model.backend import Check, CheckLine
from tui.model.change import Action
from tui.model.errors import XeroError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.store import Store
    from tui.xero.client import XeroClient

# Twenty calls of the sixty a minute: beyond that the look would use up what the work itself needs.
MOST_READ_FRESH = 1_000


async def check(
    store: Store, xero: XeroClient, now: Callable[[], datetime], action: Action, contact_ids: Sequence[str]
) -> Check:
    """Read the contacts fresh where Xero can be asked, and say what there is to say about each."""
    stale_reason = ""
    if len(contact_ids) > MOST_READ_FRESH:
        stale_reason = f"More than {MOST_READ_FRESH:,} contacts: shown as they were last read."
    else:
        try:
            await store.apply(await xero.contacts_by_ids(contact_ids), now())
        except XeroError as error:
            stale_reason = error.what
    lines = []
    for contact in store.contacts(contact_ids):
        reason = blocked(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.active_named(contact.name, except_id=contact.contact_id)
        lines.append(CheckLine(contact, () if reason else warnings(action, contact, namesake), reason))
    return Check(action, tuple(lines), is_fresh=not stale_reason, stale_reason=stale_reason)
