"""The restores that wait for a person, and the look whether Restore was pressed in Xero's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.preconditions import out_of_reach, warnings
from tui.model.backend import ManualRestore
from tui.model.change import Action, State, Transition
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

# One call of Xero's sixty a minute.
_LOOKED_AT_ONCE = 50


def waiting(store: Store) -> tuple[ManualRestore, ...]:
    """Say which restores wait for a person, oldest first, and why Xero would refuse them."""
    changes = store.changes_in(State.AWAITING_USER)
    contacts = {
        contact.contact_id: contact for contact in store.contacts([one.contact_id for one in changes])
    }
    return tuple(
        ManualRestore(change, _may_fail(store, contacts.get(change.contact_id))) for change in changes
    )


def _may_fail(store: Store, contact: Contact | None) -> str:
    if contact is None:
        return ""
    reason = out_of_reach(contact)
    if reason:
        return reason
    namesake = store.active_named(contact.name, except_id=contact.contact_id)
    return " ".join(warnings(Action.RESTORE, contact, namesake))


class ManualRestorePoller:
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

    async def poll(self) -> None:
        """Read the next fifty that wait, going round. Raises `XeroError`."""
        waiting = self._store.changes_in(State.AWAITING_USER)
        if not waiting:
            return
        if self._next >= len(waiting):
            self._next = 0
        looked_at = waiting[self._next : self._next + _LOOKED_AT_ONCE]
        self._next += len(looked_at)
        found = await self._xero.look_up([change.contact_id for change in looked_at])
        self._applied(
            await self._store.apply(found.contacts, self._now(), gone=found.unknown, absent=found.absent)
        )
        await self._give_up(looked_at, found.contacts)

    async def _give_up(self, looked_at: Sequence[Change], contacts: Sequence[Contact]) -> None:
        """Stop waiting for what nobody can restore any more, such as a contact merged meanwhile."""
        reasons = {contact.contact_id: out_of_reach(contact) for contact in contacts}
        moves = [
            TransitionRequest(change.change_id, Transition.REFUSE, message=reason)
            for change in looked_at
            if (reason := reasons.get(change.contact_id))
        ]
        if moves:
            self._applied(await self._store.record(moves, self._now()))
