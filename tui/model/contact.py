"""A contact of an organisation, as Xero last told it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.reasons import ContactReason

if TYPE_CHECKING:
    from datetime import datetime


def ineligible_reason(contact: Contact) -> ContactReason | None:
    """Return why this contact's status can't be changed any more; None if it can."""
    if contact.status is ContactStatus.DELETED:
        return ContactReason.DELETED
    if contact.merged_to:
        return ContactReason.MERGED
    if contact.status is ContactStatus.GDPRREQUEST:
        return ContactReason.GDPR
    return None


class ContactStatus(StrEnum):
    """The statuses in Xero's OpenAPI (v16.1); Reshelve only sets the first two.

    `DELETED` is Reshelve's own, for a contact that Xero no longer has; it is never sent or received.
    """

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    GDPRREQUEST = "GDPRREQUEST"
    DELETED = "DELETED"


class Organisation(Struct, frozen=True):
    """One set of books; `tenant_id` is what Xero's API calls it, `short_code` what its pages do.

    `sign_in` is the client id of the Xero app it is connected through. `is_custom` marks a custom
    connection, `is_read_only` one without leave to write, `is_demo` Xero's own demo company. `timezone` is
    Xero's spelling, such as `NEWZEALANDSTANDARDTIME`.
    """

    tenant_id: str
    name: str
    short_code: str
    sign_in: str = ""
    timezone: str = ""
    is_custom: bool = False
    is_read_only: bool = False
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Balances:
    """What is outstanding and overdue, in hundredths of the organisation's currency.

    Xero doesn't move `UpdatedDateUTC` when balances change, so these are as old as `read_at`: when Xero
    last told them, None for those that are only now being read.
    """

    receivable: int = 0
    receivable_overdue: int = 0
    payable: int = 0
    payable_overdue: int = 0
    read_at: datetime | None = field(default=None, compare=False)


class Contact(Struct, frozen=True):
    """One contact. Text is as received: it is made safe where it is shown, not here.

    `raw` is the JSON object Xero sent, kept so that nothing is lost that this version doesn't know.
    `balances` is None where Xero left them out (light lists, contacts without any).
    """

    contact_id: str
    name: str
    status: ContactStatus
    updated_at: datetime
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    account_number: str = ""
    contact_number: str = ""
    phone: str = ""
    is_customer: bool = False
    is_supplier: bool = False
    groups: tuple[str, ...] = ()
    merged_to: str = ""
    balances: Balances | None = None
    raw: bytes = b"{}"
