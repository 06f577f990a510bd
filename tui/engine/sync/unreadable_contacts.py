"""Contacts that can't be read: asked for again, so that they are shown as soon as they can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.errors import RejectedError
from tui.system.log import logger
from tui.xero.results import has_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

# A mistake of the moment is over soon. What lasts costs one more call in ten pulls.
_EAGER: Final = 5
_THEN_EVERY: Final = 10
# Only a full read shows whether a contact without an id can be read now.
_MOST_FULL_READS: Final = 3
_AT_ONCE: Final = 50


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
        applied: Callable[[Applied], None],
        may_spend: Callable[[], bool],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._applied = applied
        self._may_spend = may_spend
        self._pulls = 0
        self._full_reads = 0

    @property
    def needs_full_read(self) -> bool:
        """Whether there are contacts without an id, and reading everything could still help."""
        return self._full_reads < _MOST_FULL_READS and not all(map(has_id, self._store.unreadable()))

    def note_full_read(self) -> None:
        """Count a read of everything that has ended."""
        has_marks = not all(map(has_id, self._store.unreadable()))
        self._full_reads = self._full_reads + 1 if has_marks else 0

    async def ask_again(self) -> None:
        """Read them again by their ids, if it is time for that. Raises `XeroError`."""
        contact_ids = [mark for mark in self._store.unreadable() if has_id(mark)]
        if not contact_ids:
            self._pulls = 0
            return
        if not self._may_spend():
            return
        turn = self._pulls
        self._pulls += 1
        if turn >= _EAGER and turn % _THEN_EVERY:
            return
        # One call: where there are more, each has its turn.
        start = turn * _AT_ONCE % len(contact_ids)
        try:
            found = await self._xero.look_up(contact_ids[start : start + _AT_ONCE])
        except RejectedError as error:
            logger.warning("pull: contacts that can't be read were refused (HTTP %d)", error.status)
            return
        self._applied(
            await self._store.apply(found.contacts, self._now(), gone=found.unknown, absent=found.absent)
        )
