from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tui.model.contact import Organisation
from tui.model.errors import AnswerLostError, OfflineError, ReconnectError
from tui.xero.connections import list_organisations

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.xero.tokens import TokenSource

CONNECTIONS = [
    {"id": "1", "tenantId": "one", "tenantType": "ORGANISATION", "tenantName": "One"},
    {"id": "2", "tenantId": "two", "tenantType": "PRACTICE", "tenantName": "Two"},
    {"id": "3", "tenantId": "three", "tenantType": "ORGANISATION", "tenantName": None},
]


async def listed(
    tokens: TokenSource,
    organisation: Callable[[str], httpx.Response],
    connections: httpx.Response | None = None,
) -> list[Organisation]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/connections":
            assert "xero-tenant-id" not in request.headers
            return connections or httpx.Response(200, json=CONNECTIONS)
        assert request.url.path == "/api/api.xro/2.0/Organisation"
        return organisation(request.headers["xero-tenant-id"])

    return await list_organisations(
        api_url="http://127.0.0.1:9/api", tokens=tokens, transport=httpx.MockTransport(answer)
    )


def described(tenant_id: str) -> httpx.Response:
    return httpx.Response(200, json={"Organisations": [{"Name": "Its name", "ShortCode": f"!{tenant_id}"}]})


async def test_organisations_come_with_the_codes_their_pages_need(tokens: TokenSource) -> None:
    assert await listed(tokens, described) == [
        Organisation("one", "One", "!one"),
        Organisation("three", "Its name", "!three"),
    ]


async def test_one_that_cannot_be_read_does_not_hide_the_others(tokens: TokenSource) -> None:
    def answer(tenant_id: str) -> httpx.Response:
        refused = httpx.Response(403, json={"Detail": "AuthenticationUnsuccessful"})
        return refused if tenant_id == "one" else described(tenant_id)

    assert [one.tenant_id for one in await listed(tokens, answer)] == ["three"]


async def test_a_sign_in_without_organisations_is_no_sign_in(tokens: TokenSource) -> None:
    with pytest.raises(ReconnectError, match="isn't connected to any"):
        await listed(tokens, described, httpx.Response(200, json=[]))


async def test_nobody_is_left_out_for_a_passing_failure(tokens: TokenSource) -> None:
    def offline(_: str) -> httpx.Response:
        raise httpx.ConnectError("x")

    with pytest.raises(OfflineError):
        await listed(tokens, offline)
    with pytest.raises(AnswerLostError):
        await listed(tokens, described, httpx.Response(200, html="<h1>hello</h1>"))
