"""Looks whether a person has pressed Restore in Xero's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.rules import out_of_reach
from tui.model.change import Event, State
from tui.store import Move

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

# One call of Xero's sixty a minute.
_LOOKED_AT_ONCE = 50


class HandoffLookout:
    """Reads the contacts that wait for Restore; the journal sees to it that those restored are confirmed."""

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        applied: Callable[[Applied], None],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._applied = applied
        self._next = 0

    async def look(self) -> None:
        """Read the next fifty that wait, going round. Raises `XeroError`."""
        waiting = self._store.changes_in(State.HANDOFF)
        if not waiting:
            return
        if self._next >= len(waiting):
            self._next = 0
        looked_at = waiting[self._next : self._next + _LOOKED_AT_ONCE]
        self._next += len(looked_at)
        found = await self._xero.look_up([change.contact_id for change in looked_at])
        self._applied(await self._store.apply(found.contacts, self._now(), gone=found.unknown))
        await self._give_up(looked_at, found.contacts)

    async def _give_up(self, looked_at: Sequence[Change], contacts: Sequence[Contact]) -> None:
        """Stop waiting for what nobody can restore any more, such as a contact merged meanwhile."""
        reasons = {contact.contact_id: out_of_reach(contact) for contact in contacts}
        moves = [
            Move(change.change_id, Event.REFUSE, words=reason)
            for change in looked_at
            if (reason := reasons.get(change.contact_id))
        ]
        if moves:
            self._applied(await self._store.record(moves, self._now()))
