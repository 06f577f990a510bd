"""Results of requests to Xero's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.contact import Contact


# No ID contains a space.
_NO_ID: Final = "no id "


def placeholder_id(name: str) -> str:
    """Return a placeholder for an unreadable element without an ID."""
    return f"{_NO_ID}{name}"


def has_id(mark: str) -> bool:
    """Whether an entry of `ContactsPage.unreadable_ids` is an ID."""
    return not mark.startswith(_NO_ID)


class ContactsPage(Struct, frozen=True):
    """One page of contacts; `page` counts from 1.

    `answered_at` is by Xero's clock, so it can be compared with a contact's `updated_at`. Unreadable
    elements are left out of `contacts` but count in `item_count`; `unreadable_ids` lists them, with a
    placeholder where even the ID can't be read. `has_pagination` means that the response gave the number
    of contacts and pages, `is_complete` that it is the requested page with everything that should be on it.
    """

    contacts: tuple[Contact, ...]
    page: int
    page_count: int
    item_count: int
    answered_at: datetime
    unreadable_ids: tuple[str, ...] = ()
    has_pagination: bool = True
    is_complete: bool = True

    @property
    def unreadable_count(self) -> int:
        """How many elements of this page can't be read."""
        return len(self.unreadable_ids)


class LookupResult(Struct, frozen=True):
    """The result of looking up contacts by ID.

    `unknown` are IDs that Xero doesn't have, each confirmed by a separate request. `missing` are IDs missing
    from a complete and readable response, which can be temporary. Nothing is known of IDs in none of these.
    """

    contacts: tuple[Contact, ...] = ()
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class ContactWriteResult(Struct, frozen=True):
    """The result for one contact in a bulk write.

    `message` contains Xero's own validation messages. `contact` is None for an error stub or an unreadable
    reply: read the contact again to get its status.
    """

    contact_id: str
    contact: Contact | None
    message: str


class CallsLeft(Struct, frozen=True):
    """Calls left according to Xero's last response; None if not included."""

    minute: int | None = None
    day: int | None = None


class OrganisationDetails(Struct, frozen=True):
    """Details from `GET /Organisation`; `timezone` is in Xero's spelling."""

    name: str
    short_code: str
    base_currency: str
    timezone: str
    is_demo: bool
    organisation_id: str = ""
