"""Two processes share a sign-in without losing a token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from support.keychain import keychain_environment, keychain_in
from support.practice import running_sandbox

from tui.xero.auth.token_endpoint import refresh_tokens
from tui.xero.auth.token_store import FileTokenStore, KeychainTokenStore, Tokens, TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.slow

# Without the lock, two processes use the same token within the first few.
CALLS = 30
SANDBOX_CALLS = 10


class StrictIdentity(ThreadingHTTPServer):
    """Accepts each refresh token once: without Xero's grace period, every race is noticed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _StrictHandler)
        self.lock = threading.Lock()
        self.serial = count(1)
        self.valid = "refresh-0"
        self.refusals = 0


class _StrictHandler(BaseHTTPRequestHandler):
    server: StrictIdentity

    def do_POST(self) -> None:
        shown = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["refresh_token"][0]
        with self.server.lock:
            if shown == self.server.valid:
                number = next(self.server.serial)
                self.server.valid = f"refresh-{number}"
                body = {
                    "access_token": f"access-{number}",
                    "refresh_token": f"refresh-{number}",
                    "expires_in": 1800,
                }
            else:
                self.server.refusals += 1
                body = {"error": "invalid_grant"}
        content = json.dumps(body).encode()
        self.send_response(400 if "error" in body else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


CHILD = """
import asyncio, sys
from pathlib import Path
from tui.xero.auth.token_store import KeychainTokenStore
from tui.xero.auth.token_store import FileTokenStore
from tui.xero.auth.tokens import TokenSource

async def main(kind, folder, identity_url, calls):
    in_keychain = kind == "keychain"
    store = KeychainTokenStore(folder, "client") if in_keychain else FileTokenStore(folder / "tokens.json")
    tokens = TokenSource(store, folder / "tokens.lock", identity_url=identity_url)
    print("ready", flush=True)
    sys.stdin.readline()
    token = ""
    for _ in range(calls):
        token = await tokens.access_token(stale=token)
        print(token)

asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
"""


@contextmanager
def strict_identity() -> Iterator[StrictIdentity]:
    with StrictIdentity() as identity:
        serving = threading.Thread(target=identity.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield identity
        finally:
            identity.shutdown()
            serving.join()


@pytest.fixture(params=["file", "keychain"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    if request.param == "file":
        yield FileTokenStore(tmp_path / "tokens.json")
        return
    with keychain_in(tmp_path / "keychain.json"):
        yield KeychainTokenStore(tmp_path, "client")


def race(store: TokenStore, folder: Path, identity_url: str, calls: int) -> Sequence[Sequence[str]]:
    """Let two processes request new tokens repeatedly, and return the tokens of each."""
    kind = "keychain" if isinstance(store, KeychainTokenStore) else "file"
    command = [sys.executable, "-c", CHILD, kind, str(folder), identity_url, str(calls)]
    environment = {**os.environ, **keychain_environment(folder / "keychain.json")}
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    printed = [child.communicate(timeout=60)[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert [len(tokens) for tokens in printed] == [calls, calls]
    return printed


def test_two_processes_never_spend_the_same_refresh_token(store: TokenStore, tmp_path: Path) -> None:
    store.save(Tokens.from_refresh_token("refresh-0", "client"))
    with strict_identity() as identity:
        printed = race(store, tmp_path, f"http://127.0.0.1:{identity.server_port}", CALLS)
    granted = next(identity.serial) - 1
    assert identity.refusals == 0
    assert granted >= CALLS
    # Each grant was used, and only by its own process.
    assert {token for tokens in printed for token in tokens} == {f"access-{n}" for n in range(1, granted + 1)}
    assert store.load().refresh_token == identity.valid


def test_the_practice_xero_sees_one_refresh_for_each_token(store: TokenStore, tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "1", "--cycle", "3600") as practice:
        store.save(Tokens.from_refresh_token(practice.refresh_token, practice.client_id))
        printed = race(store, tmp_path, practice.identity, SANDBOX_CALLS)
        refreshes = sum(request["path"].endswith("/connect/token") for request in practice.requests())
        assert len({token for tokens in printed for token in tokens}) == refreshes >= SANDBOX_CALLS
        last = store.load()
        assert last.access_token in {tokens[-1] for tokens in printed}
        assert refresh_tokens(practice.identity, last).refresh_token
