"""Checks whether restores were finished in Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import State, Transition
from tui.model.contact import ineligible_reason
from tui.model.reasons import Notice
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


class ManualRestorePoller:
    """Reads the contacts that wait for Restore; the store confirms those that were restored."""

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
        """Read the next 50 waiting contacts, in rotation. Raises `XeroError`."""
        waiting = self._store.changes.in_states(State.AWAITING_USER)
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
        """Refuse restores that are no longer possible, such as of a merged contact."""
        reasons = {contact.contact_id: ineligible_reason(contact) for contact in contacts}
        requests = [
            TransitionRequest(change.change_id, Transition.REFUSE, notice=Notice(reason))
            for change in batch
            if (reason := reasons.get(change.contact_id))
        ]
        if requests:
            self._on_write(await self._store.record_transitions(requests, self._now()))
