"""The Xero pages needed to finish restores: a contact, and the list of archived contacts.

This is what Xero's API leaves out: here, users click Restore.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tui.sandbox import books
from tui.sandbox.books import GDPR, RefusedError, SandboxOrganisation
from tui.sandbox.context import human, services_of
from tui.sandbox.responses import button, details, escaped, isolated, link, notice, page

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request

    from tui.sandbox.context import SandboxServices

#: Whom Xero's history names for what is changed in its pages.
USER = "Another user in Xero"
_PAGE_SIZE = 50
_LATEST_HISTORY = 10
_LONGEST_NUMBER = 7


async def contact_page(request: Request) -> Response:
    """Show a contact with a Restore or Archive button, whichever applies."""
    found = _find(request)
    if found is None:
        return _nothing_here()
    return _show(services_of(request), *found)


async def restore(request: Request) -> Response:
    """Restore a contact, as a user does; 409 as in Xero if it can't be restored."""
    return _change(request, "restore")


async def archive(request: Request) -> Response:
    """Archive a contact, as another Xero user may."""
    return _change(request, "archive")


async def archived_list(request: Request) -> Response:
    """List the archived contacts of an organisation, a page at a time, by name."""
    services = services_of(request)
    organisation = services.books.by_short_code(request.path_params["short_code"])
    if organisation is None:
        return _nothing_here()
    term = request.query_params.get("search", "").strip()
    number = request.query_params.get("page", "1")
    page_number = max(1, int(number)) if number.isdecimal() and len(number) <= _LONGEST_NUMBER else 1
    rows = _archived(services, organisation, term, page_number)
    return page(
        f"Archived contacts · {organisation.name}",
        _list_body(organisation, rows, term, page_number),
        nav=_nav(organisation),
    )


def _archived(
    services: SandboxServices, organisation: SandboxOrganisation, term: str, page_number: int
) -> list[sqlite3.Row]:
    """Return one page of archived contacts, and one more if there is a next page."""
    found, values = (f"AND {books.FOUND_BY_TERM}", [organisation.org, term.casefold()]) if term else ("", [])
    sql = (
        "SELECT contact_id, name, email, status, merged_to FROM contacts "  # noqa: S608 - our own condition
        f"WHERE org = ? AND NOT active {found} ORDER BY name_key, contact_id LIMIT ? OFFSET ?"
    )
    return services.database.all(
        sql, (organisation.org, *values, _PAGE_SIZE + 1, (page_number - 1) * _PAGE_SIZE)
    )


def _list_body(
    organisation: SandboxOrganisation, rows: list[sqlite3.Row], term: str, page_number: int
) -> str:
    base = f"/app/{organisation.short_code}/contacts"
    lines = "".join(_line(organisation, row) for row in rows[:_PAGE_SIZE])
    page_links = []
    for label, to, is_available in (
        ("Previous", page_number - 1, page_number > 1),
        ("Next", page_number + 1, len(rows) > _PAGE_SIZE),
    ):
        if is_available:
            page_links.append(link(f"{base}/archived?{urlencode({'search': term, 'page': to})}", label))
    found = f"<table><tr><th>Contact</th><th>E-mail</th></tr>{lines}</table>" if rows else _none(term)
    return (
        f"<h1>Archived contacts</h1>"
        f'<form class="row" action="{base}/archived"><input type="search" name="search" aria-label="Search" '
        f'placeholder="Name, person, number or e-mail" value="{escape(term)}"><button>Search</button></form>'
        f"{found}<p><nav>{''.join(page_links)}</nav></p>"
    )


def _line(organisation: SandboxOrganisation, row: sqlite3.Row) -> str:
    name = link(_address(organisation, row["contact_id"]), isolated(row["name"]))
    return f"<tr><td>{name}{_remark(row)}</td><td>{escaped(row['email'] or '')}</td></tr>"


def _none(term: str) -> str:
    return f"<p>No archived contact matches {isolated(term)}.</p>" if term else "<p>Nothing is archived.</p>"


def _remark(row: sqlite3.Row) -> str:
    if row["merged_to"]:
        return ' <span class="badge">Merged</span>'
    return ' <span class="badge">Details removed</span>' if row["status"] == GDPR else ""


def _change(request: Request, action: str) -> Response:
    found = _find(request)
    if found is None:
        return _nothing_here()
    services = services_of(request)
    organisation, row = found
    if bool(row["active"]) == (action == "restore"):
        return RedirectResponse(_address(organisation, row["contact_id"]), 303)
    try:
        if action == "restore":
            services.books.restore(row, USER)
        else:
            services.books.archive(row, USER)
    except RefusedError as refusal:
        return _show(services, organisation, row, refusal=str(refusal))
    return RedirectResponse(_address(organisation, row["contact_id"]), 303)


