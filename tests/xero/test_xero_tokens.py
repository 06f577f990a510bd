from __future__ import annotations

import asyncio
import json
import logging
import stat
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from filelock import FileLock

from tui import messages
from tui.model.errors import OfflineError, RateLimitedError, ReconnectError, StoreError, XeroError
from tui.model.reasons import SignInReason
from tui.system.keychain import Secret
from tui.xero.auth import token_store
from tui.xero.auth import tokens as tokens_module
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRESH = {"access_token": "secret-access", "refresh_token": "secret-refresh-2", "expires_in": 1800}


class Identity:
    """An identity service whose replies the test decides, and which records its requests."""

    def __init__(self, answer: httpx.Response | Exception) -> None:
        self.answer = answer
        self.forms: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.forms.append(dict(httpx.QueryParams(request.content.decode())))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def source(folder: Path, identity: Callable[[httpx.Request], httpx.Response]) -> TokenSource:
    return TokenSource(
        FileTokenStore(folder / "tokens.json"),
        folder / "tokens.lock",
        identity_url="http://127.0.0.1:9/identity/",
        transport=httpx.MockTransport(identity),
    )


def keep(
    folder: Path, *, minutes: float, access: str = "secret-access-1", refresh: str = "secret-refresh-1"
) -> FileTokenStore:
    file = FileTokenStore(folder / "tokens.json")
    file.save(Tokens(access, refresh, datetime.now(UTC) + timedelta(minutes=minutes), "client"))
    return file


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_token_file_round_trips_and_is_private(tmp_path: Path) -> None:
    tokens = Tokens("a", "r", datetime(2026, 1, 1, tzinfo=UTC), "client", "secret", "scope")
    file = FileTokenStore(tmp_path / "new" / "tokens.json")
    file.save(tokens)
    assert file.load() == tokens
    assert stat.S_IMODE((tmp_path / "new" / "tokens.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b'{"access_token":1}',
        b"\xff",
        b'{"access_token":"a","refresh_token":"r","expires_at":"2026-01-01T00:00:00Z"}',
    ],
)
def test_missing_or_damaged_token_file_needs_a_new_sign_in(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "tokens.json").write_bytes(content)
    with pytest.raises(ReconnectError):
        FileTokenStore(tmp_path / "tokens.json").load()


def test_a_disk_that_refuses_to_store_tokens_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as raised:
        FileTokenStore(tmp_path / "file" / "tokens.json").save(Tokens.from_refresh_token("r", "client"))
    assert raised.value.reason is SignInReason.NOT_SAVED


async def test_valid_token_is_used_without_refresh(tmp_path: Path) -> None:
    keep(tmp_path, minutes=2.5)
    identity = Identity(httpx.Response(500))
    assert await source(tmp_path, identity).access_token() == "secret-access-1"
    assert identity.forms == []


async def test_a_token_about_to_expire_is_renewed_and_the_new_one_stored_before_use(tmp_path: Path) -> None:
    file = keep(tmp_path, minutes=1.5)
    identity = Identity(httpx.Response(200, json=FRESH))
    assert await source(tmp_path, identity).access_token() == "secret-access"
    assert identity.forms == [
        {"grant_type": "refresh_token", "client_id": "client", "refresh_token": "secret-refresh-1"}
    ]
    stored = file.load()
    assert (stored.access_token, stored.refresh_token) == ("secret-access", "secret-refresh-2")
    assert timedelta(minutes=29) < stored.expires_at - datetime.now(UTC) <= timedelta(minutes=30)


async def test_new_token_is_not_used_until_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = keep(tmp_path, minutes=0)
    identity = Identity(httpx.Response(200, json=FRESH))
    tokens = source(tmp_path, identity)
    with monkeypatch.context() as disk:
        disk.setattr(token_store, "write_atomically", full)
        for _ in range(2):
            with pytest.raises(OfflineError) as raised:
                await tokens.access_token()
            assert raised.value.reason is SignInReason.NOT_SAVED
            assert raised.value.notice.params["problem"] == "No space left on device"
    assert await tokens.access_token() == "secret-access"
    assert file.load().refresh_token == "secret-refresh-2"
    # Xero has used up the old refresh token, which would work for half an hour at most.
    assert len(identity.forms) == 1


async def test_new_sign_in_overrides_a_token_that_could_not_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, minutes=0)
    tokens = source(tmp_path, Identity(httpx.Response(200, json=FRESH)))
    with monkeypatch.context() as disk:
        disk.setattr(token_store, "write_atomically", full)
        with pytest.raises(OfflineError):
            await tokens.access_token()
    keep(tmp_path, minutes=20, access="secret-access-of-a-new-sign-in")
    assert await tokens.access_token() == "secret-access-of-a-new-sign-in"


