"""Request bodies: their size limit, and JSON that is nested no deeper than any of Xero's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


#: Xero's limit for a request, in bytes.
MAX_BYTES: Final = 3_500_000


class RequestLimit:
    """ASGI middleware that returns 413 for larger requests, whether or not they announce their size."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body read, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        try:
            body = None if _is_too_large(length) else await _read(receive)
        except ClientDisconnect:
            return
        if body is None:
            await PlainTextResponse("Request Entity Too Large", 413)(scope, receive, send)
            return
        await self._app(scope, _Read(body, receive), send)


class _Read:
    """Returns the body once, and then whatever else arrives."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return message or await self._receive()


def _is_too_large(length: str) -> bool:
    # A number with more digits than the limit is larger; checked first, as it may be very long.
    return length.isdecimal() and (len(length) > len(str(MAX_BYTES)) or int(length) > MAX_BYTES)


async def _read(receive: Receive) -> bytes | None:
    """Read the body; None if it is too large. Raises `ClientDisconnect`."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BYTES:
            return None
    return bytes(body)


#: How deeply lists and objects may be nested.
DEEPEST: Final = 64
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class BodyError(ValueError):
    """The body isn't JSON, or is nested too deeply."""


def decode(body: bytes) -> Any:
    """Decode a body. Raises `BodyError`."""
    depth = 0
    for token in _STRUCTURE.finditer(body):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth > DEEPEST:
            raise BodyError("too deep")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyError(str(error)) from error


async def read_body(request: Request) -> dict[str, Any]:
    """Parse a body that is JSON or a form; anything else counts as empty."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        content = decode(body or b"{}")
    except BodyError:
        return {}
    return content if isinstance(content, dict) else {}
