"""Xero's time, by the dates of its replies, passed on to listeners."""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from tui.model.errors import RateLimitedError, XeroError
from tui.xero import http_client
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    from tui.xero.auth.tokens import TokenSource

DATE = "Tue, 03 Mar 2026 12:00:00 GMT"
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


async def told(tokens: TokenSource, status: int = 200, **headers: str) -> list[tuple[datetime, float]]:
    """Let Xero reply to a request; return the reported server times."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            status, json={"Organisations": [], "Message": "As Xero refuses."}, headers=headers
        )

    heard: list[tuple[datetime, float]] = []
    client = XeroClient(
        api_url="http://127.0.0.1:9/api", tenant_id="t", tokens=tokens, transport=httpx.MockTransport(answer)
    )
    client.on_server_time(lambda date, took: heard.append((date, took)))
    with suppress(XeroError):
        await client.history("c1")
    await client.aclose()
    return heard


@pytest.mark.parametrize("status", [200, 400, 404, 429])
async def test_each_reply_reports_its_date_and_duration(
    tokens: TokenSource, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(100, 7)
    monkeypatch.setattr(http_client, "time", Ticking(seconds))
    assert await told(tokens, status, Date=DATE) == [(NOON, 7)]


class Ticking:
    """Replaces the module `time`: each call is seven seconds later."""

    def __init__(self, seconds: itertools.count[int]) -> None:
        self._seconds = seconds

    def monotonic(self) -> int:
        return next(self._seconds)


@pytest.mark.parametrize(
    "date", ["", "noon", "Tue, 03 Mar 2026 12:00:00", "Tue, 99 Mar 2026 12:00:00 GMT", "0", "2026-03-03"]
)
async def test_invalid_date_header_is_ignored(tokens: TokenSource, date: str) -> None:
    assert await told(tokens, Date=date) == []


async def test_missing_date_header_is_ignored(tokens: TokenSource) -> None:
    assert await told(tokens) == []


async def test_connection_error_reports_no_time(tokens: TokenSource) -> None:
    assert await told(tokens, 502, Date=DATE) == []


async def test_retry_date_is_relative_to_the_servers_clock(tokens: TokenSource) -> None:
    headers = {"Date": DATE, "Retry-After": "Tue, 03 Mar 2026 12:00:40 GMT"}
    client = XeroClient(
        api_url="http://127.0.0.1:9/api",
        tenant_id="t",
        tokens=tokens,
        transport=httpx.MockTransport(lambda _: httpx.Response(429, headers=headers)),
    )
    with pytest.raises(RateLimitedError) as caught:
        await client.history("c1")
    await client.aclose()
    assert caught.value.retry_after == 40
