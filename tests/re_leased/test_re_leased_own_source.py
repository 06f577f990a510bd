"""The source in `docs/re-leased.md`, installed as another package and read as Reshelve reads it."""

from __future__ import annotations

import importlib
import json
import re
import sys
import tomllib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import keyring
import pytest
from support.keychain import keychain_in

from tui import messages
from tui.engine.engine_factory import ClientFactory
from tui.engine.re_leased_reader import list_contacts
from tui.model.contact import ContactStatus, Organisation
from tui.model.errors import ContactSourceError
from tui.model.re_leased import ReLeasedCompany
from tui.model.reasons import ContactSourceReason
from tui.re_leased.source import GROUP, installed_sources
from tui.settings import OrganisationSettings, ReLeasedSettings, Settings
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tui.re_leased.source import ContactSource

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "re-leased.md"
MODULE = "harbour_re_leased"
TOKEN = "harbour-token-91c4"
TENANT = "0f1e2d3c-4b5a-4697-8899-aabbccddeeff"
ORGANISATION = Organisation(TENANT, "Harbour Lettings", "!h")
NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
CONTACTS: list[dict[str, Any]] = [
    {"id": str(number), "name": f"Tenant {number}", "company": "7", "changed": NOW.isoformat()}
    for number in range(250)
]
CONTACTS[0] |= {"archived": True, "xeroContactId": TENANT, "emails": ["a@tenant.example"]}
CONTACTS[1] |= {"archived": False}
CONTACTS[2] |= {"archived": "no"}


@dataclass
class Gateway:
    """Harbour's gateway. `status` is the HTTP status of its responses, `cut` ends them early."""

    url: str = ""
    status: int = 200
    cut: bool = False
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def answer(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        if path == "/companies":
            return {"companies": [{"id": "7", "name": "Harbour Lettings"}]}
        start, limit = int(params.get("after", "0")), int(params["limit"])
        following = start + limit
        page = CONTACTS[start:following]
        return {"contacts": page, "next": str(following) if following < len(CONTACTS) else None}


class Handler(BaseHTTPRequestHandler):
    gateway: ClassVar[Gateway]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        params = dict(parse_qsl(parts.query))
        self.gateway.asked.append((parts.path, params, self.headers["Authorization"]))
        body = json.dumps(self.gateway.answer(parts.path, params)).encode()
        self.send_response(self.gateway.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "90")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.gateway.cut else body)
        self.close_connection = self.gateway.cut

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.gateway = Gateway(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Handler.gateway
    server.shutdown()
    server.server_close()
    thread.join()


def block(language: str) -> str:
    """Return the only block of code in a language."""
    [text] = re.findall(
        rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return str(text)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> Iterator[Gateway]:
    """Install the document's package as pip does, with a token in the keychain."""
    project = tomllib.loads(block("toml"))["project"]
    site = tmp_path / "site-packages"
    folder = site / f"{MODULE}-{project['version']}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (site / f"{MODULE}.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    monkeypatch.setattr(f"{MODULE}.GATEWAY", gateway.url)
    with keychain_in(tmp_path / "keychain.json"):
        keyring.set_password("harbour-gateway", "reshelve", TOKEN)
        yield gateway
    del sys.modules[MODULE]


@asynccontextmanager
async def opened(folder: Path, company: str = "7") -> AsyncIterator[ContactSource]:
    """Open the source in the settings, as an engine does."""
    settings = Settings(
        re_leased=ReLeasedSettings(source="harbour"),
        organisations={TENANT: OrganisationSettings(re_leased_company_id=company)},
    )
    clients = ClientFactory(settings, Paths.under(folder), ORGANISATION)
    assert clients.has_contact_source
    try:
        yield await clients.open_contact_source()
    finally:
        await clients.close()


def test_the_package_registers_its_source(installed: Gateway) -> None:
    assert tomllib.loads(block("toml"))["project"]["entry-points"].keys() == {GROUP}
    assert "harbour" in installed_sources()
    assert not installed.asked


async def test_the_example_lists_all_contacts(installed: Gateway, tmp_path: Path) -> None:
    async with opened(tmp_path) as source:
        assert await source.companies() == [ReLeasedCompany("7", "Harbour Lettings")]
        listed = await list_contacts(source, example_count=1)
    counts = listed.counts
    assert (counts.total, counts.with_status, counts.archived, counts.with_xero_id) == (250, 2, 1, 1)
    first, second, third = listed.lines[:3]
    assert (first.xero_id, first.email) == (TENANT, "a@tenant.example")
    assert (first.status, second.status, third.status) == (
        ContactStatus.ARCHIVED,
        ContactStatus.ACTIVE,
        None,
    )
    assert listed.examples[0].raw_fields()["raw.archived"] == "true"
    pages = [params for path, params, _ in installed.asked if path == "/contacts"]
    assert [params.get("after") for params in pages] == [None, "100", "200"]
    assert {params["company"] for params in pages} == {"7"}
    assert {token for _, _, token in installed.asked} == {f"Bearer {TOKEN}"}


async def test_the_example_requests_changed_contacts(installed: Gateway, tmp_path: Path) -> None:
    async with opened(tmp_path, company="") as source:
        listed = await list_contacts(source, NOW - timedelta(hours=1))
    assert not listed.is_unfiltered
    assert installed.asked[0][1] == {"limit": "100", "changedSince": "2026-11-29T03:00:00+00:00"}


async def test_the_examples_error_messages_are_shown(installed: Gateway, tmp_path: Path) -> None:
    async with opened(tmp_path) as source:
        installed.status = 429
        with pytest.raises(ContactSourceError) as caught:
            await list_contacts(source)
        assert caught.value.retry_after == 90
        installed.status = 403
        with pytest.raises(ContactSourceError) as caught:
            await list_contacts(source)
        assert "HTTP 403" in messages.message(caught.value)
        keyring.delete_password("harbour-gateway", "reshelve")
        with pytest.raises(ContactSourceError) as caught:
            await list_contacts(source)
        assert caught.value.reason is ContactSourceReason.SOURCE_PROBLEM
        assert "token" in messages.message(caught.value)


async def test_a_truncated_response_is_an_error(installed: Gateway, tmp_path: Path) -> None:
    installed.cut = True
    async with opened(tmp_path) as source:
        with pytest.raises(ContactSourceError):
            await list_contacts(source)


async def test_the_example_is_closed_with_the_organisation(installed: Gateway, tmp_path: Path) -> None:
    async with opened(tmp_path) as source:
        await source.companies()
    # A closed client of httpx refuses to send.
    with pytest.raises(ContactSourceError) as caught:
        await source.companies()
    assert caught.value.notice.params == {"name": "harbour", "problem": "RuntimeError"}
    assert len(installed.asked) == 1


@pytest.mark.parametrize("spoil", ["archived=bool(archived)", "xero_id=None", "emails=()"])
async def test_the_tests_run_the_documents_code(
    installed: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    # Each of these lines of the document matters: without it, a test would fail.
    name = spoil.partition("=")[0]
    code = re.sub(rf"^        {name}=.*,$", f"        {spoil},", block("python"), flags=re.MULTILINE)
    assert code != block("python")
    module = sys.modules[MODULE]
    monkeypatch.setattr(module, "_contact", module._contact)
    exec(compile(code, MODULE, "exec"), module.__dict__)  # noqa: S102 - our own document
    module.__dict__["GATEWAY"] = installed.url
    async with opened(tmp_path) as source:
        listed = await list_contacts(source)
    first = listed.lines[0]
    spoiled = (listed.counts.with_status, first.xero_id, first.email)
    assert spoiled != (2, TENANT, "a@tenant.example")