async def test_simultaneous_callers_share_one_refresh(tmp_path: Path) -> None:
    keep(tmp_path, minutes=0)
    identity = Identity(httpx.Response(200, json=FRESH))
    tokens = source(tmp_path, identity)
    assert set(await asyncio.gather(*(tokens.access_token() for _ in range(20)))) == {"secret-access"}
    assert len(identity.forms) == 1


async def test_rejected_token_is_refreshed_even_if_it_looks_valid(tmp_path: Path) -> None:
    keep(tmp_path, minutes=20)
    identity = Identity(httpx.Response(200, json=FRESH))
    tokens = source(tmp_path, identity)
    assert await tokens.access_token(stale="secret-access-1") == "secret-access"
    assert await tokens.access_token(stale="secret-access-1") == "secret-access"
    assert len(identity.forms) == 1


async def test_tokens_refreshed_by_another_process_are_used(tmp_path: Path) -> None:
    keep(tmp_path, minutes=20)
    identity = Identity(httpx.Response(500))
    tokens = source(tmp_path, identity)
    assert await tokens.access_token() == "secret-access-1"
    keep(tmp_path, minutes=30, access="secret-access-of-another")
    assert await tokens.access_token(stale="secret-access-1") == "secret-access-of-another"
    assert identity.forms == []


async def test_refresh_waits_while_another_process_refreshes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "_LONGEST_WAIT", 0.05)
    keep(tmp_path, minutes=0)
    identity = Identity(httpx.Response(200, json=FRESH))
    tokens = source(tmp_path, identity)
    with FileLock(tmp_path / "tokens.lock"):
        with pytest.raises(OfflineError) as raised:
            await tokens.access_token()
        assert raised.value.reason is SignInReason.REFRESHED_ELSEWHERE
        assert identity.forms == []
    assert await tokens.access_token() == "secret-access"


async def test_ended_sign_in_asks_for_a_new_one_and_uses_it(tmp_path: Path) -> None:
    file = keep(tmp_path, minutes=0)
    identity = Identity(httpx.Response(400, json={"error": "invalid_grant"}))
    tokens = source(tmp_path, identity)
    with pytest.raises(ReconnectError):
        await tokens.access_token()
    assert file.load().refresh_token == "secret-refresh-1"
    keep(tmp_path, minutes=0, access="", refresh="secret-refresh-of-a-new-sign-in")
    identity.answer = httpx.Response(200, json=FRESH)
    assert await tokens.access_token() == "secret-access"
    assert identity.forms[-1]["refresh_token"] == "secret-refresh-of-a-new-sign-in"


async def test_new_sign_in_is_used_at_once_after_the_old_one_was_rejected(tmp_path: Path) -> None:
    keep(tmp_path, minutes=20)
    identity = Identity(httpx.Response(500))
    tokens = source(tmp_path, identity)
    assert await tokens.access_token() == "secret-access-1"
    keep(tmp_path, minutes=20, access="secret-access-of-a-new-sign-in")
    assert await tokens.access_token() == "secret-access-1"
    tokens.invalidate()
    assert await tokens.access_token() == "secret-access-of-a-new-sign-in"
    assert identity.forms == []


async def test_a_new_sign_in_is_not_overwritten_by_a_refresh_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "_LONGEST_WAIT", 0.05)
    file = keep(tmp_path, minutes=0)
    is_asked, may_answer = threading.Event(), threading.Event()

    def slow(_: httpx.Request) -> httpx.Response:
        is_asked.set()
        assert may_answer.wait(30)
        return httpx.Response(200, json=FRESH)

    tokens, connecting = source(tmp_path, slow), source(tmp_path, Identity(httpx.Response(500)))
    refresh = asyncio.ensure_future(tokens.access_token())
    await asyncio.to_thread(is_asked.wait, 30)
    new = Tokens("secret-new", "secret-new-refresh", datetime.now(UTC) + timedelta(minutes=30), "client")
    with pytest.raises(OfflineError) as raised:
        await connecting.replace_tokens(new)
    assert raised.value.reason is SignInReason.REFRESHED_ELSEWHERE
    may_answer.set()
    await refresh
    await connecting.replace_tokens(new)
    assert file.load() == new
    assert await connecting.access_token() == "secret-new"


