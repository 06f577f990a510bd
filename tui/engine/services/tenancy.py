"""The contact groups that the user chose as tenant groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.tenancy import ContactGroup
    from tui.store import Store


class TenancyService:
    """Implements `model.services.TenancyServiceProtocol`."""

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

    async def groups(self) -> Sequence[ContactGroup]:
        """Return the saved contact groups, first those that are or may be tenants."""
        return await self._store.tenancy.groups()

    async def mark_tenants(self, name: str, *, on: bool) -> None:
        """Save whether a contact group is a tenant group; durable on return."""
        self._access.require()
        if await self._store.tenancy.mark_tenants(name, self._now(), on=on):
            # Shown beside the groups on a contact's page.
            self._publisher.rows_changed()
