"""Practice controls for tests and demos, under `/practice/…`: no limits, no token, loopback only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tui.sandbox import contact
from tui.sandbox.accounting.fields import changed
from tui.sandbox.books import RefusedError, new_id
from tui.sandbox.context import practice_of
from tui.sandbox.identity.endpoints import connect
from tui.sandbox.released.controls import body_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.requests import Request

    from tui.sandbox.books import Organisation
    from tui.sandbox.context import Practice

USER = "Somebody in Xero"
_AS_GIVEN = ("Balances", "IsCustomer", "IsSupplier", "ContactStatus")
_LIMITS = {"minute": "minute", "day": "day", "atOnce": "at_once", "appMinute": "app_minute"}


async def add_fault(request: Request) -> Response:
    """`POST /practice/faults`: order bad weather; see `Faults.add` for the rule."""
    faults = practice_of(request).faults
    try:
        faults.add(await body_of(request))
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"faults": faults.as_json()})


async def list_faults(request: Request) -> Response:
    """`GET /practice/faults`: the rules in force."""
    return JSONResponse({"faults": practice_of(request).faults.as_json()})


async def clear_faults(request: Request) -> Response:
    """`DELETE /practice/faults`: back to fair weather."""
    practice_of(request).faults.clear()
    return Response(status_code=204)


async def requests(request: Request) -> Response:
    """`GET /practice/requests?after=<number>`: what was asked, and how many status writes were applied."""
    practice, after = practice_of(request), request.query_params.get("after", "0")
    return JSONResponse(
        {
            "requests": practice.log.entries(int(after) if after.isdecimal() else 0),
            "statusWritesApplied": practice.status_writes,
        }
    )


async def clear_requests(request: Request) -> Response:
    """`DELETE /practice/requests`: forget what was asked; the count of status writes stays."""
    practice_of(request).log.clear()
    return Response(status_code=204)


async def set_limits(request: Request) -> Response:
    """`POST /practice/limits` `{"minute", "day", "atOnce", "appMinute", "refill"}`: all optional."""
    limits, wish = practice_of(request).limits, await body_of(request)
    for name, attribute in _LIMITS.items():
        if name in wish:
            if not isinstance(wish[name], int) or wish[name] < 0:
                return JSONResponse({"error": f"{name} must be a whole number from 0 on."}, 400)
            setattr(limits, attribute, wish[name])
    if wish.get("refill"):
        limits.refill()
    return JSONResponse({name: getattr(limits, attribute) for name, attribute in _LIMITS.items()})


async def set_tokens(request: Request) -> Response:
    """`POST /practice/tokens` `{"accessSeconds", "expireAccess", "revokeAll"}`: all optional."""
    tokens, wish = practice_of(request).tokens, await body_of(request)
    if isinstance(seconds := wish.get("accessSeconds"), int):
        tokens.access_life = seconds
    if wish.get("expireAccess"):
        tokens.expire_access()
    if wish.get("revokeAll"):
        tokens.revoke_all()
    return JSONResponse({"accessSeconds": tokens.access_life})


async def set_connection(request: Request) -> Response:
    """`POST /practice/connections/{tenantId}` `{"connected"}`: somebody disconnects or reconnects."""
    practice, organisation = practice_of(request), _organisation(request)
    if organisation is None:
        return _unknown()
    if (await body_of(request)).get("connected", True):
        connect(practice, [organisation.org], new_id())
    else:
        practice.database.execute("DELETE FROM connections WHERE org = ?", (organisation.org,))
    return Response(status_code=204)


async def create_contact(request: Request) -> Response:
    """`POST /practice/contacts/{tenantId}`: add a contact of any name and fields."""
    practice, organisation = practice_of(request), _organisation(request)
    wish = await body_of(request)
    if organisation is None:
        return _unknown()
    if not isinstance(wish.get("Name"), str) or not wish["Name"]:
        return JSONResponse({"error": "Name is needed."}, 400)
    document = contact.blank(new_id(), wish["Name"])
    extra = {
        key: wish[key] for key in ("Balances", "IsCustomer", "IsSupplier", "ContactStatus") if key in wish
    }
    try:
        practice.books.create(organisation.org, changed(document, wish) | extra, USER)
    except RefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    return JSONResponse({"ContactID": document["ContactID"]}, 201)


async def somebody_else(request: Request) -> Response:
    """`POST /practice/contacts/{tenantId}/{contactId}/{deed}`: somebody works in Xero's pages."""
    practice, organisation = practice_of(request), _organisation(request)
    row = practice.books.find(organisation.org, request.path_params["contact_id"]) if organisation else None
    deed = _DEEDS.get(request.path_params["deed"])
    if row is None or deed is None:
        return _unknown()
    try:
        deed(practice, row, await body_of(request))
    except RefusedError as refusal:
        return JSONResponse({"error": str(refusal)}, 409)
    after = practice.books.find(row["org"], row["contact_id"])
    return JSONResponse(contact.read((after or row)["document"]))


def _archive(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    if row["active"]:
        practice.books.archive(row, USER)


def _restore(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    if not row["active"]:
        practice.books.restore(row, USER)


def _rename(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    name = str(wish.get("Name") or "")
    if not name:
        raise RefusedError("Name is needed.")
    document = contact.read(row["document"]) | {"Name": name}
    practice.books.edit(row, document, USER, f"{row['name']} was renamed to {name}.")


def _merge(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    into = practice.books.find(row["org"], str(wish.get("into")))
    if into is None or into["id"] == row["id"] or not into["active"]:
        raise RefusedError("`into` must be the ContactID of another active contact.")
    practice.books.merge(row, into, USER)


def _gdpr(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    del wish
    practice.books.forget(row, USER)


def _balances(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    sides = {
        side: {kind: float(wish.get(side, {}).get(kind, 0)) for kind in ("Outstanding", "Overdue")}
        for side in ("AccountsReceivable", "AccountsPayable")
    }
    practice.books.set_balances(row, sides)


def _repeating(practice: Practice, row: sqlite3.Row, wish: dict[str, Any]) -> None:
    practice.books.set_repeating(row, repeating=wish.get("repeating", True) is True)


_DEEDS: dict[str, Callable[[Practice, sqlite3.Row, dict[str, Any]], None]] = {
    "archive": _archive,
    "restore": _restore,
    "rename": _rename,
    "merge": _merge,
    "gdpr": _gdpr,
    "balances": _balances,
    "repeating": _repeating,
}


def _organisation(request: Request) -> Organisation | None:
    return practice_of(request).books.by_tenant(request.path_params["tenant_id"])


def _unknown() -> Response:
    return JSONResponse({"error": "There is no such organisation, contact or deed."}, 404)


ROUTES = [
    Route("/practice/faults", add_fault, methods=["POST"]),
    Route("/practice/faults", list_faults, methods=["GET"]),
    Route("/practice/faults", clear_faults, methods=["DELETE"]),
    Route("/practice/requests", requests, methods=["GET"]),
    Route("/practice/requests", clear_requests, methods=["DELETE"]),
    Route("/practice/limits", set_limits, methods=["POST"]),
    Route("/practice/tokens", set_tokens, methods=["POST"]),
    Route("/practice/connections/{tenant_id}", set_connection, methods=["POST"]),
    Route("/practice/contacts/{tenant_id}", create_contact, methods=["POST"]),
    Route("/practice/contacts/{tenant_id}/{contact_id}/{deed}", somebody_else, methods=["POST"]),
]
