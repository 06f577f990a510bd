"""All routes of the practice services on one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tui.sandbox import controls, third_party_edits, xero_pages
from tui.sandbox.accounting import routes as accounting
from tui.sandbox.faults import FaultMiddleware
from tui.sandbox.json_body import RequestLimit
from tui.sandbox.oauth import consent, endpoints
from tui.sandbox.re_leased import endpoints as released
from tui.sandbox.re_leased import unified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tui.sandbox.context import SandboxServices


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


_IDENTITY = [
    Route("/identity/connect/authorize", consent.authorize, methods=["GET"]),
    Route("/identity/connect/authorize", consent.decide, methods=["POST"]),
    Route("/identity/error", consent.error, methods=["GET"]),
    Route("/identity/apps", consent.show, methods=["GET"]),
    Route("/identity/apps/{id}", consent.disconnect, methods=["POST"]),
    Route(endpoints.CONFIGURATION, endpoints.configuration, methods=["GET"]),
    Route(endpoints.KEYS, endpoints.keys, methods=["GET"]),
    Route("/connect/token", endpoints.token, methods=["POST"]),
    Route("/connect/userinfo", endpoints.userinfo, methods=["GET", "POST"]),
    Route("/connect/revocation", endpoints.revocation, methods=["POST"]),
    Route("/connections", endpoints.connections, methods=["GET"]),
    # The spelling of Xero's own SDKs, which the live service accepts as well.
    Route("/Connections", endpoints.connections, methods=["GET"]),
    Route("/Connections/{id}", endpoints.disconnect, methods=["DELETE"]),
    Route("/connections/{id}", endpoints.disconnect, methods=["DELETE"]),
]


def application(services: SandboxServices) -> Starlette:
    """Create the practice services.

    The server adds `app.state.drop`, which closes the connection of a request without a response.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        services.companies.start()
        yield
        await services.companies.stop()

    app = Starlette(
        routes=[
            *accounting.ROUTES,
            *_IDENTITY,
            *xero_pages.ROUTES,
            *released.ROUTES,
            *unified.ROUTES,
            *controls.ROUTES,
            *third_party_edits.ROUTES,
        ],
        middleware=[
            Middleware(HostGuard),
            Middleware(RequestLimit),
            Middleware(FaultMiddleware),
            # Fast compression: a page of a thousand contacts mustn't take longer because of it.
            Middleware(GZipMiddleware, compresslevel=1),
        ],
        lifespan=lifespan,
    )
    # Xero doesn't redirect either: a URL is correct or not found.
    app.router.redirect_slashes = False
    app.state.practice = services
    return app
