"""The practice organisations' transactions: made when they are first asked for, the same every time.

A contact has about ten invoices or bills. Some have none, some none for years, some only drafts.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from typing import TYPE_CHECKING, Any, Final

from tui.sandbox import books
from tui.sandbox.context import NEWEST_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.sandbox.database import SandboxDatabase


INVOICES, CREDIT_NOTES, PAYMENTS = "Invoices", "CreditNotes", "Payments"
BANK_TRANSACTIONS, REPEATING = "BankTransactions", "RepeatingInvoices"

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY, org INTEGER NOT NULL, resource TEXT NOT NULL, transaction_id TEXT NOT NULL,
    contact INTEGER NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, date INTEGER NOT NULL,
    updated INTEGER NOT NULL, cents INTEGER NOT NULL, invoice_id TEXT
);
"""
_INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS transactions_by_id ON transactions (org, resource, transaction_id)",
    "CREATE INDEX IF NOT EXISTS transactions_by_updated ON transactions (org, resource, updated)",
)
COLUMNS: Final = (
    "org", "resource", "transaction_id", "contact", "kind", "status", "date", "updated", "cents",
    "invoice_id",
)  # fmt: skip
INSERT: Final = f"INSERT INTO transactions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own column names
_DAY: Final = 86_400_000
_NEWEST_DAY: Final = NEWEST_MS // _DAY
# By chance from 0 to 1, in this order: no transactions, only drafts, none for years.
_NONE, _DRAFTS, _IDLE = 0.1, 0.13, 0.23
_IDLE_DAYS: Final = (3 * 365, 6 * 365)
_RECENT_DAYS: Final = 540
# Both ends included; the average over all contacts is ten.
_INVOICES: Final = (2, 21)
_UNPAID, _VOIDED, _PAID_APART, _CREDITED, _BANKED = 0.1, 0.03, 0.6, 0.03, 0.05


def ensure_transactions(database: SandboxDatabase, org: int) -> None:
    """Make the transactions of an organisation, unless they exist; 20,000 contacts take a few seconds."""
    key = f"transactions {org}"
    if database.get_meta(key) is not None:
        return
    with database.transaction():
        database.execute(_TABLES)
        contacts = database.all(
            "SELECT id, contact_id, repeating, document FROM contacts WHERE org = ? ORDER BY id", (org,)
        )
        database.executemany(INSERT, _all(org, contacts))
        for index in _INDEXES:
            database.execute(index)
        database.set_meta(key, str(len(contacts)))


def _all(org: int, contacts: list[Any]) -> Iterator[tuple[Any, ...]]:
    for row, contact_id, is_repeating, document in contacts:
        yield from _of_contact(org, row, contact_id, books.read(document), is_repeating=bool(is_repeating))


def _of_contact(
    org: int, contact: int, contact_id: str, document: dict[str, Any], *, is_repeating: bool
) -> Iterator[tuple[Any, ...]]:
    # Repeatable on purpose; not used for security.
    chance = random.Random(contact_id).random  # noqa: S311 - as above
    kind = "ACCREC" if document["IsCustomer"] else "ACCPAY"
    ids = (_id(contact_id, number) for number in range(1_000))

    def row(resource: str, kind: str, day: int, cents: int, **more: str) -> tuple[Any, ...]:
        updated = min(day * _DAY + int(chance() * 30 * _DAY), NEWEST_MS)
        status, invoice_id = more.get("status", "AUTHORISED"), more.get("invoice_id")
        return (org, resource, next(ids), contact, kind, status, day * _DAY, updated, cents, invoice_id)

    if is_repeating:
        yield row(REPEATING, kind, _NEWEST_DAY, 50_000)
    owed = document.get("Balances")
    group = chance()
    if group < _NONE and owed is None:
        return
    if group < _DRAFTS and owed is None:
        yield row(INVOICES, kind, _NEWEST_DAY - 9, 9_900, status="DRAFT")
        return
    is_idle = group < _IDLE and owed is None
    earliest, latest = _IDLE_DAYS if is_idle else (0, _RECENT_DAYS)
    day = _NEWEST_DAY - earliest - int(chance() ** 2 * (latest - earliest))
    for number in range(_INVOICES[0] + int(chance() * (_INVOICES[1] - _INVOICES[0] + 1))):
        cents = 2_000 + int(chance() * 448_000)
        is_unpaid = (number == 0 and owed is not None) or (not is_idle and chance() < _UNPAID)
        is_voided = number > 0 and chance() < _VOIDED
        status = "VOIDED" if is_voided else "AUTHORISED" if is_unpaid else "PAID"
        invoice = row(INVOICES, kind, day, cents, status=status)
        yield invoice
        if status == "PAID" and chance() < _PAID_APART:
            paid_on = day + 1 + int(chance() * 20)
            yield row(PAYMENTS, f"{kind}PAYMENT", paid_on, cents, invoice_id=invoice[2])
        if chance() < _CREDITED:
            yield row(CREDIT_NOTES, f"{kind}CREDIT", day, cents, status="PAID")
        day -= 14 + int(chance() * 60)
    if chance() < _BANKED:
        yield row(BANK_TRANSACTIONS, "RECEIVE" if kind == "ACCREC" else "SPEND", day, 12_345)


def _id(contact_id: str, number: int) -> str:
    digest = hashlib.blake2b(f"{contact_id}/{number}".encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))
