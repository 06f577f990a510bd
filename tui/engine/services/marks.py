"""Keeps what the user marks as kept or protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.marks import MarkKind, Marks
    from tui.store import Store


class MarkService:
    """Implements `model.services.MarkServiceProtocol`."""

    def __init__(
        self,
        store: Store,
        publisher: SnapshotPublisher,
        now: Callable[[], datetime],
        access: WriteAccess,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._now = now
        self._access = access

    async def all(self) -> Marks:
        """Return all marks."""
        return self._store.marks.all()

    async def mark_contacts(self, kind: MarkKind, contact_ids: Sequence[str], *, on: bool) -> int:
        """Mark contacts, or remove their marks; durable on return. Returns for how many that is new."""
        self._access.require()
        changed = await self._store.marks.mark_contacts(kind, contact_ids, self._now(), on=on)
        if changed:
            self._publisher.rows_changed()
        return changed

    async def protect_group(self, name: str, *, on: bool) -> None:
        """Save whether the contacts of a group are protected; durable on return."""
        self._access.require()
        if await self._store.marks.protect_group(name, self._now(), on=on):
            self._publisher.rows_changed()
