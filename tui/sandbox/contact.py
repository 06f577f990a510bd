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
    "UpdatedDateUTC", "ContactGroups", "IsSupplier", "IsCustomer", "DefaultCurrency", "Website", "Balances",
    "ContactPersons", "HasAttachments", "HasValidationErrors",
)  # fmt: skip

# What the document says on its own; the other columns are set by whoever writes the row.
COLUMNS = (
    "contact_id", "status", "name", "name_key", "first_name", "last_name", "email", "account_number",
    "contact_number", "company_number", "search", "document",
)  # fmt: skip

# Unpaged lists leave these out, `summaryOnly` the second group (seen on a live organisation).
LEFT_OUT_OF_UNPAGED = frozenset({"Balances", "ContactGroups", "ContactPersons", "MergedToContactID"})
LEFT_OUT_OF_SUMMARY = frozenset({"Balances", "ContactGroups", "IsCustomer", "IsSupplier"})

# Walks an index of nothing but search texts; left to itself SQLite reads every row in the wanted order.
FOUND_BY_TERM = (
    "id IN (SELECT id FROM contacts INDEXED BY contacts_by_search WHERE org = ? AND instr(search, ?) > 0)"
)

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


def lighter(document: bytes, without: frozenset[str]) -> bytes:
    """Give a stored document without some of its fields."""
    kept = {key: value for key, value in _decode(document).items() if key not in without}
    return _encode(kept)


def in_order(document: Document) -> Document:
    """Put the fields in Xero's order; unknown ones are dropped."""
    return {key: document[key] for key in FIELDS if key in document}


def blank_addresses() -> list[Document]:
    """Give the two fixed slots as the live service fills them when nothing is known."""
    return [
        {"AddressType": kind, "City": "", "Region": "", "PostalCode": "", "Country": ""}
        for kind in ("STREET", "POBOX")
    ]


def blank_phones() -> list[Document]:
    """Give the four fixed slots as the live service fills them when nothing is known."""
    return [
        {"PhoneType": kind, "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
        for kind in ("DDI", "DEFAULT", "FAX", "MOBILE")
    ]


def blank(contact_id: str, name: str) -> Document:
    """Give a new active contact of which only the name is known."""
    return {
        "ContactID": contact_id,
        "ContactStatus": ACTIVE,
        "Name": name,
        "EmailAddress": "",
        "BankAccountDetails": "",
        "Addresses": blank_addresses(),
        "Phones": blank_phones(),
        "UpdatedDateUTC": "",
        "ContactGroups": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "ContactPersons": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
