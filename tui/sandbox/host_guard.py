"""Blocks other web pages: requests without a token need a local host name and origin.

A page on the internet can make a browser send requests to 127.0.0.1 (forged forms), and can point its own
name there (DNS rebinding). `Origin` reveals the first, `Host` the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# A reverse proxy may serve the real names; controls stay on loopback nevertheless.
_XERO = frozenset({"login.xero.com", "identity.xero.com", "api.xero.com", "go.xero.com"})
# These need a token, a code or a secret, which other pages don't have, or return public data.
_OPEN = (
    "/api.xro/", "/connect/", "/connections", "/Connections", "/.well-known/", "/accounting/", "/unified/",
)  # fmt: skip
_CONTROLS = ("/practice/", "/released/")


class HostGuard:
    """ASGI middleware that returns 403 to requests from other web pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or refuse it."""
        if scope["type"] == "http":
            refusal = _refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                await PlainTextResponse(refusal, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(path: str, headers: Headers) -> str | None:
    if path.startswith(_OPEN):
        return None
    host = headers.get("host", "")
    names = _LOOPBACK if path.startswith(_CONTROLS) else _LOOPBACK | _XERO
    if _name(f"//{host}") not in names:
        return "The practice Xero and Re-Leased are available on 127.0.0.1 and localhost only.\n"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "Refused: this request came from another web page. Nothing was changed.\n"
    return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
