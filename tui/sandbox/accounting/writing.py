"""`PUT` and `POST /Contacts`: elements judged one by one, as the live service was seen to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.sandbox import contact, json_body
from tui.sandbox.accounting.answers import (
    Answer,
    UnknownIdError,
    encode,
    envelope,
    invalid_elements,
    unreadable_body,
)
from tui.sandbox.accounting.fields import changed, check
from tui.sandbox.books import MATCHED_ARCHIVED, RefusedError, new_id
from tui.sandbox.contact import ACTIVE, ARCHIVED, Document

if TYPE_CHECKING:
    import sqlite3

    from tui.sandbox.accounting.gate import Call

USER = "Practice app"
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class _RejectedError(Exception):
    """Rolls back a whole call because of some of its elements."""


@dataclass(slots=True)
class _Outcome:
    row: int | None
    element: Document
    error: str | None = None
    status_write: bool = False


def create_contacts(call: Call) -> Answer:
    """`PUT`: every element is a new contact."""
    return _write(call, elements_of(call.body), create_only=True)


def update_or_create_contacts(call: Call) -> Answer:
    """`POST`: an element edits the contact it matches by id, number or name, or becomes a new one."""
    return _write(call, elements_of(call.body), create_only=False)


def update_contact(call: Call) -> Answer:
    """`POST /Contacts/{ContactID}`: one contact, named in the path."""
    elements = elements_of(call.body)
    if len(elements) != 1:
        raise unreadable_body("One contact is expected when a ContactID is part of the address.")
    return _write(call, [elements[0] | {"ContactID": call.path["contact_id"]}], create_only=False)


def elements_of(body: bytes, name: str = "Contacts") -> list[Document]:
    """Read a body: `{"Contacts": […]}`, a bare list, or a single element."""
    try:
        content = json_body.decode(body)
    except json_body.BodyError:
        raise unreadable_body("The request body is not valid JSON.") from None
    if isinstance(content, dict):
        content = content.get(name, [content])
    if not isinstance(content, list) or not content or not all(isinstance(one, dict) for one in content):
        raise unreadable_body(f"A list of {name} is expected.")
    return content


def _write(call: Call, elements: list[Document], *, create_only: bool) -> Answer:
    summarise = call.flag("summarizeErrors", default=True)
    outcomes: list[_Outcome] = []
    try:
        with call.practice.database.savepoint():
            outcomes.extend(_one(call, element, create_only=create_only) for element in elements)
            if summarise and any(outcome.error for outcome in outcomes):
                raise _RejectedError
            writes = sum(outcome.status_write for outcome in outcomes)
            call.practice.count_status_writes(writes)
    except _RejectedError:
        return invalid_elements([_stub(outcome) for outcome in outcomes if outcome.error])
    call.entry.status_writes = writes
    return envelope("Contacts", [_shown(call, outcome, told=not summarise) for outcome in outcomes])


def _one(call: Call, element: Document, *, create_only: bool) -> _Outcome:
    row = None if create_only else _match(call, element)
    try:
        with call.practice.database.savepoint():
            check(element)
            if row is None:
                return _Outcome(_create(call, element), element)
            return _Outcome(row["id"], element, status_write=_edit(call, row, element))
    except RefusedError as refusal:
        return _Outcome(row["id"] if row else None, element, error=str(refusal))


def _match(call: Call, element: Document) -> sqlite3.Row | None:
    contact_id = element.get("ContactID")
    if contact_id is not None:
        if not isinstance(contact_id, str) or not _GUID.fullmatch(contact_id.lower()):
            raise unreadable_body("A ContactID is not a valid identifier.")
        row = call.books.find(call.org, contact_id)
        if row is None:
            raise UnknownIdError
        return row
    number, name = element.get("ContactNumber"), element.get("Name")
    if isinstance(number, str) and number and (row := call.books.find_number(call.org, number)):
        return row
    return call.books.active_named(call.org, name) if isinstance(name, str) else None


def _create(call: Call, element: Document) -> int:
    name = element.get("Name")
    if not name:
        raise RefusedError("The contact name must be specified.")
    if element.get("ContactStatus", ACTIVE) != ACTIVE:
        raise RefusedError("A new contact must be ACTIVE.")
    document = changed(contact.blank(new_id(), name), element)
    return call.books.create(call.org, document, USER)


def _edit(call: Call, row: sqlite3.Row, element: Document) -> bool:
    """Edit or archive; gives whether the status was written. An archived contact is out of reach here."""
    if not row["active"]:
        raise RefusedError(MATCHED_ARCHIVED)
    status = element.get("ContactStatus", ACTIVE)
    if status not in (ACTIVE, ARCHIVED):
        raise RefusedError(f"The contact status {status} can't be set through the API.")
    edits = {key: value for key, value in element.items() if key not in {"ContactID", "ContactStatus"}}
    if edits or status == ACTIVE:
        document = changed(contact.read(row["document"]), edits)
        call.books.edit(row, document, USER, f"{document['Name']} was edited.")
        row = call.books.find(row["org"], row["contact_id"]) or row
    if status == ARCHIVED:
        call.books.archive(row, USER)
    return bool(status == ARCHIVED)


def _shown(call: Call, outcome: _Outcome, *, told: bool) -> bytes:
    if outcome.error is not None:
        return encode(_stub(outcome) | {"StatusAttributeString": "ERROR"})
    stored: bytes = call.practice.database.value("SELECT document FROM contacts WHERE id = ?", (outcome.row,))
    return encode(contact.read(stored) | {"StatusAttributeString": "OK"}) if told else stored


def _stub(outcome: _Outcome) -> Document:
    """Give an error element: what was sent, empty lists, and the error. It says nothing of the contact."""
    known: dict[str, Any] = {
        key: value
        for key, value in outcome.element.items()
        if key in contact.FIELDS and isinstance(value, (str, bool))
    }
    return {
        "ContactID": "00000000-0000-0000-0000-000000000000",
        **known,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": True,
        "ValidationErrors": [{"Message": outcome.error}],
    }
