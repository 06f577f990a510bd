"""A sign-in and clients with functions in place of the identity service and Xero."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Protocol

import httpx
import pytest

from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


class ClientFor(Protocol):
    def __call__(
        self, answer: Callable[[httpx.Request], httpx.Response]
    ) -> AbstractAsyncContextManager[XeroClient]: ...


@pytest.fixture
def tokens(tmp_path: Path) -> TokenSource:
    """Grants access-1, access-2 … for whatever refresh token it is shown."""
    serial = count(1)

    def grant(_: httpx.Request) -> httpx.Response:
        number = next(serial)
        fresh = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 1800}
        return httpx.Response(200, json=fresh)

    store = FileTokenStore(tmp_path / "tokens.json")
    store.save(Tokens.from_refresh_token("refresh-0", "client"))
    return TokenSource(
        store,
        tmp_path / "tokens.lock",
        identity_url="http://127.0.0.1:9/identity",
        transport=httpx.MockTransport(grant),
    )


@pytest.fixture
def client_for(tokens: TokenSource) -> ClientFor:
    @asynccontextmanager
    async def make(answer: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[XeroClient]:
        client = XeroClient(
            api_url="http://127.0.0.1:9/api",
            tenant_id="tenant",
            tokens=tokens,
            transport=httpx.MockTransport(answer),
        )
        try:
            yield client
        finally:
            await client.aclose()

    return make
