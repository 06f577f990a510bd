"""What the person is looking for: a tab and words."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Tab(StrEnum):
    """The three tabs of Xero's contacts screen."""

    ALL = "all"
    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class TabCounts:
    """How many contacts each tab holds. A GDPR request counts in All alone."""

    all: int = 0
    active: int = 0
    archived: int = 0

    def of(self, tab: Tab) -> int:
        """Return one tab's number."""
        return {Tab.ALL: self.all, Tab.ACTIVE: self.active, Tab.ARCHIVED: self.archived}[tab]


def fold(text: str) -> str:
    """Make text comparable: accents, case and width of letters stop mattering."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


@dataclass(frozen=True, slots=True)
class Query:
    """A tab and the folded words that must all be found in a contact; no words find everything."""

    tab: Tab = Tab.ALL
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, tab: Tab, text: str) -> Query:
        """Read what stands in the search box."""
        return cls(tab, tuple(dict.fromkeys(fold(text).split())))

    def narrows(self, other: Query) -> bool:
        """Say whether everything this finds is among what the other finds (whatever the tab)."""
        return all(any(old in new for new in self.words) for old in other.words)
