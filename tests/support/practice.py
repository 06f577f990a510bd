"""A practice Xero and Re-Leased in a process of its own: `with running_sandbox(tmp_path) as practice:`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from email.message import Message
    from pathlib import Path

_PATIENCE_SECONDS = 30
_ANSWER_SECONDS = 30
_PAUSE_SECONDS = 0.02
#: Options with which the program refreshes as often as its settings say. With Xero's own 5,000 calls a day,
#: it waits for more than 20 seconds.
NO_DAILY_LIMIT = ("--day-limit", "100000")

_T = TypeVar("_T")


class Reply(NamedTuple):
    """An HTTP answer; `json` decodes the body."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def until(condition: Callable[[], _T | None]) -> _T:
    """Try until the result is true, and return it. Fails after half a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(_PAUSE_SECONDS)
    return found


@dataclass(frozen=True, slots=True)
class PracticeOrganisation:
    """One organisation of the JSON line."""

    tenant_id: str
    name: str
    short_code: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


# No proxy of the environment may be used for loopback.
_OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def http(
    method: str,
    url: str,
    *,
    json_body: Any = None,
    form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request. Redirects are returned, not followed, and no status raises."""
    sent = dict(headers or {})
    data = None
    if json_body is not None:
        data = json.dumps(json_body).encode()
        sent.setdefault("Content-Type", "application/json")
    elif form is not None:
        data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=sent)  # noqa: S310 - loopback only
    try:
        with _OPENER.open(request, timeout=_ANSWER_SECONDS) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


