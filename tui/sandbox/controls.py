"""Practice controls for tests and demos, under `/practice/…`: no limits, no token, loopback only.

Some change contacts as another Xero user would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tui.sandbox import books
from tui.sandbox.accounting.listing import changed
from tui.sandbox.books import RefusedError, new_id
from tui.sandbox.context import http_date, services_of
from tui.sandbox.oauth.endpoints import connect
from tui.sandbox.re_leased.unified import LIST_OPTIONS
from tui.sandbox.responses import read_body
from tui.sandbox.sample_transactions import INSERT, INVOICES, ensure_transactions
from tui.sandbox.xero_pages import USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.requests import Request

    from tui.sandbox.books import SandboxOrganisation
    from tui.sandbox.context import SandboxServices


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
    """`POST /practice/contacts/{tenantId}/{contactId}/{edit}`: simulate an edit in Xero's pages."""
    services, organisation = services_of(request), organisation_of(request)
    row = services.books.find(organisation.org, request.path_params["contact_id"]) if organisation else None
    edit = _EDITS.get(request.path_params["edit"])
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


def _transact(services: SandboxServices, row: sqlite3.Row, body: dict[str, Any]) -> None:
    """Add a transaction to the contact, or change an existing one of `id`, which may be another contact's."""
    transaction_id = str(body.get("id") or new_id())
    resource, kind = str(body.get("resource") or INVOICES), str(body.get("type") or "ACCREC")
    status, now = str(body.get("status") or "AUTHORISED"), services.clock.now_ms()
    date = int(body.get("date") or now)
    ensure_transactions(services.database, row["org"])
    with services.database.transaction():
        services.database.execute(
            "DELETE FROM transactions WHERE org = ? AND resource = ? AND transaction_id = ?",
            (row["org"], resource, transaction_id),
        )
        owner = (row["org"], resource, transaction_id, row["id"])
        services.database.execute(INSERT, (*owner, kind, status, date, now, 10_000, body.get("invoice")))


_EDITS: dict[str, Callable[[SandboxServices, sqlite3.Row, dict[str, Any]], None]] = {
    "archive": _archive,
    "restore": _restore,
    "rename": _rename,
    "merge": _merge,
    "gdpr": _gdpr,
    "balances": _balances,
    "repeating": _repeating,
    "transaction": _transact,
    "vanish": _vanish,
}


def organisation_of(request: Request) -> SandboxOrganisation | None:
    """Return the organisation of a control's path."""
    return services_of(request).books.by_tenant(request.path_params["tenant_id"])


def unknown() -> Response:
    """Return a 404."""
    return JSONResponse({"error": "Organisation, contact or action not found."}, 404)


# Seconds; ten years.
_FURTHEST = 315_360_000
_LIMITS = {"minute": "minute", "day": "day", "atOnce": "at_once", "appMinute": "app_minute"}


async def add_fault(request: Request) -> Response:
    """`POST /practice/faults`: add a fault; see `Faults.add` for the rule."""
    faults = services_of(request).faults
    try:
        faults.add(await read_body(request))
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"faults": faults.as_json()})


async def list_faults(request: Request) -> Response:
    """`GET /practice/faults`: the active rules."""
    return JSONResponse({"faults": services_of(request).faults.as_json()})


async def clear_faults(request: Request) -> Response:
    """`DELETE /practice/faults`: remove all faults."""
    services_of(request).faults.clear()
    return Response(status_code=204)


async def requests(request: Request) -> Response:
    """`GET /practice/requests?after=<number>`: the requests, and how many status writes were applied."""
    services, after = services_of(request), request.query_params.get("after", "0")
    return JSONResponse(
        {
            "requests": services.request_log.entries(int(after) if after.isdecimal() else 0),
            "statusWritesApplied": services.status_writes,
        }
    )


async def clear_requests(request: Request) -> Response:
    """`DELETE /practice/requests`: clear the log; the count of status writes is kept."""
    services_of(request).request_log.clear()
    return Response(status_code=204)


