"""Which contacts are selected: ids, whatever rows they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


class Selection:
    """Contact ids in the order of selecting.

    A range being extended lies on top of what was selected before, so that shrinking it gives that back.
    """

    def __init__(self) -> None:
        self._kept: dict[str, None] = {}
        self._range: dict[str, None] = {}

    def __contains__(self, contact_id: str) -> bool:
        return contact_id in self._kept or contact_id in self._range

    def __bool__(self) -> bool:
        return bool(self._kept or self._range)

    def __len__(self) -> int:
        return len(self._kept) + sum(contact_id not in self._kept for contact_id in self._range)

    def ids(self) -> tuple[str, ...]:
        """Return every selected id once."""
        return tuple(self._kept | self._range) if self._range else tuple(self._kept)

    def toggle(self, contact_id: str) -> None:
        """Select a contact, or no longer."""
        self.settle()
        if contact_id in self._kept:
            del self._kept[contact_id]
        else:
            self._kept[contact_id] = None

    def add(self, contact_ids: Iterable[str]) -> None:
        """Select contacts as well."""
        self.settle()
        self._kept.update(dict.fromkeys(contact_ids))

    def stretch(self, contact_ids: Iterable[str]) -> None:
        """Make the range being extended cover these, and only these."""
        self._range = dict.fromkeys(contact_ids)

    def settle(self) -> None:
        """End the range being extended: it stays selected."""
        self._kept.update(self._range)
        self._range = {}

    def retain(self, contact_ids: Container[str]) -> None:
        """Keep only these of the selected contacts."""
        self.settle()
        self._kept = {one: None for one in self._kept if one in contact_ids}

    def clear(self) -> None:
        """Select nothing."""
        self._kept = {}
        self._range = {}
