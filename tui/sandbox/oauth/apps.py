"""The page where users disconnect organisations from an app, as under Xero's Connected apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from tui.sandbox.context import services_of
from tui.sandbox.html import button, isolated, page
from tui.sandbox.oauth.endpoints import connected, remove_connection

if TYPE_CHECKING:
    from starlette.requests import Request

_PATH = "/identity/apps"


async def show(request: Request) -> Response:
    """`GET /identity/apps`: the organisations that Reshelve is connected to."""
    rows = connected(services_of(request))
    listed = "".join(
        f"<h2>{isolated(row['name'])}</h2>{button(_PATH + '/' + row['id'], 'Disconnect')}" for row in rows
    )
    nothing = "<p>Reshelve isn't connected to any organisation.</p>"
    return page("Connected apps", f"<h1>Reshelve is connected to</h1>{listed}" if rows else nothing)


async def disconnect(request: Request) -> Response:
    """`POST /identity/apps/{id}`: disconnect one organisation; the others stay connected."""
    remove_connection(services_of(request), request.path_params["id"])
    return RedirectResponse(_PATH, 303)
