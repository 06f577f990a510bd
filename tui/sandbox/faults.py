"""Faults on request: rules that make chosen requests fail the way the live service fails."""

from __future__ import annotations

import asyncio
import gzip
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from tui.sandbox.context import http_date
from tui.sandbox.re_leased.unified import error_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui.sandbox.context import Clock, SandboxServices
    from tui.sandbox.request_log import CallCount, LoggedRequest


_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_PAGE = "text/html; charset=utf-8"
_MALFORMED = b'{"Id":"b1f2c1d0-0000-4000-8000-000000000000","Status":"OK","Contacts":[{"ContactID":"5f'
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


@dataclass(frozen=True, slots=True)
class FaultResponse:
    """A response sent instead of Xero's."""

    status: int
    content_type: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _limited(problem: str) -> FaultResponse:
    # Seen: no body, no content type, everything in the headers.
    return FaultResponse(429, headers={"X-Rate-Limit-Problem": problem})


def _unified(status: int, message: str) -> FaultResponse:
    return FaultResponse(status, _JSON, error_body(status, message))


FAULT_RESPONSES: Final[Mapping[str, FaultResponse]] = {
    **{f"429-{problem}": _limited(problem) for problem in ("minute", "day", "concurrent", "appminute")},
    "unified-401": _unified(401, "Unauthorized"),
    # A connection whose sign-in to Re-Leased has ended, one without the scope, and one that is paused.
    "unified-unhealthy": _unified(401, "Re-Leased doesn't accept this connection any more"),
    "unified-403": _unified(403, "This connection lacks the permission accounting_contact_read"),
    "unified-paused": _unified(403, "This connection is paused"),
    "unified-404": _unified(404, "Connection not found"),
    # The message of Unified.to's own limit is documented; that of Re-Leased's limit isn't.
    "unified-429": _unified(429, "Too many requests to Unified.to"),
    "unified-429-vendor": _unified(429, "Re-Leased: rate limit exceeded"),
    "unified-500": _unified(500, "Internal Server Error"),
    "500": FaultResponse(500, _TEXT, b"An unexpected error occurred"),
    "503": FaultResponse(503, _TEXT, b"Service Unavailable"),
    "offline": FaultResponse(503, _TEXT, b"The Organisation is offline"),
    "malformed": FaultResponse(200, _JSON, _MALFORMED),
    "empty-200": FaultResponse(200, _JSON),
    "json-list": FaultResponse(200, _JSON, b"[]"),
    "html": FaultResponse(200, _PAGE, _HTML),
    "redirect": FaultResponse(302, _PAGE, headers={"Location": "/identity/connect/authorize"}),
    "bad-gzip": FaultResponse(200, _JSON, b"not gzip at all", {"Content-Encoding": "gzip"}),
}


# The first five are applied in `fault_middleware.py`; the others are responses of their own.
KINDS = frozenset({"slow", "drop-before", "drop-after", "cut", "cut-gzip", *FAULT_RESPONSES})


@dataclass(slots=True)
class FaultRule:
    """One rule: which requests, what happens to them, and how often."""

    kind: str
    method: str | None
    path: str
    count: int | None
    probability: float
    seconds: float
    retry_after: int | None
    retry_as_date: bool
    carried_out: bool
    rng: random.Random = field(repr=False)

    def matches(self, method: str, path: str) -> bool:
        """Return whether the rule applies to this request, and count it."""
        if self.count == 0 or not path.startswith(self.path) or self.method not in {None, method}:
            return False
        if self.probability < 1 and self.rng.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True


class Faults:
    """The active rules; the first match applies."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def add(self, spec: Mapping[str, Any]) -> None:
        """Add a rule from its JSON. Raises `ValueError` for an invalid one.

        `kind` is required. Optional, with their defaults: `method` (any), `path` (a prefix, `/api.xro/`, for
        `unified-…` `/accounting/`), `count` (unlimited), `probability` (1), `seed` (0), `seconds` (for
        `slow`, 1). For a 429: `retryAfter` in seconds (1, or null for none), sent as a date with
        `retryAsDate`. With `carriedOut`, the request is processed and the fault hides its response.
        """
        kind = str(spec.get("kind"))
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}")
        method = spec.get("method")
        self._rules.append(
            FaultRule(
                kind=kind,
                method=None if method is None else str(method).upper(),
                path=str(spec.get("path", "/accounting/" if kind.startswith("unified-") else "/api.xro/")),
                count=_number(spec.get("count")),
                probability=float(spec.get("probability", 1)),
                seconds=float(spec.get("seconds", 1)),
                retry_after=_number(spec.get("retryAfter", 1)),
                retry_as_date=spec.get("retryAsDate") is True,
                carried_out=spec.get("carriedOut") is True,
                # Repeatable on purpose; not used for security.
                rng=random.Random(int(spec.get("seed", 0))),  # noqa: S311 - as above
            )
        )

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def find_rule(self, method: str, path: str) -> FaultRule | None:
        """Return the rule that matches a request, if any."""
        return next((rule for rule in self._rules if rule.matches(method, path)), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules with their remaining uses."""
        return [
            {"kind": rule.kind, "method": rule.method, "path": rule.path, "count": rule.count}
            for rule in self._rules
        ]


def _number(spec: Any) -> int | None:
    return None if spec is None else int(spec)


