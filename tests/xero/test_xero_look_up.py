"""Requesting contacts by their IDs: which exist, and which Xero clearly doesn't have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from xero.conftest import ClientFor

HERE, THERE = "5f4cbf2c-0000-4000-8000-00000000000a", "5f4cbf2c-0000-4000-8000-00000000000b"
NOT_HERE = "5f4cbf2c-0000-4000-8000-00000000000c"


def element(contact_id: str, status: str = "ACTIVE") -> dict[str, Any]:
    return {"ContactID": contact_id, "ContactStatus": status, "UpdatedDateUTC": "/Date(0)/"}


def page(*elements: dict[str, Any], page_count: int = 1) -> dict[str, Any]:
    numbers = {"page": 1, "pageSize": 50, "pageCount": page_count, "itemCount": len(elements)}
    return {"pagination": numbers, "Contacts": list(elements)}


def answering(
    listed: httpx.Response,
    alone: httpx.Response | None = None,
    asked: list[str] | None = None,
) -> Callable[[httpx.Request], httpx.Response]:
    """Reply to lists with the first, and to requests of single contacts with the second."""

    def answer(request: httpx.Request) -> httpx.Response:
        contact_id = request.url.path.removeprefix("/api/api.xro/2.0/Contacts").strip("/")
        if asked is not None and contact_id:
            asked.append(contact_id)
        return (alone or httpx.Response(404, html="")) if contact_id else listed

    return answer


async def look_up(client_for: ClientFor, answer: dict[str, Any], *ids: str) -> tuple[list[str], list[str]]:
    """Return which contacts were found, and which Xero doesn't have."""
    async with client_for(answering(httpx.Response(200, json=answer))) as client:
        found = await client.look_up(ids)
    assert not found.missing
    return [one.contact_id for one in found.contacts], list(found.unknown)


async def test_contact_missing_from_the_list_and_at_its_own_url_is_unknown(client_for: ClientFor) -> None:
    answer = page(element(HERE))
    assert await look_up(client_for, answer, HERE, NOT_HERE) == ([HERE], [NOT_HERE])


@pytest.mark.parametrize(
    "alone",
    [
        httpx.Response(404, html="<h1>Not found</h1>"),
        httpx.Response(404, json={"error": "no such route"}),
        httpx.Response(200, json={"Contacts": []}),
        httpx.Response(200, json=page(element(HERE))),
        httpx.Response(200, html="<h1>Sign in</h1>"),
        httpx.Response(429, headers={"Retry-After": "5"}),
        httpx.Response(503),
    ],
    ids=repr,
)
async def test_contact_missing_only_from_the_list_is_not_unknown(
    client_for: ClientFor, alone: httpx.Response
) -> None:
    async with client_for(answering(httpx.Response(200, json=page(element(HERE))), alone)) as client:
        found = await client.look_up([HERE, NOT_HERE])
    assert [one.contact_id for one in found.contacts] == [HERE]
    assert (found.unknown, found.missing) == ((), (NOT_HERE,))


async def test_contact_missing_from_the_list_is_found_at_its_own_url(client_for: ClientFor) -> None:
    alone = httpx.Response(200, json={"Contacts": [element(THERE)]})
    async with client_for(answering(httpx.Response(200, json=page()), alone)) as client:
        found = await client.look_up([THERE])
    assert [one.contact_id for one in found.contacts] == [THERE]
    assert (found.unknown, found.missing) == ((), ())


async def test_many_missing_contacts_are_not_each_looked_up(client_for: ClientFor) -> None:
    many = [f"5f4cbf2c-0000-4000-8000-{number:012}" for number in range(50)]
    asked: list[str] = []
    async with client_for(answering(httpx.Response(200, json=page()), asked=asked)) as client:
        found = await client.look_up(many)
    assert asked == [*found.unknown] == many[:2]
    assert found.missing == tuple(many[2:])


@pytest.mark.parametrize(
    "answer",
    [
        {"Contacts": [element(HERE)]},
        {"Contacts": []},
        page(element(HERE)) | {"pagination": {"page": 1, "pageSize": 50, "pageCount": 1, "itemCount": 2}},
        page(element(HERE)) | {"pagination": {"page": 2, "pageSize": 50, "pageCount": 1, "itemCount": 1}},
        page(element(HERE), element("5f4cbf2c-0000-4000-8000-0000000000ff")),
        page(element("5f4cbf2c-0000-4000-8000-0000000000ff")),
    ],
    ids=["no pagination", "nothing at all", "half a page", "another page", "one more", "another contact"],
)
async def test_incomplete_reply_makes_no_contact_unknown(
    client_for: ClientFor, answer: dict[str, Any]
) -> None:
    contacts, unknown = await look_up(client_for, answer, HERE, THERE)
    assert (set(contacts) <= {HERE}, unknown) == (True, [])


@pytest.mark.parametrize(
    "broken",
    [element(THERE, "SOMETHING NEW"), element(THERE, "DELETED"), {"ContactID": THERE}],
    ids=["a status nobody knows", "our own mark", "half an element"],
)
async def test_partly_unreadable_reply_makes_no_contact_unknown(
    client_for: ClientFor, broken: dict[str, Any]
) -> None:
    answer = page(element(HERE), broken)
    assert await look_up(client_for, answer, HERE, THERE, NOT_HERE) == ([HERE], [])


async def test_reply_of_several_pages_makes_no_contact_unknown(client_for: ClientFor) -> None:
    assert await look_up(client_for, page(element(HERE), page_count=2), HERE, NOT_HERE) == ([HERE], [])


async def test_each_batch_of_fifty_is_judged_by_its_own_reply(client_for: ClientFor) -> None:
    many = [f"5f4cbf2c-0000-4000-8000-{number:012}" for number in range(60)]

    def answer(request: httpx.Request) -> httpx.Response:
        if "IDs" not in request.url.params:
            return httpx.Response(404, html="")
        asked = request.url.params["IDs"].split(",")
        broken = [{"ContactID": asked[0]}] if len(asked) == 50 else []
        return httpx.Response(200, json=page(*(element(one) for one in asked[2:]), *broken))

    async with client_for(answer) as client:
        found = await client.look_up(many)
    assert len(found.contacts) == 56
    assert (found.unknown, found.missing) == ((many[50], many[51]), ())


@pytest.mark.parametrize(
    "odd", ["", " ", "7", "x", "\x00", "\ud83d", "a,b", "../x", "[null]", HERE[:-1], f"{HERE}0", "é" * 5_000]
)
async def test_invalid_id_delays_no_other(client_for: ClientFor, odd: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/Contacts"):
            return httpx.Response(404)
        ids = request.url.params["IDs"].split(",")
        if not {*ids} <= {HERE, THERE}:
            return httpx.Response(400, json={"Type": "QueryParseException", "Message": "not a valid id"})
        return httpx.Response(200, json=page(*map(element, ids)))

    async with client_for(answer) as client:
        found = await client.look_up([HERE, odd, THERE])
        nothing = await client.look_up([odd])
    assert {one.contact_id for one in found.contacts} == {HERE, THERE}
    assert {*found.unknown, *found.missing} == {*nothing.unknown, *nothing.missing} == {odd}
    assert not nothing.contacts
