"""The shape of a contact: Xero's JSON document, and the columns it is found by."""

from __future__ import annotations

from typing import Any

import msgspec

Document = dict[str, Any]

ACTIVE, ARCHIVED, GDPR = "ACTIVE", "ARCHIVED", "GDPRREQUEST"

# In the order in which the live service was seen to write them.
FIELDS = (
    "ContactID", "MergedToContactID", "ContactNumber", "AccountNumber", "ContactStatus", "Name", "FirstName",
    "LastName", "CompanyNumber", "EmailAddress", "BankAccountDetails", "TaxNumber", "Addresses", "Phones",
    "UpdatedDateUTC", "ContactGroups", "IsSupplier", "IsCustomer", "DefaultCurrency", "Website",
    "SalesTrackingCategories", "PurchasesTrackingCategories", "Balances", "ContactPersons", "HasAttachments",
    "Attachments", "HasValidationErrors", "StatusAttributeString", "ValidationErrors",
)  # fmt: skip

# What the document says on its own; the other columns are set by whoever writes the row.
COLUMNS = (
    "contact_id", "status", "name", "name_key", "first_name", "last_name", "email", "account_number",
    "contact_number", "company_number", "search", "document",
)  # fmt: skip

# Unpaged lists leave the first out and the second empty; `summaryOnly` leaves the third out (seen on a live
# organisation).
LEFT_OUT_OF_UNPAGED = frozenset({"Balances", "MergedToContactID"})
EMPTY_IN_UNPAGED = frozenset({"ContactGroups", "ContactPersons"})
LEFT_OUT_OF_SUMMARY = frozenset({"Balances", "ContactGroups", "IsCustomer", "IsSupplier"})

# Walks an index of nothing but search texts; left to itself SQLite reads every row in the wanted order.
FOUND_BY_TERM = (
    "id IN (SELECT id FROM contacts INDEXED BY contacts_by_search WHERE org = ? AND instr(search, ?) > 0)"
)

# The fixed slots of an edited contact, in the order of reads; writes answer phones in another one (seen).
_ADDRESSES = ("STREET", "POBOX")
_ADDRESS_PARTS = ("City", "Region", "PostalCode", "Country")
_PHONES = ("DDI", "DEFAULT", "FAX", "MOBILE")
_PHONE_PARTS = ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")
_PHONES_WRITTEN = ("DEFAULT", "DDI", "FAX", "MOBILE")
_LEFT_OUT_OF_WRITES = frozenset({"Balances", "HasAttachments"})

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Document).decode


def name_key(name: str) -> str:
    """Fold a name the way Xero compares names: case does not matter."""
    return name.casefold()


def columns(document: Document) -> tuple[Any, ...]:
    """Take out of a document what it is found by, in the order of `COLUMNS`."""
    get = document.get
    name = document["Name"]
    key = name.casefold()
    first, last, email = get("FirstName") or None, get("LastName") or None, get("EmailAddress") or None
    account, number = get("AccountNumber") or None, get("ContactNumber") or None
    company = get("CompanyNumber") or None
    others = [part for part in (first, last, number, company, email) if part]
    search = "\n".join([key, *others]).casefold() if others else key
    return (
        document["ContactID"], document["ContactStatus"], name, key, first, last, email, account, number,
        company, search, _encode(document),
    )  # fmt: skip


def read(document: bytes) -> Document:
    """Decode a stored document."""
    return _decode(document)


def without_fields(document: bytes, without: frozenset[str], empty: frozenset[str]) -> bytes:
    """Return a stored document without some of its fields, and with others as empty lists."""
    kept = {
        key: [] if key in empty else value for key, value in _decode(document).items() if key not in without
    }
    return _encode(kept)


def single(document: bytes) -> bytes:
    """Return a stored document as it is read by its identifier: a list of attachments joins it (seen)."""
    return _encode(in_order(_decode(document) | {"Attachments": []}))


def as_write_response(document: bytes) -> Document:
    """Return a stored document as a write answers it (seen): other fields, phones in another order."""
    kept = {key: value for key, value in _decode(document).items() if key not in _LEFT_OUT_OF_WRITES}
    phones = {phone["PhoneType"]: phone for phone in kept["Phones"]}
    kept["Phones"] = [phones[kind] for kind in _PHONES_WRITTEN if kind in phones]
    return in_order(kept | {"SalesTrackingCategories": [], "PurchasesTrackingCategories": []})


def in_order(document: Document) -> Document:
    """Put the fields in Xero's order; unknown ones are dropped."""
    return {key: document[key] for key in FIELDS if key in document}


def blank(contact_id: str, name: str) -> Document:
    """Return a new active contact that nobody has edited: its slots hold their types alone (seen)."""
    return {
        "ContactID": contact_id,
        "ContactStatus": ACTIVE,
        "Name": name,
        "Addresses": [{"AddressType": kind} for kind in ("POBOX", "STREET")],
        "Phones": [{"PhoneType": kind} for kind in _PHONES],
        "UpdatedDateUTC": "",
        "ContactGroups": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "ContactPersons": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }


def with_edit_defaults(document: Document) -> Document:
    """Return a document as an edit leaves it: what it could hold and doesn't is empty (seen)."""
    return (
        {"EmailAddress": "", "BankAccountDetails": ""}
        | document
        | {
            "Addresses": _slots(document["Addresses"], "AddressType", _ADDRESSES, _ADDRESS_PARTS),
            "Phones": _slots(document["Phones"], "PhoneType", _PHONES, _PHONE_PARTS),
        }
    )


def _slots(
    slots: list[Document], kind: str, kinds: tuple[str, ...], parts: tuple[str, ...]
) -> list[Document]:
    known = {slot[kind]: slot for slot in slots}
    empty = dict.fromkeys(parts, "")
    return [{kind: one} | empty | known.get(one, {}) for one in kinds]
