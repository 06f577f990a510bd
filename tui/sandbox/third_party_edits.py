"""Practice controls that change contacts as another Xero user would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tui.sandbox import books
from tui.sandbox.accounting.listing import changed
from tui.sandbox.books import RefusedError, new_id
from tui.sandbox.context import services_of
from tui.sandbox.json_body import read_body

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.requests import Request

    from tui.sandbox.books import SandboxOrganisation
    from tui.sandbox.context import SandboxServices

USER = "Somebody in Xero"
_AS_GIVEN = ("Balances", "IsCustomer", "IsSupplier", "ContactStatus")


async def create_contact(request: Request) -> Response:
    """`POST /practice/contacts/{tenantId}`: add a contact with any name and fields."""
    services, organisation = services_of(request), organisation_of(request)
    body = await read_body(request)
    if organisation is None:
        return unknown()
    if not isinstance(body.get("Name"), str) or not body["Name"]:
        return JSONResponse({"error": "Name is required."}, 400)
    document = books.blank(new_id(), body["Name"])
    extra = {key: body[key] for key in _AS_GIVEN if key in body}
    # A contact with only a name was never edited.
    filled = changed(document, body) if set(body) - {"Name", *_AS_GIVEN} else document
    try:
        services.books.create(organisation.org, filled | extra, USER)
    except RefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    return JSONResponse({"ContactID": document["ContactID"]}, 201)


async def edit_contact(request: Request) -> Response:
    """`POST /practice/contacts/{tenantId}/{contactId}/{deed}`: simulate an edit in Xero's pages."""
    services, organisation = services_of(request), organisation_of(request)
    row = services.books.find(organisation.org, request.path_params["contact_id"]) if organisation else None
    edit = _EDITS.get(request.path_params["deed"])
    if row is None or edit is None:
        return unknown()
    try:
        edit(services, row, await read_body(request))
    except RefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    after = services.books.find(row["org"], row["contact_id"])
    return JSONResponse(books.read((after or row)["document"]))


def _archive(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    del body
    if row["active"]:
        services.books.archive(row, USER)


def _restore(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    del body
    if not row["active"]:
        services.books.restore(row, USER)


def _rename(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    name = str(body.get("Name") or "")
    if not name:
        raise RefusedError("Name is required.")
    document = books.read(row["document"]) | {"Name": name}
    services.books.edit(row, document, USER, f"{row['name']} was renamed to {name}.")


def _merge(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    into = services.books.find(row["org"], str(body.get("into")))
    if into is None or into["id"] == row["id"] or not into["active"]:
        raise RefusedError("`into` must be the ContactID of another active contact.")
    services.books.merge(row, into, USER)


def _gdpr(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    del body
    services.books.forget(row, USER)


def _balances(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    sides = {
        side: {kind: float(body.get(side, {}).get(kind, 0)) for kind in ("Outstanding", "Overdue")}
        for side in ("AccountsReceivable", "AccountsPayable")
    }
    services.books.set_balances(row, sides)


def _vanish(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    del body
    services.books.remove(row)


def _repeating(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    services.books.set_repeating(row, repeating=body.get("repeating", True) is True)


_EDITS: dict[str, Callable[[SandboxServices, sqlite3.Row, dict[str, Any]], None]] = {
    "archive": _archive,
    "restore": _restore,
    "rename": _rename,
    "merge": _merge,
    "gdpr": _gdpr,
    "balances": _balances,
    "repeating": _repeating,
    "vanish": _vanish,
}


def organisation_of(request: Request) -> SandboxOrganisation | None:
    """Return the organisation of a control's path."""
    return services_of(request).books.by_tenant(request.path_params["tenant_id"])


def unknown() -> Response:
    """Return a 404."""
    return JSONResponse({"error": "Organisation, contact or action not found."}, 404)


ROUTES = [
    Route("/practice/contacts/{tenant_id}", create_contact, methods=["POST"]),
    Route("/practice/contacts/{tenant_id}/{contact_id}/{deed}", edit_contact, methods=["POST"]),
]
