"""Contacts that can't be read: asked for again, so that they are shown as soon as they can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.errors import RejectedError
from tui.system.log import logger
from tui.xero.results import has_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.store import Store, StoreUpdate
    from tui.xero.client import XeroClient

# A mistake of the moment is over soon. What lasts costs one more call in ten pulls.
_EAGER_RETRIES: Final = 5
_RETRY_EVERY: Final = 10
# Only a full read shows whether a contact without an id can be read now.
_MOST_FULL_READS: Final = 3
_BATCH_SIZE: Final = 50


class UnreadableContacts:
    """Decides when contacts that couldn't be read are asked for again.

    The next refresh brings what has changed in Xero anyway. This is for answers that were wrong although
    the contact was not, and that a pull of changes would never repeat.
    """

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        on_write: Callable[[StoreUpdate], None],
        may_call: Callable[[], bool],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = on_write
        self._may_call = may_call
        self._refreshes = 0
        self._full_syncs = 0

    @property
    def needs_full_sync(self) -> bool:
        """Whether there are contacts without an id, and reading everything could still help."""
        return self._full_syncs < _MOST_FULL_READS and not all(map(has_id, self._store.unreadable()))

    def record_full_sync(self) -> None:
        """Count a read of everything that has ended."""
        has_unidentified = not all(map(has_id, self._store.unreadable()))
        self._full_syncs = self._full_syncs + 1 if has_unidentified else 0

    async def retry(self) -> None:
        """Read them again by their ids, if it is time for that. Raises `XeroError`."""
        contact_ids = [mark for mark in self._store.unreadable() if has_id(mark)]
        if not contact_ids:
            self._refreshes = 0
            return
        if not self._may_call():
            return
        refresh_number = self._refreshes
        self._refreshes += 1
        if refresh_number >= _EAGER_RETRIES and refresh_number % _RETRY_EVERY:
            return
        # One call: where there are more, each has its turn.
        start = refresh_number * _BATCH_SIZE % len(contact_ids)
        try:
            found = await self._xero.look_up(contact_ids[start : start + _BATCH_SIZE])
        except RejectedError as error:
            logger.warning("pull: contacts that can't be read were refused (HTTP %d)", error.status)
            return
        self._on_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )
