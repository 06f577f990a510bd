"""A contact of an organisation, as Xero last returned it, and its contact groups.

Xero doesn't know about tenancies. The name of a contact group is only a hint: only the user marks a group as
tenant group, and the last mark of a name counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from tui.model.reasons import ContactReason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from tui.model.activity import Activity
    from tui.model.change import ChangeLogEntry
    from tui.model.columns import ColumnKey
    from tui.model.query import Query, TabCounts
    from tui.model.snapshot import ChangeView


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
    """One organisation; `tenant_id` is its id in Xero's API, `short_code` the one in its web pages.

    `sign_in` is the client id of the Xero app it is connected through. `is_custom` marks a custom connection,
    `is_read_only` one without write access, `is_demo` Xero's own demo company. `timezone` is Xero's spelling,
    such as `NEWZEALANDSTANDARDTIME`. `base_currency` is its own currency, such as NZD, empty if unknown.
    """

    tenant_id: str
    name: str
    short_code: str
    sign_in: str = ""
    timezone: str = ""
    is_custom: bool = False
    is_read_only: bool = False
    is_demo: bool = False
    base_currency: str = ""


@dataclass(frozen=True, slots=True)
class Balances:
    """Outstanding and overdue amounts, in hundredths of the organisation's currency.

    Xero doesn't change `UpdatedDateUTC` when balances change, so these are as old as `read_at`: when Xero
    last returned them, None for those that have just been received.
    """

    receivable: int = 0
    receivable_overdue: int = 0
    payable: int = 0
    payable_overdue: int = 0
    read_at: datetime | None = field(default=None, compare=False)


class Contact(Struct, frozen=True):
    """One contact. Text is as received: it is made safe where it is shown, not here.

    `raw` is the JSON object from Xero, kept so that data unknown to this version isn't lost. `balances` is
    None if Xero left them out (summary lists, contacts without any).
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


class HistoryEntry(Struct, frozen=True):
    """One entry of Xero's own history of a contact; `when` is None if its date can't be read."""

    when: datetime | None
    user: str
    event: str
    details: str


class ContactRecord(Struct, frozen=True):
    """Further fields of a contact, as Xero last returned them; empty where it has none.

    `phones` and `addresses` are labels with their texts.
    """

    phones: tuple[tuple[str, str], ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    people: tuple[str, ...] = ()
    tax_number: str = ""
    bank_account: str = ""
    company_number: str = ""
    currency: str = ""
    website: str = ""


class ContactDetails(Struct, frozen=True):
    """One contact with its changes and their log, newest first; `tenant_groups` are its groups of tenants.

    `survivor` is the name of the contact that it was merged into, empty if that isn't known.
    `activity` is None while transactions haven't been read.
    `protected_groups` are its groups that are protected.
    """

    contact: Contact
    changes: tuple[ChangeView, ...]
    timeline: tuple[ChangeLogEntry, ...]
    tenant_groups: tuple[str, ...] = ()
    record: ContactRecord = ContactRecord()
    survivor: str = ""
    activity: Activity | None = None
    is_kept: bool = False
    is_protected: bool = False
    protected_groups: tuple[str, ...] = ()


class SearchMatch(Struct, frozen=True):
    """Why a search found a contact whose name doesn't have the word: a column's value, or a person's name."""

    column: ColumnKey | None
    text: str


class Row(Struct, frozen=True):
    """One contact as a row of the table; `owes` is in hundredths, None if unknown.

    `more` has the values of further columns that are shown: texts, amounts in hundredths, and times in
    milliseconds; None where nothing is known. `match` is why a search found it, if not by its name.
    """

    contact_id: str
    name: str
    email: str
    status: ContactStatus
    owes: int | None
    is_merged: bool
    last_change: ChangeView | None
    more: tuple[tuple[ColumnKey, str | int | None], ...] = ()
    match: SearchMatch | None = None


class RowSource(Protocol):
    """Contacts in table order. The cost depends on the rows requested, not on how many are stored."""

    def __len__(self) -> int:
        """Return the number of results."""
        ...

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from start up to, not including, stop; fewer at the end."""
        ...

    def index_of(self, contact_id: str) -> int | None:
        """Return a contact's position; None if it isn't among the results."""
        ...

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact ids from start up to, not including, stop, to select ranges or all results."""
        ...

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return which of the contacts aren't among the results."""
        ...


class SearchResult(Struct, frozen=True):
    """The result of a query: rows, and how many contacts match on each tab.

    `is_complete` is False for a first screen that arrives before the counts are known. `is_live` is True for
    rows that are read by their place, each of which is whichever contact is there now. `is_by_names` is True
    if nothing matched, and these are the contacts named in the query's long text.
    """

    query: Query
    rows: RowSource
    counts: TabCounts
    is_complete: bool = True
    is_live: bool = False
    is_by_names: bool = False


# Parts of words, so that "Ex-tenants" and "Tenancies" are found as well.
_TENANT_WORDS: Final = ("tenant", "tenanc", "lessee", "renter", "leaseholder", "occupier")


class ContactGroup(Struct, frozen=True):
    """A contact group of Xero, from the local database.

    `active` counts its active contacts, which can still be archived. `is_known` is whether it has any
    contacts: a marked group that was renamed or emptied in Xero stays in the list without any. Archiving a
    contact of a protected group takes a second question.
    """

    name: str
    active: int
    is_tenants: bool = False
    is_known: bool = True
    is_protected: bool = False

    @property
    def sounds_like_tenants(self) -> bool:
        """Whether its name suggests tenants. This alone doesn't mark it."""
        folded = self.name.casefold()
        return any(part in folded for part in _TENANT_WORDS)


class TenancyWarnings(Struct, frozen=True):
    """Warnings about tenancies, to show before anything is archived.

    `tenant_groups` are the names of the groups of tenants; `is_first_archive` means that no archive was ever
    requested here in this organisation.
    """

    tenant_groups: frozenset[str] = frozenset()
    is_first_archive: bool = False


#: For actions that archive nothing.
NO_WARNINGS: Final = TenancyWarnings()


def current_tenant_groups(marks: Iterable[tuple[str, bool]]) -> frozenset[str]:
    """Replay the marks of groups in order; returns the names that are marked now."""
    last = dict(marks)
    return frozenset(name for name, is_tenants in last.items() if is_tenants)


def tenant_groups_among(groups: Iterable[str], tenant_groups: frozenset[str]) -> tuple[str, ...]:
    """Return which of a contact's groups are marked, in their order."""
    return tuple(name for name in groups if name in tenant_groups)


def sort_groups(groups: Iterable[ContactGroup]) -> tuple[ContactGroup, ...]:
    """Sort the marked groups first, then those whose names suggest tenants, each by name."""
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                not group.is_tenants,
                not group.sounds_like_tenants,
                group.name.casefold(),
                group.name,
            ),
        )
    )