def _show(
    services: SandboxServices,
    organisation: SandboxOrganisation,
    row: sqlite3.Row,
    refusal: str | None = None,
) -> Response:
    document = books.read(row["document"])
    address = _address(organisation, row["contact_id"])
    if refusal is not None:
        status_line = notice(f"{escaped(refusal)} Nothing was changed.", refused=True)
    elif row["active"]:
        status_line = notice("This contact is active.")
    else:
        status_line = notice(_archived_reason(row))
    if row["active"]:
        action_button = button(f"{address}/archive", "Archive")
    else:
        action_button = button(f"{address}/restore", "Restore", is_primary=True)
    word = "Active" if row["active"] else "Archived"
    body = (
        f'<h1>{isolated(row["name"])}</h1><p><span class="badge">{word}</span></p>'
        f"{status_line}{action_button}"
        f"{_particulars(organisation, document, row)}{_history(services, row)}"
    )
    return page(
        f"{row['name'][:80]} · {organisation.name}",
        body,
        status=200 if refusal is None else 409,
        nav=_nav(organisation),
    )


def _archived_reason(row: sqlite3.Row) -> str:
    if row["merged_to"]:
        return "This contact was merged into another one."
    if row["status"] == GDPR:
        return "This contact's details were removed on request."
    return "This contact is archived. Press Restore to use it again."


def _particulars(organisation: SandboxOrganisation, document: books.Document, row: sqlite3.Row) -> str:
    person = " ".join(part for part in (document.get("FirstName"), document.get("LastName")) if part)
    merged = document.get("MergedToContactID")
    owed = document.get("Balances", {})
    street = next(address for address in document["Addresses"] if address["AddressType"] == "STREET")
    place = ", ".join(part for key in ("AddressLine1", "City", "PostalCode") if (part := street.get(key)))
    return "<h2>Details</h2>" + details(
        [
            ("Person", escaped(person)),
            ("E-mail", escaped(document.get("EmailAddress", ""))),
            ("Account number", escaped(document.get("AccountNumber", ""))),
            ("Contact code", escaped(document.get("ContactNumber", ""))),
            ("Address", escaped(place)),
            ("Groups", escaped(", ".join(group["Name"] for group in document["ContactGroups"]))),
            ("They owe", _money(owed.get("AccountsReceivable"))),
            ("You owe", _money(owed.get("AccountsPayable"))),
            ("Repeating invoices", "Yes" if row["repeating"] else ""),
            (
                "Merged into",
                link(_address(organisation, merged), "the contact that stayed") if merged else "",
            ),
            ("Changed", human(row["updated"])),
        ]
    )


def _money(side: dict[str, float] | None) -> str:
    if not side or not any(side.values()):
        return ""
    late = f", {side['Overdue']:,.2f} overdue" if side["Overdue"] else ""
    return f"{side['Outstanding']:,.2f}{late}"


def _history(services: SandboxServices, row: sqlite3.Row) -> str:
    lines = "".join(
        f'<tr><td class="keep">{human(entry["at"])}<br>{escaped(entry["changes"])}</td>'
        f"<td>{escaped(entry['user'])}<br>{escaped(entry['details'])}</td></tr>"
        for entry in services.books.history(row)[:_LATEST_HISTORY]
    )
    return f"<h2>History</h2><table>{lines}</table>" if lines else ""


def _nav(organisation: SandboxOrganisation) -> str:
    archived = link(f"/app/{organisation.short_code}/contacts/archived", "Archived contacts")
    return f"<strong>{isolated(organisation.name)}</strong><br>{archived}"


def _address(organisation: SandboxOrganisation, contact_id: str) -> str:
    return f"/app/{quote(organisation.short_code, safe='!')}/contacts/contact/{contact_id}"


def _find(request: Request) -> tuple[SandboxOrganisation, sqlite3.Row] | None:
    services = services_of(request)
    organisation = services.books.by_short_code(request.path_params["short_code"])
    if organisation is None:
        return None
    row = services.books.find(organisation.org, request.path_params["contact_id"])
    return None if row is None else (organisation, row)


def _nothing_here() -> Response:
    return page("Not found", "<h1>There is nothing here</h1><p>Check the address.</p>", status=404)


_CONTACT = "/app/{short_code}/contacts/contact/{contact_id}"

ROUTES = [
    Route("/app/{short_code}/contacts/archived", archived_list, methods=["GET"]),
    Route(_CONTACT, contact_page, methods=["GET"]),
    Route(f"{_CONTACT}/restore", restore, methods=["POST"]),
    Route(f"{_CONTACT}/archive", archive, methods=["POST"]),
]
