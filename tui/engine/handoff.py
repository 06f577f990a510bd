"""Looks whether a person has pressed Restore in Xero's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.change import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

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

    @property
    def is_needed(self) -> bool:
        """Whether any hand-off is waiting."""
        return bool(self._store.changes_in(State.HANDOFF, limit=1))

    async def look(self) -> None:
        """Read the next fifty that wait, going round. Raises `XeroError`."""
        waiting = [change.contact_id for change in self._store.changes_in(State.HANDOFF)]
        if not waiting:
            return
        if self._next >= len(waiting):
            self._next = 0
        ids = waiting[self._next : self._next + _LOOKED_AT_ONCE]
        self._next += len(ids)
        self._applied(await self._store.apply(await self._xero.contacts_by_ids(ids), self._now()))
