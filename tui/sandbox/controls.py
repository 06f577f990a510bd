"""Practice controls for tests and demos, under `/practice/…`: no limits, no token, loopback only.

What somebody else does to contacts is in `somebody.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tui.sandbox.books import new_id
from tui.sandbox.clock import http_date
from tui.sandbox.context import practice_of
from tui.sandbox.oauth.endpoints import connect
from tui.sandbox.re_leased.controls import body_of
from tui.sandbox.third_party_edits import organisation_of, unknown

if TYPE_CHECKING:
    from starlette.requests import Request

# Seconds; ten years.
_FURTHEST = 315_360_000
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
    """`POST /practice/limits`: `minute`, `day`, `atOnce`, `appMinute`, `minuteSeconds`, `refill`.

    All are optional. A minute of one second, say, tries a client out at sixty times the speed.
    """
    limits, wish = practice_of(request).limits, await body_of(request)
    for name, attribute in _LIMITS.items():
        if name in wish:
            if not isinstance(wish[name], int) or wish[name] < 0:
                return JSONResponse({"error": f"{name} must be a whole number from 0 on."}, 400)
            setattr(limits, attribute, wish[name])
    if isinstance(seconds := wish.get("minuteSeconds"), int | float) and seconds > 0:
        limits.minute_seconds = float(seconds)
    if wish.get("refill"):
        limits.refill()
    now = {name: getattr(limits, attribute) for name, attribute in _LIMITS.items()}
    return JSONResponse(now | {"minuteSeconds": limits.minute_seconds})


async def budget(request: Request) -> Response:
    """`GET /practice/budget`: calls, the most at once and in a minute, and real 429s, by tenant id."""
    return JSONResponse(practice_of(request).budget.as_json())


async def clear_budget(request: Request) -> Response:
    """`DELETE /practice/budget`: count from nothing again."""
    practice_of(request).budget.clear()
    return Response(status_code=204)


async def set_clock(request: Request) -> Response:
    """`POST /practice/clock` `{"aheadSeconds"}`: set the services' clock against this machine's.

    Dates and stamps follow, and so do the ages of tokens and of idempotency keys; syncs stay as far away as
    they were.
    """
    ahead = (await body_of(request)).get("aheadSeconds")
    if not isinstance(ahead, int | float) or abs(ahead) > _FURTHEST:
        return JSONResponse({"error": f"aheadSeconds must be a number of at most {_FURTHEST}."}, 400)
    practice = practice_of(request)
    clock = practice.clock
    before, clock.ahead_ms = clock.ahead_ms, int(ahead * 1000)
    practice.companies.clock_moved(clock.ahead_ms - before)
    return JSONResponse({"aheadSeconds": ahead, "date": http_date(clock.now_ms())})


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
    practice, organisation = practice_of(request), organisation_of(request)
    if organisation is None:
        return unknown()
    if (await body_of(request)).get("connected", True):
        connect(practice, [organisation.org], new_id())
    else:
        practice.database.execute("DELETE FROM connections WHERE org = ?", (organisation.org,))
    return Response(status_code=204)


ROUTES = [
    Route("/practice/faults", add_fault, methods=["POST"]),
    Route("/practice/faults", list_faults, methods=["GET"]),
    Route("/practice/faults", clear_faults, methods=["DELETE"]),
    Route("/practice/requests", requests, methods=["GET"]),
    Route("/practice/requests", clear_requests, methods=["DELETE"]),
    Route("/practice/limits", set_limits, methods=["POST"]),
    Route("/practice/tokens", set_tokens, methods=["POST"]),
    Route("/practice/connections/{tenant_id}", set_connection, methods=["POST"]),
    Route("/practice/budget", budget, methods=["GET"]),
    Route("/practice/budget", clear_budget, methods=["DELETE"]),
    Route("/practice/clock", set_clock, methods=["POST"]),
]
