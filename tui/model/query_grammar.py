"""Reading what stands in the search box: words, phrases, qualifiers, and what is wrong with them.

| Typed                    | It finds contacts                                                         |
|--------------------------|---------------------------------------------------------------------------|
| `bay club`               | in which both words are found                                             |
| `"bay club"`             | in which the phrase is found                                              |
| `is:customer owes:>500`  | that meet both; `tui.model.qualifiers` has them all                       |
| `-bay` `-is:supplier`    | in which the word isn't found; that are known not to be that              |

A qualifier that doesn't exist, or whose value makes no sense, finds nothing and is remarked upon: ignored,
it would find contacts that were not asked for, and an action on all that is found would reach them. What
can't be understood *yet*, at the end of the text, where the next key may complete it, makes no difference.
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
    """Read any text; `groups` and `is_complete` as for `parse_query`."""
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
    """A text as far as it has been read."""

    groups: Sequence[str]
    is_complete: bool
    words: list[str] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    issues: list[QueryIssue] = field(default_factory=list)

    def add(self, term: Term) -> None:
        """Read one more term."""
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
            # A name with such marks in it can't be put between them.
            is_speakable = suggestion and '"' not in suggestion
            self._add_issue(
                IssueKind.NO_SUCH_GROUP, term, "group", f'group:"{suggestion}"' if is_speakable else ""
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
        """Say whether a minus sign has been typed, and of a qualifier perhaps its first letters.

        Taken for a word, it would leave out nearly everything from one key to the next.
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
    """Return what was probably meant by an impossible value, complete; empty where nothing looks like it.

    `is:overdue` means `sync:overdue`: the value may exist under another name.
    """
    if not value or not qualifier.is_listed:
        return ""
    others = (each for each in QUALIFIERS.values() if each.is_listed and value in each.values)
    if (other := next(others, None)) is not None:
        return f"{other.name}:{value}"
    found = closest_match(value, qualifier.values)
    return f"{qualifier.name}:{found}" if found else ""
