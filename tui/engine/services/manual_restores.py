"""Restores that the user finishes in Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.precheck import name_taken
from tui.engine.services.changes import withdraw
from tui.model.change import State, Transition
from tui.model.change_list import ManualRestore
from tui.model.contact import ineligible_reason
from tui.model.reasons import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.engine_factory import ClientFactory
    from tui.engine.scheduler import Scheduler
    from tui.engine.services import WriteAccess
    from tui.engine.services.contacts import ContactRefresher
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Store


class ManualRestoreService:
    """Implements `model.services.ManualRestoreServiceProtocol`."""

    def __init__(
        self,
        *,
        store: Store,
        clients: ClientFactory,
        publisher: SnapshotPublisher,
        scheduler: Scheduler,
        refresher: ContactRefresher,
        now: Callable[[], datetime],
        access: WriteAccess,
    ) -> None:
        self._store = store
        self._clients = clients
        self._publisher = publisher
        self._scheduler = scheduler
        self._refresher = refresher
        self._now = now
        self._access = access

    async def pending(self) -> Sequence[ManualRestore]:
        """Return every restore to finish in Xero, oldest first."""
        changes = self._store.changes.in_states(State.AWAITING_USER)
        contacts = self._store.contacts([change.contact_id for change in changes])
        by_id = {contact.contact_id: contact for contact in contacts}
        return tuple(
            ManualRestore(change, self._expected_refusal(by_id.get(change.contact_id))) for change in changes
        )

    async def dismiss(self, change: Change) -> None:
        """Stop waiting for a restore."""
        self._access.require()
        await withdraw(self._store, change, Transition.DISMISS, State.AWAITING_USER, self._now())
        self._publisher.rows_changed()

    def set_fast_polling(self, *, on: bool) -> None:
        """Check every few seconds whether restores are finished."""
        self._scheduler.set_fast_polling(on=on)

    async def simulate_restore(self, contact_id: str) -> None:
        """Simulate Restore in the sandbox and check the result."""
        self._access.require()
        await self._clients.simulate_restore(contact_id)
        # This one first: checking all takes a while if there are hundreds.
        if (await self._refresher.refresh([contact_id])).stale_reason:
            self._scheduler.wake(manual_restores=True)

    def _expected_refusal(self, contact: Contact | None) -> Notice | None:
        if contact is None:
            return None
        reason = ineligible_reason(contact)
        if reason is not None:
            return Notice(reason)
        namesake = self._store.find_active_by_name(contact.name, except_id=contact.contact_id)
        return None if namesake is None else name_taken(namesake)
