"""The local callback server that ends a browser sign-in: it accepts one result.

Any web page or local program can send requests to it too. Requests without the sign-in's `state` are rejected
and the wait continues. Repeating the accepted request returns the same page until the server is closed,
because browsers may send it twice. URLs are never logged: they contain the code.

The texts of the pages shown in the browser are here, not in `tui.messages`.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import re
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from tui.model.errors import SignInError
from tui.model.reasons import SignInReason
from tui.system.keychain import Secret
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterator


_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:36rem;"
    "margin:15vh auto 0;padding:0 1rem}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    # The URL of this page contains the code.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Connection": "close",
}
_GO_BACK: Final = "You can close this tab and return to Reshelve."
_PASTE: Final = (
    "If you have just signed in, reload this page. If that doesn't help, copy its address and paste it "
    "into Reshelve."
)
_REJECTIONS: Final = {
    HTTPStatus.BAD_REQUEST: (
        f"This doesn't belong to the current sign-in. It may be from an earlier attempt. {_PASTE}"
    ),
    HTTPStatus.GONE: "This sign-in is already complete.",
    HTTPStatus.NOT_FOUND: "Page not found.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: _PASTE,
    HTTPStatus.SERVICE_UNAVAILABLE: _PASTE,
}


class Reply(Struct, frozen=True):
    """One HTTP response, serialised with `bytes()`."""

    status: HTTPStatus
    heading: str
    message: str

    def __bytes__(self) -> bytes:
        body = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Reshelve</title>'
            f"<style>{_STYLE}</style></head><body><h1>{escape(self.heading)}</h1>"
            f"<p>{escape(self.message)}</p></body></html>"
        ).encode()
        headers = _HEADERS | {"Content-Length": str(len(body))}
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET"
        lines = [f"HTTP/1.1 {self.status} {self.status.phrase}", *map(": ".join, headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


def result_page(error: str) -> Reply:
    """Return the page for a result; `error` is the OAuth error code, empty for success."""
    if not error:
        return Reply(HTTPStatus.OK, "Signed in to Xero", _GO_BACK)
    if error == "access_denied":
        return Reply(HTTPStatus.OK, "Access wasn't allowed", f"Nothing changed. {_GO_BACK}")
    return Reply(HTTPStatus.OK, f"Xero refused the sign-in ({error})", f"Nothing changed. {_GO_BACK}")


def rejection_page(status: HTTPStatus) -> Reply:
    """Return the page for a rejected request."""
    return Reply(status, status.phrase, _REJECTIONS.get(status, "This request isn't supported."))


_PATH: Final = "/callback"
# `localhost` may resolve to either; Xero refuses to register `http://127.0.0.1` (seen).
_HOSTS: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_SUCH_FAMILY: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
# Bytes. Browsers send the cookies of all other programs on localhost too.
_LONGEST_HEAD: Final = 1_048_576
_LONGEST_LINE: Final = 16_384
_MOST_LINES: Final = 1_000
_MOST_PARAMETERS: Final = 20
# Browsers preconnect and leave connections idle.
_MOST_AT_ONCE: Final = 32
# Headers that mark prefetch requests.
_PURPOSES: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD: Final = ("prefetch", "prerender", "preview")
# Seconds for a whole request: it is local.
_REQUEST_TIMEOUT: Final = 5.0
# Seconds to drain the rest of a request, so that the client can read the response.
_LINGER: Final = 1.0
_TRIES: Final = 20
_ERROR_NAME: Final = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """The result from the authorisation server: a code, or an error code (RFC 6749, 4.1.2)."""

    code: Secret = field(default=Secret(), repr=False)
    error: str = ""


def parse_callback(query: str, state: str) -> CallbackResult | None:
    """Parse the query of a redirect; `None` unless it has this state.

    An error may come without a state: it can only end this attempt.
    """
    try:
        pairs = parse_qsl(query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return None
    found = dict(pairs)
    # Parameters must not be repeated (RFC 6749, 3.1): parsers disagree on which one counts.
    if len(found) != len(pairs):
        return None
    state_matches = _secrets_equal(found.get("state", ""), state)
    if found.get("error") and (state_matches or "state" not in found):
        return CallbackResult(
            error=found["error"] if _ERROR_NAME.fullmatch(found["error"]) else "unknown_error"
        )
    return CallbackResult(code=Secret(found["code"])) if state_matches and found.get("code") else None


class CallbackServer:
    """Listens on 127.0.0.1, and on ::1 if available, until it has a result or is closed."""

    def __init__(self, sockets: list[socket.socket], state: str) -> None:
        self.port: Final = int(sockets[0].getsockname()[1])
        self._sockets = sockets
        self._state = Secret(state)
        self._servers: list[asyncio.Server] = []
        # In order of arrival.
        self._connections: dict[asyncio.Task[None], None] = {}
        self._accepted: CallbackResult | None = None
        self._result: asyncio.Future[CallbackResult | None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def listen(cls, port: int, state: str) -> CallbackServer:
        """Start listening; port 0 picks a free port. Raises `SignInError` if the port is in use."""
        callback = cls(_bind(port), state)
        for sock in callback._sockets:
            server = await asyncio.start_server(callback._on_connection, sock=sock, limit=_LONGEST_HEAD)
            callback._servers.append(server)
        return callback

    @property
    def redirect_uri(self) -> str:
        """The redirect URI to register with the Xero app."""
        return f"http://localhost:{self.port}{_PATH}"

    async def result(self) -> CallbackResult | None:
        """Wait for the result; `None` if closed without one."""
        # Shielded: a cancelled wait must not lose the result for the next one.
        return await asyncio.shield(self._result)

    def submit(self, query: str) -> bool:
        """Accept a pasted result; return False if it doesn't belong to this sign-in."""
        found = parse_callback(query, self._state)
        if found is None:
            return False
        self._accept(found)
        self._resolve(found)
        return True

    async def aclose(self) -> None:
        """Close the port and all connections. Safe to call at any time, also twice."""
        self._stop_listening()
        self._resolve(None)
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, found: CallbackResult) -> bool:
        """Accept the first result; return whether this one is it."""
        if self._accepted is None:
            self._accepted = found
            logger.info("the sign-in was %s", "refused" if found.error else "answered")
        return self._accepted == found

    def _resolve(self, found: CallbackResult | None) -> None:
        if not self._result.done():
            self._result.set_result(found)

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MOST_AT_ONCE:
            # Drop the oldest connection: the newest may be the user's browser.
            next(iter(self._connections)).cancel()
        visit = asyncio.create_task(self._handle_connection(reader, writer))
        self._connections[visit] = None
        visit.add_done_callback(lambda ended: self._connections.pop(ended, None))

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = None
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT):
                reply, found = await self._handle_request(reader)
                writer.write(bytes(reply))
                await writer.drain()
            if found is None:
                await _drain(reader, writer)
        except (OSError, TimeoutError):
            logger.info("a visit to the sign-in's address broke off")
        finally:
            writer.close()
            # Last, so that the browser gets its response before Reshelve may exit; also if it left.
            if found is not None:
                self._resolve(found)

    async def _handle_request(self, reader: asyncio.StreamReader) -> tuple[Reply, CallbackResult | None]:
        """Read a request and return the response, with the result if there is one."""
        request = await _read_request(reader)
        if isinstance(request, HTTPStatus):
            return rejection_page(request), None
        found = parse_callback(request.query, self._state)
        if found is not None and found.error and request.is_subresource:
            # Any web page could have embedded it.
            found = None
        if found is None:
            return rejection_page(HTTPStatus.BAD_REQUEST), None
        if not self._accept(found):
            return rejection_page(HTTPStatus.GONE), None
        return result_page(found.error), found


