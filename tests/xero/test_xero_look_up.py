"""Asking for contacts by their ids: which are there, and which Xero clearly doesn't have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from xero.conftest import ClientFor

HERE, THERE = "5f4cbf2c-0000-4000-8000-00000000000a", "5f4cbf2c-0000-4000-8000-00000000000b"
NOT_HERE = "5f4cbf2c-0000-4000-8000-00000000000c"


def element(contact_id: str, status: str = "ACTIVE") -> dict[str, Any]:
    return {"ContactID": contact_id, "ContactStatus": status, "UpdatedDateUTC": "/Date(0)/"}


def page(*elements: dict[str, Any], page_count: int = 1) -> dict[str, Any]:
    numbers = {"page": 1, "pageSize": 50, "pageCount": page_count, "itemCount": len(elements)}
    return {"pagination": numbers, "Contacts": list(elements)}


async def look_up(client_for: ClientFor, answer: dict[str, Any], *ids: str) -> tuple[list[str], list[str]]:
    async with client_for(lambda _: httpx.Response(200, json=answer)) as client:
        found = await client.look_up(ids)
    return [one.contact_id for one in found.contacts], list(found.unknown)


async def test_what_is_not_in_a_whole_answer_is_unknown(client_for: ClientFor) -> None:
    answer = page(element(HERE))
    assert await look_up(client_for, answer, HERE, NOT_HERE) == ([HERE], [NOT_HERE])


@pytest.mark.parametrize(
    "broken",
    [element(THERE, "SOMETHING NEW"), element(THERE, "GONE"), {"ContactID": THERE}],
    ids=["a status nobody knows", "our own mark", "half an element"],
)
async def test_an_answer_with_something_unreadable_denies_nothing(
    client_for: ClientFor, broken: dict[str, Any]
) -> None:
    answer = page(element(HERE), broken)
    assert await look_up(client_for, answer, HERE, THERE, NOT_HERE) == ([HERE], [])


async def test_an_answer_of_several_pages_denies_nothing(client_for: ClientFor) -> None:
    assert await look_up(client_for, page(element(HERE), page_count=2), HERE, NOT_HERE) == ([HERE], [])


async def test_each_fifty_are_judged_by_their_own_answer(client_for: ClientFor) -> None:
    many = [f"5f4cbf2c-0000-4000-8000-{number:012}" for number in range(60)]

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params["IDs"].split(",")
        broken = [{"ContactID": asked[0]}] if len(asked) == 50 else []
        return httpx.Response(200, json=page(*(element(one) for one in asked[2:]), *broken))

    async with client_for(answer) as client:
        found = await client.look_up(many)
    assert len(found.contacts) == 56
    assert found.unknown == (many[50], many[51])
