"""`GET /Contacts`: what is asked for, turned into SQL, one page at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tui.sandbox import contact
from tui.sandbox.accounting.answers import Answer, envelope, high_volume, query_error
from tui.sandbox.accounting.where import parse

if TYPE_CHECKING:
    from tui.sandbox.accounting.gate import Call

_HIGH_VOLUME = 100_000
_LONGEST_NUMBER = 9
_DEFAULT_SIZE, _LARGEST_SIZE = 100, 1000
_GUID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_FAST_ORDERS = {"Name": "name_key", "UpdatedDateUTC": "updated", "ContactID": "contact_id"}
_SLOW_ORDERS = {
    "EmailAddress": "email", "AccountNumber": "account_number", "ContactNumber": "contact_number",
    "FirstName": "first_name", "LastName": "last_name", "ContactStatus": "status",
    "CompanyNumber": "company_number",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    conditions: str
    parameters: tuple[Any, ...]
    order: str
    page: int | None
    size: int
    fast: bool


def list_contacts(call: Call) -> Answer:
    """Answer a list: paged and full, or unpaged and light."""
    asked = _asked(call)
    database = call.practice.database
    if not asked.fast and _stored(call) > _HIGH_VOLUME:
        raise high_volume()
    rows = database.all(_select(asked), asked.parameters)
    pagination = None if asked.page is None else _pagination(call, asked)
    without = _left_out(call, paged=asked.page is not None)
    items = [row[0] for row in rows]
    if without:
        items = [contact.lighter(item, without) for item in items]
    return envelope("Contacts", items, pagination)


def _select(asked: _Asked) -> str:
    chosen = f"FROM contacts WHERE {asked.conditions} ORDER BY {asked.order}"
    if asked.page is None:
        return f"SELECT document {chosen}"
    # The inner query walks an index that holds all it needs; rows are only read for the page itself.
    paging = f"LIMIT {asked.size} OFFSET {(asked.page - 1) * asked.size}"
    page = f"(SELECT id AS chosen {chosen} {paging})"
    return f"SELECT document FROM {page} CROSS JOIN contacts ON id = chosen"  # noqa: S608 - our own conditions


def _asked(call: Call) -> _Asked:
    conditions, parameters = ["org = ?"], [call.org]
    fast_where = True
    if not call.flag("includeArchived", default=False):
        conditions.append("active")
    for condition, values in (*_ids(call), *_term(call), *_since(call)):
        conditions.append(condition)
        parameters.extend(values)
    if where := call.query.get("where", "").strip():
        parsed = parse(where)
        conditions.append(parsed.sql)
        parameters.extend(parsed.parameters)
        fast_where = parsed.fast
    order, fast_order = _order(call.query.get("order", ""))
    page, size = _page(call)
    few = "IDs" in call.query
    fast = fast_where and fast_order and (page is not None or few)
    return _Asked(" AND ".join(conditions), tuple(parameters), order, page, size, fast)


def _ids(call: Call) -> list[tuple[str, list[Any]]]:
    text = call.query.get("IDs") or call.query.get("ids")
    if not text:
        return []
    ids = [one.strip().lower() for one in text.split(",") if one.strip()]
    for one in ids:
        if not _GUID.fullmatch(one):
            raise query_error(f"'{one}' is not a valid ContactID.")
    return [(f"contact_id IN ({', '.join('?' * len(ids))})", ids)]


def _term(call: Call) -> list[tuple[str, list[Any]]]:
    term = call.query.get("searchTerm", "").strip()
    return [(contact.FOUND_BY_TERM, [call.org, term.casefold()])] if term else []


def _since(call: Call) -> list[tuple[str, list[Any]]]:
    text = call.headers.get("if-modified-since", "").strip()
    since = parse_since(text) if text else None
    return [] if since is None else [("updated > ?", [since])]


def parse_since(text: str) -> int | None:
    """Read `If-Modified-Since`, ISO 8601 or as HTTP writes dates, to whole seconds, in milliseconds.

    What can't be read is left out of account, as HTTP asks (RFC 9110, 13.1.3). No zone means UTC.
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
    words = text.split()
    if not words:
        return "updated, contact_id", True
    direction = words[1].upper() if len(words) > 1 else "ASC"
    column = _FAST_ORDERS.get(words[0]) or _SLOW_ORDERS.get(words[0])
    if column is None:
        raise query_error(f"No property or field '{words[0]}' exists in type 'Contact'")
    if direction not in {"ASC", "DESC"} or len(words) > 2:  # noqa: PLR2004 - field and direction
        raise query_error(f"Syntax error in order '{text}'.")
    tie = "" if column == "contact_id" else f", contact_id {direction}"
    return f"{column} {direction}{tie}", words[0] in _FAST_ORDERS


def _page(call: Call) -> tuple[int | None, int]:
    page, size = (_number(call, name) for name in ("page", "pageSize"))
    if size is not None and not 1 <= size <= _LARGEST_SIZE:
        raise query_error(f"pageSize must be between 1 and {_LARGEST_SIZE}.")
    if page is not None and page < 1:
        raise query_error("page must be 1 or more.")
    if page is None and size is not None:
        page = 1
    return page, size or _DEFAULT_SIZE


def _number(call: Call, name: str) -> int | None:
    text = call.query.get(name)
    if text is None:
        return None
    if not text.strip().lstrip("-").isdecimal() or len(text) > _LONGEST_NUMBER:
        raise query_error(f"{name} must be a whole number.")
    return int(text)


def _pagination(call: Call, asked: _Asked) -> dict[str, int]:
    key = (asked.conditions, asked.parameters)
    count = call.practice.counts.get(key)
    if count is None:
        sql = f"SELECT count(*) FROM contacts WHERE {asked.conditions}"  # noqa: S608 - our own conditions
        count = call.practice.database.value(sql, asked.parameters)
        call.practice.counts.keep(key, count)
    pages = -(-count // asked.size)
    return {"page": asked.page or 1, "pageSize": asked.size, "pageCount": pages, "itemCount": count}


def _stored(call: Call) -> int:
    count: int = call.practice.database.value(
        "SELECT count(*) FROM (SELECT 1 FROM contacts WHERE org = ? LIMIT ?)", (call.org, _HIGH_VOLUME + 1)
    )
    return count


def _left_out(call: Call, *, paged: bool) -> frozenset[str]:
    without = frozenset() if paged else contact.LEFT_OUT_OF_UNPAGED
    return without | contact.LEFT_OUT_OF_SUMMARY if call.flag("summaryOnly", default=False) else without
