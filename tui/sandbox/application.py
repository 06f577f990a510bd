"""All routes of the practice services on one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from tui.sandbox import controls, third_party_edits, xero_pages
from tui.sandbox.accounting import routes as accounting
from tui.sandbox.fault_middleware import FaultMiddleware
from tui.sandbox.host_guard import HostGuard
from tui.sandbox.json_body import RequestLimit
from tui.sandbox.oauth import apps, consent, discovery, endpoints
from tui.sandbox.re_leased import controls as released
from tui.sandbox.re_leased import unified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tui.sandbox.context import SandboxServices

_IDENTITY = [
    Route("/identity/connect/authorize", consent.authorize, methods=["GET"]),
    Route("/identity/connect/authorize", consent.decide, methods=["POST"]),
    Route("/identity/error", consent.error, methods=["GET"]),
    Route("/identity/apps", apps.show, methods=["GET"]),
    Route("/identity/apps/{id}", apps.disconnect, methods=["POST"]),
    Route(discovery.CONFIGURATION, discovery.configuration, methods=["GET"]),
    Route(discovery.KEYS, discovery.keys, methods=["GET"]),
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