@dataclass(frozen=True, slots=True)
class _CallbackRequest:
    """The relevant parts of a callback request."""

    query: Secret
    is_subresource: bool


async def _read_request(reader: asyncio.StreamReader) -> _CallbackRequest | HTTPStatus:
    """Read the head of a request; return it, or the status to reject it with."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        # Headers may contain any bytes; the relevant ones are ASCII.
        first, *lines = head.decode("latin-1").split("\r\n")
        if len(first) > _LONGEST_LINE or len(lines) > _MOST_LINES:
            raise asyncio.LimitOverrunError("too long", len(head))
        method, target, version = first.split(" ")
        parts = urlsplit(target)
    except asyncio.LimitOverrunError:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    except (asyncio.IncompleteReadError, ValueError):
        return HTTPStatus.BAD_REQUEST
    headers = list(_headers(lines))
    is_http = first.isascii() and version.startswith("HTTP/1.")
    if not is_http or not _is_local_host([value for name, value in headers if name == "host"]):
        return HTTPStatus.BAD_REQUEST
    if parts.path != _PATH or parts.netloc:
        return HTTPStatus.NOT_FOUND
    if method == "GET" and any(_is_prefetch(*header) for header in headers):
        return HTTPStatus.SERVICE_UNAVAILABLE
    is_subresource = any(name == "sec-fetch-dest" and value != "document" for name, value in headers)
    return (
        _CallbackRequest(Secret(parts.query), is_subresource)
        if method == "GET"
        else HTTPStatus.METHOD_NOT_ALLOWED
    )


def _is_prefetch(name: str, value: str) -> bool:
    """Whether a header marks a prefetch request."""
    return name in _PURPOSES and any(how in value.lower() for how in _AHEAD)


def _headers(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _is_local_host(hosts: list[str]) -> bool:
    """Reject other host names that resolve to this computer (DNS rebinding)."""
    try:
        return len(hosts) == 1 and urlsplit(f"//{hosts[0]}").hostname in _NAMES
    except ValueError:
        return False


async def _drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Drain remaining input: closing earlier could discard the response."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            writer.write_eof()
            while await reader.read(_LONGEST_HEAD):
                pass


def _secrets_equal(first: str, second: str) -> bool:
    return secrets.compare_digest(first.encode("utf-8", "replace"), second.encode())


def _bind(port: int) -> list[socket.socket]:
    """Bind the port for IPv4 and IPv6: a browser may try either first."""
    last_error = None
    # A port that is free on one may be in use on the other.
    for _ in range(_TRIES if port == 0 else 1):
        try:
            return _bind_both(port)
        except OSError as error:
            last_error = error
    if last_error is not None and last_error.errno != errno.EADDRINUSE:
        problem = last_error.strerror or str(last_error)
        raise SignInError(SignInReason.PORT_UNUSABLE, port=port, problem=problem)
    raise SignInError(SignInReason.PORT_IN_USE, port=port)


def _bind_both(port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, host in _HOSTS:
            try:
                sockets.append(socket.create_server((host, port), family=family))
            except OSError as error:
                if not sockets or error.errno not in _NO_SUCH_FAMILY:
                    raise
            port = port or int(sockets[0].getsockname()[1])
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets
