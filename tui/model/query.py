"""A search: a tab, words, and filters: what each qualifier means, however it was typed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.activity import day_number
from tui.model.change import Origin, State
from tui.model.columns import BY_NAME, Sort
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from tui.model.snapshot import ChangeView


_TERM: Final = re.compile(
    r"""
    (?=\S)
    (?P<minus> -+ (?=[^\s-]) )?
    (?: (?P<name> [A-Za-z]+ ) : )?
    (?: " (?P<quoted> [^"]* ) (?P<closing> "? ) | (?P<bare> \S* ) )
    """,
    re.VERBOSE,
)


# Pasted text has typographic characters, which mean the same as plain ones here.
_PLAIN: Final = {
    **dict.fromkeys(map(ord, "‐‑‒–—−－"), "-"),
    **dict.fromkeys(map(ord, "“”„‟＂"), '"'),
    **dict.fromkeys(map(ord, "：﹕︓∶꞉"), ":"),
}


class Term(Struct, frozen=True):
    """One term: `-name:"value"`, of which only the value is always there.

    `typed` has plain dashes, colons and quotation marks; `start` and `stop` are its position in the text.
    `is_ended` means that the next character typed can't belong to it: a space follows, or its quotation marks
    are closed.
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
        """The text as typed, without the minus signs that negate it."""
        return self.typed.lstrip("-") if self.is_negated else self.typed


def tokenize(text: str) -> Iterator[Term]:
    """Yield the terms of a text in order."""
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

    @property
    def status(self) -> ContactStatus | None:
        """The status of the tab's contacts; None for any."""
        return None if self is Tab.ALL else ContactStatus[self.name]


class TabCounts(Struct, frozen=True):
    """How many contacts each tab has. Some are only on All: `other`."""

    all: int = 0
    active: int = 0
    archived: int = 0

    @property
    def other(self) -> int:
        """How many are only on All: under a privacy request, or no longer in Xero."""
        return self.all - self.active - self.archived

    def of(self, tab: Tab) -> int:
        """Return the count of a tab."""
        return {Tab.ALL: self.all, Tab.ACTIVE: self.active, Tab.ARCHIVED: self.archived}[tab]


#: The version of `fold` and of the stored search texts: those of other rules, or of older Unicode tables, are
#: out of date.
FOLD_VERSION: Final = f"4 {unicodedata.unidata_version}"

# Characters that are typed for one another, or can't be typed at all.
_APOSTROPHES: Final = (
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u02f4\u0374\u0384\u055a\u055d\u05f3\u07f4\u07f5"
    "\u1fbd\u1fbf\u1fef\u1ffd\u1ffe\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u275b\u275c\u275f\ua78b\ua78c"
    "\uff07\uff40\U00016f51\U00016f52"
)
_QUOTATION_MARKS: Final = (
    "\u00ab\u00bb\u02ba\u02dd\u02ee\u02f6\u05f4\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u2760"
    "\u301d\u301e\u301f"
)
# Fillers, variation selectors and skin tones: invisible, or only changing how a neighbour looks.
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
# Controls, formats, surrogates and enclosing marks; dashes.
_BY_CATEGORY: Final = {"Cc": "", "Cf": "", "Cs": "", "Me": "", "Pd": "-"}
# Letters whose Unicode name doesn't describe them as another letter with something added, as that of `ø`
# does.
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
    """The folding of each character, for `str.translate`; computed on first use."""

    def __missing__(self, codepoint: int) -> str:
        before, folded = "", chr(codepoint)
        # The result may have to be folded itself.
        while folded != before:
            before, folded = folded, "".join(map(_fold_once, folded))
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[codepoint] = folded
        return folded


_FOLDED: Final = _Folded()


def fold(text: str) -> str:
    """Fold a text for searching and comparing, so that forms of letters and signs don't matter.

    Case, accents, strokes, ligatures and width of letters are dropped (`ø` becomes `o`, `æ` becomes `ae`),
    and so are all apostrophes, format and control characters. Every dash becomes `-`, every white space a
    space. Each character is folded independently of its neighbours.
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
        # An accent without a letter: on a space.
        return ""
    return "".join(_base(letter) for letter in letters if not unicodedata.combining(letter))


def _base(letter: str) -> str:
    """Return how a Latin letter is typed on a keyboard that doesn't have it."""
    if letter in _LETTERS:
        return _LETTERS[letter]
    match = None if letter.isascii() else _LATIN_NAME.fullmatch(unicodedata.name(letter, ""))
    return (
        letter
        if match is None
        else {"ETH": "d", "THORN": "th"}.get(match["letters"], match["letters"].lower())
    )


class IssueKind(StrEnum):
    """The kinds of issues with a typed text."""

    #: Incomplete, and nothing follows it yet: ignored until then.
    UNFINISHED = auto()
    #: No such qualifier, but one that is spelt similarly: finds nothing.
    MISSPELT = auto()
    #: No such qualifier: searched for as text.
    TREATED_AS_TEXT = auto()
    #: No such qualifier, and excluding it as text would find nearly everything: finds nothing.
    UNKNOWN_QUALIFIER = auto()
    #: An invalid value after the colon: finds nothing.
    INVALID_VALUE = auto()
    #: No such group: finds nothing.
    NO_SUCH_GROUP = auto()


class QueryIssue(Struct, frozen=True):
    """An issue with part of the text, from `start` up to, not including, `stop`.

    `qualifier` is the one that was meant, if known; `suggestion` is the complete term that was probably
    meant.
    """

    kind: IssueKind
    typed: str
    start: int
    stop: int
    qualifier: str = ""
    suggestion: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether the text doesn't do what it seems to."""
        return self.kind is not IssueKind.UNFINISHED


@dataclass(frozen=True, slots=True)
class Query:
    """A tab, folded words that contacts must contain and others that they mustn't, filters, and an order.

    Without any of these it finds everything; with a filter that doesn't exist, nothing. `issues` are about
    parts of the text that are invalid or incomplete; they don't affect the results.

    `long_text` is the whole folded text if it is long and has no valid filter, such as an error message that
    was pasted: if nothing matches, the contacts that it names are found.
    """

    tab: Tab = Tab.ALL
    words: tuple[str, ...] = ()
    excluded_words: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    issues: tuple[QueryIssue, ...] = field(default=(), compare=False)
    sort: Sort = BY_NAME
    long_text: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether it finds every contact of the tab."""
        return not (self.words or self.excluded_words or self.filters)

    @property
    def needs_activity(self) -> bool:
        """Whether it asks when contacts were last used."""
        return any(isinstance(item.condition, IdleCondition | NeverUsedCondition) for item in self.filters)

    @property
    def words_only(self) -> Query:
        """The part of it that only needs texts."""
        return Query(self.tab, self.words, self.excluded_words)

    def narrows(self, other: Query) -> bool:
        """Return whether all its results are among the other's (ignoring the tab)."""
        return (
            all(any(old in new for new in self.words) for old in other.words)
            # A text that doesn't contain a part of a word doesn't contain the word.
            and all(any(new in old for new in self.excluded_words) for old in other.excluded_words)
            and set(other.filters) <= set(self.filters)
        )


_MONTHS_A_YEAR: Final = 12
#: Earlier than any date in Xero; used for dates outside the calendar.
_EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)


