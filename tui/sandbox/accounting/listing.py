"""`GET /Contacts`: translates the query to SQL, one page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tui.sandbox import books
from tui.sandbox.accounting.where import Condition, as_sql, parse, parse_order
from tui.sandbox.guid import parse_guid
from tui.sandbox.responses import ApiResponse, EvaluationError, envelope, high_volume, query_error

if TYPE_CHECKING:
    from tui.sandbox.accounting.request_pipeline import ApiCall

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
    page, size = _page(call)
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


def _page(call: ApiCall) -> tuple[int | None, int]:
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
