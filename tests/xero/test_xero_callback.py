"""The callback of a sign-in: what it accepts, what it refuses, and that it is closed afterwards."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tui import messages
from tui.model.errors import SignInError
from tui.model.reasons import Notice, SignInReason
from tui.system.keychain import Secret
from tui.xero.auth import callback as callback_module
from tui.xero.auth.callback import CallbackResult, CallbackServer, parse_callback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STATE = "state-of-this-sign-in"
GOOD = f"/callback?code=practice_code_1&state={STATE}"
CODE = CallbackResult(code=Secret("practice_code_1"))


@asynccontextmanager
async def listening(port: int = 0) -> AsyncIterator[CallbackServer]:
    callback = await CallbackServer.listen(port, STATE)
    try:
        yield callback
    finally:
        await callback.aclose()


async def raw(callback: CallbackServer, request: bytes, host: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection(host, callback.port)
    try:
        writer.write(request)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def get(
    callback: CallbackServer,
    target: str,
    *,
    method: str = "GET",
    host: str = "localhost",
    to: str = "127.0.0.1",
) -> bytes:
    return await raw(callback, f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), to)


def status(reply: bytes) -> int:
    return int(reply.split(b" ")[1])


def is_free(port: int, family: socket.AddressFamily, host: str) -> bool:
    try:
        socket.create_server((host, port), family=family).close()
    except OSError:
        return False
    return True


async def test_valid_callback_is_accepted_and_the_port_freed() -> None:
    async with listening() as callback:
        reply = await get(callback, GOOD)
        assert await callback.result() == CODE
        # A browser that repeats the request still finds the port open.
        assert await get(callback, GOOD) == reply
        await callback.aclose()
        assert is_free(callback.port, socket.AF_INET, "127.0.0.1")
    assert status(reply) == 200
    assert b"You can close this tab" in reply
    head = reply.partition(b"\r\n\r\n")[0].lower()
    for header in (
        b"cache-control: no-store",
        b"referrer-policy: no-referrer",
        b"content-security-policy: default-src 'none'",
        b"x-content-type-options: nosniff",
    ):
        assert header in head
    assert STATE.encode() not in reply
    assert b"practice_code_1" not in reply


@pytest.mark.skipif(
    not is_free(0, socket.AF_INET6, "::1") if socket.has_ipv6 else True, reason="no IPv6 on the loopback"
)
async def test_the_answer_may_come_over_ipv6() -> None:
    async with listening() as callback:
        assert status(await get(callback, GOOD, host=f"[::1]:{callback.port}", to="::1")) == 200
        assert await callback.result() == CODE
        await callback.aclose()
        assert is_free(callback.port, socket.AF_INET6, "::1")


async def test_it_works_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server

    def without(address: tuple[str, int], *, family: int = socket.AF_INET) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return create(address, family=family)

    monkeypatch.setattr(socket, "create_server", without)
    async with listening() as callback:
        await get(callback, GOOD)
        assert await callback.result() == CODE


@pytest.mark.parametrize(
    ("error", "name", "words"),
    [
        ("access_denied", "access_denied", b"Access wasn&#x27;t allowed"),
        ("server_error", "server_error", b"Xero refused the sign-in (server_error)"),
        ("%3Cscript%3E", "unknown_error", b"Xero refused the sign-in (unknown_error)"),
    ],
)
async def test_refused_access_is_a_callback_too(error: str, name: str, words: bytes) -> None:
    async with listening() as callback:
        reply = await get(callback, f"/callback?error={error}&state={STATE}")
        assert await callback.result() == CallbackResult(error=name)
    assert words in reply
    assert b"<script" not in reply


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET /callback?code=c&state=wrong HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /callback?code=c&state=%FF%C3%A9 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /callback?code=c HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /callback?error=access_denied&state=wrong HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /callback?error=x HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: image\r\n\r\n", 400),
        (f"GET {GOOD}\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1"), 400),
        (f"GET {GOOD} HTTP/1.1\r\nHost: localhost\xe9\r\n\r\n".encode("latin-1"), 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 2_000_000 + b"\r\n\r\n", 431),
        (f"GET /callback?state={STATE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 400),
        (f"GET {GOOD}&state={STATE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 400),
        (f"GET {GOOD}{'&a=b' * 50} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 400),
        (b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (f"GET /{GOOD} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 404),
        (f"GET /other{GOOD} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 404),
        (f"GET http://localhost{GOOD} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 404),
        (f"POST {GOOD} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx".encode(), 405),
        (f"HEAD {GOOD} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 405),
        (f"GET {GOOD} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode(), 400),
        (f"GET {GOOD} HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n".encode(), 400),
        (f"GET {GOOD} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n".encode(), 400),
        (f"GET {GOOD} HTTP/1.1\r\nHost: [::1\r\n\r\n".encode(), 400),
        (f"GET {GOOD} HTTP/1.1\r\n\r\n".encode(), 400),
        (f"GET {GOOD} HTTP/2.0\r\nHost: localhost\r\n\r\n".encode(), 400),
        (f"GET {GOOD}\r\nHost: localhost\r\n\r\n".encode(), 400),
        (b"\xff\xfe\x00 \x00\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /callback?" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 431),
    ],
)
async def test_other_requests_are_refused_and_the_wait_continues(
    request_: bytes, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening() as callback:
        reply = await raw(callback, request_)
        assert status(reply) == expected
        assert (b"paste it" in reply) == (expected in {400, 431})
        assert len(reply) < 2000
        assert status(await get(callback, GOOD)) == 200
        assert await callback.result() == CODE
    assert STATE not in caplog.text
    assert "practice_code_1" not in caplog.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8742", "127.0.0.1:1", "[::1]"])
async def test_callback_accepts_every_name_of_this_computer(host: str) -> None:
    async with listening() as callback:
        assert status(await get(callback, GOOD, host=host)) == 200


async def test_slow_client_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_module, "_REQUEST_TIMEOUT", 0.05)
    async with listening() as callback:
        reader, writer = await asyncio.open_connection("127.0.0.1", callback.port)
        writer.write(b"GET /callback?code=")
        # Ends although this side neither finishes nor leaves.
        assert await reader.read() == b""
        writer.close()
        monkeypatch.undo()
        assert status(await get(callback, GOOD)) == 200


@pytest.mark.parametrize(
    "header",
    [
        b"X-Name: caf\xe9", "Cookie: name=\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), b"X: \xff\x00\x01",
        b"Cookie: " + b"c" * 20_480, b"Cookie: " + b"c" * 500_000, b"No colon", b": no name",
        b"\r\n".join(b"X-%d: y" % number for number in range(500)),
        b"Sec-Fetch-Dest: document", b"Sec-Purpose: none", b"Referer: http://prefetch.example/",
    ],
    ids=lambda header: repr(header[:20]),
)  # fmt: skip
async def test_a_browsers_reply_is_accepted_with_any_headers(header: bytes) -> None:
    async with listening() as callback:
        request = f"GET {GOOD} HTTP/1.1\r\nHost: localhost\r\n".encode() + header + b"\r\n\r\n"
        assert status(await raw(callback, request)) == 200
        assert await callback.result() == CODE


@pytest.mark.parametrize(
    "header",
    [
        "Sec-Purpose: prefetch", "sec-purpose: prefetch;prerender", "Purpose: prefetch", "X-moz: prefetch",
        "X-Purpose: preview", "PURPOSE: Prefetch",
    ],
)  # fmt: skip
async def test_prefetched_page_does_not_use_up_the_callback(header: str) -> None:
    async with listening() as callback:
        request = f"GET {GOOD} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode()
        ahead = await raw(callback, request)
        assert status(ahead) == 503
        assert b"paste it" in ahead
        assert status(await get(callback, GOOD)) == 200
        assert await callback.result() == CODE


@pytest.mark.parametrize("error", ["access_denied", "server_error", "invalid_scope"])
async def test_error_is_accepted_without_a_state(error: str) -> None:
    async with listening() as callback:
        assert status(await get(callback, f"/callback?error={error}")) == 200
        assert await callback.result() == CallbackResult(error=error)


async def test_idle_connections_block_no_other() -> None:
    async with listening() as callback:
        idle = [await asyncio.open_connection("127.0.0.1", callback.port) for _ in range(80)]
        for _, writer in idle[::2]:
            writer.write(b"G")
        assert status(await get(callback, GOOD)) == 200
        assert await callback.result() == CODE
        for _, writer in idle:
            writer.close()


async def test_connections_that_close_early_do_no_harm() -> None:
    async with listening() as callback:
        for words in (b"", b"GET ", f"GET {GOOD}".encode()):
            _, writer = await asyncio.open_connection("127.0.0.1", callback.port)
            writer.write(words)
            writer.transport.abort()
        assert status(await get(callback, GOOD)) == 200


async def test_only_the_first_of_two_valid_callbacks_counts() -> None:
    async with listening() as callback:
        second = f"/callback?code=practice_code_2&state={STATE}"
        readers = []
        for target in (GOOD, second):
            reader, writer = await asyncio.open_connection("127.0.0.1", callback.port)
            writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost".encode())
            readers.append((reader, writer))
        # Visits are accepted one after the other: now both are.
        await get(callback, "/favicon.ico")
        replies = []
        for reader, writer in readers:
            writer.write(b"\r\n\r\n")
            replies.append(status(await reader.read()))
            writer.close()
        assert replies == [200, 410]
        assert await callback.result() == CODE


async def test_a_port_in_use_is_named() -> None:
    async with listening() as callback:
        with pytest.raises(SignInError) as raised:
            await CallbackServer.listen(callback.port, "other")
        assert raised.value.notice == Notice(SignInReason.PORT_IN_USE, {"port": callback.port})
        assert f"Port {callback.port}" in messages.message(raised.value)
        assert "xero.callback_port" in messages.next_step(raised.value)
        # The wait of the first is not disturbed.
        assert status(await get(callback, GOOD)) == 200


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_port_in_use_on_ipv4_or_ipv6_is_in_use(family: socket.AddressFamily, host: str) -> None:
    if not is_free(0, family, host):
        pytest.skip(f"no {host} here")
    with socket.create_server((host, 0), family=family) as other:
        with pytest.raises(SignInError) as raised:
            await CallbackServer.listen(other.getsockname()[1], STATE)
        assert raised.value.reason is SignInReason.PORT_IN_USE
        other_family, other_host = (
            (socket.AF_INET6, "::1") if family == socket.AF_INET else (socket.AF_INET, "127.0.0.1")
        )
        # The other half is released.
        assert is_free(other.getsockname()[1], other_family, other_host)


async def test_a_port_that_is_not_allowed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", forbidden)
    with pytest.raises(SignInError) as raised:
        await CallbackServer.listen(80, STATE)
    assert raised.value.reason is SignInReason.PORT_UNUSABLE
    assert "port 80: Permission denied" in messages.message(raised.value)


async def test_closing_frees_the_port_and_ends_the_wait() -> None:
    async with listening() as callback:
        waiting = asyncio.create_task(callback.result())
        reader, writer = await asyncio.open_connection("127.0.0.1", callback.port)
        writer.write(b"GET /callback")
        await get(callback, "/favicon.ico")
        await callback.aclose()
        assert is_free(callback.port, socket.AF_INET, "127.0.0.1")
        assert await waiting is None
        assert await reader.read() == b""
        writer.close()
        await callback.aclose()


async def test_cancelled_wait_leaves_the_callback_to_the_next() -> None:
    async with listening() as callback:
        first = asyncio.create_task(callback.result())
        await asyncio.sleep(0)
        first.cancel()
        await get(callback, GOOD)
        assert await callback.result() == CODE


def test_callback_result_hides_its_code() -> None:
    answer = parse_callback(f"code=practice_code_1&state={STATE}", STATE)
    assert answer == CODE
    assert "practice" not in repr(answer)
