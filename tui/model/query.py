"""What the person is looking for: a tab, words, and what qualifiers ask for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.model.filters import Filter


_TERM: Final = re.compile(
    r"""
    (?=\S)
    (?P<minus> -+ (?=[^\s-]) )?
    (?: (?P<name> [A-Za-z]+ ) : )?
    (?: " (?P<quoted> [^"]* ) (?P<closing> "? ) | (?P<bare> \S* ) )
    """,
    re.VERBOSE,
)


# Texts that are pasted have typographic signs, which mean what their plain ones mean here.
_PLAIN: Final = {
    **dict.fromkeys(map(ord, "‐‑‒–—−－"), "-"),
    **dict.fromkeys(map(ord, "“”„‟＂"), '"'),
    **dict.fromkeys(map(ord, "：﹕︓∶꞉"), ":"),
}


class Term(Struct, frozen=True):
    """One piece: `-name:"value"`, of which only the value is never missing.

    `typed` has plain dashes, colons and quotation marks; `start` and `stop` say where it is in the text.
    `is_ended` says that what is typed next can't belong to it: a space follows, or its quotation marks are
    closed.
    """

    typed: str
    start: int
    stop: int
    value: str
    name: str = ""
    is_negated: bool = False
    is_quoted: bool = False
    is_ended: bool = True

    @property
    def without_sign(self) -> str:
        """What was typed, without the minus signs that negate it."""
        return self.typed.lstrip("-") if self.is_negated else self.typed


def tokenize(text: str) -> Iterator[Term]:
    """Yield the terms of a text in their order."""
    for match in _TERM.finditer(text if text.isascii() else text.translate(_PLAIN)):
        quoted = match["quoted"]
        yield Term(
            typed=match[0],
            start=match.start(),
            stop=match.end(),
            value=match["bare"] if quoted is None else quoted,
            name=match["name"] or "",
            is_negated=match["minus"] is not None,
            is_quoted=quoted is not None,
            is_ended=bool(match["closing"]) or match.end() < len(text),
        )


class Tab(StrEnum):
    """The three tabs of Xero's contacts screen."""

    ALL = "all"
    ACTIVE = "active"
    ARCHIVED = "archived"


class TabCounts(Struct, frozen=True):
    """How many contacts each tab holds. Some count in All alone: `other`."""

    all: int = 0
    active: int = 0
    archived: int = 0

    @property
    def other(self) -> int:
        """How many are in All alone: under a privacy request, or no longer in Xero."""
        return self.all - self.active - self.archived

    def of(self, tab: Tab) -> int:
        """Return one tab's number."""
        return {Tab.ALL: self.all, Tab.ACTIVE: self.active, Tab.ARCHIVED: self.archived}[tab]


#: Names the rules of `fold`: what was folded by other rules, or by Python's older tables, is out of date.
FOLD_VERSION: Final = f"2 {unicodedata.unidata_version}"

# Signs that are typed for one another, or can't be typed at all.
_APOSTROPHES: Final = (
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u02f4\u0374\u0384\u055a\u055d\u05f3\u07f4\u07f5"
    "\u1fbd\u1fbf\u1fef\u1ffd\u1ffe\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u275b\u275c\u275f\ua78b\ua78c"
    "\uff07\uff40\U00016f51\U00016f52"
)
_QUOTATION_MARKS: Final = (
    "\u00ab\u00bb\u02ba\u02dd\u02ee\u02f6\u05f4\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u2760"
    "\u301d\u301e\u301f"
)
# Fillers, variation selectors and skin tones: what paints nothing, or only changes how its neighbour looks.
_INVISIBLE: Final = (
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810)),
    *(*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x1F3FB, 0x1F400)),
)
_SIGNS: Final = {
    **dict.fromkeys(_APOSTROPHES, ""),
    **dict.fromkeys(_QUOTATION_MARKS, '"'),
    **dict.fromkeys("\u02d7\u06d4\u2043\u2212\u2500\u2501\u2796", "-"),
    **dict.fromkeys("\u2044\u2215\u29f8", "/"),
    **dict.fromkeys(map(chr, _INVISIBLE), ""),
}
# Controls, formats, halves of a character and frames around one; dashes.
_BY_CATEGORY: Final = {"Cc": "", "Cf": "", "Cs": "", "Me": "", "Pd": "-"}
# Letters that are no other letter with something added, as the name of `ø` says of it.
_LETTERS: Final = {
    "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "ȷ": "j", "ŋ": "n", "ĸ": "q", "ə": "e",
    "ɑ": "a", "ƿ": "w", "ꝡ": "vy", "ᴆ": "d",
}  # fmt: skip
_LATIN_NAME: Final = re.compile(
    r"LATIN (?:CAPITAL |SMALL |SMALL CAPITAL )?(?:LETTER|LIGATURE) (?:SMALL CAPITAL )?"
    r"(?:AFRICAN |BARRED |BROKEN |DOTLESS |INSULAR |LONG |MIDDLE-WELSH |OPEN |SCRIPT )?"
    r"(?P<letters>[A-Z]{1,2}|THORN|ETH)(?: WITH .*| BAR| DIGRAPH.*)?"
)
_MAX_CACHED: Final = 65_536


