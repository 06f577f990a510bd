"""Client for the contacts and transactions in Xero's Accounting API, for one organisation."""

from __future__ import annotations

import asyncio
from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import msgspec

from tui.model.activity import ACTIVITY_SCOPES
from tui.model.errors import UnexpectedReplyError, XeroError
from tui.model.reasons import XeroReason
from tui.net.lenient_json import UndecodableError
from tui.xero import errors, parsing
from tui.xero.http_client import ApiRequest, ApiTransport
from tui.xero.rate_limiter import Priority
from tui.xero.results import CallsLeft, ContactsPage, ContactWriteResult, LookupResult, OrganisationDetails
from tui.xero.transactions import TransactionResource, transactions_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import httpx

    from tui.model.change import Action
    from tui.model.contact import Contact, HistoryEntry
    from tui.xero.auth.tokens import TokenSource
    from tui.xero.rate_limiter import RateLimiter
    from tui.xero.transactions import TransactionsPage

__all__ = [
    "CallsLeft",
    "ContactWriteResult",
    "ContactsPage",
    "LookupResult",
    "OrganisationDetails",
    "XeroClient",
]

# About 50 contacts per request, as documented by Xero; as many IDs also fit into a URL.
MAX_BATCH_SIZE: Final = 50
_LONGEST_KEY: Final = 128
# Extra requests per lookup for missing contacts: a response that lacks many is likely wrong.
_MOST_ALONE: Final = 2
_ACCOUNTING: Final = "/api.xro/2.0"

_T = TypeVar("_T")


