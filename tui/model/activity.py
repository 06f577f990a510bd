"""What a contact was last used for: invoices, bills, credit notes, payments and bank transactions."""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import SyncProgress


#: The scopes that reading transactions takes; Xero has them for every app since April 2026.
ACTIVITY_SCOPES: Final = (
    "accounting.invoices.read",
    "accounting.payments.read",
    "accounting.banktransactions.read",
)
_EPOCH: Final = date(1970, 1, 1)
# In days since 1970, until 2200.
_LAST_DAY: Final = 84_006


def day_number(day: date) -> int:
    """Return a date as it is stored: in days since 1970."""
    return (day - _EPOCH).days


def from_day_number(stored: object) -> date | None:
    """Return a stored date; None for anything else."""
    if not isinstance(stored, int) or not 0 <= stored < _LAST_DAY:
        return None
    return _EPOCH + timedelta(days=stored)


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


class ActivityAccess(StrEnum):
    """Whether transactions can be read."""

    #: Not found out yet.
    UNKNOWN = "unknown"
    #: The sign-in has no access to transactions: nothing is requested.
    NOT_ALLOWED = "not_allowed"
    ALLOWED = "allowed"
    #: Xero returned something that can't be used; tried again hours later.
    FAILED = "failed"


class ActivityStatus(Struct, frozen=True):
    """The reading of transactions.

    `read_until` is when the last complete read began; before the first, nothing is known of any contact.
    `progress` is that of the list of transactions of this `kind` that is being read, None between two reads.
    """

    access: ActivityAccess = ActivityAccess.UNKNOWN
    read_until: datetime | None = None
    kind: TransactionKind | None = None
    progress: SyncProgress | None = None
