"""`GET` of invoices, credit notes, payments, bank transactions and repeating invoices.

The fields and parameters are those of Xero's OpenAPI description, v16.1; `where` isn't supported.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.sandbox.accounting.listing import page_of, parse_since
from tui.sandbox.accounting.where import as_sql, parse_order
from tui.sandbox.context import xero_date
from tui.sandbox.responses import ApiResponse, encode, envelope, query_error
from tui.sandbox.sample_transactions import (
    BANK_TRANSACTIONS,
    CREDIT_NOTES,
    INVOICES,
    PAYMENTS,
    REPEATING,
    ensure_transactions,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from tui.sandbox.accounting.routes import ApiCall

Document = dict[str, Any]

_LEFT_OUT_OF_SUMMARY: Final = ("LineItems", "Payments", "CreditNotes", "Prepayments", "Overpayments")
# Parameters of invoices: values separated by commas.
_LISTS: Final = {"Statuses": "t.status", "ContactIDs": "c.contact_id", "IDs": "t.transaction_id"}
_ROWS: Final = """
    SELECT t.*, c.contact_id, c.name FROM ({ids})
    CROSS JOIN transactions AS t ON t.id = chosen JOIN contacts AS c ON c.id = t.contact
"""
_ACCOUNT_ID: Final = "0a5b1c2d-3e4f-4a6b-8c7d-9e0f1a2b3c4d"


class _Resource(Struct, frozen=True):
    """One kind of transaction: its id's field, whether it is paged, and how a row is written."""

    name: str
    id_field: str
    document: Callable[[sqlite3.Row], Document]
    is_paged: bool = True


def _contact(row: sqlite3.Row) -> Document:
    return {
        "ContactID": row["contact_id"], "Name": row["name"], "Addresses": [], "Phones": [],
        "ContactGroups": [], "ContactPersons": [], "HasValidationErrors": False,
    }  # fmt: skip


def _amounts(row: sqlite3.Row) -> Document:
    total = row["cents"] / 100
    return {
        "LineAmountTypes": "Inclusive",
        "LineItems": [],
        "SubTotal": total,
        "TotalTax": 0.0,
        "Total": total,
    }


def _invoice(row: sqlite3.Row) -> Document:
    total, is_paid = row["cents"] / 100, row["status"] == "PAID"
    return {
        "Type": row["kind"],
        "InvoiceID": row["transaction_id"],
        "InvoiceNumber": f"INV-{row['id']}",
        "Reference": "",
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": total if row["status"] == "AUTHORISED" else 0.0,
        "AmountPaid": total if is_paid else 0.0,
        "AmountCredited": 0.0,
        "SentToContact": row["kind"] == "ACCREC",
        "CurrencyRate": 1.0,
        "IsDiscounted": False,
        "HasAttachments": False,
        "HasErrors": False,
        "Contact": _contact(row),
        "Date": xero_date(row["date"]),
        "DueDate": xero_date(row["date"]),
        "Status": row["status"],
        **_amounts(row),
        "UpdatedDateUTC": xero_date(row["updated"]),
        "CurrencyCode": "NZD",
    }


def _credit_note(row: sqlite3.Row) -> Document:
    return {
        "CreditNoteID": row["transaction_id"],
        "CreditNoteNumber": f"CN-{row['id']}",
        "Payments": [],
        "HasErrors": False,
        "CurrencyRate": 1.0,
        "Type": row["kind"],
        "Reference": "",
        "SentToContact": False,
        "RemainingCredit": 0.0,
        "Allocations": [],
        "HasAttachments": False,
        "Contact": _contact(row),
        "Date": xero_date(row["date"]),
        "Status": row["status"],
        **_amounts(row),
        "UpdatedDateUTC": xero_date(row["updated"]),
        "CurrencyCode": "NZD",
    }


def _payment(row: sqlite3.Row) -> Document:
    return {
        "PaymentID": row["transaction_id"],
        "Date": xero_date(row["date"]),
        "BankAmount": row["cents"] / 100,
        "Amount": row["cents"] / 100,
        "Reference": "",
        "CurrencyRate": 1.0,
        "PaymentType": row["kind"],
        "Status": row["status"],
        "UpdatedDateUTC": xero_date(row["updated"]),
        "HasAccount": False,
        "IsReconciled": True,
        "Invoice": {
            "InvoiceID": row["invoice_id"],
            "Type": row["kind"].removesuffix("PAYMENT"),
            "Contact": _contact(row),
            "CurrencyCode": "NZD",
            "IsDiscounted": False,
            "HasErrors": False,
            "LineItems": [],
        },
        "HasValidationErrors": False,
    }


