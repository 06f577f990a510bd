"""What the person is looking for: a tab, words, and what qualifiers ask for."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.filters import Filter


class Tab(StrEnum):
    """The three tabs of Xero's contacts screen."""

    ALL = "all"
    ACTIVE = "active"
    ARCHIVED = "archived"


class TabCounts(Struct, frozen=True):
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


class Remark(StrEnum):
    """What there is to say of something typed."""

    #: It isn't complete, and nothing follows it yet: until then it changes nothing.
    UNFINISHED = auto()
    #: There is no such qualifier, but one that is spelt much like it: ignored.
    MISSPELT = auto()
    #: There is no such qualifier: looked for as it stands.
    JUST_TEXT = auto()
    #: What follows the colon isn't possible there: ignored.
    IMPOSSIBLE = auto()
    #: There is no such group: nobody is found in it.
    NO_SUCH_GROUP = auto()


class Note(Struct, frozen=True):
    """A remark about a part of the text, from `start` to before `stop`.

    `qualifier` is the one that was meant, if any is known; `nearest` what was probably meant, complete.
    """

    remark: Remark
    typed: str
    start: int
    stop: int
    qualifier: str = ""
    nearest: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether something typed doesn't do what it seems to."""
        return self.remark is not Remark.UNFINISHED


@dataclass(frozen=True, slots=True)
class Query:
    """A tab, folded words that must all be found in a contact and others that mustn't, and filters.

    Without any of these it finds everything. `notes` say what of the text wasn't understood, or isn't
    complete; they make no difference to what is found.
    """

    tab: Tab = Tab.ALL
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    notes: tuple[Note, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, tab: Tab, text: str, groups: Sequence[str] = ()) -> Query:
        """Read what stands in the search box. Any text can be read: see `notes`.

        `groups` are the names of all contact groups, if they are known: others are then remarked upon.
        """
        if not text or text.isspace():
            return cls(tab)
        from tui.model.reading import read  # noqa: PLC0415 - a first paint needs no grammar

        return read(tab, text, groups)

    @property
    def is_everything(self) -> bool:
        """Whether every contact of the tab is found."""
        return not (self.words or self.without or self.filters)

    @property
    def of_texts(self) -> Query:
        """The part of it that looks at texts alone."""
        return Query(self.tab, self.words, self.without) if self.filters else self

    def narrows(self, other: Query) -> bool:
        """Say whether everything this finds is among what the other finds (whatever the tab)."""
        return (
            all(any(old in new for new in self.words) for old in other.words)
            # A text that doesn't hold a part of a word doesn't hold the word.
            and all(any(new in old for new in self.without) for old in other.without)
            and set(other.filters) <= set(self.filters)
        )
