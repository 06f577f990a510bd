"""What a contact was last used for: invoices, bills, credit notes, payments and bank transactions."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import date


class TransactionKind(IntEnum):
    """What a transaction is; the numbers are stored and never change."""

    INVOICE = 1
    BILL = 2
    CREDIT_NOTE = 3
    PAYMENT = 4
    BANK_TRANSACTION = 5
    REPEATING_INVOICE = 6


class TransactionState(IntEnum):
    """How a transaction counts; the numbers are stored and never change.

    `DRAFT` includes transactions that wait for approval. `ENDED` are deleted and voided ones.
    """

    POSTED = 1
    DRAFT = 2
    REPEATING = 3
    ENDED = 4


class Transaction(Struct, frozen=True):
    """One transaction of a contact; `date` is the one on the document, None if Xero returned none."""

    transaction_id: str
    contact_id: str
    kind: TransactionKind
    state: TransactionState
    date: date | None


class Activity(Struct, frozen=True):
    """What is known of a contact's transactions.

    `last_at` is the date of the last one, `kind` what it was, and `count` how many there are; both are None
    if there are none. Drafts, repeating invoices, and deleted and voided transactions don't count: whether
    the contact has any of the first two is said apart.
    """

    last_at: date | None = None
    kind: TransactionKind | None = None
    count: int = 0
    has_drafts: bool = False
    has_repeating: bool = False

    @property
    def is_never_used(self) -> bool:
        """Whether the contact has no transaction that counts."""
        return not self.count
