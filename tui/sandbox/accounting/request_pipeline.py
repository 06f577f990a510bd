"""The steps of every Accounting API call: token, organisation, limits, idempotency key."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from tui.sandbox.context import services_of
from tui.sandbox.oauth.tokens import bearer
from tui.sandbox.responses import (
    ApiError,
    ApiResponse,
    EvaluationError,
    UnknownIdError,
    forbidden,
    not_found,
    server_error,
    too_many,
    unauthorized,
    validation,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.datastructures import Headers
    from starlette.requests import Request

    from tui.sandbox.books import Books, SandboxOrganisation
    from tui.sandbox.context import SandboxServices
    from tui.sandbox.oauth.tokens import Access
    from tui.sandbox.request_log import LoggedRequest


_LIFE_MS = 6 * 60 * 1000
_LONGEST = 128


def run_once(call: ApiCall, key: str, target: str, perform: Callable[[], ApiResponse]) -> ApiResponse:
    """Perform a write, or return the response it had.

    Runs inside the caller's transaction, so that a crash keeps both the write and its response, or neither.
    """
    if len(key) > _LONGEST:
        return validation(f"The Idempotency-Key may have at most {_LONGEST} characters.").answer()
    database, now = call.practice.database, call.now
    fingerprint = hashlib.sha256(target.encode() + b"\0" + call.body).digest()
    database.execute("DELETE FROM idempotency WHERE at <= ?", (now - _LIFE_MS,))
    known = database.one("SELECT * FROM idempotency WHERE org = ? AND key = ?", (call.org, key))
    if known is None:
        answer = perform()
        database.execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            (call.org, key, fingerprint, now, answer.status, answer.content_type, answer.body),
        )
        return answer
    if known["fingerprint"] != fingerprint:
        return validation("The Idempotency-Key was used before with a different request.").answer()
    return ApiResponse(known["status"], known["body"], known["content_type"])


CONTACTS_READ = frozenset({"accounting.contacts", "accounting.contacts.read"})
CONTACTS_WRITE = frozenset({"accounting.contacts"})
SETTINGS_READ = frozenset({"accounting.settings", "accounting.settings.read"})


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call that passed the checks."""

    practice: SandboxServices
    organisation: SandboxOrganisation
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: bytes
    entry: LoggedRequest

    @property
    def books(self) -> Books:
        """The contacts."""
        return self.practice.books

    @property
    def org(self) -> int:
        """The row of the call's organisation."""
        return self.organisation.org

    @property
    def now(self) -> int:
        """The server's time in milliseconds since 1970, UTC."""
        return self.practice.clock.now_ms()

    def parameter(self, name: str) -> str:
        """Return a query parameter, ignoring the case of its name; empty if it is missing."""
        return self.query.get(name.lower(), "")

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a true/false parameter, ignoring case."""
        value = self.parameter(name).strip().lower()
        return value == "true" if value else default


@dataclass(frozen=True, slots=True)
class Operation:
    """The handler of a method, and the scopes of which one is required."""

    handler: Callable[[ApiCall], ApiResponse]
    scopes: frozenset[str]
    writes: bool = False


def endpoint_for(operations: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a path from the operations of its methods."""

    async def endpoint(request: Request) -> Response:
        services = services_of(request)
        organisation, answer = await _answer(request, services, operations[request.method])
        headers = services.limits.headers(organisation.org if organisation else None)
        response = Response(answer.body, answer.status, headers | answer.headers)
        if answer.content_type is not None:
            response.headers["Content-Type"] = answer.content_type
        return response

    return endpoint


async def _answer(
    request: Request, services: SandboxServices, operation: Operation
) -> tuple[SandboxOrganisation | None, ApiResponse]:
    organisation = services.books.by_tenant(request.headers.get("xero-tenant-id"))
    token = bearer(request.headers)
    access = services.tokens.find_access(token)
    if access is None:
        return organisation, unauthorized(services.tokens.refusal_reason(token))
    if access.org is not None:
        organisation = next(
            candidate for candidate in services.books.organisations if candidate.org == access.org
        )
    if organisation is None or not _connected(services, organisation, access):
        return organisation, forbidden()
    if not access.scopes & operation.scopes:
        return organisation, forbidden()
    exceeded = services.limits.acquire(organisation.org)
    if exceeded is not None:
        services.call_counter.for_tenant(request.headers.get("xero-tenant-id")).refused[exceeded.problem] += 1
        return organisation, too_many(exceeded.problem, exceeded.retry_after)
    with services.limits.running(organisation.org):
        delay = request.scope.get("practice.delay")
        if delay:
            await asyncio.sleep(delay)
        body = await request.body()
        call = ApiCall(
            services, organisation, request.path_params,
            _joined(request.query_params.multi_items()),
            request.headers, body, request.scope["practice.entry"],
        )  # fmt: skip
        return organisation, _run(call, request, operation)


def _joined(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the values of a repeated parameter into one list, as .NET does."""
    joined: dict[str, str] = {}
    for name, value in parameters:
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _run(call: ApiCall, request: Request, operation: Operation) -> ApiResponse:
    key = call.headers.get("idempotency-key")
    if not operation.writes or key is None:
        return _perform(call, operation)
    target = f"{request.method} {request.url.path}?{request.url.query}"
    with call.practice.database.transaction():
        return run_once(call, key, target, lambda: _perform(call, operation))


def _perform(call: ApiCall, operation: Operation) -> ApiResponse:
    try:
        return operation.handler(call)
    except ApiError as error:
        return error.answer()
    except UnknownIdError:
        return not_found()
    except EvaluationError:
        return server_error()


def _connected(services: SandboxServices, organisation: SandboxOrganisation, access: Access) -> bool:
    if access.org is not None:
        return access.org == organisation.org
    return services.database.one("SELECT 1 FROM connections WHERE org = ?", (organisation.org,)) is not None
