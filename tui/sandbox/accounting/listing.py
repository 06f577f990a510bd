"""`GET /Contacts`: translates the query to SQL, one page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tui.sandbox import books
from tui.sandbox.accounting.where import Condition, as_sql, parse, parse_order
from tui.sandbox.books import RefusedError, with_edit_defaults
from tui.sandbox.database import parse_guid
from tui.sandbox.responses import ApiResponse, EvaluationError, envelope, high_volume, query_error

if TYPE_CHECKING:
    from tui.sandbox.accounting.routes import ApiCall
    from tui.sandbox.books import Document


# Maximum lengths, from Xero's OpenAPI description, v16.1 (255 for `Name` there too).
_LONGEST = {
    "Name": 255, "FirstName": 255, "LastName": 255, "EmailAddress": 255, "CompanyNumber": 50,
    "ContactNumber": 50, "AccountNumber": 50, "TaxNumber": 50, "BankAccountDetails": 255, "Website": 255,
    "DefaultCurrency": 3,
}  # fmt: skip
ADDRESS_FIELDS = (
    "AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4", "City", "Region", "PostalCode", "Country",
    "AttentionTo",
)  # fmt: skip
PHONE_FIELDS = ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")
_PERSON_FIELDS = ("FirstName", "LastName", "EmailAddress")
_MOST_PERSONS = 5


def check(element: Document) -> None:
    """Raise `RefusedError` for a value of the wrong type or length."""
    for field, longest in _LONGEST.items():
        value = element.get(field)
        if value is None:
            continue
        if not isinstance(value, str):
            raise RefusedError(f"{field} must be a text.")
        if len(value) > longest:
            raise RefusedError(f"The value of {field} is longer than {longest} characters.")
    if "Name" in element and not str(element["Name"] or "").strip():
        raise RefusedError("The contact name must be specified.")
    if len(dicts(element.get("ContactPersons"))) > _MOST_PERSONS:
        raise RefusedError(f"A contact can have at most {_MOST_PERSONS} contact persons.")


def changed(document: Document, element: Document) -> Document:
    """Return the document edited by the element; omitted fields keep their values (seen)."""
    result = with_edit_defaults(document)
    for field in _LONGEST:
        if isinstance(element.get(field), str):
            result[field] = element[field]
    _merge_slots(result, element, "Addresses", "AddressType", ADDRESS_FIELDS)
    _merge_slots(result, element, "Phones", "PhoneType", PHONE_FIELDS)
    if isinstance(element.get("ContactPersons"), list):
        result["ContactPersons"] = [_person(person) for person in dicts(element["ContactPersons"])]
    return result


def _merge_slots(result: Document, element: Document, name: str, kind: str, fields: tuple[str, ...]) -> None:
    given = {str(slot.get(kind)): slot for slot in dicts(element.get(name))}
    result[name] = [
        slot | {field: str(value) for field in fields if (value := given[slot[kind]].get(field)) is not None}
        if slot[kind] in given
        else slot
        for slot in result[name]
    ]


def _person(given: Document) -> Document:
    person: Document = {field: str(given[field]) for field in _PERSON_FIELDS if given.get(field) is not None}
    return person | {"IncludeInEmails": given.get("IncludeInEmails") is True}


def dicts(value: Any) -> list[Document]:
    """Return the objects of a list; an empty list for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


