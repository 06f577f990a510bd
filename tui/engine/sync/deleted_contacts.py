"""Contacts that a read of everything didn't tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.errors import RejectedError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

# Twenty calls. That many contacts don't vanish from anybody's books: something else must be wrong.
_MOST: Final = 1_000
_AT_ONCE: Final = 50


class DeletedContactDetector:
    """Asks for them by their ids, and marks those that Xero doesn't know. Nothing is ever deleted."""

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

    async def detect(self) -> None:
        """Bring the contacts that the full read now ending left out up to date. Raises `XeroError`."""
        untold = await self._store.unseen_contacts(limit=_MOST + 1)
        if len(untold) > _MOST:
            logger.warning("pull: more than %d contacts weren't told; none is taken for gone", _MOST)
            return
        for start in range(0, len(untold), _AT_ONCE):
            await self._look_up(untold[start : start + _AT_ONCE])

    async def _look_up(self, contact_ids: Sequence[str]) -> None:
        try:
            found = await self._xero.look_up(contact_ids)
        except RejectedError as error:
            # The same at every attempt: the full read must not fail with it each time.
            logger.warning("pull: contacts that weren't told can't be read (HTTP %d)", error.status)
            return
        if found.unknown:
            logger.warning("pull: Xero no longer knows %d contacts", len(found.unknown))
        self._applied(
            await self._store.apply(found.contacts, self._now(), gone=found.unknown, absent=found.absent)
        )
