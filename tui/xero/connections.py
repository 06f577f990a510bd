"""Which organisations a sign-in is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tui.log import logger
from tui.model.contact import Organisation
from tui.model.errors import ReconnectError, RejectedError
from tui.xero import failures
from tui.xero.calls import Call, Caller
from tui.xero.client import XeroClient
from tui.xero.limits import Urgency
from tui.xero.wire import Connection

if TYPE_CHECKING:
    import httpx

    from tui.xero.tokens import TokenSource

_ORGANISATION: Final = "ORGANISATION"


async def list_organisations(
    *, api_url: str, tokens: TokenSource, transport: httpx.AsyncBaseTransport | None = None
) -> list[Organisation]:
    """Ask Xero for the organisations of a sign-in, in its order, with the short codes its pages need.

    One that no longer lets itself be read is left out. Raises the errors of `XeroClient`; `ReconnectError`
    too when there is none.
    """
    found = []
    for connection in await _connections(api_url, tokens, transport):
        client = XeroClient(
            api_url=api_url, tenant_id=connection.tenant_id, tokens=tokens, transport=transport
        )
        try:
            details = await client.organisation()
        except (ReconnectError, RejectedError):
            logger.warning("left out an organisation that can't be read")
            continue
        finally:
            await client.aclose()
        name = connection.tenant_name or details.name
        found.append(Organisation(connection.tenant_id, name, details.short_code))
    if not found:
        raise ReconnectError(
            "The sign-in to Xero isn't connected to any organisation.",
            "Connect to Xero again and choose one.",
        )
    return found


async def _connections(
    api_url: str, tokens: TokenSource, transport: httpx.AsyncBaseTransport | None
) -> list[Connection]:
    caller = Caller(api_url=api_url, tokens=tokens, transport=transport)
    try:
        response = await caller.ask(Call("GET", "/connections", Urgency.PERSON))
    finally:
        await caller.aclose()
    try:
        connections = msgspec.json.decode(response.content, type=list[Connection])
    except (msgspec.MsgspecError, ValueError):
        raise failures.answer_unreadable() from None
    return [one for one in connections if (one.tenant_type or _ORGANISATION) == _ORGANISATION]