class ContactKind(StrEnum):
    """Kinds of contacts. NOT_LINKED is as the user reported: Re-Leased's syncs leave the contact out.

    KEPT and PROTECTED are the user's marks; a contact is also protected by a group that is.
    """

    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    ACTIVE = "active"
    ARCHIVED = "archived"
    MERGED = "merged"
    NOT_LINKED = "unlinked"
    GDPR = "gdpr"
    DELETED = "gone"
    KEPT = "kept"
    PROTECTED = "protected"


class Operator(StrEnum):
    """A comparison operator."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "="


class BalanceSide(StrEnum):
    """Which balance: what they owe us (receivable), the overdue part of it, or what we owe them (payable)."""

    RECEIVABLE = "owes"
    PAYABLE = "owed"
    OVERDUE = "overdue"


class SyncFilter(StrEnum):
    """The status of a contact's last change, by the value typed in the search box."""

    PENDING = "pending"
    MISSED = "missed"
    EXPECTED = "expected"
    REPORTED = "reported"
    CHECKED = "checked"
    SYNCED = "synced"
    STALLED = "not-running"
    NOT_LINKED = "unlinked"
    FOREIGN_CURRENCY = "foreign-currency"
    SUPERSEDED = "not-needed"
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "checking"
    AWAITING_USER = "restore"
    REFUSED = "refused"
    NONE = "none"


