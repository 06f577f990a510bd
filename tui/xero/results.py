"""What a call to Xero's API gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.contact import Contact


# No id holds a space.
_NO_ID: Final = "no id "


def placeholder_id(name: str) -> str:
    """Name an element that can't be read and has no id."""
    return f"{_NO_ID}{name}"


def has_id(mark: str) -> bool:
    """Say whether one of `ContactsPage.unreadable_ids` is an id."""
    return not mark.startswith(_NO_ID)


class ContactsPage(Struct, frozen=True):
    """One page of contacts; `page` counts from 1.

    `answered_at` is by Xero's clock, so that it can be held against a contact's `updated_at`. Elements that
    can't be read are left out of `contacts`, yet count in `item_count`; `unreadable_ids` names them, by a
    mark made from the content where not even the id can be read. `has_pagination` says that the answer itself
    told how many contacts and pages there are, and `is_complete` that it is the page asked for, with all that
    should be on it by that count.
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
        """How many of this page can't be read."""
        return len(self.unreadable_ids)


class LookupResult(Struct, frozen=True):
    """What asking for contacts by their ids brought.

    `unknown` are the ids that Xero said it doesn't have when asked for each alone. `missing` are missing from
    a complete and readable answer, which can be a mistake of the moment. Of ids that are in none of the
    three, nothing was learnt.
    """

    contacts: tuple[Contact, ...] = ()
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class ContactWriteResult(Struct, frozen=True):
    """What became of one contact in a bulk write.

    `message` are Xero's own validation messages. `contact` is None for an error stub, and for an answer
    that makes no sense: only reading the contact again tells how it stands.
    """

    contact_id: str
    contact: Contact | None
    message: str


class CallsLeft(Struct, frozen=True):
    """What Xero's last answer said is left of its limits; None where it said nothing."""

    minute: int | None = None
    day: int | None = None


class OrganisationDetails(Struct, frozen=True):
    """One organisation as `GET /Organisation` describes it; `timezone` is Xero's own spelling."""

    name: str
    short_code: str
    base_currency: str
    timezone: str
    is_demo: bool
    organisation_id: str = ""
