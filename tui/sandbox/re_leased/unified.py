"""Unified.to's API over the practice Re-Leased's contacts and companies, for reading.

Paths, parameters and fields are those of Unified.to's own SDK (`unified-python-sdk`) and reference. Neither
describes the body of an error, so clients have to go by the status. The messages here are made up,
and so are the vendor's fields in `raw`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from tui.sandbox.context import iso, services_of
from tui.sandbox.re_leased.company import BASE_CURRENCY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tui.sandbox.books import SandboxOrganisation
    from tui.sandbox.context import SandboxServices
    from tui.sandbox.database import SandboxDatabase

CONNECTION_ID: Final = "68f0c0de5a17ed5ea5e1d0c5"
#: The parameters of a list that an integration may not support; it then ignores them.
LIST_OPTIONS: Final = ("limit", "offset", "updated_gte", "sort", "order", "org_id", "query", "type", "fields")

_KEY_IN_META = "unified_api_key"
_INTEGRATION = "released"
_JSON = "application/json; charset=utf-8"
_PAGE = 100
_LONGEST_NUMBER = 12
_FIRST_ID = 10_000
_FIRST_COMPANY = 700
_SORTS = {"name": "name_key", "updated_at": "updated", "created_at": "created"}
_TYPES = {"CUSTOMER": "is_customer", "SUPPLIER": "is_supplier"}
# How the options are named where an integration is described.
_SUPPORT = {
    "list_limit": "limit",
    "list_offset": "offset",
    "list_updated_gte": "updated_gte",
    "list_sort_by_name": "sort",
    "list_sort_by_updated_at": "sort",
    "list_sort_by_created_at": "sort",
    "list_order": "order",
    "list_org_id": "org_id",
    "list_query": "query",
    "list_type": "type",
}

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class UnifiedApi:
    """The only connection, which reads all companies. `ignored` are the list options without effect."""

    api_key: str
    ignored: frozenset[str] = frozenset()

    @classmethod
    def load(cls, database: SandboxDatabase) -> UnifiedApi:
        """Return the connection with its key, which is created at the first start."""
        key = database.get_meta(_KEY_IN_META)
        if key is None:
            key = f"practice_key_{secrets.token_urlsafe(24)}"
            database.set_meta(_KEY_IN_META, key)
        return cls(key)


class _RefusedError(Exception):
    """Ends a request with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def error_body(status: int, message: str) -> bytes:
    """Return the body of an error."""
    return _encode({"statusCode": status, "error": HTTPStatus(status).phrase, "message": message})


async def list_contacts(request: Request) -> Response:
    """`GET /accounting/{connection_id}/contact`: a page of contacts, without a total."""
    services = services_of(request)
    options = _ListOptions.read(request, services.unified)
    where: list[str] = ["TRUE"]
    values: list[int | str] = []
    if options.company is not None:
        where.append("org = ?")
        values.append(_org(options.company))
    if options.updated_since is not None:
        where.append("updated >= ?")
        values.append(options.updated_since)
    if options.type is not None:
        where.append(_TYPES[options.type])
    if options.query is not None:
        where.append("(instr(name_key, ?) OR instr(unicode_lower(email), ?))")
        values += [options.query, options.query]
    order = ", ".join(f"{column} {options.order}" for column in (_SORTS.get(options.sort or "", "id"), "id"))
    rows = services.database.all(
        f"SELECT * FROM re_leased_contacts WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608 - our own column names
        (*values, options.limit, options.offset),
    )
    return _answer([_selected(_contact(row), options.fields) for row in rows])


async def get_contact(request: Request) -> Response:
    """`GET /accounting/{connection_id}/contact/{id}`: one contact; of one in two companies, the first."""
    identifier = request.path_params["id"]
    number = int(identifier) - _FIRST_ID if _is_number(identifier) else 0
    row = services_of(request).database.one(
        "SELECT * FROM re_leased_contacts WHERE id = ? AND shared_id IS NULL", (number,)
    )
    if row is None:
        raise _RefusedError(404, "Contact not found")
    return _answer(_selected(_contact(row), _fields(request)))


async def list_organizations(request: Request) -> Response:
    """`GET /accounting/{connection_id}/organization`: Re-Leased's companies."""
    services = services_of(request)
    options = _ListOptions.read(request, services.unified)
    found = [
        organisation
        for organisation in services.books.organisations
        if organisation.created >= (options.updated_since or 0)
        and (options.query or "") in organisation.name.casefold()
    ]
    if options.sort:
        is_by_name, is_descending = options.sort == "name", options.order == "DESC"
        found.sort(key=lambda one: (one.name if is_by_name else "", one.created), reverse=is_descending)
    page = found[options.offset : options.offset + options.limit]
    return _answer([_selected(_organization(one), options.fields) for one in page])


async def get_organization(request: Request) -> Response:
    """`GET /accounting/{connection_id}/organization/{id}`: one company."""
    for organisation in services_of(request).books.organisations:
        if company_id(organisation.org) == request.path_params["id"]:
            return _answer(_selected(_organization(organisation), _fields(request)))
    raise _RefusedError(404, "Organization not found")


async def list_integrations(request: Request) -> Response:
    """`GET /unified/integration`: the only integration, and which list options it supports."""
    if request.query_params.get("type", _INTEGRATION) != _INTEGRATION:
        return _answer([])
    ignored = services_of(request).unified.ignored
    options = {
        name: "not-supported" if option in ignored else "supported" for name, option in _SUPPORT.items()
    }
    of_companies = {
        name: value for name, value in options.items() if name not in {"list_org_id", "list_type"}
    }
    return _answer(
        [
            {
                "type": _INTEGRATION,
                "name": "Re-Leased",
                "categories": ["accounting", "payment", "auth", "passthrough"],
                "is_active": True,
                "support": {
                    "accounting_contact": {"raw_objects": ["contact"], **options},
                    "accounting_organization": {"raw_objects": ["company"], **of_companies},
                },
            }
        ]
    )


