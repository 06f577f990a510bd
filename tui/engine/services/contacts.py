"""Contacts from the local database and from Xero."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactDetails
from tui.model.errors import ReshelveError, StoreError, XeroError
from tui.model.reasons import ContactReason, Notice
from tui.model.snapshot import ChangeView
from tui.model.tenancy import tenant_groups_among

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from tui.engine.connectivity import ConnectionState
    from tui.engine.engine_factory import ClientFactory
    from tui.engine.scheduler import Scheduler
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.contact import HistoryEntry, Row, SearchResult
    from tui.model.query import Query
    from tui.model.reasons import Param
    from tui.store import Store

# Twenty of the sixty calls a minute; sending and syncing need the rest.
MAX_REFRESHED: Final = 1_000
# Seconds. The first sync of a large organisation can use up a whole minute's calls.
TIMEOUT_SECONDS: Final = 15.0


class RefreshResult(Struct, frozen=True):
    """The result of refreshing contacts from Xero.

    `stale_reason` is why some aren't up to date, None if all are; `unread` are the IDs missing from Xero's
    reply.
    """

    stale_reason: Notice | None = None
    unread: frozenset[str] = frozenset()


class ContactRefresher:
    """Refreshes contacts from Xero while the user waits."""

    def __init__(
        self,
        *,
        store: Store,
        clients: ClientFactory,
        connection: ConnectionState,
        publisher: SnapshotPublisher,
        scheduler: Scheduler,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clients = clients
        self._connection = connection
        self._publisher = publisher
        self._scheduler = scheduler
        self._now = now

    async def refresh(self, contact_ids: Sequence[str]) -> RefreshResult:
        """Refresh these contacts as far as Xero's reply can be read."""
        if len(contact_ids) > MAX_REFRESHED:
            return RefreshResult(Notice(ContactReason.TOO_MANY, {"most": MAX_REFRESHED}))
        attempt = self._connection.attempt()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                found = await self._clients.xero.look_up(contact_ids)
        except TimeoutError:
            return RefreshResult(Notice(ContactReason.SLOW_REPLY), frozenset(contact_ids))
        except XeroError as error:
            return RefreshResult(error.notice, frozenset(contact_ids))
        self._publisher.record_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )
        answered = {*(contact.contact_id for contact in found.contacts), *found.unknown}
        unread = frozenset(contact_ids) - answered
        if not unread:
            self._scheduler.record_reply(self._clients.xero, None, attempt)
            return RefreshResult()
        if len(contact_ids) == 1:
            return RefreshResult(Notice(ContactReason.UNREADABLE), unread)
        counts: dict[str, Param] = {"count": len(unread), "total": len(contact_ids)}
        return RefreshResult(Notice(ContactReason.SOME_UNREADABLE, counts), unread)


class ContactService:
    """Implements `model.services.ContactServiceProtocol`."""

    def __init__(
        self,
        *,
        store: Store,
        clients: ClientFactory,
        connection: ConnectionState,
        publisher: SnapshotPublisher,
        scheduler: Scheduler,
        refresher: ContactRefresher,
    ) -> None:
        self._store = store
        self._clients = clients
        self._connection = connection
        self._publisher = publisher
        self._scheduler = scheduler
        self._refresher = refresher

    def first_rows(self, query: Query) -> SearchResult:
        """Return results from an index of the store, for the first paint."""
        return self._store.search.first(query)

    def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Run a query and yield the first rows as soon as possible."""
        return self._store.search.find(query)

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Return the current table rows of contacts."""
        return self._store.search.rows(contact_ids)

    async def details(self, contact_id: str) -> ContactDetails:
        """Return one contact and its changes. Raises `StoreError` if it isn't in the local database."""
        contact = self._store.contact(contact_id)
        if contact is None:
            raise StoreError(ContactReason.NOT_SAVED)
        grade = self._publisher.grade
        return ContactDetails(
            contact,
            tuple(ChangeView(change, grade(change)) for change in self._store.changes.of_contact(contact_id)),
            tuple(self._store.changes.entries_of_contact(contact_id)),
            tenant_groups_among(contact.groups, self._store.tenancy.tenant_groups()),
        )

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        """Fetch Xero's history of a contact."""
        try:
            return await self._clients.xero.history(contact_id)
        except XeroError as error:
            raise ReshelveError(error.reason, **error.notice.params) from error

    async def refresh_one(self, contact_id: str) -> None:
        """Refresh one contact from Xero, including its balances."""
        stale = (await self._refresher.refresh([contact_id])).stale_reason
        if stale is not None:
            raise ReshelveError(stale.reason, **stale.params)

    async def refresh(self) -> None:
        """Refresh now."""
        self._connection.retry_now()
        self._scheduler.wake(refresh=True)

    def pause_sync(self, *, on: bool) -> None:
        """Pause a full sync after the current page, or resume it."""
        self._scheduler.pause_sync(on=on)

    def url(self, contact_id: str) -> str:
        """Return the link to the contact in Xero."""
        return self._clients.contact_url(contact_id)
