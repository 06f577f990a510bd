"""Finds probable duplicates among the saved contacts, and records what the user says of them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from tui.engine.pacing import Throttle
from tui.model.duplicates import DuplicateMember, SearchCancelledError, find_duplicates, group_pairs
from tui.xero.contact_record import contact_record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from tui.engine.services import WriteAccess
    from tui.model.duplicates import ContactFacts, DuplicateGroup
    from tui.store import Store


class DuplicateService:
    """Implements `model.services.DuplicateServiceProtocol`."""

    def __init__(self, store: Store, now: Callable[[], datetime], access: WriteAccess) -> None:
        self._store = store
        self._now = now
        self._access = access

    async def find(self, report: Callable[[int, int], None]) -> Sequence[DuplicateGroup]:
        """Return the groups of probable duplicates among the active contacts, best first.

        If the caller is cancelled, the thread ends soon after.
        """
        abandoned = threading.Event()
        throttle = Throttle()

        def pause() -> None:
            if abandoned.is_set():
                raise SearchCancelledError
            throttle.pause()

        def find() -> Sequence[DuplicateGroup]:
            facts = self._store.duplicates.facts(contact_record, pause)
            dismissed = self._store.duplicates.dismissed()
            return group_pairs(find_duplicates(facts, dismissed, pause=pause, report=report))

        try:
            return await asyncio.to_thread(find)
        finally:
            abandoned.set()

    async def facts(self) -> Sequence[ContactFacts]:
        """Return what is compared of each active contact."""
        return await asyncio.to_thread(self._store.duplicates.facts, contact_record, Throttle().pause)

    def dismissed(self) -> frozenset[tuple[str, str]]:
        """Return the pairs that are recorded as no duplicates."""
        return self._store.duplicates.dismissed()

    async def members(self, contact_ids: Sequence[str]) -> Sequence[DuplicateMember]:
        """Return contacts as saved, to show them side by side; without those that aren't saved any more."""
        activity = self._store.activity.of(contact_ids)
        return [
            DuplicateMember(contact, contact_record(contact.raw), activity.get(contact.contact_id))
            for contact in self._store.contacts(contact_ids)
        ]

    async def dismiss(self, pairs: Collection[tuple[str, str]], *, on: bool) -> None:
        """Record that pairs are no duplicates, or may be again; durable on return."""
        self._access.require()
        await self._store.duplicates.mark(pairs, self._now(), is_dismissed=on)
