"""The fresh look at contacts before they are changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.preconditions import block_reason, warnings
from tui.model.change import Action
from tui.model.errors import XeroError
from tui.model.precheck import Precheck, PrecheckLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.clients import ClientFactory
    from tui.store import Store, StoreUpdate

# Twenty calls of the sixty a minute: beyond that the look would use up what the work itself needs.
MAX_REFRESHED = 1_000
# Seconds. The first reading of a large organisation can use up a whole minute's calls.
TIMEOUT_SECONDS: Final = 15.0
_UNREADABLE: Final = "Xero's data for this contact couldn't be read. Showing saved data."
_SLOW_REPLY: Final = "Xero's answer takes long, perhaps because this minute's calls are used up."


class RefreshResult(Struct, frozen=True):
    """What came of reading contacts fresh.

    `reason` says why not all of them are up to date, empty where they are; `unread` are the ids of those that
    Xero's answer didn't bring.
    """

    stale_reason: str = ""
    unread: frozenset[str] = frozenset()


async def refresh_contacts(
    store: Store,
    clients: ClientFactory,
    now: Callable[[], datetime],
    on_write: Callable[[StoreUpdate], None],
    contact_ids: Sequence[str],
) -> RefreshResult:
    """Bring these contacts up to date, as far as Xero's answer can be read."""
    if len(contact_ids) > MAX_REFRESHED:
        return RefreshResult(f"More than {MAX_REFRESHED:,} contacts: shown as they were last read.")
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            found = await clients.xero.look_up(contact_ids)
    except TimeoutError:
        return RefreshResult(_SLOW_REPLY, frozenset(contact_ids))
    except XeroError as error:
        return RefreshResult(error.message, frozenset(contact_ids))
    on_write(await store.save_contacts(found.contacts, now(), deleted=found.unknown, missing=found.missing))
    answered = {*(contact.contact_id for contact in found.contacts), *found.unknown}
    unread = frozenset(contact_ids) - answered
    if not unread:
        return RefreshResult()
    counted = "this contact" if len(contact_ids) == 1 else f"{len(unread):,} of {len(contact_ids):,} contacts"
    return RefreshResult(f"Xero's data for {counted} couldn't be read.", unread)


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
