from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import keyring.core
import pytest
from keyring.backends import SecretService, fail, null
from keyring.backends.chainer import ChainerBackend
from keyring.errors import InitError, KeyringLocked
from support.keychain import FileKeychain, keychain_environment, keychain_in

from tui import messages
from tui.model.errors import KeychainError, OfflineError, ReconnectError, StoreError
from tui.model.reasons import SignInReason
from tui.system.keychain import keychain_name
from tui.xero.auth.token_store import KeychainTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from keyring.backend import KeyringBackend

TOKENS = Tokens("hush-access", "hush-refresh", datetime(2026, 1, 1, tzinfo=UTC), "client", "hush", "scope")


@pytest.fixture
def system(tmp_path: Path) -> Iterator[FileKeychain]:
    with keychain_in(tmp_path / "keychain.json") as keychain:
        yield keychain


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[KeyringBackend | None], None]:
    """Set keyring's backend; with None keyring chooses one."""
    return lambda ring: monkeypatch.setattr(keyring.core, "_keyring_backend", ring)


@pytest.mark.usefixtures("system")
def test_keychain_round_trips_tokens(tmp_path: Path) -> None:
    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(TOKENS)
    assert keychain.load() == TOKENS


@pytest.mark.usefixtures("system")
def test_each_sign_in_of_each_installation_has_an_entry_of_its_own(tmp_path: Path) -> None:
    KeychainTokenStore(tmp_path / "here", "client").save(TOKENS)
    entries = json.loads((tmp_path / "keychain.json").read_text())
    assert list(entries) == [f"reshelve: client in {tmp_path / 'here'}"]
    for other in (
        KeychainTokenStore(tmp_path / "here", "another"),
        KeychainTokenStore(tmp_path / "there", "client"),
    ):
        with pytest.raises(ReconnectError) as raised:
            other.load()
        assert raised.value.reason is SignInReason.NOT_SIGNED_IN


@pytest.mark.parametrize("kept", ["{", "null", '{"access_token":"hush"}'])
def test_damaged_entry_needs_a_new_sign_in(system: FileKeychain, tmp_path: Path, kept: str) -> None:
    system.set_password("reshelve", f"client in {tmp_path}", kept)
    with pytest.raises(ReconnectError) as raised:
        KeychainTokenStore(tmp_path, "client").load()
    assert raised.value.reason is SignInReason.UNREADABLE


@pytest.mark.usefixtures("system")
def test_deleting_removes_one_entry_and_is_harmless_twice(tmp_path: Path) -> None:
    KeychainTokenStore(tmp_path, "another").save(TOKENS)
    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(TOKENS)
    for _ in range(2):
        keychain.delete()
        with pytest.raises(ReconnectError):
            keychain.load()
    assert KeychainTokenStore(tmp_path, "another").load() == TOKENS


LONG = Tokens("a" * 1_400, "r" * 1_100, datetime(2026, 1, 1, tzinfo=UTC), "client", "hush", "scope")


@pytest.mark.parametrize("cuts", [True, False])
def test_tokens_longer_than_an_entry_are_kept_in_several(
    system: FileKeychain, tmp_path: Path, *, cuts: bool
) -> None:
    def entries() -> list[str]:
        return list(json.loads((tmp_path / "keychain.json").read_text()))

    system.most_bytes, system.cuts = 2_560, cuts
    keychain = KeychainTokenStore(tmp_path, "client")
    longer = replace(LONG, access_token="b" * 3_000)
    for tokens in (LONG, LONG, longer, TOKENS, longer):
        keychain.save(tokens)
        assert keychain.load() == tokens
    assert len(entries()) == 6
    keychain.save(TOKENS)
    assert len(entries()) == 1
    keychain.save(LONG)
    keychain.delete()
    assert entries() == []


def test_missing_part_needs_a_new_sign_in(system: FileKeychain, tmp_path: Path) -> None:
    system.most_bytes = 2_560
    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(LONG)
    kept = json.loads((tmp_path / "keychain.json").read_text())
    part = next(name for name in kept if name.endswith(" 1"))
    system.delete_password(*part.split(": ", 1))
    with pytest.raises(ReconnectError) as raised:
        keychain.load()
    assert raised.value.reason is SignInReason.UNREADABLE


def test_entry_cut_by_the_keychain_is_reported(system: FileKeychain, tmp_path: Path) -> None:
    system.most_bytes, system.cuts = 10, True
    with pytest.raises(KeychainError) as raised:
        KeychainTokenStore(tmp_path, "client").save(TOKENS)
    assert raised.value.reason is SignInReason.KEYCHAIN_NOT_SAVED


