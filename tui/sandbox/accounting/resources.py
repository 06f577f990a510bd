"""Single resources: one contact, its history, and the organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.sandbox import books
from tui.sandbox.accounting.writing import USER, parse_elements
from tui.sandbox.clock import iso_without_zone, xero_date
from tui.sandbox.responses import ApiResponse, UnknownIdError, encode, envelope, validation

if TYPE_CHECKING:
    import sqlite3

    from tui.sandbox.accounting.request_pipeline import ApiCall

_LONGEST_NOTE = 4000


def get_contact(call: ApiCall) -> ApiResponse:
    """`GET /Contacts/{ContactID}`, archived or not; a contact number works, too."""
    return envelope(call.now, "Contacts", [books.single(_row(call)["document"])])


def get_history(call: ApiCall) -> ApiResponse:
    """`GET /Contacts/{ContactID}/History`, newest first."""
    row = _row(call)
    records = [
        _record(entry["at"], entry["details"], entry["changes"], entry["user"])
        for entry in call.books.history(row)
    ]
    if not any(record["Changes"] == "Created" for record in records):
        records.append(_record(row["created"], f"{row['name']} was created.", "Created", "System Generated"))
    return envelope(call.now, "HistoryRecords", [encode(record) for record in records])


def put_history(call: ApiCall) -> ApiResponse:
    """`PUT /Contacts/{ContactID}/History`: add notes. Allowed for archived contacts as well (unproven)."""
    row = _row(call)
    details = [entry.get("Details") for entry in parse_elements(call.body, "HistoryRecords")]
    if not all(isinstance(detail, str) and 0 < len(detail) <= _LONGEST_NOTE for detail in details):
        raise validation(f"Details must be a text of 1 to {_LONGEST_NOTE} characters.")
    answers = []
    for detail in details:
        call.books.add_note(row, USER, str(detail))
        newest = call.books.history(row)[0]
        # Seen without the offset here, and with it when the history is read.
        written = {"DateUTC": xero_date(newest["at"], offset=False), "ValidationErrors": []}
        answers.append(encode(_record(newest["at"], str(detail)) | written))
    return envelope(call.now, "HistoryRecords", answers)


def get_organisation(call: ApiCall) -> ApiResponse:
    """`GET /Organisation`: the call's organisation, in a list."""
    organisation = call.organisation
    document = {
        "Name": organisation.name,
        "LegalName": organisation.name,
        "PaysTax": True,
        "Version": "NZ",
        "OrganisationType": "TRUST",
        "BaseCurrency": "NZD",
        "CountryCode": "NZ",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "PAYMENTS",
        "SalesTaxPeriod": "TWOMONTHS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": xero_date(organisation.created, offset=False),
        "OrganisationEntityType": "TRUST",
        "Timezone": "NEWZEALANDSTANDARDTIME",
        "ShortCode": organisation.short_code,
        "OrganisationID": organisation.tenant_id,
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
    return envelope(call.now, "Organisations", [encode(document)])


def _row(call: ApiCall) -> sqlite3.Row:
    identifier = call.path["contact_id"]
    row = call.books.find(call.org, identifier) or call.books.find_number(call.org, identifier)
    if row is None:
        raise UnknownIdError
    return row


def _record(at: int, details: str, changes: str | None = None, user: str | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {} if changes is None else {"Changes": changes}
    record |= {"DateUTCString": iso_without_zone(at), "DateUTC": xero_date(at)}
    if user is not None:
        record["User"] = user
    return record | {"Details": details}
