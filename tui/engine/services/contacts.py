"""Contacts from the local database and from Xero, the check before they are changed, and their groups."""

from __future__ import annotations

import asyncio
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import Action, Precheck, PrecheckLine
from tui.model.columns import ListLayout
from tui.model.contact import ContactDetails, ineligible_reason, tenant_groups_among
from tui.model.errors import ReshelveError, StoreError, XeroError
from tui.model.marks import Marks
from tui.model.reasons import ContactReason, Notice
from tui.model.snapshot import ChangeView
from tui.store.read_only_summary import find_active
from tui.store.sync_state import BASE_CURRENCY, LIST_LAYOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Generator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.engine.connectivity import ConnectionState
    from tui.engine.engine_factory import ClientFactory
    from tui.engine.scheduler import Scheduler
    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.columns import ColumnKey
    from tui.model.contact import Balances, Contact, ContactGroup, HistoryEntry, Row, SearchResult
    from tui.model.query import Query
    from tui.model.reasons import Param
    from tui.model.tables import ContactExport
    from tui.model.tidy import TidySurvey
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
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clients = clients
        self._connection = connection
        self._publisher = publisher
        self._scheduler = scheduler
        self._refresher = refresher
        self._now = now

    def first_rows(self, query: Query) -> SearchResult:
        """Return results from an index of the store, for the first paint."""
        return self._store.search.first(query)

    def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Run a query and yield the first rows as soon as possible."""
        return self._store.search.find(query)

    def layout(self) -> ListLayout:
        """Return the user's columns and sort in this organisation."""
        return ListLayout.from_text(self._store.sync_state(LIST_LAYOUT))

    async def save_layout(self, layout: ListLayout) -> None:
        """Keep the user's columns and sort."""
        await self._store.set_sync_state(LIST_LAYOUT, layout.to_text())

    def show_columns(self, columns: Sequence[ColumnKey]) -> None:
        """Read the values of these columns with every row."""
        self._store.search.show_columns(columns)

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Return the current table rows of contacts."""
        return self._store.search.rows(contact_ids)

    async def named(self, texts: Collection[str]) -> Mapping[str, Sequence[Contact]]:
        """Return, for each text, the contact that has it as its id, or all that have it as their name."""
        return await self._store.named(texts)

    async def total_balances(self, contact_ids: Collection[str]) -> Balances:
        """Add up the known balances of contacts."""
        return await self._store.total_balances(contact_ids)

    async def tidy_survey(self) -> TidySurvey:
        """Find active contacts that are probably unused."""
        return await self._store.tidy_survey(self._now())

    async def listed(self, contact_ids: Collection[str], query: Query) -> SearchResult:
        """Return these contacts on the query's tab, in its order."""
        return await self._store.search.listed(contact_ids, query)

    async def export(self, wanted: ContactExport, file: Path, report: Callable[[int, int], bool]) -> int:
        """Save contacts to a file for the user; returns how many."""
        from tui.engine.services.contact_export import save_rows

        total, rows = await self.stream(wanted)
        return await save_rows(wanted, rows, total, file, report)

    async def stream(self, wanted: ContactExport) -> tuple[int, Generator[Row]]:
        """Return how many contacts an export has, and their rows, read while they are taken in one thread."""
        rowids = await self._store.search.rowids(wanted.query, wanted.contact_ids)
        return len(rowids), self._store.search.stream(rowids, wanted.reads)

    async def details(self, contact_id: str) -> ContactDetails:
        """Return one contact and its changes. Raises `StoreError` if it isn't in the local database."""
        contact = self._store.contact(contact_id)
        if contact is None:
            raise StoreError(ContactReason.NOT_SAVED)
        from tui.xero.contact_record import contact_record

        grade = self._publisher.grade
        marks = self._store.marks.of_contact(contact_id)
        survivor = self._store.contact(contact.merged_to) if contact.merged_to else None
        return ContactDetails(
            contact,
            tuple(ChangeView(change, grade(change)) for change in self._store.changes.of_contact(contact_id)),
            tuple(self._store.changes.entries_of_contact(contact_id)),
            tenant_groups_among(contact.groups, self._store.tenancy.tenant_groups()),
            contact_record(contact.raw),
            survivor.name if survivor is not None else "",
            self._store.activity.of([contact_id]).get(contact_id),
            is_kept=contact_id in marks.kept,
            is_protected=contact_id in marks.protected,
            protected_groups=tuple(group for group in contact.groups if group in marks.protected_groups),
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


def block_reason(action: Action, contact: Contact) -> ContactReason | None:
    """Return why this contact would be skipped, or None."""
    if contact.status is action.target_status:
        return ContactReason.ALREADY_ARCHIVED if action is Action.ARCHIVE else ContactReason.ALREADY_ACTIVE
    return ineligible_reason(contact)


def warnings(contact: Contact, namesake: Contact | None) -> tuple[Notice, ...]:
    """Return warnings about the change; they never block it."""
    taken = () if namesake is None else (name_taken(namesake),)
    known = contact.balances
    if known is None:
        return taken
    owed = (
        (ContactReason.THEY_OWE, known.receivable, known.receivable_overdue),
        (ContactReason.YOU_OWE, known.payable, known.payable_overdue),
    )
    balances = (
        Notice(reason, {"outstanding": outstanding, "overdue": overdue})
        for reason, outstanding, overdue in owed
        if outstanding
    )
    return (*taken, *balances)


def protection(contact: Contact, marks: Marks) -> Notice | None:
    """Return the notice that a contact is protected, itself or by a group."""
    if not marks.protects(contact.contact_id, contact.groups):
        return None
    groups = [group for group in contact.groups if group in marks.protected_groups]
    return Notice(ContactReason.PROTECTED, {"group": groups[0]} if groups else {})


def other_currency(contact: Contact, base: str) -> Notice | None:
    """Return a warning if a contact isn't in `base`, the organisation's own currency; empty if unknown."""
    # Decoding is a hundred times slower, and few contacts have a currency.
    if not base or b"DefaultCurrency" not in contact.raw:
        return None
    from tui.xero.contact_record import contact_record

    currency = contact_record(contact.raw).currency.strip().upper()
    if currency in {"", base.strip().upper()}:
        return None
    return Notice(ContactReason.FOREIGN_CURRENCY, {"currency": currency, "base": base.strip().upper()})


def name_taken(namesake: Contact) -> Notice:
    """Return the notice that another active contact has the name of one to be restored."""
    return Notice(ContactReason.NAME_TAKEN, {"name": namesake.name})


# Seconds for the stores of all other organisations, and how many of these are named.
_LONGEST_SEARCH: Final = 1.0
_MOST_NAMED: Final = 3


def find_elsewhere(others: Sequence[tuple[str, Path]], contacts: Sequence[Contact]) -> dict[str, Notice]:
    """Return a warning for each contact that other organisations have as an active one, by its id.

    `others` are their names and folders; only saved data is read, for a second at most. Blocks.
    """
    names: dict[str, list[str]] = {}
    ends_at = time.monotonic() + _LONGEST_SEARCH
    for name, folder in others:
        for contact_id in find_active(folder, contacts, seconds=ends_at - time.monotonic()):
            names.setdefault(contact_id, []).append(name)
    return {contact_id: _active_elsewhere(found) for contact_id, found in names.items()}


def _active_elsewhere(names: Sequence[str]) -> Notice:
    shown = names[:_MOST_NAMED]
    more = len(names) - len(shown)
    return Notice(ContactReason.ACTIVE_ELSEWHERE, {"organisations": ", ".join(shown), "more": more})


def build_precheck(
    store: Store,
    action: Action,
    contact_ids: Sequence[str],
    fresh: RefreshResult,
    elsewhere: Mapping[str, Notice] = MappingProxyType({}),
) -> Precheck:
    """Return the findings for each contact, from saved data; `elsewhere` is from `find_elsewhere`."""
    tenancy = store.tenancy.warnings()
    marks = store.marks.all() if action is Action.ARCHIVE else Marks()
    base_currency = store.sync_state(BASE_CURRENCY) or ""
    lines = []
    for contact in store.contacts(contact_ids):
        reason = block_reason(action, contact)
        namesake = None
        if action is Action.RESTORE and not reason:
            namesake = store.find_active_by_name(contact.name, except_id=contact.contact_id)
        possible = (
            protection(contact, marks),
            *warnings(contact, namesake),
            other_currency(contact, base_currency),
            elsewhere.get(contact.contact_id),
        )
        notices = () if reason else tuple(notice for notice in possible if notice is not None)
        # If none could be read, a single message covers them all.
        if contact.contact_id in fresh.unread and len(fresh.unread) < len(contact_ids):
            notices = (*notices, Notice(ContactReason.UNREADABLE))
        lines.append(PrecheckLine(contact, notices, reason))
    found = Precheck(
        action,
        tuple(lines),
        stale_reason=fresh.stale_reason,
        is_first_archive=action is Action.ARCHIVE and tenancy.is_first_archive,
    )
    return found.with_tenant_groups(tenancy.tenant_groups)


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
