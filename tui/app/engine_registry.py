"""The engines of the organisations opened since the start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui.model.errors import ReshelveError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tui.model.account import Account
    from tui.model.contact import Organisation
    from tui.model.services import RunnableBackend
    from tui.model.snapshot import Snapshot


class EngineRegistry:
    """Keeps one engine per organisation running until the app ends, so that requested changes are finished.

    `publish` is called with every new snapshot of any engine.
    """

    def __init__(self, account: Account, publish: Callable[[RunnableBackend, Snapshot], None]) -> None:
        self._account = account
        self._publish = publish
        self._services: dict[str, RunnableBackend] = {}
        self._unsubscribe: dict[str, Callable[[], None]] = {}

    def is_open(self, organisation: Organisation) -> bool:
        """Whether the organisation is open."""
        return organisation.tenant_id in self._services

    def get(self, organisation: Organisation) -> RunnableBackend | None:
        """Return the organisation's engine, or None if it isn't open."""
        return self._services.get(organisation.tenant_id)

    def get_or_open(self, organisation: Organisation) -> RunnableBackend:
        """Return the organisation's engine, opening it if needed. Raises `ReshelveError`."""
        tenant_id = organisation.tenant_id
        if tenant_id not in self._services:
            service = self._account.open(organisation)
            self._services[tenant_id] = service
            self._unsubscribe[tenant_id] = service.subscribe(
                lambda snapshot: self._publish(service, snapshot)
            )
        return self._services[tenant_id]

    def record_opened(self, organisation: Organisation) -> None:
        """Save the organisation to open at the next start."""
        try:
            self._account.record_opened(organisation)
        except ReshelveError as error:
            logger.warning("the last opened organisation wasn't saved: %s", error)

    def reconnected(self, organisations: Iterable[Organisation]) -> None:
        """Let the engines of these organisations retry Xero at once."""
        for organisation in organisations:
            service = self._services.get(organisation.tenant_id)
            if service is not None:
                service.reconnected()

    async def close_disconnected(self) -> None:
        """Close organisations that are no longer connected, or whose connection has changed."""
        connected = {organisation.tenant_id: organisation for organisation in self._account.connected}
        for tenant_id, service in list(self._services.items()):
            if connected.get(tenant_id) != service.snapshot.organisation:
                await self._stop(tenant_id)

    async def close(self) -> None:
        """Stop all engines."""
        await asyncio.gather(*(self._stop(tenant_id) for tenant_id in list(self._services)))

    async def _stop(self, tenant_id: str) -> None:
        self._unsubscribe.pop(tenant_id)()
        try:
            await self._services.pop(tenant_id).stop()
        except ReshelveError as error:
            logger.error("stopping: %s", error)
