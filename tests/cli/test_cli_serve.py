"""Reshelve in a browser: who can reach it, and what a page may send."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from tui.cli import browser_server, main
from tui.cli.browser_server import BrowserServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="starts programs with a POSIX shell")
# Speaks as Textual's driver for browsers does: says that it is ready, and repeats each packet as output.
ECHO = """
import os, struct, sys
os.write(1, b"__GANGLION__\\n")
while head := sys.stdin.buffer.read(5):
    packet = sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0])
    if b'"quit"' in packet:
        break
    os.write(1, b"D" + struct.pack(">I", len(packet) + 1) + head[:1] + packet)
"""


class Page:
    """A client of the server; `host` is its address without the key."""

    def __init__(self, session: aiohttp.ClientSession, server: BrowserServer, host: str) -> None:
        self.session, self.server, self.host = session, server, host

    async def get(self, path: str = "", **headers: str) -> aiohttp.ClientResponse:
        url = f"http://{self.host}{self.server.path}{path}"
        reply = await self.session.get(url, headers=headers, allow_redirects=False)
        # Without its end, the connection would stay open.
        await reply.read()
        return reply

    async def connect(
        self, size: str = "width=80&height=24", **headers: str
    ) -> aiohttp.ClientWebSocketResponse:
        url = f"ws://{self.host}{self.server.path}ws?{size}"
        return await self.session.ws_connect(url, headers={"Origin": f"http://{self.host}", **headers})


@asynccontextmanager
async def served(tmp_path: Path, program: str = ECHO) -> AsyncIterator[Page]:
    file = tmp_path / "program.py"
    file.write_text(program)
    server = BrowserServer(f"exec {sys.executable} {file}", {"localhost", "office.example"})
    runner = web.AppRunner(server.app())
    await runner.setup()
    bound = browser_server.bind("127.0.0.1", 0)
    try:
        await web.SockSite(runner, bound).start()
        async with aiohttp.ClientSession() as session:
            yield Page(session, server, f"127.0.0.1:{bound.getsockname()[1]}")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("192.0.2.7", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("office.example", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("localhost; script-src *", False),
        ("", False),
    ],
)
async def test_site_whose_name_leads_here_is_refused(tmp_path: Path, name: str, is_known: bool) -> None:  # noqa: FBT001 - a parameter
    async with served(tmp_path) as page:
        host = f"{name}:{page.host.rpartition(':')[2]}"
        reply = await page.get(Host=host)
        assert reply.status == (200 if is_known else 403)
        assert ("terminal" in await reply.text()) is is_known
        if is_known:
            await (await page.connect(Host=host, Origin=f"http://{host}")).close()
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await page.connect(Host=host, Origin=f"http://{host}")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://localhost:1", "https://{host}", "http://{host}.evil.example", ""],
)
async def test_web_socket_of_another_page_is_refused(tmp_path: Path, origin: str) -> None:
    async with served(tmp_path) as page:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await page.connect(Origin=origin.format(host=page.host))
        assert (await page.get(Origin=origin.format(host=page.host))).status == 403


async def test_web_socket_without_an_origin_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as page:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await page.session.ws_connect(f"ws://{page.host}{page.server.path}ws")


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/page.js", "/wrong/", "/wrong/ws"])
async def test_nothing_is_served_without_the_key(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as page:
        reply = await page.session.get(f"http://{page.host}{path}")
        assert reply.status == 404
        assert page.server.path.strip("/") not in await reply.text()


async def test_each_start_has_another_key(tmp_path: Path) -> None:
    async with served(tmp_path) as first, served(tmp_path) as second:
        assert first.server.path != second.server.path
        assert len(first.server.path) > 32


@pytest.mark.parametrize("path", ["", "page.js", "static/js/textual.js", "static/none"])
async def test_page_loads_nothing_from_elsewhere_and_is_in_no_frame(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as page:
        reply = await page.get(path)
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert f"connect-src 'self' ws://{page.host};" in policy
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["X-Frame-Options"] == "DENY"
        if not path:
            assert "//" not in (await reply.text()).replace(f"ws://{page.host}", "")


async def test_keys_and_sizes_reach_the_program(tmp_path: Path) -> None:
    async with served(tmp_path) as page:
        socket_ = await page.connect()
        await socket_.send_json(["stdin", "a\u00e9"])
        assert await socket_.receive_bytes() == "Daé".encode()
        await socket_.send_json(["resize", {"width": 100, "height": 10**9}])
        received = await socket_.receive_bytes()
        assert json.loads(received[1:]) == {"type": "resize", "width": 100, "height": 2000}
        await socket_.send_json(["ping", "now"])
        assert await socket_.receive_json() == ["pong", "now"]
        await socket_.close()


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "{",
        "[]",
        '"x"',
        '["stdin"]',
        '["stdin", 1]',
        '["meta", {}]',
        "[" * 100_000,
        '["resize", {"width": "\\ud800"}]',
    ],
    ids=range(9),
)
async def test_what_no_page_sends_is_ignored(tmp_path: Path, sent: str) -> None:
    async with served(tmp_path) as page:
        socket_ = await page.connect("width=x&height=-1")
        await socket_.send_str(sent)
        await socket_.send_bytes(b"\xff")
        await socket_.send_json(["stdin", "\ud800x"])
        while (received := await socket_.receive_bytes()) != b"Dx":
            assert json.loads(received[1:]) == {"type": "resize", "width": 80, "height": 24}
        await socket_.close()


async def test_program_that_ends_closes_its_page(tmp_path: Path) -> None:
    async with served(tmp_path, "print('no organisation is connected')") as page:
        socket_ = await page.connect()
        assert (await socket_.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_program_ends_with_its_page(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    async with served(tmp_path, f"{ECHO}\nopen({str(ended)!r}, 'w').close()") as page:
        await (await page.connect()).close()
    assert await asyncio.to_thread(ended.exists)


async def test_number_of_pages_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_server, "MOST_PAGES", 1)
    async with served(tmp_path) as page:
        first = await page.connect()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await page.connect()
        await first.close()


# --- the command ---


@pytest.fixture
def reshelve(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["serve", *arguments], env={"RESHELVE_HOME": str(tmp_path)})

    return run


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record what would be served instead of serving it."""
    found: list[Any] = []
    monkeypatch.setattr(
        browser_server, "run", lambda server, bound: found.append((server, bound.getsockname()))
    )
    return found


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "office.example", ""])
def test_address_that_others_can_reach_is_refused(
    reshelve: Callable[..., Result], runs: list[Any], host: str
) -> None:
    result = reshelve("--host", host)
    assert result.exit_code == 2
    assert "--anyone-can-connect" in result.output
    assert "archive and restore contacts in Xero with your sign-in" in " ".join(result.output.split())
    assert runs == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_link_is_the_first_line(reshelve: Callable[..., Result], runs: list[Any], host: str) -> None:
    result = reshelve("--host", host, "--port", "0")
    assert result.exit_code == 0, result.output
    [(server, address)] = runs
    assert result.stdout == f"http://{host}:{address[1]}{server.path}\n"
    assert "no password" in result.stderr
    assert address[0].startswith("127.")


