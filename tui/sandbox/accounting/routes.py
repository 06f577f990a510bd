"""The paths of the Accounting API."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route, compile_path

from tui.sandbox import books
from tui.sandbox.accounting import groups, listing, transactions, writing
from tui.sandbox.accounting.writing import USER, parse_elements
from tui.sandbox.context import iso_without_zone, services_of, xero_date
from tui.sandbox.oauth.tokens import bearer
from tui.sandbox.responses import (
    ApiError,
    ApiResponse,
    EvaluationError,
    UnknownIdError,
    encode,
    envelope,
    forbidden,
    not_found,
    server_error,
    too_many,
    unauthorized,
    validation,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.datastructures import Headers
    from starlette.requests import Request

    from tui.sandbox.books import Books, SandboxOrganisation
    from tui.sandbox.context import SandboxServices
    from tui.sandbox.oauth.tokens import Access
    from tui.sandbox.request_log import LoggedRequest


# As Xero documents it.
_LONGEST_NOTE = 250


def get_contact(call: ApiCall) -> ApiResponse:
    """`GET /Contacts/{ContactID}`, archived or not; a contact number works, too."""
    return envelope(call.now, "Contacts", [books.single(_row(call)["document"])])


def get_history(call: ApiCall) -> ApiResponse:
    """`GET /Contacts/{ContactID}/History`, newest first."""
    row = _row(call)
    records = [
        _record(entry["at"], entry["details"], entry["changes"], entry["user"])
        for entry in call.books.history(row)
    ]
    if not any(record["Changes"] == "Created" for record in records):
        records.append(_record(row["created"], f"{row['name']} was created.", "Created", "System Generated"))
    return envelope(call.now, "HistoryRecords", [encode(record) for record in records])


def put_history(call: ApiCall) -> ApiResponse:
    """`PUT /Contacts/{ContactID}/History`: add notes. Allowed for archived contacts as well (unproven)."""
    row = _row(call)
    details = [entry.get("Details") for entry in parse_elements(call.body, "HistoryRecords")]
    if not all(isinstance(detail, str) and 0 < len(detail) <= _LONGEST_NOTE for detail in details):
        raise validation(f"Details must be a text of 1 to {_LONGEST_NOTE} characters.")
    answers = []
    for detail in details:
        call.books.add_note(row, USER, str(detail))
        newest = call.books.history(row)[0]
        # Seen without the offset here, and with it when the history is read.
        written = {"DateUTC": xero_date(newest["at"], offset=False), "ValidationErrors": []}
        answers.append(encode(_record(newest["at"], str(detail)) | written))
    return envelope(call.now, "HistoryRecords", answers)


def get_organisation(call: ApiCall) -> ApiResponse:
    """`GET /Organisation`: the call's organisation, in a list."""
    organisation = call.organisation
    document = {
        "Name": organisation.name,
        "LegalName": organisation.name,
        "PaysTax": True,
        "Version": "NZ",
        "OrganisationType": "TRUST",
        "BaseCurrency": "NZD",
        "CountryCode": "NZ",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "PAYMENTS",
        "SalesTaxPeriod": "TWOMONTHS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": xero_date(organisation.created, offset=False),
        "OrganisationEntityType": "TRUST",
        "Timezone": "NEWZEALANDSTANDARDTIME",
        "ShortCode": organisation.short_code,
        "OrganisationID": organisation.tenant_id,
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
    return envelope(call.now, "Organisations", [encode(document)])


def _row(call: ApiCall) -> sqlite3.Row:
    identifier = call.path["contact_id"]
    row = call.books.find(call.org, identifier) or call.books.find_number(call.org, identifier)
    if row is None:
        raise UnknownIdError
    return row


def _record(at: int, details: str, changes: str | None = None, user: str | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {} if changes is None else {"Changes": changes}
    record |= {"DateUTCString": iso_without_zone(at), "DateUTC": xero_date(at)}
    if user is not None:
        record["User"] = user
    return record | {"Details": details}


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
# The scopes of apps that were made before March 2026 give access to all transactions.
_TRANSACTIONS = frozenset({"accounting.transactions", "accounting.transactions.read"})
INVOICES_READ = _TRANSACTIONS | {"accounting.invoices", "accounting.invoices.read"}
PAYMENTS_READ = _TRANSACTIONS | {"accounting.payments", "accounting.payments.read"}
BANK_TRANSACTIONS_READ = _TRANSACTIONS | {"accounting.banktransactions", "accounting.banktransactions.read"}


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


BASE = "/api.xro/2.0"

_CONTACT_GROUP = "/ContactGroups/{group_id}"

_ORGANISATION = {"GET": Operation(get_organisation, SETTINGS_READ)}

_PATHS: dict[str, dict[str, Operation]] = {
    "/Organisation": _ORGANISATION,
    "/Organisations": _ORGANISATION,
    "/Contacts": {
        "GET": Operation(listing.list_contacts, CONTACTS_READ),
        "PUT": Operation(writing.create_contacts, CONTACTS_WRITE, writes=True),
        "POST": Operation(writing.update_or_create_contacts, CONTACTS_WRITE, writes=True),
    },
    "/Contacts/{contact_id}": {
        "GET": Operation(get_contact, CONTACTS_READ),
        "POST": Operation(writing.update_contact, CONTACTS_WRITE, writes=True),
    },
    "/Contacts/{contact_id}/History": {
        "GET": Operation(get_history, CONTACTS_READ),
        "PUT": Operation(put_history, CONTACTS_WRITE, writes=True),
    },
    "/Invoices": {"GET": Operation(transactions.list_invoices, INVOICES_READ)},
    "/CreditNotes": {"GET": Operation(transactions.list_credit_notes, INVOICES_READ)},
    "/RepeatingInvoices": {"GET": Operation(transactions.list_repeating_invoices, INVOICES_READ)},
    "/Payments": {"GET": Operation(transactions.list_payments, PAYMENTS_READ)},
    "/BankTransactions": {"GET": Operation(transactions.list_bank_transactions, BANK_TRANSACTIONS_READ)},
    "/ContactGroups": {
        "GET": Operation(groups.list_groups, CONTACTS_READ),
        "PUT": Operation(groups.create_groups, CONTACTS_WRITE, writes=True),
    },
    _CONTACT_GROUP: {
        "GET": Operation(groups.get_group, CONTACTS_READ),
        "POST": Operation(groups.update_group, CONTACTS_WRITE, writes=True),
    },
    f"{_CONTACT_GROUP}/Contacts": {
        "PUT": Operation(groups.add_members, CONTACTS_WRITE, writes=True),
        "DELETE": Operation(groups.remove_members, CONTACTS_WRITE, writes=True),
    },
    f"{_CONTACT_GROUP}/Contacts/{{contact_id}}": {
        "DELETE": Operation(groups.remove_members, CONTACTS_WRITE, writes=True),
    },
}


def _route(path: str, operations: dict[str, Operation]) -> Route:
    """Return a route whose path is case-insensitive, as on the live service."""
    route = Route(f"{BASE}{path}", endpoint_for(operations), methods=list(operations))
    below = compile_path(path)[0].pattern.removeprefix("^")
    route.path_regex = re.compile(f"^{re.escape(BASE)}(?i:{below})")
    return route


ROUTES = [_route(path, operations) for path, operations in _PATHS.items()]
