"""The restores that wait for a person, and the look whether Restore was pressed in Xero's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.preconditions import ineligible_reason, warnings
from tui.model.backend import ManualRestore
from tui.model.change import Action, State, Transition
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Store, StoreUpdate
    from tui.xero.client import XeroClient

# One call of Xero's sixty a minute.
_BATCH_SIZE = 50


def pending_manual_restores(store: Store) -> tuple[ManualRestore, ...]:
    """Say which restores wait for a person, oldest first, and why Xero would refuse them."""
    changes = store.changes_in(State.AWAITING_USER)
    contacts = {
        contact.contact_id: contact for contact in store.contacts([one.contact_id for one in changes])
    }
    return tuple(
        ManualRestore(change, _refusal_reason(store, contacts.get(change.contact_id))) for change in changes
    )


def _refusal_reason(store: Store, contact: Contact | None) -> str:
    if contact is None:
        return ""
    reason = ineligible_reason(contact)
    if reason:
        return reason
    namesake = store.find_active_by_name(contact.name, except_id=contact.contact_id)
    return " ".join(warnings(Action.RESTORE, contact, namesake))


class ManualRestorePoller:
    """Reads the contacts that wait for Restore; the journal sees to it that those restored are confirmed."""

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        on_write: Callable[[StoreUpdate], None],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = on_write
        self._next_index = 0

    async def poll(self) -> None:
        """Read the next fifty that wait, going round. Raises `XeroError`."""
        waiting = self._store.changes_in(State.AWAITING_USER)
        if not waiting:
            return
        if self._next_index >= len(waiting):
            self._next_index = 0
        batch = waiting[self._next_index : self._next_index + _BATCH_SIZE]
        self._next_index += len(batch)
        found = await self._xero.look_up([change.contact_id for change in batch])
        self._on_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )
        await self._refuse_impossible(batch, found.contacts)

    async def _refuse_impossible(self, batch: Sequence[Change], contacts: Sequence[Contact]) -> None:
        """Stop waiting for what nobody can restore any more, such as a contact merged meanwhile."""
        reasons = {contact.contact_id: ineligible_reason(contact) for contact in contacts}
        requests = [
            TransitionRequest(change.change_id, Transition.REFUSE, message=reason)
            for change in batch
            if (reason := reasons.get(change.contact_id))
        ]
        if requests:
            self._on_write(await self._store.record_transitions(requests, self._now()))
