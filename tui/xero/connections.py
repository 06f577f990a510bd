"""The organisations that a sign-in gives access to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import Organisation
from tui.model.errors import (
    NotConnectedError,
    ReconnectError,
    SignInError,
    UnexpectedReplyError,
    XeroError,
)
from tui.model.reasons import XeroReason
from tui.net import lenient_json
from tui.system.log import logger
from tui.system.paths import is_tenant_id
from tui.xero import parsing
from tui.xero.http_client import ApiRequest, ApiTransport
from tui.xero.parsing import ConnectionElement
from tui.xero.rate_limiter import Priority, RateLimiter
from tui.xero.results import OrganisationDetails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import httpx

    from tui.xero.auth.tokens import TokenSource

_ORGANISATION: Final = "ORGANISATION"
_AT_ONCE: Final = 5
_UNREAD: Final = OrganisationDetails("", "", "", "", is_demo=False)


async def list_organisations(
    *,
    api_url: str,
    tokens: TokenSource,
    sign_in: str,
    is_custom: bool,
    is_read_only: bool,
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Organisation]:
    """Fetch the organisations of a sign-in in Xero's order, with the short codes for links to its pages.

    An organisation whose details can't be read now (offline, rate limit, missing permission) has an empty
    `short_code`: fetch it again later. Takes one request each, five at a time. A custom connection has one
    organisation, identified by its token.

    Raises `SignInError` if there is no organisation, `ReconnectError` if the sign-in has ended, and the
    errors of `XeroClient` if the list can't be read.
    """
    xero = _ConnectionsApi(api_url, tokens, transport)
    listed = await xero.connections()
    if is_custom:
        pairs = [await xero.custom_organisation(listed)]
    else:
        pairs = list(zip(listed, await xero.fetch_details(listed), strict=True))
    if not pairs:
        raise SignInError(XeroReason.NO_ORGANISATION)
    return [
        Organisation(
            connection.tenant_id,
            connection.tenant_name or details.name or connection.tenant_id,
            details.short_code,
            sign_in=sign_in,
            timezone=details.timezone,
            is_custom=is_custom,
            is_read_only=is_read_only,
            is_demo=details.is_demo,
            base_currency=details.base_currency,
        )
        for connection, details in pairs
    ]


async def connected_tenants(
    *,
    api_url: str,
    tokens: TokenSource,
    transport: httpx.AsyncBaseTransport | None = None,
    on_server_time: Callable[[datetime, float], None] | None = None,
) -> frozenset[str]:
    """Fetch the tenant IDs of a sign-in in one request. Raises the errors of `XeroClient`.

    `on_server_time` is called as that of `ApiTransport`.
    """
    listed = await _ConnectionsApi(api_url, tokens, transport, on_server_time).connections()
    return frozenset(connection.tenant_id for connection in listed)


class _ConnectionsApi(Struct, frozen=True):
    """Xero's connections API for one sign-in."""

    api_url: str
    tokens: TokenSource
    transport: httpx.AsyncBaseTransport | None
    on_server_time: Callable[[datetime, float], None] | None = None

    async def connections(self) -> list[ConnectionElement]:
        api = self._open_api()
        try:
            response = await api.send_or_raise(ApiRequest("GET", "/connections", Priority.INTERACTIVE))
        finally:
            await api.aclose()
        try:
            listed = lenient_json.decode(response.content, list[ConnectionElement])
        except lenient_json.UndecodableError:
            raise UnexpectedReplyError(XeroReason.UNREADABLE_REPLY) from None
        found = [
            connection for connection in listed if (connection.tenant_type or _ORGANISATION) == _ORGANISATION
        ]
        usable = [connection for connection in found if is_tenant_id(connection.tenant_id)]
        if len(usable) < len(found):
            logger.warning("left out %d connections with ids that can't be used", len(found) - len(usable))
        return usable

    async def custom_organisation(
        self, listed: Sequence[ConnectionElement]
    ) -> tuple[ConnectionElement, OrganisationDetails]:
        """Return the organisation of a custom connection, which `/connections` may omit."""
        api = self._open_api()
        try:
            if listed:
                return listed[0], await _details_or_empty(api, "")
            details = await _details(api, "")
        finally:
            await api.aclose()
        if not is_tenant_id(details.organisation_id):
            raise UnexpectedReplyError(XeroReason.UNREADABLE_REPLY)
        # An organisation's tenant ID is its ID (seen).
        return ConnectionElement(details.organisation_id), details

    async def fetch_details(self, listed: Sequence[ConnectionElement]) -> list[OrganisationDetails]:
        """Fetch the details of each organisation, a few at a time; empty if they can't be read."""
        found = [_UNREAD] * len(listed)
        rest = iter(enumerate(listed))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(listed))):
                    group.create_task(self._fetch_details_worker(rest, found))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return found

    async def _fetch_details_worker(
        self, rest: Iterator[tuple[int, ConnectionElement]], found: list[OrganisationDetails]
    ) -> None:
        api = self._open_api()
        try:
            for index, connection in rest:
                # Xero limits each organisation separately.
                api.rate_limiter = RateLimiter()
                found[index] = await _details_or_empty(api, connection.tenant_id)
        finally:
            await api.aclose()

    def _open_api(self) -> ApiTransport:
        api = ApiTransport(api_url=self.api_url, tokens=self.tokens, transport=self.transport)
        if self.on_server_time is not None:
            api.on_server_time = self.on_server_time
        return api


async def _details_or_empty(api: ApiTransport, tenant_id: str) -> OrganisationDetails:
    try:
        return await _details(api, tenant_id)
    except XeroError as error:
        if isinstance(error, ReconnectError) and not isinstance(error, NotConnectedError):
            raise
        logger.warning("an organisation can't be described now: %s", type(error).__name__)
        return _UNREAD


async def _details(api: ApiTransport, tenant_id: str) -> OrganisationDetails:
    headers = {"xero-tenant-id": tenant_id} if tenant_id else {}
    response = await api.send_or_raise(
        ApiRequest("GET", "/api.xro/2.0/Organisation", Priority.INTERACTIVE, headers=headers)
    )
    try:
        return parsing.organisation(response.content)
    except lenient_json.UndecodableError:
        raise UnexpectedReplyError(XeroReason.UNREADABLE_REPLY) from None
