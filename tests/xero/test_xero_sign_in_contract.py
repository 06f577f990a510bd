"""Sign-ins that expire, end, or are shared by two processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from support.practice import PracticeXero, running_sandbox

from tui.model.errors import ReconnectError
from tui.xero.client import XeroClient
from tui.xero.connections import list_organisations
from tui.xero.tokens import TokenFile, Tokens, TokenSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUNDS = 20


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "3600") as practice:
        TokenFile(tmp_path / "tokens.json").save(Tokens.of_refresh_token(practice.refresh_token))
        yield practice


def source(folder: Path, identity_url: str, client_id: str) -> TokenSource:
    return TokenSource(
        TokenFile(folder / "tokens.json"),
        folder / "tokens.lock",
        identity_url=identity_url,
        client_id=client_id,
    )


def refreshes(practice: PracticeXero) -> int:
    return sum(request["path"].endswith("/connect/token") for request in practice.requests())


async def test_a_token_that_xero_no_longer_takes_is_renewed_once_for_all_calls(
    practice: PracticeXero,
) -> None:
    tokens = source(practice.folder, practice.identity, practice.client_id)
    client = XeroClient(api_url=practice.api, tenant_id=practice.tenant_id, tokens=tokens)
    await client.contacts(1)
    practice.control("POST", "tokens", {"expireAccess": True})
    before = refreshes(practice)
    answers = await asyncio.gather(*(client.contacts(1) for _ in range(4)))
    await client.aclose()
    assert all(answer.contacts for answer in answers)
    assert refreshes(practice) == before + 1


async def test_a_sign_in_that_was_ended_wants_a_new_one(practice: PracticeXero) -> None:
    tokens = source(practice.folder, practice.identity, practice.client_id)
    client = XeroClient(api_url=practice.api, tenant_id=practice.tenant_id, tokens=tokens)
    await client.contacts(1)
    practice.control("POST", "tokens", {"revokeAll": True})
    with pytest.raises(ReconnectError):
        await client.contacts(1)
    await client.aclose()


async def test_an_unknown_client_id_is_named(practice: PracticeXero) -> None:
    with pytest.raises(ReconnectError, match="client id"):
        await source(practice.folder, practice.identity, "unknown").access_token()


async def test_an_organisation_taken_away_is_no_longer_listed(practice: PracticeXero) -> None:
    practice.control("POST", f"connections/{practice.tenant_id}", {"connected": False})
    tokens = source(practice.folder, practice.identity, practice.client_id)
    found = await list_organisations(api_url=practice.api, tokens=tokens)
    assert [one.tenant_id for one in found] == [practice.organisations[1].tenant_id]
    client = XeroClient(api_url=practice.api, tenant_id=practice.tenant_id, tokens=tokens)
    with pytest.raises(ReconnectError):
        await client.contacts(1)
    await client.aclose()


class StrictIdentity(ThreadingHTTPServer):
    """Takes each refresh token once: without Xero's half hour of grace, a race can't go unnoticed."""

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
        """Keep quiet."""


CHILD = """
import asyncio, sys
from pathlib import Path
from tui.xero.tokens import TokenFile, TokenSource

async def main(folder, identity_url, rounds):
    tokens = TokenSource(TokenFile(folder / "tokens.json"), folder / "tokens.lock",
                         identity_url=identity_url, client_id="client")
    token = ""
    for _ in range(rounds):
        token = await tokens.access_token(stale=token)
        print(token, flush=True)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""


def test_two_processes_never_spend_the_same_refresh_token(tmp_path: Path) -> None:
    TokenFile(tmp_path / "tokens.json").save(Tokens.of_refresh_token("refresh-0"))
    with StrictIdentity() as identity:
        serving = threading.Thread(target=identity.serve_forever)
        serving.start()
        try:
            url = f"http://127.0.0.1:{identity.server_port}"
            command = [sys.executable, "-c", CHILD, str(tmp_path), url, str(ROUNDS)]
            children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
            printed = [child.communicate(timeout=60)[0].split() for child in children]
        finally:
            identity.shutdown()
            serving.join()
        granted = next(identity.serial) - 1
    assert [child.returncode for child in children] == [0, 0]
    assert identity.refusals == 0
    assert [len(tokens) for tokens in printed] == [ROUNDS, ROUNDS]
    # Each grant was used, and none was used under another's name.
    assert {token for tokens in printed for token in tokens} == {f"access-{n}" for n in range(1, granted + 1)}
    assert TokenFile(tmp_path / "tokens.json").load().refresh_token == identity.valid
