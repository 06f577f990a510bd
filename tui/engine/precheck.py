"""The fresh look at contacts before they are changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.preconditions import blocked, warnings
from tui.model.change import Action
from tui.model.errors import XeroError
from tui.model.precheck import Precheck, PrecheckLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.clients import ClientFactory
    from tui.store import Applied, Store

# Twenty calls of the sixty a minute: beyond that the look would use up what the work itself needs.
MOST_READ_FRESH = 1_000
# Seconds. The first reading of a large organisation can use up a whole minute's calls.
PATIENCE: Final = 15.0
_UNREADABLE: Final = "Xero's data for this contact couldn't be read. Showing saved data."
_NO_ANSWER: Final = "Xero's answer takes long, perhaps because this minute's calls are used up."


class FreshContacts(Struct, frozen=True):
    """What came of reading contacts fresh.

    `reason` says why not all of them are up to date, empty where they are; `unread` are the ids of those that
    Xero's answer didn't bring.
    """

    reason: str = ""
    unread: frozenset[str] = frozenset()


async def read_fresh(
    store: Store,
    connectors: ClientFactory,
    now: Callable[[], datetime],
    applied: Callable[[Applied], None],
    contact_ids: Sequence[str],
) -> FreshContacts:
    """Bring these contacts up to date, as far as Xero's answer can be read."""
    if len(contact_ids) > MOST_READ_FRESH:
        return FreshContacts(f"More than {MOST_READ_FRESH:,} contacts: shown as they were last read.")
    try:
        async with asyncio.timeout(PATIENCE):
            found = await connectors.xero.look_up(contact_ids)
    except TimeoutError:
        return FreshContacts(_NO_ANSWER, frozenset(contact_ids))
    except XeroError as error:
        return FreshContacts(error.what, frozenset(contact_ids))
    applied(await store.apply(found.contacts, now(), gone=found.unknown, absent=found.absent))
    answered = {*(contact.contact_id for contact in found.contacts), *found.unknown}
    unread = frozenset(contact_ids) - answered
    if not unread:
        return FreshContacts()
    counted = "this contact" if len(contact_ids) == 1 else f"{len(unread):,} of {len(contact_ids):,} contacts"
    return FreshContacts(f"Xero's data for {counted} couldn't be read.", unread)


def check(store: Store, action: Action, contact_ids: Sequence[str], fresh: FreshContacts) -> Precheck:
    """Say what there is to say about each contact, as the local copy has it."""
    care = store.tenancy_warnings()
    lines = []
    for contact in store.contacts(contact_ids):
        reason = blocked(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.active_named(contact.name, except_id=contact.contact_id)
        said = () if reason else warnings(action, contact, namesake)
        # Where none was read, one sentence says so of them all.
        if contact.contact_id in fresh.unread and len(fresh.unread) < len(contact_ids):
            said = (*said, _UNREADABLE)
        lines.append(PrecheckLine(contact, said, reason))
    found = Precheck(
        action,
        tuple(lines),
        is_fresh=not fresh.reason,
        stale_reason=fresh.reason,
        is_first_archive=action is Action.ARCHIVE and care.is_first,
    )
    return found.remarked(care.marked)