@dataclass(frozen=True, slots=True)
class _ListOptions:
    """The parameters of a list, checked. `updated_since` is in milliseconds since 1970."""

    limit: int
    offset: int
    updated_since: int | None
    sort: str | None
    order: str
    company: str | None
    query: str | None
    type: str | None
    fields: frozenset[str]

    @classmethod
    def read(cls, request: Request, connection: UnifiedApi) -> _ListOptions:
        """Parse a query. Raises `_RefusedError`. `raw`, which goes to the vendor, has no effect."""
        given = {
            name: value
            for name, value in request.query_params.items()
            if value and name not in connection.ignored
        }
        query = given.get("query")
        return cls(
            # A larger limit returns one page.
            limit=min(_PAGE, _number(given, "limit", _PAGE, least=1)),
            offset=_number(given, "offset", 0, least=0),
            updated_since=_time(given, "updated_gte"),
            sort=_choice(given, "sort", _SORTS),
            order=(_choice(given, "order", ("asc", "desc")) or "asc").upper(),
            company=given.get("org_id"),
            query=None if query is None else query.casefold(),
            type=_choice(given, "type", _TYPES),
            fields=frozenset() if "fields" in connection.ignored else _fields(request),
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


def _number(given: dict[str, str], name: str, default: int, *, least: int) -> int:
    # The SDK's numbers are floats: it sends 100.0.
    text = given.get(name, str(default)).removesuffix(".0")
    if not _is_number(text) or int(text) < least:
        raise _RefusedError(400, f"Invalid {name}")
    return int(text)


def _time(given: dict[str, str], name: str) -> int | None:
    if name not in given:
        return None
    try:
        time = datetime.fromisoformat(given[name])
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except ValueError:
        raise _RefusedError(400, f"Invalid {name}") from None


def _choice(given: dict[str, str], name: str, choices: Any) -> str | None:
    value = given.get(name)
    if value is not None and value not in choices:
        raise _RefusedError(400, f"Invalid {name}")
    return value


def _fields(request: Request) -> frozenset[str]:
    """Return the requested fields, which may be repeated or separated by commas; empty means all."""
    return frozenset(
        name for value in request.query_params.getlist("fields") for name in value.split(",") if name
    )


def company_id(org: int) -> str:
    """Return the ID in Re-Leased of an organisation's company."""
    return str(_FIRST_COMPANY + org)


def _org(company_id: str) -> int:
    return int(company_id) - _FIRST_COMPANY if _is_number(company_id) else 0


def _contact(row: sqlite3.Row) -> dict[str, Any]:
    """Return a contact with all of its fields; those without a value are left out."""
    is_active, place = bool(row["active"]), row["status_told"]
    identifier = (row["shared_id"] or row["id"]) + _FIRST_ID
    raw = {
        "id": identifier,
        "name": row["name"],
        "companyId": _FIRST_COMPANY + row["org"],
        "isArchived": None if place == "" else not is_active,
        "xeroContactId": row["xero_id"],
    }
    contact = {
        "id": str(identifier),
        "created_at": iso(row["created"]),
        "updated_at": iso(row["updated"]),
        "name": row["name"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "emails": [{"email": row["email"], "type": "WORK"}] if row["email"] else [],
        "currency": row["currency"],
        "is_active": is_active if place == "is_active" else None,
        "is_customer": bool(row["is_customer"]),
        "is_supplier": bool(row["is_supplier"]),
        "identification": row["account_number"],
        "organization_id": company_id(row["org"]),
        "raw": _filled(raw),
    }
    return _filled(contact)


def _organization(organisation: SandboxOrganisation) -> dict[str, Any]:
    created = iso(organisation.created)
    return {
        "id": company_id(organisation.org),
        "created_at": created,
        "updated_at": created,
        "name": organisation.name,
        "legal_name": organisation.name,
        "currency": BASE_CURRENCY,
        "timezone": "Pacific/Auckland",
        "raw": {"id": _FIRST_COMPANY + organisation.org, "name": organisation.name},
    }


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _selected(values: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """Return the requested fields; without any, all but the vendor's own."""
    return {name: value for name, value in values.items() if (name in fields if fields else name != "raw")}


def _answer(content: Any) -> Response:
    return Response(_encode(content), media_type=_JSON)


def _check_access(request: Request, services: SandboxServices) -> None:
    # The SDK sends only the key; the reference has "bearer" before it.
    given = request.headers.get("authorization", "")
    scheme, _, key = given.rpartition(" ")
    is_known = secrets.compare_digest(key.encode(), services.unified.api_key.encode())
    if not is_known or scheme.lower() not in {"", "bearer"}:
        raise _RefusedError(401, "Unauthorized")
    if request.path_params.get("connection_id", CONNECTION_ID) != CONNECTION_ID:
        raise _RefusedError(404, "Connection not found")


def _route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            _check_access(request, services_of(request))
            return await answer(request)
        except _RefusedError as refusal:
            return Response(error_body(refusal.status, str(refusal)), refusal.status, media_type=_JSON)

    return Route(path, endpoint, methods=["GET"])


_CONNECTION = "/accounting/{connection_id}"

ROUTES = [
    _route(f"{_CONNECTION}/contact", list_contacts),
    _route(f"{_CONNECTION}/contact/{{id}}", get_contact),
    _route(f"{_CONNECTION}/organization", list_organizations),
    _route(f"{_CONNECTION}/organization/{{id}}", get_organization),
    _route("/unified/integration", list_integrations),
]
