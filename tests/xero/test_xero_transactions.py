"""Transactions as Xero returns them: only ids, dates, kinds and statuses are read, whatever else is odd."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tui.model.activity import Transaction, TransactionKind, TransactionState
from tui.net.lenient_json import UndecodableError
from tui.xero.transactions import TransactionResource, transactions_page

R = TransactionResource
CONTACT = {"ContactID": "c-1", "Name": "Jo"}
_EMPTY = b'{"Invoices": [], "pagination": {"page": 1, "pageCount": 3, "itemCount": 9}}'
DAY = "/Date(1710201600000+0000)/"


def parse(resource: TransactionResource, *items: Any, **more: Any) -> tuple[Transaction, ...]:
    body = json.dumps({resource.value: items, "DateTimeUTC": DAY, **more}).encode()
    return transactions_page(body, resource, page=1, page_size=1000).transactions


@pytest.mark.parametrize(
    ("resource", "item", "kind", "state"),
    [
        (R.INVOICES, {"InvoiceID": "t", "Type": "ACCREC", "Status": "PAID"}, "INVOICE", "POSTED"),
        (R.INVOICES, {"InvoiceID": "t", "Type": "ACCPAY", "Status": "AUTHORISED"}, "BILL", "POSTED"),
        (R.INVOICES, {"InvoiceID": "t", "Type": "ACCREC", "Status": "SUBMITTED"}, "INVOICE", "DRAFT"),
        (R.INVOICES, {"InvoiceID": "t", "Type": "ACCREC", "Status": "VOIDED"}, "INVOICE", "ENDED"),
        (R.CREDIT_NOTES, {"CreditNoteID": "t", "Status": "DELETED"}, "CREDIT_NOTE", "ENDED"),
        (R.BANK_TRANSACTIONS, {"BankTransactionID": "t", "Type": "SPEND"}, "BANK_TRANSACTION", "POSTED"),
        (R.REPEATING_INVOICES, {"RepeatingInvoiceID": "t"}, "REPEATING_INVOICE", "REPEATING"),
    ],
    ids=["invoice", "bill", "awaiting approval", "voided", "deleted credit note", "bank", "repeating"],
)
def test_kind_and_state(resource: TransactionResource, item: dict[str, Any], kind: str, state: str) -> None:
    assert parse(resource, item | {"Contact": CONTACT, "Date": DAY}) == (
        Transaction("t", "c-1", TransactionKind[kind], TransactionState[state], date(2024, 3, 12)),
    )


@pytest.mark.parametrize("paid", ["Invoice", "CreditNote", "Prepayment", "Overpayment"])
def test_contact_of_a_payment_is_that_of_what_was_paid(paid: str) -> None:
    [found] = parse(R.PAYMENTS, {"PaymentID": "p", "Date": DAY, paid: {"Contact": CONTACT}})
    assert (found.contact_id, found.kind) == ("c-1", TransactionKind.PAYMENT)


def test_odd_elements_are_left_out() -> None:
    whole = {"InvoiceID": "t", "Contact": CONTACT, "Date": "yesterday", "Status": 7}
    found = parse(R.INVOICES, whole, None, 5, {}, {"InvoiceID": "no contact"}, {"InvoiceID": 9})
    assert [(one.transaction_id, one.date) for one in found] == [("t", None)]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"Invoices": 7}', _EMPTY],
    ids=["empty", "list", "no list", "no elements", "fewer than counted"],
)
def test_replies_that_are_no_page_are_refused(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        transactions_page(body, R.INVOICES, page=1, page_size=1000)
