"""Parses the text of the search box: words, phrases, qualifiers, and issues with them.

| Typed                    | Finds contacts                                                            |
|--------------------------|---------------------------------------------------------------------------|
| `bay club`               | that contain both words                                                   |
| `"bay club"`             | that contain the phrase                                                   |
| `is:customer owes:>500`  | that match both; `tui.model.qualifiers` has all qualifiers                |
| `-bay` `-is:supplier`    | that don't contain the word; that are known not to match                  |

A qualifier that doesn't exist, or has an invalid value, finds nothing and raises an issue: ignoring it would
find contacts that weren't asked for, and an action on all results would affect them. A term at the end of the
text that is only incomplete, so that the next key may complete it, is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tui.model.filters import Filter, GroupCondition, NoMatchCondition
from tui.model.qualifiers import QUALIFIERS, Value, closest_match
from tui.model.query import IssueKind, Query, QueryIssue, fold, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.filters import Condition
    from tui.model.qualifiers import Qualifier
    from tui.model.query import Tab, Term


_NOTHING: Final = Filter(NoMatchCondition())


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
    )


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