_BY_SYNC_STATUS: Final = {
    SyncStatus.PENDING: SyncFilter.PENDING,
    SyncStatus.MISSED: SyncFilter.MISSED,
    SyncStatus.EXPECTED: SyncFilter.EXPECTED,
    SyncStatus.REPORTED: SyncFilter.REPORTED,
    SyncStatus.CHECKED: SyncFilter.CHECKED,
    SyncStatus.SYNCED: SyncFilter.SYNCED,
    SyncStatus.STALLED: SyncFilter.STALLED,
    SyncStatus.NOT_LINKED: SyncFilter.NOT_LINKED,
    SyncStatus.FOREIGN_CURRENCY: SyncFilter.FOREIGN_CURRENCY,
    SyncStatus.SUPERSEDED: SyncFilter.SUPERSEDED,
}
#: The statuses of unconfirmed changes. The two that are missing are ignored.
BY_STATE: Final = {
    State.QUEUED: SyncFilter.QUEUED,
    State.SENDING: SyncFilter.SENDING,
    State.UNKNOWN: SyncFilter.UNKNOWN,
    State.AWAITING_USER: SyncFilter.AWAITING_USER,
    State.REFUSED: SyncFilter.REFUSED,
}


def sync_filter_of(view: ChangeView | None) -> SyncFilter:
    """Return the status of a contact's last change; never more than its sync status claims."""
    if view is None:
        return SyncFilter.NONE
    if view.change.state is State.CONFIRMED:
        return _BY_SYNC_STATUS[view.sync.status] if view.sync is not None else SyncFilter.PENDING
    return BY_STATE.get(view.change.state, SyncFilter.NONE)


class KindCondition(Struct, frozen=True):
    """A contact of this kind."""

    kind: ContactKind


class BalanceCondition(Struct, frozen=True):
    """A balance in hundredths. An unknown balance never matches."""

    side: BalanceSide
    operator: Operator
    hundredths: int


class GroupCondition(Struct, frozen=True):
    """A contact in a group whose folded name equals this, or starts with it."""

    name: str
    is_exact: bool = False

    def matches(self, folded: str) -> bool:
        """Return whether a group with this folded name matches."""
        known = " ".join(folded.split())
        return known == self.name if self.is_exact else known.startswith(self.name)


class SyncCondition(Struct, frozen=True):
    """A contact whose last change has this status."""

    sync: SyncFilter


class NeverSyncedCondition(Struct, frozen=True):
    """A contact with a change that Xero confirmed, none of which is known to have reached Re-Leased.

    Known are those that are synced, checked by the user or reported synced. Changes that aren't confirmed, or
    were cancelled, don't matter.
    """


class OriginCondition(Struct, frozen=True):
    """A contact whose last change was requested in Reshelve, or made in Xero, by whomever."""

    origin: Origin


class CurrencyCondition(Struct, frozen=True):
    """A contact in this currency, such as NZD: its default currency, or else the organisation's.

    Unknown, and so no match, if it has none and the organisation's isn't known.
    """

    currency: str


