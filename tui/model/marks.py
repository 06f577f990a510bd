"""What the user marked: contacts that tidy up leaves alone, and what needs a second question to be archived.

A mark is Reshelve's own; Xero doesn't know it. The last mark of a contact or group counts.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class MarkKind(StrEnum):
    """A mark; the values are stored and never change.

    `KEPT`: tidy up doesn't suggest the contact. `PROTECTED`: archiving it takes a second question; tidy up
    doesn't suggest it either.
    """

    KEPT = "kept"
    PROTECTED = "protected"


class Marks(Struct, frozen=True):
    """All marks of an organisation: ids of contacts, and names of contact groups."""

    kept: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    protected_groups: frozenset[str] = frozenset()

    def protects(self, contact_id: str, groups: tuple[str, ...]) -> bool:
        """Whether a contact is protected: itself, or by one of its groups."""
        return contact_id in self.protected or not self.protected_groups.isdisjoint(groups)
