"""`PUT` and `POST /Contacts`: elements are validated one by one, as seen on the live service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.sandbox import books, responses
from tui.sandbox.accounting.listing import ADDRESS_FIELDS, PHONE_FIELDS, changed, check, dicts
from tui.sandbox.books import ACTIVE, ARCHIVED, MATCHED_ARCHIVED, Document, RefusedError, new_id
from tui.sandbox.database import parse_guid
from tui.sandbox.responses import (
    ApiResponse,
    UnknownIdError,
    encode,
    envelope,
    invalid_elements,
    unreadable_body,
)

if TYPE_CHECKING:
    import sqlite3

    from tui.sandbox.accounting.routes import ApiCall

USER = "Practice app"
_PROPERTIES = {
    name.lower(): name
    for name in (
        *books.FIELDS, "Contacts", "ContactGroups", "ContactGroupID", "Status", "HistoryRecords", "Details",
        "AddressType", "PhoneType", "IncludeInEmails", *ADDRESS_FIELDS, *PHONE_FIELDS,
    )
}  # fmt: skip
# A list in an object, of elements with lists of objects.
_DEEPEST = 6
_NO_CONTACT = "00000000-0000-0000-0000-000000000000"
_NEVER_ECHOED = frozenset(
    {"HasAttachments", "HasValidationErrors", "StatusAttributeString", "UpdatedDateUTC"}
)


class _RejectedError(Exception):
    """Rolls back a whole call because of some of its elements."""


@dataclass(slots=True)
class _Outcome:
    element: Document
    row: int | None = None
    name: str | None = None
    error: str | None = None
    status_write: bool = False


def create_contacts(call: ApiCall) -> ApiResponse:
    """`PUT`: every element is a new contact."""
    return _write(call, parse_elements(call.body), create_only=True)


def update_or_create_contacts(call: ApiCall) -> ApiResponse:
    """`POST`: an element edits the contact it matches by id, number or name, or becomes a new one."""
    return _write(call, parse_elements(call.body), create_only=False)


def update_contact(call: ApiCall) -> ApiResponse:
    """`POST /Contacts/{ContactID}`: one contact, named in the path."""
    elements = parse_elements(call.body)
    if len(elements) != 1:
        raise unreadable_body("One contact is expected when a ContactID is part of the address.")
    return _write(call, [elements[0] | {"ContactID": call.path["contact_id"]}], create_only=False)


def parse_elements(body: bytes, name: str = "Contacts") -> list[Document]:
    """Parse a body: `{"Contacts": […]}`, a bare list, or a single element.

    Property names are case-insensitive, as the live service's are for its own SDKs.
    """
    try:
        content = responses.decode(body)
    except responses.BodyError:
        raise unreadable_body("The request body is not valid JSON.") from None
    content = _in_our_case(content, _DEEPEST)
    if isinstance(content, dict):
        content = content.get(name, [content])
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(element, dict) for element in content)
    ):
        raise unreadable_body(f"A list of {name} is expected.")
    return content


def _in_our_case(value: Any, levels: int) -> Any:
    """Convert property names to the spelling of the practice services, as deep as elements have any."""
    if isinstance(value, list) and levels:
        return [_in_our_case(item, levels - 1) for item in value]
    if isinstance(value, dict) and levels:
        return {
            _PROPERTIES.get(key.lower(), key): _in_our_case(item, levels - 1) for key, item in value.items()
        }
    return value


def _write(call: ApiCall, elements: list[Document], *, create_only: bool) -> ApiResponse:
    # A null property counts as not sent: a .NET service can't distinguish the two.
    elements = [{key: value for key, value in element.items() if value is not None} for element in elements]
    summarise = call.flag("summarizeErrors", default=True)
    outcomes: list[_Outcome] = []
    try:
        with call.practice.database.savepoint():
            outcomes.extend(_write_element(call, element, create_only=create_only) for element in elements)
            if summarise and any(outcome.error for outcome in outcomes):
                raise _RejectedError
            writes = sum(outcome.status_write for outcome in outcomes)
            call.practice.count_status_writes(writes)
    except _RejectedError:
        return invalid_elements([_error_element(outcome) for outcome in outcomes if outcome.error])
    call.entry.status_writes = writes
    return envelope(
        call.now, "Contacts", [_shown(call, outcome, with_status=not summarise) for outcome in outcomes]
    )


def _write_element(call: ApiCall, element: Document, *, create_only: bool) -> _Outcome:
    row = None if create_only else _match(call, element)
    try:
        with call.practice.database.savepoint():
            check(element)
            if row is None:
                return _Outcome(element, _create(call, element))
            return _Outcome(element, row["id"], status_write=_edit(call, row, element))
    except RefusedError as refusal:
        return _Outcome(element, row["id"] if row else None, row["name"] if row else None, error=str(refusal))


def _match(call: ApiCall, element: Document) -> sqlite3.Row | None:
    contact_id = element.get("ContactID")
    if contact_id is not None:
        identifier = parse_guid(contact_id) if isinstance(contact_id, str) else None
        if identifier is None:
            raise unreadable_body("A ContactID is not a valid identifier.")
        row = call.books.find(call.org, identifier)
        if row is None:
            raise UnknownIdError
        return row
    number, name = element.get("ContactNumber"), element.get("Name")
    if isinstance(number, str) and number and (row := call.books.find_number(call.org, number)):
        return row
    return call.books.active_named(call.org, name) if isinstance(name, str) else None


def _create(call: ApiCall, element: Document) -> int:
    name = element.get("Name")
    if not name:
        raise RefusedError("The contact name must be specified.")
    if element.get("ContactStatus", ACTIVE) != ACTIVE:
        raise RefusedError("A new contact must be ACTIVE.")
    document = changed(books.blank(new_id(), name), element)
    return call.books.create(call.org, document, USER)


def _edit(call: ApiCall, row: sqlite3.Row, element: Document) -> bool:
    """Edit or archive; returns whether the status was written. Archived contacts can't be changed here."""
    if not row["active"]:
        raise RefusedError(MATCHED_ARCHIVED)
    status = element.get("ContactStatus", ACTIVE)
    if status not in (ACTIVE, ARCHIVED):
        raise RefusedError(f"The contact status {status} can't be set through the API.")
    edits = {key: value for key, value in element.items() if key not in {"ContactID", "ContactStatus"}}
    if edits or status == ACTIVE:
        document = changed(books.read(row["document"]), edits)
        call.books.edit(row, document, USER, f"{document['Name']} was edited.")
        row = call.books.find(row["org"], row["contact_id"]) or row
    if status == ARCHIVED:
        call.books.archive(row, USER)
    return bool(status == ARCHIVED)


