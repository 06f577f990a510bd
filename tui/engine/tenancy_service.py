"""Which contact groups are tenants: told by a person, asked for by the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.read_only import writes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.tenancy import ContactGroup
    from tui.store import Store


class TenancyService:
    """The part of `model.backend.Backend` that marks groups of tenants."""

    _store: Store
    _publisher: SnapshotPublisher
    _now: Callable[[], datetime]

    async def contact_groups(self) -> Sequence[ContactGroup]:
        """Return the contact groups of the local copy, those first that are or sound like tenants."""
        return await self._store.contact_groups()

    @writes
    async def mark_tenants(self, name: str, *, on: bool) -> None:
        """Keep that the contacts of a group are tenants, or aren't; durable when this returns."""
        if await self._store.mark_tenants(name, self._now(), on=on):
            # The page of a contact shows it beside its groups.
            self._publisher.rows_changed()
