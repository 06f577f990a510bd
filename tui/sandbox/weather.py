"""The layer around all routes: logs requests and lets faults happen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui.sandbox.faults import Rule

# Controls and the feed's own pages are no part of what is practised on.
_UNTOUCHED = ("/practice/",)
_API = "/api.xro/"
_SERVER_ERRORS = {
    "offline": (503, "The Organisation is offline"),
    "503": (503, "Service Unavailable"),
    "500": (500, "An unexpected error occurred"),
}

_MALFORMED = b'{"Id":"b1f2c1d0-0000-4000-8000-000000000000","Status":"OK","Contacts":[{"ContactID":"5f'
_HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


class Weather:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log the request and answer it, well or badly."""
        if scope["type"] != "http" or scope["path"].startswith(_UNTOUCHED):
            await self._app(scope, receive, send)
            return
        practice, headers = scope["app"].state.practice, Headers(scope=scope)
        entry = practice.log.begin(
            scope["method"], scope["path"], scope["query_string"].decode("latin-1"),
            headers.get("xero-tenant-id"), headers.get("idempotency-key"),
        )  # fmt: skip
        scope["practice.entry"] = entry

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            await send(message)

        rule = practice.faults.strike(scope["method"], scope["path"])
        if rule is None:
            await self._app(scope, receive, note)
            return
        entry.fault = rule.kind
        await self._strike(rule, scope, receive, note)

    async def _strike(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        if rule.kind == "slow":
            if scope["path"].startswith(_API):
                # Waited for inside the limits, where it counts as one of the calls at once.
                scope["practice.delay"] = rule.seconds
            else:
                await asyncio.sleep(rule.seconds)
            await self._app(scope, receive, send)
        elif rule.kind == "drop-before":
            await _hang_up(scope, receive)
        elif rule.kind == "drop-after":
            await self._app(scope, receive, _nowhere)
            await _hang_up(scope, receive)
        else:
            await _bad_answer(rule, _budget(scope))(scope, receive, send)


async def _hang_up(scope: Scope, receive: Receive) -> None:
    scope["app"].state.drop(scope)
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(message: Message) -> None:
    del message


def _budget(scope: Scope) -> dict[str, str]:
    if not scope["path"].startswith(_API):
        return {}
    practice = scope["app"].state.practice
    organisation = practice.books.by_tenant(Headers(scope=scope).get("xero-tenant-id"))
    left: dict[str, str] = practice.limits.headers(organisation.org if organisation else None)
    return left


def _bad_answer(rule: Rule, budget: dict[str, str]) -> Response:
    if rule.kind.startswith("429-"):
        problem = rule.kind.removeprefix("429-")
        wait = {"Retry-After": str(rule.retry_after), "X-Rate-Limit-Problem": problem}
        return Response(status_code=429, headers=budget | wait)
    if rule.kind == "malformed":
        return Response(_MALFORMED, headers=budget, media_type="application/json")
    if rule.kind == "html":
        return HTMLResponse(_HTML, headers=budget)
    status, words = _SERVER_ERRORS[rule.kind]
    return PlainTextResponse(words, status, budget)
