"""All routes of the practice services on one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from tui.sandbox.accounting.routes import ROUTES as ACCOUNTING
from tui.sandbox.identity import endpoints as identity
from tui.sandbox.released.feed import feed
from tui.sandbox.weather import Weather

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Scope

    from tui.sandbox.context import Practice


def application(practice: Practice, drop: Callable[[Scope], None]) -> Starlette:
    """Put the practice services together. `drop` closes a request's connection without an answer."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        practice.companies.start()
        yield
        await practice.companies.stop()

    routes = [
        *ACCOUNTING,
        Route("/connect/token", identity.token, methods=["POST"]),
        Route("/connect/revocation", identity.revocation, methods=["POST"]),
        Route("/connections", identity.connections, methods=["GET"]),
        Route("/connections/{id}", identity.disconnect, methods=["DELETE"]),
        Route("/released/companies/{tenant_id}/feed", feed, methods=["GET"]),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Weather, drop=drop)], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.practice = practice
    return app