class XeroClient:
    """One organisation's contacts and transactions in Xero.

    All methods raise `OfflineError` if the request never reached Xero, `ReplyLostError` if it may have,
    `RateLimitedError`, `ReconnectError` and `RejectedError`. Nothing is retried here except after a 401 with
    a new token. Requests wait for Xero's rate limits, writes first.
    """

    def __init__(
        self,
        *,
        api_url: str,
        tenant_id: str,
        tokens: TokenSource,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._tokens = tokens
        self._api = ApiTransport(api_url=api_url, tokens=tokens, tenant_id=tenant_id, transport=transport)

    @property
    def calls_left(self) -> CallsLeft:
        """Calls left according to Xero's last response."""
        return self._api.calls_left

    @property
    def last_reply_at(self) -> datetime | None:
        """When Xero last replied, by this computer's clock; server errors don't count."""
        return self._api.last_reply_at

    def on_server_time(self, listener: Callable[[datetime, float], None]) -> None:
        """Call the listener for each response with Xero's time in whole seconds.

        Its second argument is the duration of the request: it was that time at some point during it.
        """
        self._api.on_server_time = listener

    def on_slow_response(self, listener: Callable[[float | None], None]) -> None:
        """Call the listener with the seconds waited while Xero is slow, and with None once it replies."""
        self._api.on_slow_response = listener

    @property
    def rate_limiter(self) -> RateLimiter:
        """Limits the rate of requests."""
        return self._api.rate_limiter

    async def contacts(
        self, page: int, *, page_size: int = 1000, modified_since: datetime | None = None
    ) -> ContactsPage:
        """Fetch one page of all contacts, archived ones included, ordered by ID.

        Edits made meanwhile don't affect that order. `modified_since` (timezone-aware) is cut to whole
        seconds, Xero's precision.
        """
        headers = {}
        if modified_since is not None:
            headers["If-Modified-Since"] = _since(modified_since)
        params = {"page": str(page), "pageSize": str(page_size), **_ALL}
        response = await self._api.send_or_raise(
            ApiRequest("GET", f"{_ACCOUNTING}/Contacts", Priority.BACKGROUND, params=params, headers=headers)
        )
        body, date = response.content, response.headers.get("Date", "")
        # Decoding a thousand contacts would delay key presses.
        return await asyncio.to_thread(
            _decode_or_raise,
            lambda: parsing.contacts_page(body, page=page, page_size=page_size, date_header=date),
        )

    async def transactions(
        self,
        resource: TransactionResource,
        page: int,
        *,
        page_size: int = 1000,
        modified_since: datetime | None = None,
    ) -> TransactionsPage:
        """Fetch one page of all transactions of a kind, ordered by id; `modified_since` as for `contacts`.

        Raises `NotConnectedError`, of which `MissingScopeError` is one, without the scope for it.
        """
        headers, params = {}, {}
        if resource.is_paged:
            params = {"page": str(page), "pageSize": str(page_size), "order": resource.id_field}
            if modified_since is not None:
                headers["If-Modified-Since"] = _since(modified_since)
        if resource is TransactionResource.INVOICES:
            params |= {"summaryOnly": "true", "includeArchived": "true"}
        response = await self._api.send_or_raise(
            ApiRequest("GET", f"{_ACCOUNTING}/{resource}", Priority.SCAN, params=params, headers=headers)
        )
        body, date = response.content, response.headers.get("Date", "")
        return await asyncio.to_thread(
            _decode_or_raise,
            lambda: transactions_page(body, resource, page=page, page_size=page_size, date_header=date),
        )

    async def may_read_activity(self) -> bool:
        """Return whether the sign-in has the scopes for all transactions; False if its scopes aren't known.

        Only the sign-in may be renewed for it.
        """
        granted = await self._tokens.scopes()
        return granted.issuperset(ACTIVITY_SCOPES)

    def reload_sign_in(self) -> None:
        """Load the stored tokens again before the next request: the user may have signed in again."""
        self._tokens.invalidate()

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        """Fetch contacts, archived ones included, 50 per request, and find IDs that Xero doesn't have.

        A few IDs missing from a complete response are requested again one by one. Contacts that weren't
        requested are ignored. An invalid ID counts as missing and is never sent, as Xero would refuse the
        whole request.
        """
        invalid_ids = [contact_id for contact_id in contact_ids if not parsing.is_id(contact_id)]
        contact_ids = [contact_id for contact_id in contact_ids if parsing.is_id(contact_id)]
        contacts: list[Contact] = []
        absent: list[str] = []
        for start in range(0, len(contact_ids), MAX_BATCH_SIZE):
            batch = contact_ids[start : start + MAX_BATCH_SIZE]
            page = await self._contacts_by_ids(batch)
            matching = [contact for contact in page.contacts if contact.contact_id in batch]
            contacts += matching
            if len(matching) == len(page.contacts) and _is_complete(page):
                named = {contact.contact_id for contact in matching}
                absent += (contact_id for contact_id in batch if contact_id not in named)
        absent += invalid_ids
        unknown: list[str] = []
        for contact_id in list(filter(parsing.is_safe_id, absent))[:_MOST_ALONE]:
            found = await self._contact_by_id(contact_id)
            if found is None:
                continue
            contacts += found
            absent.remove(contact_id)
            if not found:
                unknown.append(contact_id)
        return LookupResult(tuple(contacts), tuple(unknown), tuple(absent))

    async def change_status(
        self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
    ) -> list[ContactWriteResult]:
        """Archive or restore up to 50 contacts in one request; each has its own result.

        The key is Xero's `Idempotency-Key`: within six minutes the same request returns the same response.
        For a contact without a result, read it again. Raises `RejectedError` with status 404 for the whole
        request if Xero never issued one of the IDs (seen).
        """
        if not 0 < len(contact_ids) <= MAX_BATCH_SIZE:
            raise ValueError(f"one to {MAX_BATCH_SIZE} contacts a call")
        if not 0 < len(idempotency_key) <= _LONGEST_KEY:
            raise ValueError(f"an idempotency key has one to {_LONGEST_KEY} characters")
        sent = parsing.StatusEnvelope(
            tuple(parsing.StatusElement(contact_id, action.target_status) for contact_id in contact_ids)
        )
        response = await self._api.send(
            ApiRequest(
                "POST",
                f"{_ACCOUNTING}/Contacts",
                Priority.WRITE,
                params={"summarizeErrors": "false"},
                headers={"Idempotency-Key": idempotency_key, "Content-Type": "application/json"},
                content=msgspec.json.encode(sent),
            )
        )
        if response.status_code == HTTPStatus.BAD_REQUEST:
            parts = errors.problem_of(response).elements
            if parts:
                return parsing.elements(parts, contact_ids, was_refused=True)
        errors.raise_for_failure(response)
        return _decode_or_raise(lambda: parsing.bulk_answer(response.content, contact_ids))

    async def history(self, contact_id: str) -> list[HistoryEntry]:
        """Fetch Xero's history of a contact, newest first."""
        path = f"{_ACCOUNTING}/Contacts/{contact_id}/History"
        response = await self._api.send_or_raise(ApiRequest("GET", path, Priority.INTERACTIVE))
        return _decode_or_raise(lambda: parsing.history(response.content))

    async def add_note(self, contact_id: str, note: str, *, idempotency_key: str) -> None:
        """Add a note to Xero's history of a contact. Raises `RejectedError` if Xero doesn't accept it.

        The key is as for `change_status`. Raises `UnexpectedReplyError` also if the reply lacks the note.
        """
        sent = parsing.NoteEnvelope((parsing.NoteElement(note),))
        response = await self._api.send_or_raise(
            ApiRequest(
                "PUT",
                f"{_ACCOUNTING}/Contacts/{quote(contact_id, safe='')}/History",
                Priority.WRITE,
                headers={"Idempotency-Key": idempotency_key, "Content-Type": "application/json"},
                content=msgspec.json.encode(sent),
            )
        )
        entries = _decode_or_raise(lambda: parsing.history(response.content))
        if not any(entry.details == note for entry in entries):
            raise UnexpectedReplyError(XeroReason.UNREADABLE_REPLY)

    async def organisation(self) -> OrganisationDetails:
        """Fetch the organisation's details."""
        response = await self._api.send_or_raise(
            ApiRequest("GET", f"{_ACCOUNTING}/Organisation", Priority.INTERACTIVE)
        )
        return _decode_or_raise(lambda: parsing.organisation(response.content))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()

    async def _contacts_by_ids(self, contact_ids: Sequence[str]) -> ContactsPage:
        params = {"IDs": ",".join(contact_ids), "page": "1", "pageSize": str(MAX_BATCH_SIZE), **_ALL}
        response = await self._api.send_or_raise(
            ApiRequest("GET", f"{_ACCOUNTING}/Contacts", Priority.INTERACTIVE, params=params)
        )
        return _decode_or_raise(
            lambda: parsing.contacts_page(response.content, page=1, page_size=MAX_BATCH_SIZE)
        )

    async def _contact_by_id(self, contact_id: str) -> tuple[Contact, ...] | None:
        """Fetch one contact by its URL: empty if Xero doesn't know the ID, None if unclear."""
        path = f"{_ACCOUNTING}/Contacts/{quote(contact_id, safe='')}"
        try:
            response = await self._api.send(ApiRequest("GET", path, Priority.INTERACTIVE))
            if errors.is_unknown_id(response):
                return ()
            errors.raise_for_failure(response)
            page = _decode_or_raise(
                lambda: parsing.contacts_page(response.content, page=1, page_size=MAX_BATCH_SIZE)
            )
        except XeroError:
            # The next request will fail the same way; keep what the list returned.
            return None
        return tuple(contact for contact in page.contacts if contact.contact_id == contact_id) or None


def _since(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_complete(page: ContactsPage) -> bool:
    """Whether a one-page response is complete and readable."""
    is_only_page = page.has_pagination and page.page == 1 and page.page_count <= 1
    return is_only_page and not page.unreadable_count and page.item_count == len(page.contacts)


_ALL: Final = {"includeArchived": "true", "order": "ContactID"}


def _decode_or_raise(read: Callable[[], _T]) -> _T:
    """Decode a 200; if it can't be read, the result of the request is unknown."""
    try:
        return read()
    except UndecodableError:
        raise UnexpectedReplyError(XeroReason.UNREADABLE_REPLY) from None