@dataclass(slots=True)
class PracticeXero:
    """A running sandbox: its JSON line as attributes, its process, and its practice controls."""

    folder: Path
    options: tuple[str, ...]
    process: subprocess.Popen[str] = field(init=False)
    line: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._start("0")

    @property
    def api(self) -> str:
        """The base address, which is the same for login, identity, API and pages."""
        return str(self.line["api"])

    login = identity = pages = api

    @property
    def released(self) -> str:
        """The base address of the practice Re-Leased."""
        return str(self.line["released"])

    @property
    def client_id(self) -> str:
        """The client ID of the registered practice app."""
        return str(self.line["client_id"])

    @property
    def refresh_token(self) -> str:
        """A refresh token that works at once; each start creates another."""
        return str(self.line["refresh_token"])

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self.api.rpartition(":")[2])

    @property
    def organisations(self) -> list[PracticeOrganisation]:
        """The organisations, the largest first."""
        return [
            PracticeOrganisation(one["tenantId"], one["tenantName"], one["shortCode"])
            for one in self.line["organisations"]
        ]

    @property
    def tenant_id(self) -> str:
        """The first organisation."""
        return self.organisations[0].tenant_id

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point Reshelve at this sandbox."""
        return {
            "RESHELVE_XERO_LOGIN_URL": self.login,
            "RESHELVE_XERO_IDENTITY_URL": self.identity,
            "RESHELVE_XERO_API_URL": self.api,
            "RESHELVE_XERO_PAGES_URL": self.pages,
            "RESHELVE_XERO_CLIENT_ID": self.client_id,
        }

    def stop(self) -> int:
        """End it as Ctrl-C does, if it still runs, and return the exit code."""
        self.process.terminate()
        return self._reap()

    def kill(self) -> int:
        """Kill it."""
        self.process.kill()
        return self._reap()

    def restart_same_port(self, *options: str) -> None:
        """Start it again on the same port and data, stopping it first if it runs."""
        self.stop()
        kept = (option for option in self.options if option != "--fresh")
        self.options = (*kept, *options)
        self._start(str(self.port))

    def access_token(self, kind: str = "refresh_token") -> str:
        """Exchange a ready refresh token, by its name in the line, for an access token."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": str(self.line[kind]),
        }
        token: str = http("POST", f"{self.identity}/connect/token", form=form).json()["access_token"]
        return token

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Use a practice control, `/practice/…`; a refusal fails the test."""
        reply = http(method, f"{self.api}/practice/{path}", json_body=body)
        assert reply.status < 300, f"{path}: {reply.status} {reply.body!r}"
        return reply.json() if reply.body else None

    def fault(self, kind: str, **wish: Any) -> None:
        """Order faults: `count=1`, `method="POST"`, `path="/api.xro/2.0/Contacts"`, `seconds=…`, …"""
        self.control("POST", "faults", {"kind": kind, **wish})

    def clear_faults(self) -> None:
        """Clear all faults."""
        self.control("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """List all requests so far, oldest first."""
        entries: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return entries

    def status_writes(self) -> int:
        """Count the changes of `ContactStatus` that the API has applied."""
        return int(self.control("GET", "requests")["statusWritesApplied"])

    def create(self, name: str, tenant_id: str | None = None, **fields: Any) -> str:
        """Add a contact of any name, as somebody else would, and return its ContactID."""
        made = self.control("POST", f"contacts/{tenant_id or self.tenant_id}", {"Name": name, **fields})
        return str(made["ContactID"])

    def somebody(self, deed: str, contact_id: str, tenant_id: str | None = None, **body: Any) -> Any:
        """Change a contact as another user in Xero would, in one of the ways of `tui/sandbox/controls.py`."""
        return self.control("POST", f"contacts/{tenant_id or self.tenant_id}/{contact_id}/{deed}", body)

    def limits(self, **limits: float) -> None:
        """Change limits (`minute=…`, `day=…`, `atOnce=…`, `minuteSeconds=…`) and give all budgets back."""
        self.control("POST", "limits", {**limits, "refill": True})

    def budget(self, tenant_id: str | None = None) -> dict[str, Any]:
        """Return `calls`, `mostAtOnce`, `mostInAMinute` and `refused` (real 429s by limit)."""
        spent: dict[str, dict[str, Any]] = self.control("GET", "budget")
        unspent = {"calls": 0, "mostAtOnce": 0, "mostInAMinute": 0, "refused": 0}
        return spent.get(tenant_id or self.tenant_id, unspent)

    def set_clock(self, *, ahead_seconds: float) -> None:
        """Set the services' clock against this machine's."""
        self.control("POST", "clock", {"aheadSeconds": ahead_seconds})

    def sync_released(self, tenant_id: str | None = None) -> Reply:
        """Start a sync of the practice Re-Leased now."""
        return http("POST", f"{self.released}/companies/{tenant_id or self.tenant_id}/sync", json_body={})

    def set_released_state(self, state: str, tenant_id: str | None = None) -> None:
        """Put the practice Re-Leased company into a state."""
        url = f"{self.released}/companies/{tenant_id or self.tenant_id}/state"
        assert http("POST", url, json_body={"state": state}).status == 200

    def unlink(self, contact_id: str, *, on: bool = True) -> None:
        """Make the practice Re-Leased's syncs leave a contact out, or no longer."""
        url = f"{self.released}/companies/{self.tenant_id}/contacts/{contact_id}"
        assert http("POST", f"{url}/{'unlink' if on else 'link'}", json_body={}).status == 200

    def set_returned(self, contact_id: str, *, status_in: str = "is_active", with_id: bool = True) -> None:
        """Set where Re-Leased returns a contact's status, and whether Xero's ID; a sync resets both."""
        file = self.folder / "data" / "sandbox" / "practice.sqlite"
        with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
            changed = connection.execute(
                "UPDATE re_leased_contacts SET status_told = ?, xero_id = ?"
                " WHERE contact = (SELECT id FROM contacts WHERE contact_id = ?)",
                (status_in, contact_id if with_id else None, contact_id),
            )
            assert changed.rowcount == 1

    def feed(self, after: str = "", tenant_id: str | None = None) -> dict[str, Any]:
        """Read the practice Re-Leased's feed."""
        query = urllib.parse.urlencode({"after": after})
        url = f"{self.released}/companies/{tenant_id or self.tenant_id}/feed?{query}"
        answer: dict[str, Any] = http("GET", url).json()
        return answer

    def _start(self, port: str) -> None:
        command = [
            sys.executable,
            "-m",
            "tui",
            "sandbox",
            "--port",
            port,
            "--exit-with-parent",
            *self.options,
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "RESHELVE_HOME": str(self.folder)},
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first:
            raise RuntimeError(f"The sandbox did not start: exit code {self._reap()}")
        self.line = json.loads(first)

    def _reap(self) -> int:
        code = self.process.wait(timeout=_PATIENCE_SECONDS)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code


@contextmanager
def running_sandbox(folder: Path, *options: str) -> Iterator[PracticeXero]:
    """Run a sandbox with its files under `folder`, for as long as the block lasts.

    `options` are those of the command: `"--contacts", "120", "--cycle", "3600"`.
    """
    practice = PracticeXero(folder, options)
    try:
        yield practice
    finally:
        practice.stop()
