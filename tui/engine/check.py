"""The fresh look at contacts before they are changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tui.engine.rules import blocked, warnings
from tui.model.change import Action
from tui.model.check import Check, CheckLine
from tui.model.errors import XeroError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.connectors import Connectors
    from tui.store import Applied, Store

# Twenty calls of the sixty a minute: beyond that the look would use up what the work itself needs.
MOST_READ_FRESH = 1_000
# Seconds. The first reading of a large organisation can use up a whole minute's calls.
PATIENCE: Final = 15.0
_NO_ANSWER: Final = "Xero's answer takes long, perhaps because this minute's calls are used up."


async def read_fresh(
    store: Store,
    connectors: Connectors,
    now: Callable[[], datetime],
    applied: Callable[[Applied], None],
    contact_ids: Sequence[str],
) -> str:
    """Bring these contacts up to date; returns why that couldn't be, empty when it could."""
    if len(contact_ids) > MOST_READ_FRESH:
        return f"More than {MOST_READ_FRESH:,} contacts: shown as they were last read."
    try:
        async with asyncio.timeout(PATIENCE):
            found = await connectors.xero.look_up(contact_ids)
    except TimeoutError:
        return _NO_ANSWER
    except XeroError as error:
        return error.what
    applied(await store.apply(found.contacts, now(), gone=found.unknown))
    return ""


def check(store: Store, action: Action, contact_ids: Sequence[str], stale_reason: str) -> Check:
    """Say what there is to say about each contact, as the local copy has it."""
    care = store.care()
    lines = []
    for contact in store.contacts(contact_ids):
        reason = blocked(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.active_named(contact.name, except_id=contact.contact_id)
        lines.append(CheckLine(contact, () if reason else warnings(action, contact, namesake), reason))
    found = Check(
        action,
        tuple(lines),
        is_fresh=not stale_reason,
        stale_reason=stale_reason,
        is_first_archive=action is Action.ARCHIVE and care.is_first,
    )
    return found.remarked(care.marked)