async def set_limits(request: Request) -> Response:
    """`POST /practice/limits`: `minute`, `day`, `atOnce`, `appMinute`, `minuteSeconds`, `refill`.

    All are optional. With a minute of one second, for example, a client can be tested at 60 times the speed.
    """
    limits, body = services_of(request).limits, await read_body(request)
    for name, attribute in _LIMITS.items():
        if name in body:
            if not isinstance(body[name], int) or body[name] < 0:
                return JSONResponse({"error": f"{name} must be a whole number from 0 on."}, 400)
            setattr(limits, attribute, body[name])
    if isinstance(seconds := body.get("minuteSeconds"), int | float) and seconds > 0:
        limits.minute_seconds = float(seconds)
    if body.get("refill"):
        limits.refill()
    now = {name: getattr(limits, attribute) for name, attribute in _LIMITS.items()}
    return JSONResponse(now | {"minuteSeconds": limits.minute_seconds})


async def call_counts(request: Request) -> Response:
    """`GET /practice/budget`: calls, the most at once and in a minute, and real 429s, by tenant id."""
    return JSONResponse(services_of(request).call_counter.as_json())


async def clear_call_counts(request: Request) -> Response:
    """`DELETE /practice/budget`: reset the counts."""
    services_of(request).call_counter.clear()
    return Response(status_code=204)


async def set_clock(request: Request) -> Response:
    """`POST /practice/clock` `{"aheadSeconds"}`: set the services' clock relative to this computer's.

    Dates and timestamps follow, and so do the ages of tokens and idempotency keys; the time until the next
    syncs doesn't change.
    """
    offset = (await read_body(request)).get("aheadSeconds")
    if not isinstance(offset, int | float) or abs(offset) > _FURTHEST:
        return JSONResponse({"error": f"aheadSeconds must be a number of at most {_FURTHEST}."}, 400)
    services = services_of(request)
    clock = services.clock
    before, clock.offset_ms = clock.offset_ms, int(offset * 1000)
    services.companies.shift_schedule(clock.offset_ms - before)
    return JSONResponse({"aheadSeconds": offset, "date": http_date(clock.now_ms())})


async def set_tokens(request: Request) -> Response:
    """`POST /practice/tokens` `{"accessSeconds", "expireAccess", "revokeAll"}`: all optional."""
    tokens, body = services_of(request).tokens, await read_body(request)
    if isinstance(seconds := body.get("accessSeconds"), int):
        tokens.access_lifetime = seconds
    if body.get("expireAccess"):
        tokens.expire_access()
    if body.get("revokeAll"):
        tokens.revoke_all()
    return JSONResponse({"accessSeconds": tokens.access_lifetime})


async def set_connection(request: Request) -> Response:
    """`POST /practice/connections/{tenantId}` `{"connected"}`: disconnect or reconnect, as in Xero."""
    services, organisation = services_of(request), organisation_of(request)
    if organisation is None:
        return unknown()
    if (await read_body(request)).get("connected", True):
        connect(services, [organisation.org], new_id())
    else:
        services.database.execute("DELETE FROM connections WHERE org = ?", (organisation.org,))
    return Response(status_code=204)


async def set_unified(request: Request) -> Response:
    """`POST /practice/unified` `{"ignored"}`: the list options that the connection ignores from now on.

    Integrations support different ones; one that isn't supported has no effect.
    """
    connection, ignored = services_of(request).unified, (await read_body(request)).get("ignored", [])
    if not isinstance(ignored, list) or not all(option in LIST_OPTIONS for option in ignored):
        return JSONResponse({"error": f"ignored must be a list of: {', '.join(LIST_OPTIONS)}"}, 400)
    connection.ignored = frozenset(ignored)
    return JSONResponse({"ignored": sorted(connection.ignored)})


ROUTES = [
    Route("/practice/contacts/{tenant_id}", create_contact, methods=["POST"]),
    Route("/practice/contacts/{tenant_id}/{contact_id}/{edit}", edit_contact, methods=["POST"]),
    Route("/practice/faults", add_fault, methods=["POST"]),
    Route("/practice/faults", list_faults, methods=["GET"]),
    Route("/practice/faults", clear_faults, methods=["DELETE"]),
    Route("/practice/requests", requests, methods=["GET"]),
    Route("/practice/requests", clear_requests, methods=["DELETE"]),
    Route("/practice/limits", set_limits, methods=["POST"]),
    Route("/practice/tokens", set_tokens, methods=["POST"]),
    Route("/practice/connections/{tenant_id}", set_connection, methods=["POST"]),
    Route("/practice/unified", set_unified, methods=["POST"]),
    Route("/practice/budget", call_counts, methods=["GET"]),
    Route("/practice/budget", clear_call_counts, methods=["DELETE"]),
    Route("/practice/clock", set_clock, methods=["POST"]),
]