def _shown(call: ApiCall, outcome: _Outcome, *, with_status: bool) -> bytes:
    if outcome.error is not None:
        return encode(books.in_order(_error_element(outcome) | {"StatusAttributeString": "ERROR"}))
    stored: bytes = call.practice.database.value("SELECT document FROM contacts WHERE id = ?", (outcome.row,))
    shown = books.as_write_response(stored)
    return encode(shown | {"StatusAttributeString": "OK"} if with_status else shown)


def _error_element(outcome: _Outcome) -> Document:
    """Return an error element: the element as sent, and the error.

    The only field from the stored contact is its name, if none was sent (seen).
    """
    sent = outcome.element
    known: dict[str, Any] = {
        key: value
        for key, value in sent.items()
        if key in books.FIELDS and key not in _NEVER_ECHOED and isinstance(value, (str, bool))
    }
    if "ContactID" in known:
        # Formatted as in every response, however it was sent.
        known["ContactID"] = parse_guid(str(known["ContactID"])) or known["ContactID"]
    if outcome.name is not None:
        known.setdefault("Name", outcome.name)
    return books.in_order(
        {"ContactID": _NO_CONTACT}
        | known
        | {
            "Addresses": _echoed(sent.get("Addresses")),
            "Phones": _echoed(sent.get("Phones")),
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": True,
            "ValidationErrors": [{"Message": outcome.error}],
        }
    )


def _echoed(slots: Any) -> list[Document]:
    """Return phones or addresses as they were sent, each with an empty list of errors."""
    return [slot | {"ValidationErrors": []} for slot in dicts(slots)]