async def test_an_outage_is_survived(tmp_path: Path) -> None:
    keep(tmp_path, minutes=0)
    identity = Identity(httpx.Response(503))
    tokens = source(tmp_path, identity)
    with pytest.raises(OfflineError):
        await tokens.access_token()
    identity.answer = httpx.Response(200, json=FRESH)
    assert await tokens.access_token() == "secret-access"


async def test_too_many_refreshes_are_a_rate_limit(tmp_path: Path) -> None:
    keep(tmp_path, minutes=0)
    with pytest.raises(RateLimitedError) as limited:
        await source(tmp_path, Identity(httpx.Response(429, headers={"Retry-After": "9"}))).access_token()
    assert limited.value.retry_after == 9


@pytest.mark.parametrize(
    "answer",
    [httpx.ReadTimeout("x"), httpx.Response(400, json={"error": "invalid_grant"}), httpx.Response(200)],
    ids=repr,
)
async def test_no_token_is_ever_shown(
    tmp_path: Path, answer: httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "reshelve")
    file = keep(tmp_path, minutes=0)
    tokens = source(tmp_path, Identity(answer))
    with pytest.raises(XeroError) as failed:
        await tokens.access_token()
    chain = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__context__!r} {vars(failed.value)}"
    assert "secret" not in chain + caplog.text + repr(tokens) + repr(file.load()) + repr(file)
    assert "secret" in json.dumps((tmp_path / "tokens.json").read_text())


def test_secret_hides_its_value_in_repr_also_when_sliced() -> None:
    secret = Secret("header.payload.signature")
    assert secret == "header.payload.signature"
    assert {repr(secret), repr(secret[:8]), f"{secret[:8]!r}"} == {"'…'"}


async def test_a_folder_that_cannot_be_locked_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tokens = TokenSource(
        keep(tmp_path, minutes=0),
        tmp_path / "file" / "tokens.lock",
        identity_url="http://127.0.0.1:9",
        transport=httpx.MockTransport(Identity(httpx.Response(200, json=FRESH))),
    )
    with pytest.raises(OfflineError) as raised:
        await tokens.access_token()
    assert raised.value.reason is SignInReason.UNUSABLE
    assert str(tmp_path / "file") in messages.next_step(raised.value)


async def test_sign_in_is_revoked_and_then_deleted(tmp_path: Path) -> None:
    file = keep(tmp_path, minutes=20)
    identity = Identity(httpx.Response(200))
    tokens = source(tmp_path, identity)
    await tokens.access_token()
    await tokens.revoke()
    assert [form["token"] for form in identity.forms] == ["secret-refresh-1"]
    with pytest.raises(ReconnectError) as raised:
        file.load()
    assert raised.value.reason is SignInReason.NOT_SIGNED_IN
    with pytest.raises(ReconnectError) as raised:
        await tokens.access_token()
    assert raised.value.reason is SignInReason.NOT_SIGNED_IN


async def test_a_sign_in_that_cannot_be_revoked_is_kept(tmp_path: Path) -> None:
    file = keep(tmp_path, minutes=20)
    identity = Identity(httpx.ConnectError("x"))
    tokens = source(tmp_path, identity)
    with pytest.raises(OfflineError):
        await tokens.revoke()
    assert file.load().refresh_token == "secret-refresh-1"
    assert await tokens.access_token() == "secret-access-1"


@pytest.mark.parametrize("content", [None, b"{"])
async def test_revoking_without_tokens_only_cleans_up(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "tokens.json").write_bytes(content)
    identity = Identity(httpx.Response(500))
    await source(tmp_path, identity).revoke()
    assert identity.forms == []
    assert not (tmp_path / "tokens.json").exists()


@pytest.mark.parametrize(
    ("scope", "can_write"),
    [("", True), ("accounting.contacts.read", False), ("offline_access accounting.contacts", True)],
)
def test_the_scope_says_whether_contacts_may_be_changed(scope: str, *, can_write: bool) -> None:
    assert Tokens("a", "r", datetime.now(UTC), "client", scope=scope).can_write is can_write


def test_deleting_a_token_file_twice_is_harmless(tmp_path: Path) -> None:
    file = keep(tmp_path, minutes=20)
    for _ in range(2):
        file.delete()
        assert not (tmp_path / "tokens.json").exists()


def test_a_file_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").mkdir()
    with pytest.raises(StoreError) as raised:
        FileTokenStore(tmp_path / "tokens.json").delete()
    assert raised.value.reason is SignInReason.NOT_REMOVED
    assert str(tmp_path / "tokens.json") in messages.next_step(raised.value)
