"""Contacts that a read of everything didn't tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.errors import RejectedError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.store import Store, StoreUpdate
    from tui.xero.client import XeroClient

# Twenty calls. That many contacts don't vanish from anybody's books: something else must be wrong.
_MAX_LOOKUPS: Final = 1_000
_BATCH_SIZE: Final = 50


class DeletedContactDetector:
    """Asks for them by their ids, and marks those that Xero doesn't know. Nothing is ever deleted."""

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

    async def detect(self) -> None:
        """Bring the contacts that the full read now ending left out up to date. Raises `XeroError`."""
        unseen = await self._store.unseen_contacts(limit=_MAX_LOOKUPS + 1)
        if len(unseen) > _MAX_LOOKUPS:
            logger.warning("pull: more than %d contacts weren't told; none is taken for gone", _MAX_LOOKUPS)
            return
        for start in range(0, len(unseen), _BATCH_SIZE):
            await self._look_up(unseen[start : start + _BATCH_SIZE])

    async def _look_up(self, contact_ids: Sequence[str]) -> None:
        try:
            found = await self._xero.look_up(contact_ids)
        except RejectedError as error:
            # The same at every attempt: the full read must not fail with it each time.
            logger.warning("pull: contacts that weren't told can't be read (HTTP %d)", error.status)
            return
        if found.unknown:
            logger.warning("pull: Xero no longer knows %d contacts", len(found.unknown))
        self._on_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )
