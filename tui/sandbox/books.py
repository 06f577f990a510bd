"""The practice organisations' contacts, and what Xero allows to be done to them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tui.sandbox.context import xero_date
from tui.sandbox.database import parse_guid

if TYPE_CHECKING:
    import sqlite3

    from tui.sandbox.context import Clock
    from tui.sandbox.database import SandboxDatabase


Document = dict[str, Any]

ACTIVE, ARCHIVED, GDPR = "ACTIVE", "ARCHIVED", "GDPRREQUEST"

# In the order in which the live service returns them (seen).
FIELDS = (
    "ContactID", "MergedToContactID", "ContactNumber", "AccountNumber", "ContactStatus", "Name", "FirstName",
    "LastName", "CompanyNumber", "EmailAddress", "BankAccountDetails", "TaxNumber", "Addresses", "Phones",
    "UpdatedDateUTC", "ContactGroups", "IsSupplier", "IsCustomer", "DefaultCurrency", "Website",
    "SalesTrackingCategories", "PurchasesTrackingCategories", "Balances", "ContactPersons", "HasAttachments",
    "Attachments", "HasValidationErrors", "StatusAttributeString", "ValidationErrors",
)  # fmt: skip

# The columns derived from the document; the others are set by whoever writes the row.
COLUMNS = (
    "contact_id", "status", "name", "name_key", "first_name", "last_name", "email", "account_number",
    "contact_number", "company_number", "search", "document",
)  # fmt: skip

# Unpaged lists omit the first and leave the second empty; `summaryOnly` omits the third (seen on a live
# organisation).
LEFT_OUT_OF_UNPAGED = frozenset({"Balances", "MergedToContactID"})
EMPTY_IN_UNPAGED = frozenset({"ContactGroups", "ContactPersons"})
LEFT_OUT_OF_SUMMARY = frozenset({"Balances", "ContactGroups", "IsCustomer", "IsSupplier"})

# Scans an index of search texts only; otherwise SQLite would read every row in the requested order.
FOUND_BY_TERM = (
    "id IN (SELECT id FROM contacts INDEXED BY contacts_by_search WHERE org = ? AND instr(search, ?) > 0)"
)

# The fixed slots of an edited contact, in the order of reads; writes return phones in another one (seen).
_ADDRESSES = ("STREET", "POBOX")
_ADDRESS_PARTS = ("City", "Region", "PostalCode", "Country")
_PHONES = ("DDI", "DEFAULT", "FAX", "MOBILE")
_PHONE_PARTS = ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")
_PHONES_WRITTEN = ("DEFAULT", "DDI", "FAX", "MOBILE")
_LEFT_OUT_OF_WRITES = frozenset({"Balances", "HasAttachments"})

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Document).decode


def name_key(name: str) -> str:
    """Fold a name the way Xero compares names: case doesn't matter."""
    return name.casefold()


def columns(document: Document) -> tuple[Any, ...]:
    """Return a document's searchable values, in the order of `COLUMNS`."""
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
    """Return a stored document as read by its id: with a list of attachments (seen)."""
    return _encode(in_order(_decode(document) | {"Attachments": []}))


def as_write_response(document: bytes) -> Document:
    """Return a stored document as returned by a write (seen): other fields, phones in another order."""
    kept = {key: value for key, value in _decode(document).items() if key not in _LEFT_OUT_OF_WRITES}
    phones = {phone["PhoneType"]: phone for phone in kept["Phones"]}
    kept["Phones"] = [phones[kind] for kind in _PHONES_WRITTEN if kind in phones]
    return in_order(kept | {"SalesTrackingCategories": [], "PurchasesTrackingCategories": []})


def in_order(document: Document) -> Document:
    """Sort the fields in Xero's order; unknown ones are dropped."""
    return {key: document[key] for key in FIELDS if key in document}


def blank(contact_id: str, name: str) -> Document:
    """Return a new active contact that was never edited: its slots only have their types (seen)."""
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
    """Return a document as an edit leaves it: missing values are empty (seen)."""
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
    return [{kind: name} | empty | known.get(name, {}) for name in kinds]


# Xero's own message, as seen on a live organisation.
MATCHED_ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)
# From Xero's help.
ON_REPEATING_INVOICES = "Contacts cannot be archived if they are associated with repeating invoices"

_NEW = (*COLUMNS, "org", "created", "updated")
_INSERT = f"INSERT INTO contacts ({', '.join(_NEW)}) VALUES ({', '.join('?' * len(_NEW))})"  # noqa: S608 - our own column names
_UPDATE = f"UPDATE contacts SET {', '.join(f'{column} = ?' for column in COLUMNS)} WHERE id = ?"  # noqa: S608 - as above


class RefusedError(Exception):
    """Xero refuses this; the message is Xero's own."""


@dataclass(frozen=True, slots=True)
class SandboxOrganisation:
    """One practice organisation."""

    org: int
    tenant_id: str
    name: str
    short_code: str
    created: int


def name_taken(name: str) -> str:
    """Return Xero's message for a name that another active contact has (OpenAPI example, v16.1)."""
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


class Books:
    """Reads and changes contacts. Every change and its history record are one transaction."""

    def __init__(self, database: SandboxDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        rows = database.all(
            "SELECT org, tenant_id, name, short_code, created FROM organisations ORDER BY org"
        )
        self.organisations = tuple(SandboxOrganisation(*row) for row in rows)

    def by_tenant(self, tenant_id: str | None) -> SandboxOrganisation | None:
        """Find an organisation by tenant id, in any format."""
        wanted = parse_guid(tenant_id or "")
        return next(
            (organisation for organisation in self.organisations if organisation.tenant_id == wanted), None
        )

    def by_short_code(self, short_code: str) -> SandboxOrganisation | None:
        """Find an organisation by the code in its pages' URLs."""
        return next(
            (organisation for organisation in self.organisations if organisation.short_code == short_code),
            None,
        )

    def find(self, org: int, contact_id: str) -> sqlite3.Row | None:
        """Find a contact by id, in any format."""
        return self._database.one(
            "SELECT * FROM contacts WHERE org = ? AND contact_id = ?", (org, parse_guid(contact_id))
        )

    def find_number(self, org: int, number: str) -> sqlite3.Row | None:
        """Find a contact by contact number, unique among all contacts."""
        return self._database.one(
            "SELECT * FROM contacts WHERE org = ? AND contact_number = ?", (org, number)
        )

    def active_named(self, org: int, name: str) -> sqlite3.Row | None:
        """Find the only active contact with a name."""
        return self._database.one(
            "SELECT * FROM contacts WHERE org = ? AND name_key = ? AND active", (org, name_key(name))
        )

    def create(self, org: int, document: Document, user: str) -> int:
        """Add a contact and return its row. Raises `RefusedError` if an active contact has the name."""
        number = document.get("ContactNumber")
        if number and self.find_number(org, number):
            raise RefusedError(_number_taken(number))
        if document["ContactStatus"] == ACTIVE and self.active_named(org, document["Name"]):
            raise RefusedError(name_taken(document["Name"]))
        now = self._clock.now_ms()
        document["UpdatedDateUTC"] = xero_date(now)
        values = (*columns(in_order(document)), org, now, now)
        with self._database.transaction():
            cursor = self._database.execute(_INSERT, values)
            row = int(cursor.lastrowid or 0)
            self._note(row, "Created", user, f"{document['Name']} was created.")
        return row

    def edit(self, row: sqlite3.Row, document: Document, user: str, details: str) -> None:
        """Store an active contact's new document. Raises `RefusedError` as `create` does."""
        number = document.get("ContactNumber")
        if number and number != row["contact_number"] and self.find_number(row["org"], number):
            raise RefusedError(_number_taken(number))
        self._refuse_taken_name(row, document["Name"])
        self._save(row, document, "Edited", user, details)

    def archive(self, row: sqlite3.Row, user: str) -> None:
        """Archive an active contact. Raises `RefusedError` if it is on repeating invoices."""
        if row["repeating"]:
            raise RefusedError(ON_REPEATING_INVOICES)
        document = read(row["document"]) | {"ContactStatus": ARCHIVED}
        self._save(row, document, "Archived", user, f"{row['name']} was archived.")

    def restore(self, row: sqlite3.Row, user: str) -> None:
        """Restore a contact as users do on Xero's pages; the API can't do this.

        Raises `RefusedError` if the contact was merged, has a GDPR request, or its name is taken.
        """
        if row["merged_to"]:
            raise RefusedError("This contact was merged into another one and can't be restored.")
        if row["status"] == GDPR:
            raise RefusedError("This contact's details were removed on request. It can't be restored.")
        self._refuse_taken_name(row, row["name"])
        document = read(row["document"]) | {"ContactStatus": ACTIVE}
        self._save(row, document, "Restored", user, f"{row['name']} was restored.")

    def merge(self, row: sqlite3.Row, into: sqlite3.Row, user: str) -> None:
        """Merge a contact into another: it is shown as archived permanently."""
        change = {"ContactStatus": ARCHIVED, "MergedToContactID": into["contact_id"]}
        document = read(row["document"]) | change
        with self._database.transaction():
            self._save(row, document, "Merged", user, f"{row['name']} was merged into {into['name']}.")
            self._database.execute(
                "UPDATE contacts SET merged_to = ? WHERE id = ?", (into["contact_id"], row["id"])
            )

    def forget(self, row: sqlite3.Row, user: str) -> None:
        """Mark a contact as having a GDPR request."""
        document = read(row["document"]) | {"ContactStatus": GDPR}
        self._save(row, document, "Edited", user, "Personal details were removed on request.")

    def remove(self, row: sqlite3.Row) -> None:
        """Delete a contact permanently, as if the organisation had never had it."""
        with self._database.transaction():
            for table in ("group_members", "history"):
                self._database.execute(f"DELETE FROM {table} WHERE contact = ?", (row["id"],))  # noqa: S608 - our own table names
            # Re-Leased keeps its own copy.
            self._database.execute(
                "UPDATE re_leased_contacts SET contact = NULL WHERE contact = ?", (row["id"],)
            )
            self._database.execute("DELETE FROM contacts WHERE id = ?", (row["id"],))

    def set_balances(self, row: sqlite3.Row, balances: Document) -> None:
        """Set the balances, both ways; as in Xero, this doesn't change `UpdatedDateUTC`."""
        document = read(row["document"]) | {"Balances": balances}
        document["IsCustomer"] = document["IsCustomer"] or any(balances["AccountsReceivable"].values())
        document["IsSupplier"] = document["IsSupplier"] or any(balances["AccountsPayable"].values())
        self._write(row, document)

    def set_groups(self, row: sqlite3.Row, groups: list[Document]) -> None:
        """Store a contact's groups in its document, where lists show them."""
        self._write(row, read(row["document"]) | {"ContactGroups": groups})

    def set_repeating(self, row: sqlite3.Row, *, repeating: bool) -> None:
        """Set whether the contact is on repeating invoices."""
        self._database.execute("UPDATE contacts SET repeating = ? WHERE id = ?", (repeating, row["id"]))

    def history(self, row: sqlite3.Row) -> list[sqlite3.Row]:
        """Return a contact's history, newest first; sample contacts have no records of their own."""
        return self._database.all(
            "SELECT at, changes, user, details FROM history WHERE contact = ? ORDER BY at DESC, id DESC",
            (row["id"],),
        )

    def add_note(self, row: sqlite3.Row, user: str, details: str) -> None:
        """Add a note to a contact's history."""
        self._note(row["id"], "Note", user, details)

    def _refuse_taken_name(self, row: sqlite3.Row, name: str) -> None:
        holder = self.active_named(row["org"], name)
        if holder is not None and holder["id"] != row["id"]:
            raise RefusedError(name_taken(name))

    def _save(self, row: sqlite3.Row, document: Document, changes: str, user: str, details: str) -> None:
        # Never the same time twice for one contact: `If-Modified-Since` readers distinguish edits by it.
        now = max(self._clock.now_ms(), row["updated"] + 1)
        document["UpdatedDateUTC"] = xero_date(now)
        with self._database.transaction():
            self._write(row, document)
            self._database.execute(
                "UPDATE contacts SET updated = ?, released_changed = 1 WHERE id = ?", (now, row["id"])
            )
            self._note(row["id"], changes, user, details)

    def _write(self, row: sqlite3.Row, document: Document) -> None:
        values: tuple[Any, ...] = columns(in_order(document))
        self._database.execute(_UPDATE, (*values, row["id"]))

    def _note(self, contact_row: int, changes: str, user: str, details: str) -> None:
        self._database.execute(
            "INSERT INTO history (contact, at, changes, user, details) VALUES (?, ?, ?, ?, ?)",
            (contact_row, self._clock.now_ms(), changes, user, details),
        )


def new_id() -> str:
    """Return a new id in Xero's format."""
    return str(uuid.uuid4())


def _number_taken(number: str) -> str:
    return (
        f"The contact number {number} is already assigned to another contact. "
        "The contact number must be unique across all contacts."
    )