def _bank_transaction(row: sqlite3.Row) -> Document:
    return {
        "BankTransactionID": row["transaction_id"],
        "BankAccount": {"AccountID": _ACCOUNT_ID, "Code": "090", "Name": "Business account"},
        "Type": row["kind"],
        "Reference": "",
        "IsReconciled": True,
        "HasAttachments": False,
        "Contact": _contact(row),
        "Date": xero_date(row["date"]),
        "Status": row["status"],
        **_amounts(row),
        "UpdatedDateUTC": xero_date(row["updated"]),
        "CurrencyCode": "NZD",
    }


def _repeating(row: sqlite3.Row) -> Document:
    return {
        "Schedule": {
            "Period": 1,
            "Unit": "MONTHLY",
            "DueDate": 20,
            "DueDateType": "OFFOLLOWINGMONTH",
            "StartDate": xero_date(row["date"]),
            "NextScheduledDate": xero_date(row["date"]),
        },
        "RepeatingInvoiceID": row["transaction_id"],
        "ID": row["transaction_id"],
        "Type": row["kind"],
        "Reference": "",
        "HasAttachments": False,
        "ApprovedForSending": False,
        "SendCopy": False,
        "MarkAsSent": False,
        "IncludePDF": False,
        "Contact": _contact(row),
        "Status": row["status"],
        **_amounts(row),
        "CurrencyCode": "NZD",
    }


def _list(resource: _Resource, call: ApiCall) -> ApiResponse:
    ensure_transactions(call.practice.database, call.org)
    if call.parameter("where").strip():
        raise query_error("The practice Xero has no filters for transactions.")
    conditions, parameters = ["t.org = ?", "t.resource = ?"], [call.org, resource.name]
    since = parse_since(call.headers.get("if-modified-since", "").strip()) if resource.is_paged else None
    if since is not None:
        conditions.append("t.updated > ?")
        parameters.append(since)
    for name, column in (
        ("Statuses", "t.status"),
        ("ContactIDs", "c.contact_id"),
        ("IDs", "t.transaction_id"),
    ):
        wanted = [value.strip() for value in call.parameter(name).split(",") if value.strip()]
        if wanted and resource.name == INVOICES:
            conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            parameters += wanted
    page, size = page_of(call) if resource.is_paged else (None, 0)
    joined = " JOIN contacts AS c ON c.id = t.contact" if "c.contact_id" in " ".join(conditions) else ""
    chosen = f"FROM transactions AS t{joined} WHERE {' AND '.join(conditions)}"
    limit = "" if page is None else f" LIMIT {size} OFFSET {(page - 1) * size}"
    # The inner query only reads an index; rows are only read for the page itself.
    ids = f"SELECT t.id AS chosen {chosen} ORDER BY {_order(resource, call)}{limit}"
    rows = call.practice.database.all(_ROWS.format(ids=ids), parameters)
    is_summary = resource.name == INVOICES and call.flag("summaryOnly", default=False)
    items = []
    for row in rows:
        document = resource.document(row)
        if is_summary:
            document = {key: value for key, value in document.items() if key not in _LEFT_OUT_OF_SUMMARY}
        items.append(encode(document))
    pagination = None
    if page is not None:
        pagination = _pagination(call, chosen, parameters, page, size)
    return envelope(call.now, resource.name, items, pagination)


def _order(resource: _Resource, call: ApiCall) -> str:
    columns = {resource.id_field.lower(): "t.transaction_id", "updateddateutc": "t.updated", "date": "t.date"}
    ordered = parse_order(call.parameter("order"), columns, resource.name) or {"t.updated": "ASC"}
    ordered.setdefault("t.transaction_id", "ASC")
    return as_sql(ordered)


def _pagination(call: ApiCall, chosen: str, parameters: list[Any], page: int, size: int) -> dict[str, int]:
    key = (chosen, tuple(parameters))
    count = call.practice.count_cache.get(key)
    if count is None:
        count = call.practice.database.value(f"SELECT count(*) {chosen}", parameters)
        call.practice.count_cache.put(key, count)
    return {"page": page, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}


list_invoices = partial(_list, _Resource(INVOICES, "InvoiceID", _invoice))
list_credit_notes = partial(_list, _Resource(CREDIT_NOTES, "CreditNoteID", _credit_note))
list_payments = partial(_list, _Resource(PAYMENTS, "PaymentID", _payment))
list_bank_transactions = partial(_list, _Resource(BANK_TRANSACTIONS, "BankTransactionID", _bank_transaction))
list_repeating_invoices = partial(
    _list, _Resource(REPEATING, "RepeatingInvoiceID", _repeating, is_paged=False)
)
