"""The qualifiers of a search: their names, their values, and what these mean.

All text here is folded (see `model.query.fold`), so that neither case nor the width of letters and digits
matters.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, field

from tui.model.change import Origin
from tui.model.query import (
    BalanceCondition,
    BalanceSide,
    ChangedCondition,
    ContactKind,
    CurrencyCondition,
    DateRange,
    DaysAgo,
    Filter,
    GroupCondition,
    IdleCondition,
    IssueKind,
    KindCondition,
    NeverSyncedCondition,
    NeverUsedCondition,
    NoMatchCondition,
    Operator,
    OriginCondition,
    Query,
    QueryIssue,
    SyncCondition,
    SyncFilter,
    TimeSpan,
    fold,
    tokenize,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.query import Condition, Tab, Term


_NOTHING: Final = Filter(NoMatchCondition())
# So many words can be a message in which contacts are named.
_LONG_TEXT_WORDS: Final = 5


def read_query(tab: Tab, text: str, groups: Sequence[str], *, is_complete: bool) -> Query:
    """Parse any text; `groups` and `is_complete` as for `parse_query`."""
    parser = _QueryParser(groups, is_complete)
    for term in tokenize(text):
        parser.add(term)
    return Query(
        tab,
        tuple(dict.fromkeys(parser.words)),
        tuple(dict.fromkeys(parser.excluded_words)),
        tuple(dict.fromkeys(parser.filters)),
        tuple(parser.issues),
        long_text=_long_text(text, parser.filters),
    )


def _long_text(text: str, filters: Sequence[Filter]) -> str:
    pieces = fold(text).split()
    is_long = len(pieces) >= _LONG_TEXT_WORDS
    # A message may have a colon where a qualifier has one.
    return " ".join(pieces) if is_long and all(wanted == _NOTHING for wanted in filters) else ""


class _QueryParser(Struct):
    """The parts of a text that have been parsed."""

    groups: Sequence[str]
    is_complete: bool
    words: list[str] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    issues: list[QueryIssue] = field(default_factory=list)

    def add(self, term: Term) -> None:
        """Parse one more term."""
        qualifier = QUALIFIERS.get(term.name.lower())
        if qualifier is not None:
            self._add_qualifier(term, qualifier)
        elif term.name:
            self._add_unknown_qualifier(term)
        elif not self._is_unfinished(term):
            self._add_words(term, term.value)

    def _add_qualifier(self, term: Term, qualifier: Qualifier) -> None:
        value = Value(" ".join(fold(term.value).split()), is_quoted=term.is_quoted and term.is_ended)
        condition: Condition | None = qualifier.parse(value)
        if condition is not None:
            self.filters.append(Filter(condition, term.is_negated))
            if isinstance(condition, GroupCondition) and self.groups:
                self._check_group(term, condition)
        elif not self._is_ended(term) and qualifier.is_incomplete(value.text):
            self._add_issue(IssueKind.UNFINISHED, term, qualifier.name)
        else:
            self.filters.append(_NOTHING)
            self._add_issue(IssueKind.INVALID_VALUE, term, qualifier.name, _suggestion(qualifier, value.text))

    def _check_group(self, term: Term, condition: GroupCondition) -> None:
        names = {fold(name): name for name in self.groups}
        if not any(map(condition.matches, names)):
            suggestion = names.get(closest_match(condition.name, names), "")
            # A name that contains quotation marks can't be put between them.
            is_quotable = suggestion and '"' not in suggestion
            self._add_issue(
                IssueKind.NO_SUCH_GROUP, term, "group", f'group:"{suggestion}"' if is_quotable else ""
            )

    def _add_unknown_qualifier(self, term: Term) -> None:
        suggestion = closest_match(term.name.lower(), QUALIFIERS)
        if suggestion:
            self.filters.append(_NOTHING)
            self._add_issue(IssueKind.MISSPELT, term, suggestion, f"{suggestion}:{term.value}")
        elif term.is_negated:
            self.filters.append(_NOTHING)
            self._add_issue(IssueKind.UNKNOWN_QUALIFIER, term)
        else:
            self._add_issue(IssueKind.TREATED_AS_TEXT, term)
            self._add_words(term, term.typed)

    def _is_unfinished(self, term: Term) -> bool:
        """Return whether only a minus sign was typed, perhaps with the first letters of a qualifier.

        Treated as a word, it would exclude nearly everything from one key press to the next.
        """
        if self._is_ended(term) or term.is_quoted:
            return False
        if term.is_negated and any(name.startswith(term.value.lower()) for name in QUALIFIERS):
            self._add_issue(IssueKind.UNFINISHED, term)
            return True
        return term.typed == "-"

    def _add_words(self, term: Term, text: str) -> None:
        pieces = fold(text).split()
        if not term.is_quoted and not term.is_negated:
            self.words += pieces
        elif pieces:
            (self.excluded_words if term.is_negated else self.words).append(" ".join(pieces))

    def _is_ended(self, term: Term) -> bool:
        return term.is_ended or self.is_complete

    def _add_issue(self, kind: IssueKind, term: Term, qualifier: str = "", suggestion: str = "") -> None:
        self.issues.append(QueryIssue(kind, term.typed, term.start, term.stop, qualifier, suggestion))


def _suggestion(qualifier: Qualifier, value: str) -> str:
    """Return the complete term that was probably meant by an invalid value; empty if nothing is similar.

    `is:missed` means `sync:missed`: the value may exist for another qualifier.
    """
    if not value or not qualifier.is_listed:
        return ""
    others = (
        candidate for candidate in QUALIFIERS.values() if candidate.is_listed and value in candidate.values
    )
    if (other := next(others, None)) is not None:
        return f"{other.name}:{value}"
    found = closest_match(value, qualifier.values)
    return f"{qualifier.name}:{found}" if found else ""


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum

    from tui.model.query import Condition

    Word = TypeVar("Word", bound=StrEnum)

# Other spellings that are understood but never suggested.
_ALIASES: Final = {
    # The statuses as shown on the screen, in quotation marks.
    "pending sync": "pending",
    "missed last sync": "missed",
    "should be synced": "expected",
    "reported synced": "reported",
    "checked by you": "checked",
    "sync not running": "not-running",
    "not linked": "unlinked",
    "foreign currency": "foreign-currency",
    "no sync needed": "not-needed",
    "restore in xero": "restore",
    "refused by xero": "refused",
    "never synced": "never",
    # Former names.
    "overdue": "missed",
    "told": "reported",
    "seen": "checked",
    "read": "synced",
    "stalled": "not-running",
    "superseded": "not-needed",
    "excluded": "unlinked",
    "hand-off": "restore",
    "handoff": "restore",
    "customers": "customer",
    "suppliers": "supplier",
    # Whoever uses this database.
    "me": "reshelve",
}
# A value of `sync:` that isn't a status.
_NEVER: Final = "never"
_DAYS: Final = {"today": 0, "yesterday": 1}
_COMPARED: Final = re.compile(r"(?P<sign>[<>]=?|=)?\s*(?P<rest>.*)", re.DOTALL)
_CURRENCY: Final = re.compile(r"[a-z]{3}")
_PARTIAL_CURRENCY: Final = re.compile(r"[a-z]{0,2}")
_SPAN: Final = re.compile(r"(?P<count>[0-9]+)\s*(?P<unit>[hdwmy])")
_IDLE: Final = re.compile(r"(?P<count>[0-9]+)\s*(?P<unit>[dwmy])")
_PARTIAL_IDLE: Final = re.compile(r"[0-9]*\s*")
_USED: Final = "used"
_DATE: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?")
_PARTIAL_DATE: Final = re.compile(r"[0-9]{0,8}|[0-9]{4}-(?:[0-9]?|[0-9]{2}-[0-9]?)")
# Thousands separators first: 1,000 is a thousand, and 1,00 is one. Three digits are never cents.
_AMOUNT: Final = re.compile(
    r"""
    (?P<minus> - )? [$€£]? \s*
    (?P<whole> [1-9][0-9]{0,2} (?: [.,'\s] [0-9]{2,3} ){0,3} [.,'\s] [0-9]{3} | [0-9]{1,15} )
    (?: [.,] (?P<cents> [0-9]{0,2} ) )?
    """,
    re.VERBOSE,
)
_PARTIAL_AMOUNT: Final = re.compile(r"-?[$€£]?")
_YEARS: Final = range(1900, 9999)


class Value(Struct, frozen=True):
    """The text after a qualifier's colon. `is_quoted` means that it was in quotation marks."""

    text: str
    is_quoted: bool = False


class Qualifier(Struct, frozen=True):
    """One qualifier. `values` are all possible values if `is_listed`, otherwise examples.

    `parse` returns None for invalid values; `is_incomplete` returns whether more letters could help.
    """

    name: str
    values: tuple[str, ...]
    parse: Callable[[Value], Condition | None]
    is_incomplete: Callable[[str], bool]
    is_listed: bool = False


def closest_match(typed: str, values: Iterable[str]) -> str:
    """Return the known word that was probably meant; empty if none is similar."""
    from difflib import get_close_matches

    candidates = list(values)
    with_prefix = [word for word in candidates if typed and word.startswith(typed)]
    return next(iter(with_prefix or get_close_matches(typed, candidates, n=1)), "")


def parse_amount(text: str) -> int | None:
    """Parse an amount of money to hundredths, with any separators of thousands and decimals."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    whole = int(re.sub(r"[^0-9]", "", match["whole"]))
    hundredths = whole * 100 + int((match["cents"] or "").ljust(2, "0"))
    return -hundredths if match["minus"] else hundredths


def _read_is(value: Value) -> Condition | None:
    kind = _word(ContactKind, value.text)
    return None if kind is None else KindCondition(kind)


def _read_sync(value: Value) -> Condition | None:
    if _ALIASES.get(value.text, value.text) == _NEVER:
        return NeverSyncedCondition()
    sync = _word(SyncFilter, value.text)
    return None if sync is None else SyncCondition(sync)


def _read_by(value: Value) -> Condition | None:
    origin = _word(Origin, value.text)
    return None if origin is None else OriginCondition(origin)


def _read_currency(value: Value) -> Condition | None:
    return CurrencyCondition(value.text.upper()) if _CURRENCY.fullmatch(value.text) else None


def _read_owes(value: Value) -> Condition | None:
    return _read_owing(BalanceSide.RECEIVABLE, value)


def _read_owed(value: Value) -> Condition | None:
    return _read_owing(BalanceSide.PAYABLE, value)


def _read_overdue(value: Value) -> Condition | None:
    return _read_owing(BalanceSide.OVERDUE, value)


def _read_owing(side: BalanceSide, value: Value) -> Condition | None:
    comparison, rest = _split_operator(value.text)
    hundredths = parse_amount(rest)
    return None if hundredths is None else BalanceCondition(side, comparison, hundredths)


def _read_group(value: Value) -> Condition | None:
    return GroupCondition(value.text, value.is_quoted) if value.text else None


def _read_changed(value: Value) -> Condition | None:
    comparison, rest = _split_operator(value.text)
    if rest in _DAYS:
        return ChangedCondition(comparison, DaysAgo(_DAYS[rest]))
    if span := _SPAN.fullmatch(rest):
        return ChangedCondition(comparison, TimeSpan(int(span["count"][:9]), span["unit"]))
    period = _period(rest)
    return None if period is None else ChangedCondition(comparison, period)


def _read_idle(value: Value) -> Condition | None:
    comparison, rest = _split_operator(value.text)
    span = _IDLE.fullmatch(rest)
    return None if span is None else IdleCondition(comparison, TimeSpan(int(span["count"][:9]), span["unit"]))


def _read_never(value: Value) -> Condition | None:
    return NeverUsedCondition() if value.text == _USED else None


def _period(text: str) -> DateRange | None:
    match = _DATE.fullmatch(text)
    if match is None or int(match["year"]) not in _YEARS:
        return None
    year, month = int(match["year"]), int(match["month"])
    try:
        if match["day"]:
            day = date(year, month, int(match["day"]))
            return DateRange(day, day + timedelta(days=1))
        first = date(year, month, 1)
        return DateRange(first, (first + timedelta(days=31)).replace(day=1))
    except ValueError:
        return None


def _split_operator(text: str) -> tuple[Operator, str]:
    """Return the operator and the value; equality if there is no operator."""
    match = _COMPARED.fullmatch(text)
    sign, rest = ("", text) if match is None else (match["sign"], match["rest"])
    return Operator(sign or "="), rest


def _word(enum: type[Word], text: str) -> Word | None:
    try:
        return enum(_ALIASES.get(text, text))
    except ValueError:
        return None


def _is_half_amount(text: str) -> bool:
    return _PARTIAL_AMOUNT.fullmatch(_split_operator(text)[1]) is not None


def _is_half_time(text: str) -> bool:
    rest = _split_operator(text)[1]
    return _PARTIAL_DATE.fullmatch(rest) is not None or any(day.startswith(rest) for day in _DAYS)


def _listed(name: str, words: Iterable[str], read: Callable[[Value], Condition | None]) -> Qualifier:
    listed = tuple(words)
    known = (*listed, *(spelling for spelling, meant in _ALIASES.items() if meant in listed))

    def is_half(text: str) -> bool:
        return any(word.startswith(text) for word in known)

    return Qualifier(name, listed, read, is_half, is_listed=True)


_AMOUNTS: Final = (">0", ">=1,500.50", "<500", "0")
_GROUPS: Final = ("tenants", '"East Side"')
_CURRENCIES: Final = ("nzd", "aud", "gbp")
_TIMES: Final = ("<12h", "<7d", ">2m", "today", "2026-03-01")
_ALL: Final = (
    _listed("is", ContactKind, _read_is),
    Qualifier("owes", _AMOUNTS, _read_owes, _is_half_amount),
    Qualifier("owed", _AMOUNTS, _read_owed, _is_half_amount),
    Qualifier("overdue", _AMOUNTS, _read_overdue, _is_half_amount),
    Qualifier("group", _GROUPS, _read_group, lambda text: not text),
    Qualifier(
        "currency", _CURRENCIES, _read_currency, lambda text: _PARTIAL_CURRENCY.fullmatch(text) is not None
    ),
    _listed("sync", (*SyncFilter, _NEVER), _read_sync),
    _listed("by", Origin, _read_by),
    Qualifier("changed", _TIMES, _read_changed, _is_half_time),
    Qualifier(
        "idle",
        (">24m", ">2y", "<6m"),
        _read_idle,
        lambda text: _PARTIAL_IDLE.fullmatch(_split_operator(text)[1]) is not None,
    ),
    _listed("never", (_USED,), _read_never),
)
#: All qualifiers by name, in the order in which they are explained.
QUALIFIERS: Final[Mapping[str, Qualifier]] = {qualifier.name: qualifier for qualifier in _ALL}