class _Folded(dict[int, str]):
    """What each character folds to, for `str.translate`; worked out where it is met first."""

    def __missing__(self, codepoint: int) -> str:
        before, folded = "", chr(codepoint)
        # What a letter falls into may have to be folded itself.
        while folded != before:
            before, folded = folded, "".join(map(_fold_once, folded))
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[codepoint] = folded
        return folded


_FOLDED: Final = _Folded()


def fold(text: str) -> str:
    """Return the text as it is searched and compared by: neither its letters' form nor its signs' matter.

    Case, accents, strokes, ligatures and width of letters are dropped (`ø` is `o`, `æ` is `ae`); so are
    apostrophes, whichever they are, format and control characters. Every dash is `-`, every white space a
    space. Each character is folded by itself, whatever stands beside it.
    """
    if text.isascii() and text.isprintable():
        return text.lower().replace("'", "").replace("`", "")
    return text.translate(_FOLDED)


def _fold_once(char: str) -> str:
    if char.isspace():
        return " "
    sign = _SIGNS.get(char, _BY_CATEGORY.get(unicodedata.category(char)))
    if sign is not None:
        return sign
    letters = unicodedata.normalize("NFKD", char).casefold()
    if letters.startswith(" "):
        # An accent that stands alone: on a space.
        return ""
    return "".join(_base(letter) for letter in letters if not unicodedata.combining(letter))


def _base(letter: str) -> str:
    """Return what a Latin letter is typed as on a keyboard that doesn't have it."""
    if letter in _LETTERS:
        return _LETTERS[letter]
    match = None if letter.isascii() else _LATIN_NAME.fullmatch(unicodedata.name(letter, ""))
    return (
        letter
        if match is None
        else {"ETH": "d", "THORN": "th"}.get(match["letters"], match["letters"].lower())
    )


class IssueKind(StrEnum):
    """What there is to say of something typed."""

    #: It isn't complete, and nothing follows it yet: until then it changes nothing.
    UNFINISHED = auto()
    #: There is no such qualifier, but one that is spelt much like it: finds nothing.
    MISSPELT = auto()
    #: There is no such qualifier: looked for as it stands.
    TREATED_AS_TEXT = auto()
    #: There is no such qualifier, and a text that is left out would find nearly everything: finds nothing.
    UNKNOWN_QUALIFIER = auto()
    #: What follows the colon isn't possible there: finds nothing.
    INVALID_VALUE = auto()
    #: There is no such group: nobody is found in it.
    NO_SUCH_GROUP = auto()


class QueryIssue(Struct, frozen=True):
    """A remark about a part of the text, from `start` to before `stop`.

    `qualifier` is the one that was meant, if any is known; `suggestion` what was probably meant, complete.
    """

    kind: IssueKind
    typed: str
    start: int
    stop: int
    qualifier: str = ""
    suggestion: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether something typed doesn't do what it seems to."""
        return self.kind is not IssueKind.UNFINISHED


@dataclass(frozen=True, slots=True)
class Query:
    """A tab, folded words that must all be found in a contact and others that mustn't, and filters.

    Without any of these it finds everything; with a filter that doesn't exist, nothing. `issues` say what of
    the text wasn't understood, or isn't complete; they make no difference to what is found.
    """

    tab: Tab = Tab.ALL
    words: tuple[str, ...] = ()
    excluded_words: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    issues: tuple[QueryIssue, ...] = field(default=(), compare=False)

    @property
    def is_everything(self) -> bool:
        """Whether every contact of the tab is found."""
        return not (self.words or self.excluded_words or self.filters)

    @property
    def words_only(self) -> Query:
        """The part of it that looks at texts alone."""
        return Query(self.tab, self.words, self.excluded_words) if self.filters else self

    def narrows(self, other: Query) -> bool:
        """Say whether everything this finds is among what the other finds (whatever the tab)."""
        return (
            all(any(old in new for new in self.words) for old in other.words)
            # A text that doesn't hold a part of a word doesn't hold the word.
            and all(any(new in old for new in self.excluded_words) for old in other.excluded_words)
            and set(other.filters) <= set(self.filters)
        )
