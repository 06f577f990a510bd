"""The middleware around all routes: logs and dates requests, counts calls, and applies faults."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from tui.sandbox.clock import http_date
from tui.sandbox.faults import FAULT_RESPONSES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui.sandbox.clock import Clock
    from tui.sandbox.context import SandboxServices
    from tui.sandbox.faults import FaultRule
    from tui.sandbox.request_log import CallCount, LoggedRequest

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