class TimeSpan(Struct, frozen=True):
    """A time span before the time of the search: `unit` is one of h, d, w, m (months) and y."""

    count: int
    unit: str

    def before(self, now: datetime) -> datetime:
        """Return the time at that distance before `now`."""
        try:
            if self.unit == "m":
                return _months_before(now, self.count)
            if self.unit == "y":
                return _months_before(now, self.count * _MONTHS_A_YEAR)
            hours = {"h": 1, "d": 24, "w": 168}[self.unit] * self.count
            return max(now - timedelta(hours=hours), _EARLIEST)
        except (OverflowError, ValueError):
            return _EARLIEST


class DateRange(Struct, frozen=True):
    """Whole days: the first, and the one after the last."""

    start: date
    end: date


class DaysAgo(Struct, frozen=True):
    """A whole day, that many days before today."""

    count: int


class ChangedCondition(Struct, frozen=True):
    """A contact last changed in Xero (by its `UpdatedDateUTC`) then: `<7d` is less than 7 days ago."""

    operator: Operator
    when: TimeSpan | DateRange | DaysAgo

    def bounds(self, now: datetime, zone: tzinfo | None) -> tuple[datetime | None, datetime | None]:
        """Return the first time, and the time before which it must be; None means no limit.

        Days are in the given zone; None means this machine's.
        """
        when = self.when
        if isinstance(when, TimeSpan):
            moment = when.before(now)
            is_longer_ago = self.operator in {Operator.MORE, Operator.AT_LEAST}
            return (None, moment) if is_longer_ago else (moment, None)
        start, end = (_midnight(day, zone) for day in _days(when, now, zone))
        return {
            Operator.EQUAL: (start, end),
            Operator.LESS: (None, start),
            Operator.AT_MOST: (None, end),
            Operator.MORE: (end, None),
            Operator.AT_LEAST: (start, None),
        }[self.operator]


class IdleCondition(Struct, frozen=True):
    """A contact whose last transaction was so long ago: `>24m` is more than 24 months.

    Doesn't match contacts that were never used. Nothing matches while transactions haven't been read.
    """

    operator: Operator
    length: TimeSpan

    def bounds(self, now: datetime) -> tuple[int, int | None]:
        """Return the first day, and the one before which it must be, in days since 1970; None is no limit."""
        moment = day_number(self.length.before(now).date())
        return {
            Operator.MORE: (0, moment),
            Operator.AT_LEAST: (0, moment + 1),
            Operator.EQUAL: (0, moment + 1),
            Operator.LESS: (moment + 1, None),
            Operator.AT_MOST: (moment, None),
        }[self.operator]


class NeverUsedCondition(Struct, frozen=True):
    """A contact without a transaction; drafts, and voided and deleted ones, don't count.

    Nothing matches while transactions haven't been read.
    """


class NoMatchCondition(Struct, frozen=True):
    """Matches no contact: the filter doesn't exist."""


#: What can match a contact.
PossibleCondition = (
    KindCondition
    | BalanceCondition
    | GroupCondition
    | SyncCondition
    | NeverSyncedCondition
    | OriginCondition
    | CurrencyCondition
    | ChangedCondition
    | IdleCondition
    | NeverUsedCondition
)
Condition = PossibleCondition | NoMatchCondition


class Filter(Struct, frozen=True):
    """A condition that contacts must match or, if negated, must be known not to match.

    `NoMatchCondition` never matches, negated or not.
    """

    condition: Condition
    is_negated: bool = False


def _months_before(now: datetime, months: int) -> datetime:
    """Return the same day of an earlier month, or its last day if it is shorter."""
    whole = now.year * _MONTHS_A_YEAR + now.month - 1 - months
    first = now.replace(year=whole // _MONTHS_A_YEAR, month=whole % _MONTHS_A_YEAR + 1, day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return max(first.replace(day=min(now.day, last.day)), _EARLIEST)


def _days(when: DateRange | DaysAgo, now: datetime, zone: tzinfo | None) -> tuple[date, date]:
    if isinstance(when, DateRange):
        return when.start, when.end
    day = now.astimezone(zone).date() - timedelta(days=when.count)
    return day, day + timedelta(days=1)


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