# Controls aren't part of the simulated services.
_UNTOUCHED = ("/practice/",)
_API = "/api.xro/"
_GZIP_LEVEL = 1
_TOO_MANY = 429


class FaultMiddleware:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log the request and answer it, as normal or with a fault."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        services: SandboxServices = scope["app"].state.practice
        if scope["path"].startswith(_UNTOUCHED):
            await self._app(scope, receive, _RecordingSender(send, services.clock).send)
            return
        headers = Headers(scope=scope)
        tenant = headers.get("xero-tenant-id")
        entry = services.request_log.begin(
            scope["method"], scope["path"], scope["query_string"].decode("latin-1"),
            tenant, headers.get("idempotency-key"),
        )  # fmt: skip
        scope["practice.entry"] = entry
        call_count = services.call_counter.begin(tenant) if scope["path"].startswith(_API) else None
        sender = _RecordingSender(send, services.clock, entry, call_count)
        try:
            await self._answer(services, scope, receive, sender)
        finally:
            sender.finish()

    async def _answer(
        self, services: SandboxServices, scope: Scope, receive: Receive, sender: _RecordingSender
    ) -> None:
        rule = services.faults.find_rule(scope["method"], scope["path"])
        if rule is None:
            await self._app(scope, receive, sender.send)
            return
        if sender.entry is not None:
            sender.entry.fault = rule.kind
        await self._apply_fault(rule, scope, receive, sender.send)

    async def _apply_fault(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        match rule.kind:
            case "slow":
                if scope["path"].startswith(_API):
                    # Waits inside the limits, where it counts as a concurrent call.
                    scope["practice.delay"] = rule.seconds
                else:
                    await asyncio.sleep(rule.seconds)
                await self._app(scope, receive, send)
            case "drop-before":
                await _drop_connection(scope, receive)
            case "drop-after":
                await self._buffer_response(scope, receive)
                await _drop_connection(scope, receive)
            case "cut":
                await (await self._buffer_response(scope, receive)).send_half(send)
                await _drop_connection(scope, receive, is_graceful=True)
            case "cut-gzip":
                await (await self._buffer_response(scope, receive)).send_half_of_gzip(send)
            case _:
                if rule.carried_out:
                    await self._buffer_response(scope, receive)
                await _fault_response(rule, scope)(scope, receive, send)

    async def _buffer_response(self, scope: Scope, receive: Receive) -> _BufferedResponse:
        buffered = _BufferedResponse()
        await self._app(scope, receive, buffered.receive)
        return buffered


@dataclass(slots=True)
class _RecordingSender:
    """Forwards a response, dated by the services' clock, and records that it was sent."""

    next_send: Send
    clock: Clock
    entry: LoggedRequest | None = None
    call_count: CallCount | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.entry is not None:
                self.entry.status = message["status"]
            MutableHeaders(raw=message["headers"])["Date"] = http_date(self.clock.now_ms())
        elif not message.get("more_body", False):
            # Before it is sent: the client's next call mustn't find this one still in progress.
            self.finish()
        await self.next_send(message)

    def finish(self) -> None:
        """Stop counting the call as concurrent. Can be called twice."""
        if self.call_count is not None:
            self.call_count.at_once -= 1
            self.call_count = None


@dataclass(slots=True)
class _BufferedResponse:
    """A response that isn't sent yet; it shows that the request was processed."""

    start: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""

    async def receive(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = dict(message)
        else:
            self.body += message.get("body", b"")

    async def send_half(self, send: Send) -> None:
        """Announce the whole body and send half of it; nothing if the body has no half."""
        half = self.body[: len(self.body) // 2]
        if half:
            await send(self.start)
            await send({"type": "http.response.body", "body": half, "more_body": True})

    async def send_half_of_gzip(self, send: Send) -> None:
        """Send the first half of a gzip stream as if it were complete."""
        headers = MutableHeaders(raw=list(self.start["headers"]))
        is_packed = headers.get("Content-Encoding") == "gzip"
        stream = self.body if is_packed else gzip.compress(self.body, _GZIP_LEVEL)
        half = stream[: len(stream) // 2]
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(half))
        await send({**self.start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": half})


async def _drop_connection(scope: Scope, receive: Receive, *, is_graceful: bool = False) -> None:
    scope["app"].state.drop(scope, is_graceful=is_graceful)
    while (await receive())["type"] != "http.disconnect":
        pass


def _limit_headers(scope: Scope) -> dict[str, str]:
    """Return the calls left, as in every response of the Accounting API."""
    if not scope["path"].startswith(_API):
        return {}
    services: SandboxServices = scope["app"].state.practice
    organisation = services.books.by_tenant(Headers(scope=scope).get("xero-tenant-id"))
    return services.limits.headers(organisation.org if organisation else None)


def _fault_response(rule: FaultRule, scope: Scope) -> Response:
    fault = FAULT_RESPONSES[rule.kind]
    headers = _limit_headers(scope) | dict(fault.headers)
    if fault.content_type is not None:
        headers["Content-Type"] = fault.content_type
    if fault.status == _TOO_MANY and rule.retry_after is not None:
        services: SandboxServices = scope["app"].state.practice
        until = services.clock.now_ms() + rule.retry_after * 1000
        headers["Retry-After"] = http_date(until) if rule.retry_as_date else str(rule.retry_after)
    return Response(fault.body, fault.status, headers)
