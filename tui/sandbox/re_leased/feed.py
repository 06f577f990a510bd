"""`GET /released/companies/{tenantId}/feed`: what the company has synced, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from tui.sandbox.clock import iso
from tui.sandbox.context import services_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from tui.sandbox.books import SandboxOrganisation
    from tui.sandbox.context import SandboxServices

_MOST_ITEMS = 500
_LONGEST_CURSOR = 18


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
