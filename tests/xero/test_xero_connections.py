from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tui import messages
from tui.model.contact import Organisation
from tui.model.errors import NotConnectedError, OfflineError, ReconnectError, ReplyLostError, SignInError
from tui.model.reasons import XeroReason
from tui.xero.connections import connected_tenants, list_organisations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui.xero.auth.tokens import TokenSource

API = "http://127.0.0.1:9/api"
CONNECTIONS = [
    {"id": "1", "tenantId": "one", "tenantType": "ORGANISATION", "tenantName": "One"},
    {"id": "2", "tenantId": "two", "tenantType": "PRACTICE", "tenantName": "Two"},
    {"id": "3", "tenantId": "three", "tenantType": "ORGANISATION", "tenantName": None},
]
REFUSED = httpx.Response(403, json={"Detail": "AuthenticationUnsuccessful"})


async def listed(
    tokens: TokenSource,
    organisation: Callable[[str], httpx.Response],
    connections: httpx.Response | None = None,
    **kind: bool,
) -> list[Organisation]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/connections":
            assert "xero-tenant-id" not in request.headers
            return connections or httpx.Response(200, json=CONNECTIONS)
        assert request.url.path == "/api/api.xro/2.0/Organisation"
        return organisation(request.headers.get("xero-tenant-id", ""))

    return await list_organisations(
        api_url=API,
        tokens=tokens,
        sign_in="client",
        transport=httpx.MockTransport(answer),
        **({"is_custom": False, "is_read_only": False} | kind),
    )


def described(tenant_id: str, **more: Any) -> httpx.Response:
    fields = {"Name": "Its name", "ShortCode": f"!{tenant_id}", "OrganisationID": "its-id", **more}
    return httpx.Response(200, json={"Organisations": [fields]})


async def test_organisations_are_listed_with_their_details(tokens: TokenSource) -> None:
    def answer(tenant_id: str) -> httpx.Response:
        return described(tenant_id, Timezone="NEWZEALANDSTANDARDTIME", IsDemoCompany=tenant_id == "three")

    assert await listed(tokens, answer, is_read_only=True) == [
        Organisation(
            "one", "One", "!one", sign_in="client", timezone="NEWZEALANDSTANDARDTIME", is_read_only=True
        ),
        Organisation(
            "three",
            "Its name",
            "!three",
            sign_in="client",
            timezone="NEWZEALANDSTANDARDTIME",
            is_read_only=True,
            is_demo=True,
        ),
    ]


def cut_off(_: str) -> httpx.Response:
    raise httpx.ReadError("x")


def unreachable(_: str) -> httpx.Response:
    raise httpx.ConnectError("x")


@pytest.mark.parametrize(
    "trouble",
    [
        lambda _: REFUSED,
        lambda _: httpx.Response(403, json={"Detail": "You may not"}),
        lambda _: httpx.Response(503, text="The Organisation is offline"),
        lambda _: httpx.Response(429, headers={"Retry-After": "9", "X-Rate-Limit-Problem": "day"}),
        lambda _: httpx.Response(200, json={"Organisations": []}),
        cut_off,
        unreachable,
    ],
)
async def test_organisation_that_cannot_be_read_is_still_listed(
    tokens: TokenSource, trouble: Callable[[str], httpx.Response]
) -> None:
    found = await listed(tokens, lambda one: trouble(one) if one == "one" else described(one))
    assert [(one.tenant_id, one.name, one.short_code) for one in found] == [
        ("one", "One", ""),
        ("three", "Its name", "!three"),
    ]
    nameless = await listed(tokens, trouble)
    assert [one.name for one in nameless] == ["One", "three"]


async def test_a_sign_in_without_organisations_says_what_to_tick(tokens: TokenSource) -> None:
    with pytest.raises(SignInError) as raised:
        await listed(tokens, described, httpx.Response(200, json=[]))
    assert raised.value.reason is XeroReason.NO_ORGANISATION
    assert "select at least one" in messages.next_step(raised.value)


async def test_tenant_id_that_is_no_safe_file_name_is_ignored(tokens: TokenSource) -> None:
    ids = ("../../elsewhere", "", "one", "a/b", "x" * 65)
    found = await listed(tokens, described, httpx.Response(200, json=[{"tenantId": one} for one in ids]))
    assert [one.tenant_id for one in found] == ["one"]


