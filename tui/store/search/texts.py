"""What a contact is sorted by and searched in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.query import fold

if TYPE_CHECKING:
    from tui.model.contact import Contact

# Enough to tell names apart; keeps a 10,000-character name out of the indexes.
_SORTED_LENGTH: Final = 120
# Words never hold white space, so nothing is found across two fields.
_BETWEEN_FIELDS: Final = "\n"


def sort_key(name: str) -> str:
    """Return what a name is ordered by: accents, case and leading spaces don't matter."""
    return fold(name).strip()[:_SORTED_LENGTH]


def search_text(contact: Contact) -> str:
    """Return the folded text that words are looked for in.

    A field whose text is already there adds nothing to find, and is left out: the texts of all contacts
    are kept in memory, and every letter costs time (an e-mail address mostly holds its owner's names).
    A phone number is found with and without its spaces and signs.
    """
    phone = "".join(contact.phone.split())
    text = fold(contact.name)
    for field in (
        contact.email,
        contact.first_name,
        contact.last_name,
        contact.account_number,
        contact.contact_number,
        phone,
        "".join(filter(str.isdecimal, phone)),
    ):
        if field and (folded := fold(field)) not in text:
            text += _BETWEEN_FIELDS + folded
    return text
