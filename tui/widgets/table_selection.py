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
        self._committed: dict[str, None] = {}
        self._range: dict[str, None] = {}

    def __contains__(self, contact_id: str) -> bool:
        return contact_id in self._committed or contact_id in self._range

    def __bool__(self) -> bool:
        return bool(self._committed or self._range)

    def __len__(self) -> int:
        return len(self._committed) + sum(contact_id not in self._committed for contact_id in self._range)

    def ids(self) -> tuple[str, ...]:
        """Return every selected id once."""
        return tuple(self._committed | self._range) if self._range else tuple(self._committed)

    def toggle(self, contact_id: str) -> None:
        """Select a contact, or no longer."""
        self.commit_range()
        if contact_id in self._committed:
            del self._committed[contact_id]
        else:
            self._committed[contact_id] = None

    def add(self, contact_ids: Iterable[str]) -> None:
        """Select contacts as well."""
        self.commit_range()
        self._committed.update(dict.fromkeys(contact_ids))

    def set_range(self, contact_ids: Iterable[str]) -> None:
        """Make the range being extended cover these, and only these."""
        self._range = dict.fromkeys(contact_ids)

    def commit_range(self) -> None:
        """End the range being extended: it stays selected."""
        self._committed.update(self._range)
        self._range = {}

    def retain(self, contact_ids: Container[str]) -> None:
        """Keep only these of the selected contacts."""
        self.commit_range()
        self._committed = {one: None for one in self._committed if one in contact_ids}

    def clear(self) -> None:
        """Select nothing."""
        self._committed = {}
        self._range = {}
