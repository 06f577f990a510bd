"""Sign-ins that expire, end or lose organisations, with the practice Xero."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.practice import PracticeXero, running_sandbox

from tui.model.errors import NotConnectedError, OfflineError, ReconnectError, SignInError
from tui.model.reasons import SignInReason, XeroReason
from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET, DEFAULT_SCOPE
from tui.xero.auth.token_endpoint import TokenGrant, custom_connection, exchange_code, refresh_tokens
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "3600") as practice:
        yield practice


def source(practice: PracticeXero, tokens: Tokens | None = None) -> TokenSource:
    """Store the tokens (default: those that work at once), and use them."""
    file = FileTokenStore(practice.folder / "tokens.json")
    file.save(tokens or Tokens.from_refresh_token(practice.refresh_token, practice.client_id))
    return TokenSource(file, practice.folder / "tokens.lock", identity_url=practice.identity)


@asynccontextmanager
async def client_of(
    practice: PracticeXero, tokens: TokenSource, tenant_id: str | None = None
) -> AsyncIterator[XeroClient]:
    tenant_id = practice.tenant_id if tenant_id is None else tenant_id
    client = XeroClient(api_url=practice.api, tenant_id=tenant_id, tokens=tokens)
    try:
        yield client
    finally:
        await client.aclose()


def custom(practice: PracticeXero, secret: str = CUSTOM_CLIENT_SECRET) -> TokenGrant:
    return custom_connection(
        practice.identity, client_id=CUSTOM_CLIENT_ID, client_secret=secret, scope=DEFAULT_SCOPE
    )


def refreshes(practice: PracticeXero) -> int:
    return sum(request["path"].endswith("/connect/token") for request in practice.requests())


async def test_token_rejected_by_xero_is_refreshed_once_for_all_requests(
    practice: PracticeXero,
) -> None:
    async with client_of(practice, source(practice)) as client:
        await client.contacts(1)
        practice.control("POST", "tokens", {"expireAccess": True})
        before = refreshes(practice)
        answers = await asyncio.gather(*(client.contacts(1) for _ in range(4)))
    assert all(answer.contacts for answer in answers)
    assert refreshes(practice) == before + 1


async def test_ended_sign_in_asks_for_a_new_one_and_uses_it(practice: PracticeXero) -> None:
    async with client_of(practice, source(practice)) as client:
        await client.contacts(1)
        practice.control("POST", "tokens", {"revokeAll": True})
        with pytest.raises(ReconnectError) as raised:
            await client.contacts(1)
        assert raised.value.reason is SignInReason.ENDED
        practice.restart_same_port()
        source(practice)
        assert (await client.contacts(1)).contacts


async def test_an_unknown_client_id_is_named(practice: PracticeXero) -> None:
    tokens = source(practice, Tokens.from_refresh_token(practice.refresh_token, "unknown"))
    with pytest.raises(ReconnectError) as raised:
        await tokens.access_token()
    assert raised.value.reason is SignInReason.CLIENT_ENDED


async def test_a_removed_organisation_is_reported_as_removed(practice: PracticeXero) -> None:
    practice.control("POST", f"connections/{practice.tenant_id}", {"connected": False})
    tokens = source(practice)
    async with client_of(practice, tokens) as client:
        with pytest.raises(NotConnectedError) as raised:
            await client.contacts(1)
    assert raised.value.reason is XeroReason.NOT_CONNECTED
    async with client_of(practice, tokens, practice.organisations[1].tenant_id) as client:
        assert (await client.contacts(1)).contacts


async def test_revoked_sign_in_no_longer_works(practice: PracticeXero) -> None:
    tokens = source(practice)
    await tokens.access_token()
    kept = FileTokenStore(practice.folder / "tokens.json").load()
    await tokens.revoke()
    with pytest.raises(ReconnectError) as gone:
        await tokens.access_token()
    assert gone.value.reason is SignInReason.NOT_SIGNED_IN
    with pytest.raises(ReconnectError) as ended:
        refresh_tokens(practice.identity, kept)
    assert ended.value.reason is SignInReason.ENDED
    await source(practice, kept).revoke()


async def test_a_sign_in_is_kept_while_it_cannot_be_revoked(practice: PracticeXero) -> None:
    tokens = source(practice)
    practice.stop()
    with pytest.raises(OfflineError) as raised:
        await tokens.revoke()
    assert raised.value.reason is SignInReason.SERVICE_UNREACHABLE
    assert FileTokenStore(practice.folder / "tokens.json").load().refresh_token == practice.refresh_token


async def test_a_custom_connection_works_in_its_one_organisation_and_renews_itself(
    practice: PracticeXero,
) -> None:
    granted = custom(practice)
    assert granted.clock_ahead == timedelta()
    assert granted.tokens.can_write
    async with client_of(practice, source(practice, granted.tokens), tenant_id="") as client:
        assert (await client.contacts(1)).contacts
        practice.control("POST", "tokens", {"expireAccess": True})
        assert (await client.contacts(1)).contacts


def test_a_wrong_secret_is_reported(practice: PracticeXero) -> None:
    with pytest.raises(SignInError) as raised:
        custom(practice, "wrong")
    assert raised.value.reason is SignInReason.CUSTOM_CLIENT_REFUSED


def test_an_invalid_code_is_reported(practice: PracticeXero) -> None:
    with pytest.raises(SignInError) as raised:
        exchange_code(
            practice.identity,
            client_id=practice.client_id,
            code="never issued",
            redirect_uri="http://localhost:8742/callback",
            verifier="verifier",
        )
    assert raised.value.reason is SignInReason.CODE_EXPIRED