_HIGH_VOLUME = 100_000
_LONGEST_NUMBER = 9
_DEFAULT_SIZE, _LARGEST_SIZE = 100, 1000
_FAST_ORDERS = {"name": "name_key", "updateddateutc": "updated", "contactid": "contact_id"}
_ORDERS = _FAST_ORDERS | {
    "emailaddress": "email", "accountnumber": "account_number", "contactnumber": "contact_number",
    "firstname": "first_name", "lastname": "last_name", "contactstatus": "status",
    "companynumber": "company_number",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _ListQuery:
    conditions: str
    parameters: tuple[Any, ...]
    order: str
    page: int | None
    size: int
    fast: bool
    error_condition: Condition | None


def list_contacts(call: ApiCall) -> ApiResponse:
    """Return a list: full if paged, light if unpaged."""
    query = _parse_query(call)
    database = call.practice.database
    if not query.fast and _stored(call) > _HIGH_VOLUME:
        raise high_volume()
    _evaluate(call, query)
    rows = database.all(_select(query), query.parameters)
    pagination = None if query.page is None else _pagination(call, query)
    items = [row[0] for row in rows]
    without: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    if query.page is None:
        without, empty = books.LEFT_OUT_OF_UNPAGED, books.EMPTY_IN_UNPAGED
    if call.flag("summaryOnly", default=False):
        without |= books.LEFT_OUT_OF_SUMMARY
    if without:
        items = [books.without_fields(item, without, empty) for item in items]
    return envelope(call.now, "Contacts", items, pagination)


def _evaluate(call: ApiCall, query: _ListQuery) -> None:
    """Raise `EvaluationError` if the filter fails on any of the contacts it is applied to."""
    if query.error_condition is None:
        return
    sql = f"SELECT 1 FROM contacts WHERE {query.error_condition.sql} LIMIT 1"  # noqa: S608 - our own conditions
    if call.practice.database.one(sql, query.error_condition.parameters):
        raise EvaluationError


def _select(query: _ListQuery) -> str:
    chosen = f"FROM contacts WHERE {query.conditions} ORDER BY {query.order}"
    if query.page is None:
        return f"SELECT document {chosen}"
    # The inner query only reads an index; rows are only read for the page itself.
    paging = f"LIMIT {query.size} OFFSET {(query.page - 1) * query.size}"
    page = f"(SELECT id AS chosen {chosen} {paging})"
    return f"SELECT document FROM {page} CROSS JOIN contacts ON id = chosen"  # noqa: S608 - our own conditions


def _parse_query(call: ApiCall) -> _ListQuery:
    conditions, parameters = ["org = ?"], [call.org]
    fast_where, error_condition = True, None
    if not call.flag("includeArchived", default=False):
        conditions.append("active")
    for condition, values in (*_ids(call), *_term(call), *_since(call)):
        conditions.append(condition)
        parameters.extend(values)
    if where := call.parameter("where").strip():
        parsed = parse(where)
        fast_where = parsed.fast
        if parsed.error_condition is not None:
            # On every contact that the filter is applied to, whether or not the rest of it matches.
            sql = " AND ".join([*conditions, parsed.error_condition.sql])
            error_condition = Condition(sql, (*parameters, *parsed.error_condition.parameters))
        conditions.append(parsed.matches.sql)
        parameters.extend(parsed.matches.parameters)
    order, fast_order = _order(call.parameter("order"))
    page, size = page_of(call)
    few = bool(call.parameter("IDs"))
    fast = fast_where and fast_order and (page is not None or few)
    return _ListQuery(" AND ".join(conditions), tuple(parameters), order, page, size, fast, error_condition)


def _ids(call: ApiCall) -> list[tuple[str, list[Any]]]:
    texts = [contact_id for contact_id in call.parameter("IDs").split(",") if contact_id.strip()]
    if not texts:
        return []
    ids = []
    for text in texts:
        if (contact_id := parse_guid(text)) is None:
            raise query_error(f"'{text.strip()}' is not a valid ContactID.")
        ids.append(contact_id)
    return [(f"contact_id IN ({', '.join('?' * len(ids))})", ids)]


def _term(call: ApiCall) -> list[tuple[str, list[Any]]]:
    term = call.parameter("searchTerm").strip()
    return [(books.FOUND_BY_TERM, [call.org, term.casefold()])] if term else []


def _since(call: ApiCall) -> list[tuple[str, list[Any]]]:
    text = call.headers.get("if-modified-since", "").strip()
    since = parse_since(text) if text else None
    return [] if since is None else [("updated > ?", [since])]


def parse_since(text: str) -> int | None:
    """Parse `If-Modified-Since`, as ISO 8601 or an HTTP date, to whole seconds, in milliseconds.

    Unreadable values are ignored, as HTTP requires (RFC 9110, 13.1.3). No zone means UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000


def _order(text: str) -> tuple[str, bool]:
    ordered = parse_order(text, _ORDERS, "Contact") or {"updated": "ASC"}
    is_fast = set(ordered) <= set(_FAST_ORDERS.values())
    # Ties are sorted in the direction of the last column, which allows using an index.
    ordered.setdefault("contact_id", [*ordered.values()][-1])
    return as_sql(ordered), is_fast


def page_of(call: ApiCall) -> tuple[int | None, int]:
    """Return the page asked for, None for an unpaged list, and its size."""
    page, size = (_number(call, name) for name in ("page", "pageSize"))
    if size is not None and not 1 <= size <= _LARGEST_SIZE:
        raise query_error(f"pageSize must be between 1 and {_LARGEST_SIZE}.")
    if page is not None and page < 1:
        raise query_error("page must be 1 or more.")
    if page is None and size is not None:
        page = 1
    return page, size or _DEFAULT_SIZE


def _number(call: ApiCall, name: str) -> int | None:
    text = call.parameter(name)
    if not text:
        return None
    if not text.strip().lstrip("-").isdecimal() or len(text) > _LONGEST_NUMBER:
        raise query_error(f"{name} must be a whole number.")
    return int(text)


def _pagination(call: ApiCall, query: _ListQuery) -> dict[str, int]:
    key = (query.conditions, query.parameters)
    count = call.practice.count_cache.get(key)
    if count is None:
        sql = f"SELECT count(*) FROM contacts WHERE {query.conditions}"  # noqa: S608 - our own conditions
        count = call.practice.database.value(sql, query.parameters)
        call.practice.count_cache.put(key, count)
    pages = -(-count // query.size)
    return {"page": query.page or 1, "pageSize": query.size, "pageCount": pages, "itemCount": count}


def _stored(call: ApiCall) -> int:
    count: int = call.practice.database.value(
        "SELECT count(*) FROM (SELECT 1 FROM contacts WHERE org = ? LIMIT ?)", (call.org, _HIGH_VOLUME + 1)
    )
    return count
