"""Controls of the practice Re-Leased: start a sync, set its state, unlink contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tui.sandbox import json_body
from tui.sandbox.context import services_of
from tui.sandbox.re_leased.company import SyncRefusedError
from tui.sandbox.re_leased.feed import describe, feed
from tui.sandbox.re_leased.overview import overview

if TYPE_CHECKING:
    from starlette.requests import Request

    from tui.sandbox.books import SandboxOrganisation

_OVERVIEW = "/released/"


async def sync(request: Request) -> Response:
    """Start a sync now, as *Sync icon › Start sync* does; 409 with a message if it can't."""
    services, organisation = services_of(request), _company(request)
    if organisation is None:
        return _unknown()
    try:
        services.companies.sync_now(organisation.org)
    except SyncRefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    return await _done(request, organisation)


async def set_state(request: Request) -> Response:
    """Set the company to one of the states of *Sync Overview*."""
    services, organisation = services_of(request), _company(request)
    if organisation is None:
        return _unknown()
    try:
        services.companies.set_state(organisation.org, str((await read_body(request)).get("state")))
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    return await _done(request, organisation)


async def unlink(request: Request) -> Response:
    """Exclude a contact from later syncs, or (`link`) include it again."""
    services, organisation = services_of(request), _company(request)
    row = services.books.find(organisation.org, request.path_params["contact_id"]) if organisation else None
    if organisation is None or row is None:
        return _unknown()
    services.database.execute(
        "UPDATE contacts SET released_linked = ? WHERE id = ?",
        (request.url.path.endswith("/link"), row["id"]),
    )
    return await _done(request, organisation)


async def to_overview(request: Request) -> Response:
    """Redirect from the base URL to the overview."""
    del request
    return RedirectResponse(_OVERVIEW)


async def read_body(request: Request) -> dict[str, Any]:
    """Parse a body that is JSON or a form; anything else counts as empty."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        content = json_body.decode(body or b"{}")
    except json_body.BodyError:
        return {}
    return content if isinstance(content, dict) else {}


async def _done(request: Request, organisation: SandboxOrganisation) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(_OVERVIEW, 303)
    return JSONResponse({"company": describe(services_of(request), organisation)})


def _company(request: Request) -> SandboxOrganisation | None:
    return services_of(request).books.by_tenant(request.path_params["tenant_id"])


def _unknown() -> Response:
    return JSONResponse({"error": "Company or contact not found."}, 404)


_COMPANY = "/released/companies/{tenant_id}"

ROUTES = [
    Route(_OVERVIEW, overview, methods=["GET"]),
    Route("/released", to_overview, methods=["GET"]),
    Route(f"{_COMPANY}/feed", feed, methods=["GET"]),
    Route(f"{_COMPANY}/sync", sync, methods=["POST"]),
    Route(f"{_COMPANY}/state", set_state, methods=["POST"]),
    Route(f"{_COMPANY}/contacts/{{contact_id}}/unlink", unlink, methods=["POST"]),
    Route(f"{_COMPANY}/contacts/{{contact_id}}/link", unlink, methods=["POST"]),
]
