"""The client reports slow replies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tui.model.errors import XeroError

if TYPE_CHECKING:
    from xero.conftest import ClientFor

    from tui.xero.auth.tokens import TokenSource

NO_CONTACTS = httpx.Response(200, json={"Contacts": []})


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.xero.http_client._SLOW_AFTER", 0.0)


@pytest.mark.parametrize("end", [NO_CONTACTS, httpx.Response(500), httpx.ReadTimeout("")], ids=str)
async def test_a_request_without_a_reply_is_reported_until_it_ends(
    client_for: ClientFor, end: httpx.Response | Exception
) -> None:
    heard: list[float | None] = []
    is_told, may_end = asyncio.Event(), asyncio.Event()

    def hear(seconds: float | None) -> None:
        heard.append(seconds)
        is_told.set()

    async def answer(_: httpx.Request) -> httpx.Response:
        await may_end.wait()
        if isinstance(end, Exception):
            raise end
        return end

    async with client_for(answer) as client:  # type: ignore[arg-type]
        # The first call refreshes the token; its report comes before.
        calls = [asyncio.create_task(client.contacts(page)) for page in (1, 2)]
        client.on_slow_response(hear)
        await is_told.wait()
        assert heard[-1] is not None
        may_end.set()
        for call in calls:
            try:
                await call
            except XeroError:
                assert end is not NO_CONTACTS
    assert heard[-1] is None


async def test_a_slow_sign_in_is_reported_too(
    client_for: ClientFor, tokens: TokenSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[float | None] = []
    is_told = asyncio.Event()

    def hear(seconds: float | None) -> None:
        heard.append(seconds)
        is_told.set()

    async def never(**_: object) -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(tokens, "access_token", never)
    async with client_for(lambda _: NO_CONTACTS) as client:
        client.on_slow_response(hear)
        call = asyncio.create_task(client.contacts(1))
        await is_told.wait()
        call.cancel()
        await asyncio.wait([call])
    assert heard == [0.0, None]
