"""Endpoints of the practice Re-Leased: its feed, the page *Sync Overview*, and practice controls."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tui.sandbox.context import human, iso, services_of
from tui.sandbox.re_leased.company import STATES, SyncRefusedError
from tui.sandbox.responses import button, details, isolated, page, read_body

if TYPE_CHECKING:
    from starlette.requests import Request

    from tui.sandbox.books import SandboxOrganisation
    from tui.sandbox.context import SandboxServices

_OVERVIEW = "/released/"
_MOST_ITEMS = 500
_LONGEST_CURSOR = 18
_LATEST = 10
_MOST_UNLINKED = 20


async def feed(request: Request) -> JSONResponse:
    """Return the company's state and at most 500 items after a cursor; the cursor is opaque."""
    services = services_of(request)
    organisation = services.books.by_tenant(request.path_params["tenant_id"])
    if organisation is None:
        return JSONResponse({"error": "Company not found."}, 404)
    after = request.query_params.get("after") or "0"
    if not after.isascii() or not after.isdigit() or len(after) > _LONGEST_CURSOR:
        return JSONResponse({"error": "Unknown cursor."}, 400)
    rows = services.database.all(
        "SELECT * FROM feed WHERE org = ? AND seq > ? ORDER BY seq LIMIT ?",
        (organisation.org, int(after), _MOST_ITEMS),
    )
    items = [
        {
            "contactId": row["contact_id"],
            "tenantId": organisation.tenant_id,
            "state": row["state"],
            "pickedUpAt": iso(row["picked_up"]),
            "syncRun": row["run"],
            "syncStartedAt": iso(row["started"]),
        }
        for row in rows
    ]
    cursor = str(rows[-1]["seq"]) if rows else after
    return JSONResponse({"company": describe(services, organisation), "items": items, "cursor": cursor})


def describe(services: SandboxServices, organisation: SandboxOrganisation) -> dict[str, Any]:
    """Return a company's state, last sync and schedule."""
    row = services.companies.row(organisation.org)
    last = None
    if row["last_run"] is not None:
        last = {
            "run": row["last_run"],
            "startedAt": iso(row["last_started"]),
            "finishedAt": iso(row["last_finished"]),
            "outcome": row["last_outcome"],
        }
    return {
        "tenantId": organisation.tenant_id,
        "state": services.companies.display_state(organisation.org),
        "lastSync": last,
        "nextSyncAt": iso(row["next_sync"]),
        "cycleSeconds": services.companies.cycle,
    }


async def overview(request: Request) -> Response:
    """Show each company with its state, schedule, latest synced and unlinked contacts."""
    services = services_of(request)
    companies = "".join(
        _company_section(services, organisation) for organisation in services.books.organisations
    )
    body = f"<h1>Practice Re-Leased: Sync Overview</h1>{companies}"
    return page("Practice Re-Leased", body)


def _company_section(services: SandboxServices, organisation: SandboxOrganisation) -> str:
    base = f"/released/companies/{organisation.tenant_id}"
    row = services.companies.row(organisation.org)
    state = services.companies.display_state(organisation.org)
    last = f"{human(row['last_finished'])}: {escape(row['last_outcome'])}" if row["last_run"] else "not yet"
    choices = "".join(
        f"<option{' selected' if choice == row['state'] else ''}>{escape(choice)}</option>"
        for choice in STATES
    )
    return (
        f"<h2>{isolated(organisation.name)}</h2>"
        + details(
            [
                ("State", f'<span class="badge">{escape(state)}</span>'),
                ("Last sync", last),
                ("Next sync", human(row["next_sync"])),
                ("Pending sync", str(_waiting(services, organisation))),
            ]
        )
        + button(f"{base}/sync", "Start sync", is_primary=True)
        + f'<form class="row" method="post" action="{base}/state"><select name="state" aria-label="State">'
        f"{choices}</select><button>Set state</button></form>"
        + _due(services, organisation, base)
        + _picked_up(services, organisation)
        + _unlinked(services, organisation, base)
    )


def _waiting(services: SandboxServices, organisation: SandboxOrganisation) -> int:
    count: int = services.database.value(
        "SELECT count(*) FROM contacts WHERE org = ? AND released_linked AND released_active IS NOT active",
        (organisation.org,),
    )
    return count


def _due(services: SandboxServices, organisation: SandboxOrganisation, base: str) -> str:
    rows = services.database.all(
        "SELECT contact_id, name, active FROM contacts "
        "WHERE org = ? AND released_linked AND released_active IS NOT active LIMIT ?",
        (organisation.org, _LATEST),
    )
    lines = "".join(
        f"<tr><td>{isolated(row['name'])}</td><td>{'Active' if row['active'] else 'Archived'}</td>"
        f"<td>{button(base + '/contacts/' + row['contact_id'] + '/unlink', 'Unlink')}</td></tr>"
        for row in rows
    )
    return f"<h3>Pending sync</h3><table>{lines}</table>" if lines else ""


def _picked_up(services: SandboxServices, organisation: SandboxOrganisation) -> str:
    rows = services.database.all(
        "SELECT f.picked_up, f.state, f.run, c.name FROM feed f "
        "JOIN contacts c ON c.org = f.org AND c.contact_id = f.contact_id "
        "WHERE f.org = ? ORDER BY f.seq DESC LIMIT ?",
        (organisation.org, _LATEST),
    )
    lines = "".join(
        f"<tr><td>{human(row['picked_up'])}</td><td>{isolated(row['name'])}</td>"
        f"<td>{escape(row['state'].title())}</td><td>Sync {row['run']}</td></tr>"
        for row in rows
    )
    return f"<h3>Recently synced</h3><table>{lines}</table>" if lines else ""


def _unlinked(services: SandboxServices, organisation: SandboxOrganisation, base: str) -> str:
    rows = services.database.all(
        "SELECT contact_id, name FROM contacts WHERE org = ? AND NOT released_linked "
        "ORDER BY name_key LIMIT ?",
        (organisation.org, _MOST_UNLINKED),
    )
    lines = "".join(
        f"<tr><td>{isolated(row['name'])}</td>"
        f"<td>{button(base + '/contacts/' + row['contact_id'] + '/link', 'Link again')}</td></tr>"
        for row in rows
    )
    return f"<h3>Not linked: left out of every sync</h3><table>{lines}</table>" if lines else ""


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