def test_others_are_let_in_when_told_twice(reshelve: Callable[..., Result], runs: list[Any]) -> None:
    result = reshelve("--host", "0.0.0.0", "--port", "0", "--anyone-can-connect")
    assert result.exit_code == 0, result.output
    [(server, address)] = runs
    assert result.stdout == f"http://{socket.gethostname()}:{address[1]}{server.path}\n"


def test_program_is_started_without_the_key(reshelve: Callable[..., Result], runs: list[Any]) -> None:
    result = reshelve("--port", "0", "--organisation", "O'Brien; $(id)", "--read-only")
    assert result.exit_code == 0
    [(server, _)] = runs
    assert server._key not in server._command
    assert server._command.endswith(""" -m tui open --organisation 'O'"'"'Brien; $(id)' --read-only""")


def test_port_in_use_is_explained(reshelve: Callable[..., Result], runs: list[Any]) -> None:
    with browser_server.bind("127.0.0.1", 0) as taken:
        taken.listen()
        result = reshelve("--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "Choose another with --host or --port." in result.output
    assert runs == []


def test_missing_package_is_explained(
    reshelve: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tui.cli.browser_server")
    monkeypatch.delattr("tui.cli.browser_server")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    result = reshelve()
    assert result.exit_code == 1
    assert "pip install '.[serve]'" in result.output


def test_invalid_setting_is_reported_before_anything_is_served(
    reshelve: Callable[..., Result], runs: list[Any], tmp_path: Path
) -> None:
    file = tmp_path / "config" / "settings.toml"
    file.parent.mkdir()
    file.write_text('[xero]\napi_url = "nowhere"\n')
    assert reshelve("--port", "0").exit_code == 1
    assert runs == []
