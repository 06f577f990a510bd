"""Finds the Xero contact that a line of a file means: by Xero's id, or else by name and e-mail address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.model.contact import ContactStatus
    from tui.model.contact_file import FileContact

_XERO_ID: Final = re.compile(r"[0-9a-f]{32}")
# No user could choose from more, and the list for each line mustn't grow with the number of contacts.
_MAX_CANDIDATES: Final = 50


class XeroContact(Struct, frozen=True, gc=False):
    """The fields of a Xero contact that the comparison needs."""

    contact_id: str
    name: str
    email: str
    status: ContactStatus


class Candidates(Struct, frozen=True, gc=False):
    """The contacts that a line can mean; only one if it is certain, none if Xero has none."""

    contacts: tuple[XeroContact, ...] = ()
    is_certain: bool = False


class _Index:
    """Contacts by a key that several can have.

    A key of one contact has the contact itself: a list for each of 100,000 would wake the garbage collector
    again and again, which holds up all threads.
    """

    def __init__(self) -> None:
        self._single: dict[str, XeroContact] = {}
        self._several: dict[str, list[XeroContact]] = {}
        self._found: dict[str, tuple[XeroContact, ...]] = {}

    def add(self, key: str, contact: XeroContact) -> None:
        """Add a contact under a key that wasn't looked up yet."""
        first = self._single.setdefault(key, contact)
        if first is not contact:
            self._several.setdefault(key, [first]).append(contact)

    def get(self, key: str) -> tuple[XeroContact, ...]:
        """Return the contacts with this key; of several, always the same object."""
        if key in self._several:
            if key not in self._found:
                self._found[key] = tuple(self._several[key])
            return self._found[key]
        contact = self._single.get(key)
        return () if contact is None else (contact,)

    def clear(self) -> None:
        """Free the contacts."""
        self._single.clear()
        self._several.clear()
        self._found.clear()


class Matcher:
    """An index of Xero's contacts; each lookup takes the same time, however many there are."""

    def __init__(self, contacts: Iterable[XeroContact]) -> None:
        self._by_id: dict[str, XeroContact] = {}
        self._by_name, self._by_email, self._by_both = _Index(), _Index(), _Index()
        for contact in contacts:
            name, email = text_key(contact.name), text_key(contact.email)
            self._by_id[id_key(contact.contact_id)] = contact
            self._by_name.add(name, contact)
            if email:
                self._by_email.add(email, contact)
                self._by_both.add(_both(name, email), contact)

    def clear(self) -> None:
        """Free the index part by part: all of it at once would hold up all threads."""
        for part in (self._by_id, self._by_name, self._by_email, self._by_both):
            part.clear()

    def candidates(self, line: FileContact) -> Candidates:
        """Return the contacts that the line can mean.

        A valid Xero id is decisive, even if Xero has no such contact (any more): a contact of the same name
        is a different one. A match of both name and e-mail address is decisive, or of one if the other is
        missing on either side. Anything else is for the user to decide.
        """
        key = id_key(line.xero_id)
        if key in self._by_id:
            return Candidates((self._by_id[key],), is_certain=True)
        if is_xero_id(line.xero_id):
            return Candidates()
        name, email = text_key(line.name), text_key(line.email)
        if both := self._by_both.get(_both(name, email)):
            return _candidates(both)
        named = self._by_name.get(name) if name else ()
        mailed = self._by_email.get(email) if email else ()
        if named and mailed:
            return Candidates(_combined(named, mailed))
        if named:
            return Candidates(named) if email and named[0].email.strip() else _candidates(named)
        return Candidates(mailed) if name else _candidates(mailed)


def id_key(contact_id: str) -> str:
    """Return the key to compare ids by: braces, hyphens, case and invisible characters don't matter."""
    return fold(contact_id).strip().strip("{}").replace("-", "")


def is_xero_id(text: str) -> bool:
    """Return whether the text has the format of Xero's ids."""
    return _XERO_ID.fullmatch(id_key(text)) is not None


def text_key(text: str) -> str:
    """Return the key by which names and e-mail addresses are compared: folded, with spaces normalised."""
    return " ".join(fold(text).split())


def _both(name: str, email: str) -> str:
    # No key has a line end.
    return f"{name}\n{email}"


def _candidates(contacts: tuple[XeroContact, ...]) -> Candidates:
    return Candidates(contacts, is_certain=len(contacts) == 1)


def _combined(named: tuple[XeroContact, ...], mailed: tuple[XeroContact, ...]) -> tuple[XeroContact, ...]:
    # A shared e-mail address adds little to a name.
    return named if len(named) + len(mailed) > _MAX_CANDIDATES else (*named, *mailed)
