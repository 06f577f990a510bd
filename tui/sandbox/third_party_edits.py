"""Somebody else at work in Xero: practice controls that change contacts behind the client's back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tui.sandbox import contact
from tui.sandbox.accounting.fields import changed
from tui.sandbox.books import RefusedError, new_id
from tui.sandbox.context import practice_of
from tui.sandbox.re_leased.controls import body_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.requests import Request

    from tui.sandbox.books import PracticeOrganisation
    from tui.sandbox.context import PracticeServices

USER = "Somebody in Xero"
_AS_GIVEN = ("Balances", "IsCustomer", "IsSupplier", "ContactStatus")


async def create_contact(request: Request) -> Response:
    """`POST /practice/contacts/{tenantId}`: add a contact of any name and fields."""
    practice, organisation = practice_of(request), organisation_of(request)
    wish = await body_of(request)
    if organisation is None:
        return unknown()
    if not isinstance(wish.get("Name"), str) or not wish["Name"]:
        return JSONResponse({"error": "Name is needed."}, 400)
    document = contact.blank(new_id(), wish["Name"])
    extra = {key: wish[key] for key in _AS_GIVEN if key in wish}
    # Nobody has edited a contact that has a name and nothing else.
    filled = changed(document, wish) if set(wish) - {"Name", *_AS_GIVEN} else document
    try:
        practice.books.create(organisation.org, filled | extra, USER)
    except RefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    return JSONResponse({"ContactID": document["ContactID"]}, 201)


async def somebody_else(request: Request) -> Response:
    """`POST /practice/contacts/{tenantId}/{contactId}/{deed}`: somebody works in Xero's pages."""
    practice, organisation = practice_of(request), organisation_of(request)
    row = practice.books.find(organisation.org, request.path_params["contact_id"]) if organisation else None
    deed = _DEEDS.get(request.path_params["deed"])
    if row is None or deed is None:
        return unknown()
    try:
        deed(practice, row, await body_of(request))
    except RefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    after = practice.books.find(row["org"], row["contact_id"])
    return JSONResponse(contact.read((after or row)["document"]))


def _archive(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    if row["active"]:
        practice.books.archive(row, USER)


def _restore(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    if not row["active"]:
        practice.books.restore(row, USER)


def _rename(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    name = str(wish.get("Name") or "")
    if not name:
        raise RefusedError("Name is needed.")
    document = contact.read(row["document"]) | {"Name": name}
    practice.books.edit(row, document, USER, f"{row['name']} was renamed to {name}.")


def _merge(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    into = practice.books.find(row["org"], str(wish.get("into")))
    if into is None or into["id"] == row["id"] or not into["active"]:
        raise RefusedError("`into` must be the ContactID of another active contact.")
    practice.books.merge(row, into, USER)


def _gdpr(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    practice.books.forget(row, USER)


def _balances(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    sides = {
        side: {kind: float(wish.get(side, {}).get(kind, 0)) for kind in ("Outstanding", "Overdue")}
        for side in ("AccountsReceivable", "AccountsPayable")
    }
    practice.books.set_balances(row, sides)


def _vanish(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    practice.books.remove(row)


def _repeating(practice: PracticeServices, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    practice.books.set_repeating(row, repeating=wish.get("repeating", True) is True)


_DEEDS: dict[str, Callable[[PracticeServices, sqlite3.Row, dict[str, Any]], None]] = {
    "archive": _archive,
    "restore": _restore,
    "rename": _rename,
    "merge": _merge,
    "gdpr": _gdpr,
    "balances": _balances,
    "repeating": _repeating,
    "vanish": _vanish,
}


def organisation_of(request: Request) -> PracticeOrganisation | None:
    """Find the organisation that a control names."""
    return practice_of(request).books.by_tenant(request.path_params["tenant_id"])


def unknown() -> Response:
    """Answer that there is no such thing."""
    return JSONResponse({"error": "There is no such organisation, contact or deed."}, 404)


ROUTES = [
    Route("/practice/contacts/{tenant_id}", create_contact, methods=["POST"]),
    Route("/practice/contacts/{tenant_id}/{contact_id}/{deed}", somebody_else, methods=["POST"]),
]
