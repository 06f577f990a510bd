"""Xero's Accounting API, as far as contacts go, for one organisation."""

from __future__ import annotations

import asyncio
from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import msgspec

from tui.model.errors import XeroError
from tui.net.lenient_json import UndecodableError
from tui.xero import errors, parsing
from tui.xero.api_transport import ApiRequest, ApiTransport
from tui.xero.rate_limiter import Priority
from tui.xero.results import CallsLeft, ContactsPage, ContactWriteResult, LookupResult, OrganisationDetails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import httpx

    from tui.model.change import Action
    from tui.model.contact import Contact
    from tui.model.contact_details import HistoryEntry
    from tui.xero.auth.tokens import TokenSource
    from tui.xero.rate_limiter import RateLimiter

__all__ = [
    "CallsLeft",
    "ContactWriteResult",
    "ContactsPage",
    "LookupResult",
    "OrganisationDetails",
    "XeroClient",
]

# About fifty contacts a call, said by Xero; as many ids still fit into an address.
MAX_BATCH_SIZE: Final = 50
_LONGEST_KEY: Final = 128
# Calls that looking up contacts may cost beyond the lists: an answer that lacks many of them is likely wrong.
_MOST_ALONE: Final = 2
_ACCOUNTING: Final = "/api.xro/2.0"

_T = TypeVar("_T")


class XeroClient:
    """One organisation's contacts in Xero.

    All methods raise `OfflineError` when the call never reached Xero, `ReplyLostError` when it may have,
    `RateLimitedError`, `ReconnectError` and `RejectedError`. Nothing is tried again in here, save once
    after a 401 with a new token. Calls wait for their turn within Xero's limits, writes first.
    """

    def __init__(
        self,
        *,
        api_url: str,
        tenant_id: str,
        tokens: TokenSource,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._api = ApiTransport(api_url=api_url, tokens=tokens, tenant_id=tenant_id, transport=transport)

    @property
    def calls_left(self) -> CallsLeft:
        """What Xero's last answer said is left of its limits."""
        return self._api.calls_left

    @property
    def last_reply_at(self) -> datetime | None:
        """When Xero last answered, by this machine's clock; failures on Xero's side don't count."""
        return self._api.last_reply_at

    def on_server_time(self, listener: Callable[[datetime, float], None]) -> None:
        """Call the listener with Xero's time, in whole seconds, as each answer tells it.

        Its second argument is the seconds that the answer took: it was that time within them.
        """
        self._api.on_server_time = listener

    def on_slow_response(self, listener: Callable[[float | None], None]) -> None:
        """Call the listener with the seconds for which there was no answer, and with None once there is."""
        self._api.on_slow_response = listener

    @property
    def rate_limiter(self) -> RateLimiter:
        """Where calls wait for their turn."""
        return self._api.rate_limiter

    async def contacts(
        self, page: int, *, page_size: int = 1000, modified_since: datetime | None = None
    ) -> ContactsPage:
        """Read one page of all contacts, archived ones included, in the order of their ids.

        That order is the one that an edit made meanwhile can't disturb. `modified_since` (aware of its
        zone) is cut to whole seconds, as Xero takes no finer.
        """
        headers = {}
        if modified_since is not None:
            headers["If-Modified-Since"] = modified_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        params = {"page": str(page), "pageSize": str(page_size), **_ALL}
        response = await self._api.send_or_raise(
            ApiRequest("GET", f"{_ACCOUNTING}/Contacts", Priority.BACKGROUND, params=params, headers=headers)
        )
        body, date = response.content, response.headers.get("Date", "")
        # A thousand contacts take long enough to decode that a key press would notice.
        return await asyncio.to_thread(
            _decode_or_raise,
            lambda: parsing.contacts_page(body, page=page, page_size=page_size, date_header=date),
        )

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        """Read contacts fresh, archived ones included, fifty a call, and say which ids Xero doesn't have.

        A few of those that a complete answer lacks are asked for again, each alone. Contacts that weren't
        asked for are left out: they answer another question. An id that can't be Xero's is absent, and never
        asked for with others, as Xero would refuse them all.
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
                absent += (one for one in batch if one not in named)
        absent += invalid_ids
        unknown: list[str] = []
        for contact_id in [one for one in absent if parsing.is_safe_id(one)][:_MOST_ALONE]:
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
        """Archive or restore up to fifty contacts in one call; each element has its own verdict.

        The key is Xero's `Idempotency-Key`: within six minutes the same call brings the same answer.
        An element that is missing from what is returned was not judged: read that contact again.
        Raises `RejectedError` with status 404 for the whole call when Xero never issued one of the ids
        (seen).
        """
        if not 0 < len(contact_ids) <= MAX_BATCH_SIZE:
            raise ValueError(f"one to {MAX_BATCH_SIZE} contacts a call")
        if not 0 < len(idempotency_key) <= _LONGEST_KEY:
            raise ValueError(f"an idempotency key has one to {_LONGEST_KEY} characters")
        sent = parsing.StatusEnvelope(
            tuple(parsing.StatusElement(one, action.target_status) for one in contact_ids)
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
        """Read Xero's own history of a contact, newest first."""
        path = f"{_ACCOUNTING}/Contacts/{contact_id}/History"
        response = await self._api.send_or_raise(ApiRequest("GET", path, Priority.INTERACTIVE))
        return _decode_or_raise(lambda: parsing.history(response.content))

    async def organisation(self) -> OrganisationDetails:
        """Read what Xero says of the organisation itself."""
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
        """Read one contact by its own address: nothing where Xero never issued the id, None if unclear."""
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
            # The next call meets what this one met; what the list has returned is kept.
            return None
        return tuple(each for each in page.contacts if each.contact_id == contact_id) or None


def _is_complete(page: ContactsPage) -> bool:
    """Say whether the answer to a question that fits on one page is all there, and all of it readable."""
    is_only_page = page.has_pagination and page.page == 1 and page.page_count <= 1
    return is_only_page and not page.unreadable_count and page.item_count == len(page.contacts)


_ALL: Final = {"includeArchived": "true", "order": "ContactID"}


def _decode_or_raise(read: Callable[[], _T]) -> _T:
    """Read a 200; one that makes no sense leaves open whether the call was carried out."""
    try:
        return read()
    except UndecodableError:
        raise errors.unreadable_reply() from None
