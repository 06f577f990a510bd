"""Parse Xero's transactions: of each only its contact, date, kind and status."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from tui.model.activity import Transaction, TransactionKind, TransactionState
from tui.net.lenient_json import UndecodableError, decode
from tui.system.log import logger
from tui.xero.parsing import Pagination, parse_http_date, parse_json_date

if TYPE_CHECKING:
    from collections.abc import Mapping


class TransactionResource(StrEnum):
    """Xero's lists of transactions, by the last part of their path, in the order in which they are read."""

    INVOICES = "Invoices"
    CREDIT_NOTES = "CreditNotes"
    PAYMENTS = "Payments"
    BANK_TRANSACTIONS = "BankTransactions"
    #: Neither paged nor filtered by time: every read returns all.
    REPEATING_INVOICES = "RepeatingInvoices"

    @property
    def id_field(self) -> str:
        """The field of a transaction's id."""
        return f"{self.removesuffix('s')}ID"

    @property
    def is_paged(self) -> bool:
        """Whether it is read in pages, and can be read from a time on."""
        return self is not TransactionResource.REPEATING_INVOICES


class TransactionsPage(Struct, frozen=True):
    """One page of transactions; `page_count` and `item_count` are of the whole list.

    `answered_at` is by Xero's clock.
    """

    transactions: tuple[Transaction, ...]
    page_count: int
    item_count: int
    answered_at: datetime


class _Contact(Struct, rename="pascal", gc=False):
    contact_id: str = msgspec.field(name="ContactID", default="")


class _Paid(Struct, rename="pascal", gc=False):
    """What a payment is for."""

    contact: _Contact | None = None


class _Element(Struct, rename="pascal", gc=False):
    """The fields in use, of any kind of transaction."""

    invoice_id: str | None = msgspec.field(name="InvoiceID", default=None)
    credit_note_id: str | None = msgspec.field(name="CreditNoteID", default=None)
    payment_id: str | None = msgspec.field(name="PaymentID", default=None)
    bank_transaction_id: str | None = msgspec.field(name="BankTransactionID", default=None)
    repeating_invoice_id: str | None = msgspec.field(name="RepeatingInvoiceID", default=None)
    type: str | None = None
    status: str | None = None
    date: str | None = None
    contact: _Contact | None = None
    invoice: _Paid | None = None
    credit_note: _Paid | None = None
    prepayment: _Paid | None = None
    overpayment: _Paid | None = None


class _Envelope(Struct, rename="pascal", gc=False):
    """A list of any kind; each element is kept raw, so that a broken one doesn't affect the others."""

    invoices: tuple[msgspec.Raw, ...] | None = None
    credit_notes: tuple[msgspec.Raw, ...] | None = None
    payments: tuple[msgspec.Raw, ...] | None = None
    bank_transactions: tuple[msgspec.Raw, ...] | None = None
    repeating_invoices: tuple[msgspec.Raw, ...] | None = None
    date_time_utc: str | None = msgspec.field(name="DateTimeUTC", default=None)
    pagination: Pagination | None = msgspec.field(name="pagination", default=None)


_FIELDS: Final[Mapping[TransactionResource, tuple[str, str]]] = {
    TransactionResource.INVOICES: ("invoices", "invoice_id"),
    TransactionResource.CREDIT_NOTES: ("credit_notes", "credit_note_id"),
    TransactionResource.PAYMENTS: ("payments", "payment_id"),
    TransactionResource.BANK_TRANSACTIONS: ("bank_transactions", "bank_transaction_id"),
    TransactionResource.REPEATING_INVOICES: ("repeating_invoices", "repeating_invoice_id"),
}
_KINDS: Final[Mapping[TransactionResource, TransactionKind]] = {
    TransactionResource.INVOICES: TransactionKind.INVOICE,
    TransactionResource.CREDIT_NOTES: TransactionKind.CREDIT_NOTE,
    TransactionResource.PAYMENTS: TransactionKind.PAYMENT,
    TransactionResource.BANK_TRANSACTIONS: TransactionKind.BANK_TRANSACTION,
    TransactionResource.REPEATING_INVOICES: TransactionKind.REPEATING_INVOICE,
}
_DRAFTS: Final = frozenset({"DRAFT", "SUBMITTED"})
_ENDED: Final = frozenset({"DELETED", "VOIDED"})
_LONGEST_ID: Final = 128


def transactions_page(
    body: bytes, resource: TransactionResource, *, page: int, page_size: int, date_header: str = ""
) -> TransactionsPage:
    """Parse one page of transactions; unreadable ones, and those without a contact, are left out.

    Raises `UndecodableError`, also for an empty page that should have transactions.
    """
    envelope = decode(body, _Envelope)
    found: tuple[msgspec.Raw, ...] | None = getattr(envelope, _FIELDS[resource][0])
    pagination = envelope.pagination
    if found is None or (
        not found and pagination is not None and pagination.item_count > (page - 1) * page_size
    ):
        raise UndecodableError
    if pagination is None:
        # Without pagination: a full page may not be the last one, a shorter one is.
        is_last = not resource.is_paged or len(found) < page_size
        pagination = Pagination(page, page if is_last else page + 1, len(found))
    transactions, unreadable = [], 0
    for raw in found:
        try:
            transaction = _transaction(raw, resource)
        except UndecodableError:
            unreadable += 1
        else:
            if transaction is not None:
                transactions.append(transaction)
    if unreadable:
        logger.warning("activity: %d transactions of a page of %s can't be read", unreadable, resource)
    return TransactionsPage(
        tuple(transactions),
        pagination.page_count,
        pagination.item_count,
        parse_json_date(envelope.date_time_utc) or parse_http_date(date_header) or datetime.now(UTC),
    )


def _transaction(raw: msgspec.Raw, resource: TransactionResource) -> Transaction | None:
    """Return a transaction, None if it has no contact. Raises `UndecodableError`."""
    element = decode(raw, _Element)
    transaction_id: str | None = getattr(element, _FIELDS[resource][1])
    if not transaction_id or len(transaction_id) > _LONGEST_ID:
        raise UndecodableError
    contact_id = _contact_id(element)
    if not contact_id or len(contact_id) > _LONGEST_ID:
        return None
    kind = _KINDS[resource]
    if kind is TransactionKind.INVOICE and (element.type or "").startswith("ACCPAY"):
        kind = TransactionKind.BILL
    at = parse_json_date(element.date)
    return Transaction(transaction_id, contact_id, kind, _state(element, resource), at.date() if at else None)


def _contact_id(element: _Element) -> str:
    paid = (element.invoice, element.credit_note, element.prepayment, element.overpayment)
    contacts = [element.contact, *(one.contact for one in paid if one is not None)]
    return next((contact.contact_id for contact in contacts if contact is not None), "")


def _state(element: _Element, resource: TransactionResource) -> TransactionState:
    if element.status in _ENDED:
        return TransactionState.ENDED
    if resource is TransactionResource.REPEATING_INVOICES:
        return TransactionState.REPEATING
    return TransactionState.DRAFT if element.status in _DRAFTS else TransactionState.POSTED
