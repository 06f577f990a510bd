"""Which fields of a contact a write may set, and how they are merged with the stored ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.sandbox.books import RefusedError, with_edit_defaults

if TYPE_CHECKING:
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