@pytest.fixture
def prompt(system: FileKeychain, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Make the keychain wait for a prompt, which is answered in the end."""
    monkeypatch.setattr("tui.system.keychain._KEYCHAIN_TIMEOUT", 0.02)
    system.prompt = threading.Event()
    yield system.prompt
    system.prompt.set()


def test_a_waiting_keychain_is_reported_and_continues_with_the_same_prompt(
    system: FileKeychain, prompt: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read, keychain = system._read, KeychainTokenStore(tmp_path, "client")

    def noted() -> dict[str, str]:
        asked.append("")
        return read()

    monkeypatch.setattr(system, "_read", noted)
    for ask in (keychain.load, lambda: keychain.save(TOKENS), keychain.delete, keychain_name) * 3:
        with pytest.raises(KeychainError) as waiting:
            ask()
        assert waiting.value.is_waiting
        assert waiting.value.reason is SignInReason.KEYCHAIN_WAITING
    assert len(asked) == 1
    prompt.set()
    monkeypatch.setattr("tui.system.keychain._KEYCHAIN_TIMEOUT", 60)
    keychain.save(TOKENS)
    assert keychain.load() == TOKENS


async def test_token_source_keeps_a_refreshed_token_while_the_keychain_waits(
    system: FileKeychain, prompt: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grant(_: httpx.Request) -> httpx.Response:
        system.prompt = prompt
        return httpx.Response(200, json={"access_token": "a", "refresh_token": "r-1", "expires_in": 1800})

    system.prompt = None
    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(Tokens.from_refresh_token("r-0", "client"))
    tokens = TokenSource(
        keychain, tmp_path / "lock", identity_url="http://127.0.0.1:9", transport=httpx.MockTransport(grant)
    )
    for _ in range(3):
        with pytest.raises(OfflineError) as waiting:
            await tokens.access_token()
        assert waiting.value.reason is SignInReason.KEYCHAIN_WAITING
    prompt.set()
    monkeypatch.setattr("tui.system.keychain._KEYCHAIN_TIMEOUT", 60)
    assert await tokens.access_token() == "a"
    assert keychain.load().refresh_token == "r-1"


BLOCKED = """
import asyncio, sys, threading
from pathlib import Path
from support.keychain import FileKeychain
from tui.xero.auth import token_store
FileKeychain.prompt = threading.Event()

async def ask():
    waiting = asyncio.create_task(asyncio.to_thread(token_store.KeychainTokenStore(Path("."), "c").load))
    await asyncio.sleep(0)
    waiting.cancel()

asyncio.run(ask())
print("ended")
"""


def test_quitting_does_not_wait_for_the_keychain(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        env={**os.environ, **keychain_environment(tmp_path / "k")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "ended"


def dbus_error() -> Exception:
    """Make an error as keyring passes it on from D-Bus."""
    import secretstorage.exceptions  # noqa: PLC0415 - only where there is D-Bus

    error: Exception = secretstorage.exceptions.PromptDismissedException("dismissed")
    return error


class PanicException(BaseException):
    """As raised by backends written in Rust."""


TROUBLES: list[BaseException] = [
    KeyringLocked("locked"), InitError("dismissed"), TimeoutError(), ConnectionResetError(),
    subprocess.CalledProcessError(44, ["security"], b"hush"), EOFError(), KeyError("hush"), IndexError(),
    AssertionError(), UnicodeDecodeError("utf-8", b"hush", 0, 1, ""), RecursionError(), MemoryError(),
    Exception("hush"), PanicException("hush"), SystemExit(1),
]  # fmt: skip
if sys.platform == "linux":
    TROUBLES.append(dbus_error())


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_a_locked_keychain_is_reported_with_what_it_prevents(
    system: FileKeychain, tmp_path: Path, trouble: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(TOKENS)
    system.trouble = trouble
    with pytest.raises(OfflineError) as loading:
        keychain.load()
    with pytest.raises(StoreError) as saving:
        keychain.save(TOKENS)
    with pytest.raises(StoreError) as deleting:
        keychain.delete()
    for failed, reason in (
        (loading, SignInReason.KEYCHAIN_LOCKED),
        (saving, SignInReason.KEYCHAIN_NOT_SAVED),
        (deleting, SignInReason.KEYCHAIN_NOT_REMOVED),
    ):
        assert isinstance(failed.value, KeychainError)
        assert failed.value.reason is reason
        assert messages.next_step(failed.value)
        assert "hush" not in f"{failed.value!r} {failed.value.__context__!r}"
    assert keychain_name() == ""
    assert "hush" not in caplog.text
    system.trouble = None
    assert keychain.load() == TOKENS


@pytest.mark.usefixtures("system")
async def test_tokens_in_the_keychain_are_refreshed_and_revoked(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        fresh = {"access_token": "access", "refresh_token": "refresh-1", "expires_in": 1800}
        return httpx.Response(200, json=fresh if request.url.path.endswith("/token") else None)

    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(Tokens.from_refresh_token("refresh-0", "client"))
    tokens = TokenSource(
        keychain,
        tmp_path / "tokens.lock",
        identity_url="http://127.0.0.1:9",
        transport=httpx.MockTransport(answer),
    )
    assert await tokens.access_token() == "access"
    assert keychain.load().refresh_token == "refresh-1"
    await tokens.revoke()
    with pytest.raises(ReconnectError):
        keychain.load()


async def test_token_is_used_once_the_keychain_has_saved_it(system: FileKeychain, tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def grant(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        system.is_full = True
        fresh = {"access_token": "access", "refresh_token": "refresh-1", "expires_in": 1800}
        return httpx.Response(200, json=fresh)

    keychain = KeychainTokenStore(tmp_path, "client")
    keychain.save(Tokens.from_refresh_token("refresh-0", "client"))
    transport = httpx.MockTransport(grant)
    tokens = TokenSource(keychain, tmp_path / "lock", identity_url="http://127.0.0.1:9", transport=transport)
    with pytest.raises(OfflineError) as raised:
        await tokens.access_token()
    assert raised.value.reason is SignInReason.KEYCHAIN_NOT_SAVED
    assert keychain.load().refresh_token == "refresh-0"
    system.is_full = False
    assert await tokens.access_token() == "access"
    assert keychain.load().refresh_token == "refresh-1"
    assert keychain.load().expires_at > datetime.now(UTC) + timedelta(minutes=20)
    assert len(asked) == 1


@pytest.mark.usefixtures("system")
def test_unknown_keychain_has_its_own_name() -> None:
    assert keychain_name() == FileKeychain().name


class Plain(FileKeychain):
    priority = 0.5


class Impossible(FileKeychain):
    @property
    def priority(self) -> float:
        raise RuntimeError("not here")


@pytest.mark.parametrize("ring", [fail.Keyring, null.Keyring, ChainerBackend, Plain, Impossible])
def test_insecure_keyring_backends_are_not_used(
    use: Callable[[KeyringBackend | None], None], ring: type[KeyringBackend]
) -> None:
    use(ring())
    assert keychain_name() == ""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keyring.backends.macOS", "macOS Keychain"),
        ("keyring.backends.SecretService", "Secret Service"),
        ("keyring.backends.libsecret", "Secret Service"),
        ("keyring.backends.kwallet", "KWallet"),
        ("keyring.backends.Windows", "Windows Credential Manager"),
    ],
)
def test_keychain_has_the_name_users_know(
    system: FileKeychain, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    monkeypatch.setattr(type(system), "__module__", module)
    assert keychain_name() == name


@pytest.mark.skipif(sys.platform != "linux", reason="there is no D-Bus")
def test_secret_service_without_a_bus_is_not_used(
    use: Callable[[KeyringBackend | None], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    use(SecretService.Keyring())  # type: ignore[no-untyped-call]
    assert keychain_name() == ""
    with pytest.raises(OfflineError) as raised:
        KeychainTokenStore(tmp_path, "client").load()
    assert raised.value.reason is SignInReason.KEYCHAIN_LOCKED


PROGRAM = "from tui.system.keychain import keychain_name; print(repr(keychain_name()))"


def told_by_a_process(**environment: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def test_process_uses_the_given_keychain(tmp_path: Path) -> None:
    assert told_by_a_process(**keychain_environment(tmp_path / "k")) == ("'keychain FileKeychain'", "")


@pytest.mark.parametrize(
    "backend", ["", "nowhere.Keyring", "keyring.Nothing", "keyring.backends.fail.Keyring"]
)
def test_keychain_that_cannot_be_loaded_is_ignored_silently(backend: str) -> None:
    assert told_by_a_process(PYTHON_KEYRING_BACKEND=backend) == ("''", "")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a keychain of their own")
def test_no_keychain_without_a_bus(tmp_path: Path) -> None:
    bus = f"unix:path={tmp_path}/none"
    assert told_by_a_process(DBUS_SESSION_BUS_ADDRESS=bus, HOME=str(tmp_path)) == ("''", "")


def test_importing_the_keychain_module_does_not_load_keyring() -> None:
    program = "import sys, tui.xero.auth.token_store; print('keyring' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