async def test_unreadable_list_is_not_an_empty_list(tokens: TokenSource) -> None:
    with pytest.raises(ReplyLostError):
        await listed(tokens, described, httpx.Response(200, html="<h1>hello</h1>"))
    with pytest.raises(ReplyLostError):
        await listed(tokens, described, httpx.Response(503))


async def test_a_sign_in_that_ends_meanwhile_is_reported(tokens: TokenSource) -> None:
    with pytest.raises(ReconnectError) as raised:
        await listed(tokens, lambda _: httpx.Response(401))
    assert not isinstance(raised.value, NotConnectedError)


async def test_at_most_five_organisations_are_read_at_once(tokens: TokenSource) -> None:
    many = [{"tenantId": f"{n}", "tenantType": "ORGANISATION", "tenantName": f"{n}"} for n in range(200)]
    inside: set[str] = set()
    most = 0
    five = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal most
        if request.url.path == "/api/connections":
            return httpx.Response(200, json=many)
        tenant_id = request.headers["xero-tenant-id"]
        inside.add(tenant_id)
        most = max(most, len(inside))
        if most == 5:
            five.set()
        await five.wait()
        inside.remove(tenant_id)
        # An exhausted limit of one organisation doesn't delay the next.
        return httpx.Response(
            200,
            headers={"X-MinLimit-Remaining": "0"},
            json={"Organisations": [{"ShortCode": f"!{tenant_id}"}]},
        )

    found = await list_organisations(
        api_url=API,
        tokens=tokens,
        sign_in="client",
        is_custom=False,
        is_read_only=False,
        transport=_Answering(answer),
    )
    assert [one.short_code for one in found] == [f"!{n}" for n in range(200)]
    assert most == 5


class _Answering(httpx.AsyncBaseTransport):
    def __init__(self, answer: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._answer(request)


async def test_custom_connection_sends_no_tenant_header(tokens: TokenSource) -> None:
    asked: list[str] = []

    def answer(tenant_id: str) -> httpx.Response:
        asked.append(tenant_id)
        return described("only")

    own = httpx.Response(200, json=CONNECTIONS[:1])
    assert await listed(tokens, answer, own, is_custom=True) == [
        Organisation("one", "One", "!only", sign_in="client", is_custom=True)
    ]
    assert asked == [""]


async def test_unlisted_custom_connection_has_its_organisations_id(
    tokens: TokenSource,
) -> None:
    empty = httpx.Response(200, json=[])
    assert await listed(tokens, lambda _: described("only"), empty, is_custom=True) == [
        Organisation("its-id", "Its name", "!only", sign_in="client", is_custom=True)
    ]
    with pytest.raises(ReplyLostError):
        await listed(tokens, lambda _: described("only", OrganisationID=None), empty, is_custom=True)
    with pytest.raises(NotConnectedError):
        await listed(tokens, lambda _: REFUSED, empty, is_custom=True)
    with pytest.raises(OfflineError):
        await listed(tokens, unreachable, empty, is_custom=True)


async def test_offline_custom_connection_is_still_listed(tokens: TokenSource) -> None:
    own = httpx.Response(200, json=CONNECTIONS[:1])
    found = await listed(tokens, lambda _: httpx.Response(503), own, is_custom=True)
    assert [(one.name, one.short_code) for one in found] == [("One", "")]


async def test_finding_the_connected_tenants_takes_one_request(tokens: TokenSource) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json=CONNECTIONS)

    found = await connected_tenants(api_url=API, tokens=tokens, transport=httpx.MockTransport(answer))
    assert found == {"one", "three"}
    assert asked == ["/api/connections"]


ODD_IDS = ["", "../x", "a b", "x" * 65, "é", "\x00", "one\n", 7, None, [], {}]


@pytest.mark.parametrize("odd", ODD_IDS, ids=repr)
async def test_connection_with_an_invalid_id_hides_no_other(tokens: TokenSource, odd: Any) -> None:
    connections = httpx.Response(200, json=[{"tenantId": odd, "tenantName": "Odd"}, *CONNECTIONS])
    found = await listed(tokens, described, connections)
    assert [one.tenant_id for one in found] == ["one", "three"]


@pytest.mark.parametrize("odd", ODD_IDS, ids=repr)
async def test_a_custom_connection_without_a_tenant_is_reported(tokens: TokenSource, odd: Any) -> None:
    with pytest.raises(ReplyLostError):
        await listed(
            tokens,
            lambda tenant_id: described(tenant_id, OrganisationID=odd),
            httpx.Response(200, json=[]),
            is_custom=True,
        )
