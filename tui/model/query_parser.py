"""Reading what stands in the search box: words, phrases, qualifiers, and what is wrong with them.

| Typed                    | It finds contacts                                                         |
|--------------------------|---------------------------------------------------------------------------|
| `bay club`               | in which both words are found                                             |
| `"bay club"`             | in which the phrase is found                                              |
| `is:customer owes:>500`  | that meet both; `model.qualifiers` has them all                           |
| `-bay` `-is:supplier`    | in which the word isn't found; that are known not to be that              |

A qualifier that doesn't exist, or whose value makes no sense, finds nothing and is remarked upon: ignored,
it would find contacts that were not asked for, and an action on all that is found would reach them. What
can't be understood *yet*, at the end of the text, where the next key may complete it, makes no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tui.model.filters import Filter, InGroup, Nothing
from tui.model.qualifiers import QUALIFIERS, Value, nearest
from tui.model.query import IssueKind, Query, QueryIssue, fold
from tui.model.tokenizer import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.filters import Condition
    from tui.model.qualifiers import Qualifier
    from tui.model.query import Tab
    from tui.model.tokenizer import Term


_NOTHING: Final = Filter(Nothing())


def read(tab: Tab, text: str, groups: Sequence[str], *, is_complete: bool) -> Query:
    """Read any text; `groups` and `is_complete` as for `Query.parse`."""
    reading = _Reading(groups, is_complete)
    for term in split(text):
        reading.take(term)
    return Query(
        tab,
        tuple(dict.fromkeys(reading.words)),
        tuple(dict.fromkeys(reading.excluded_words)),
        tuple(dict.fromkeys(reading.filters)),
        tuple(reading.issues),
    )


class _Reading(Struct):
    """A text as far as it has been read."""

    groups: Sequence[str]
    is_complete: bool
    words: list[str] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    issues: list[QueryIssue] = field(default_factory=list)

    def take(self, term: Term) -> None:
        """Read one more term."""
        qualifier = QUALIFIERS.get(term.name.lower())
        if qualifier is not None:
            self._qualify(term, qualifier)
        elif term.name:
            self._misnamed(term)
        elif not self._is_begun(term):
            self._word(term, term.value)

    def _qualify(self, term: Term, qualifier: Qualifier) -> None:
        value = Value(" ".join(fold(term.value).split()), is_whole=term.is_quoted and term.is_ended)
        condition: Condition | None = qualifier.read(value)
        if condition is not None:
            self.filters.append(Filter(condition, term.is_negated))
            if isinstance(condition, InGroup) and self.groups:
                self._look_for_group(term, condition)
        elif not self._is_ended(term) and qualifier.is_half(value.text):
            self._note(IssueKind.UNFINISHED, term, qualifier.name)
        else:
            self.filters.append(_NOTHING)
            self._note(IssueKind.IMPOSSIBLE, term, qualifier.name, _meant(qualifier, value.text))

    def _look_for_group(self, term: Term, condition: InGroup) -> None:
        names = {fold(name): name for name in self.groups}
        if not any(map(condition.holds, names)):
            meant = names.get(nearest(condition.name, names), "")
            # A name with such marks in it can't be put between them.
            is_speakable = meant and '"' not in meant
            self._note(IssueKind.NO_SUCH_GROUP, term, "group", f'group:"{meant}"' if is_speakable else "")

    def _misnamed(self, term: Term) -> None:
        meant = nearest(term.name.lower(), QUALIFIERS)
        if meant:
            self.filters.append(_NOTHING)
            self._note(IssueKind.MISSPELT, term, meant, f"{meant}:{term.value}")
        elif term.is_negated:
            self.filters.append(_NOTHING)
            self._note(IssueKind.UNKNOWN, term)
        else:
            self._note(IssueKind.JUST_TEXT, term)
            self._word(term, term.typed)

    def _is_begun(self, term: Term) -> bool:
        """Say whether a minus sign has been typed, and of a qualifier perhaps its first letters.

        Taken for a word, it would leave out nearly everything from one key to the next.
        """
        if self._is_ended(term) or term.is_quoted:
            return False
        if term.is_negated and any(name.startswith(term.value.lower()) for name in QUALIFIERS):
            self._note(IssueKind.UNFINISHED, term)
            return True
        return term.typed == "-"

    def _word(self, term: Term, text: str) -> None:
        pieces = fold(text).split()
        if not term.is_quoted and not term.is_negated:
            self.words += pieces
        elif pieces:
            (self.excluded_words if term.is_negated else self.words).append(" ".join(pieces))

    def _is_ended(self, term: Term) -> bool:
        return term.is_ended or self.is_complete

    def _note(self, remark: IssueKind, term: Term, qualifier: str = "", meant: str = "") -> None:
        self.issues.append(QueryIssue(remark, term.typed, term.start, term.stop, qualifier, meant))


def _meant(qualifier: Qualifier, value: str) -> str:
    """Return what was probably meant by an impossible value, complete; empty where nothing looks like it.

    `is:overdue` means `sync:overdue`: the value may exist under another name.
    """
    if not value or not qualifier.is_listed:
        return ""
    others = (each for each in QUALIFIERS.values() if each.is_listed and value in each.possible)
    if (other := next(others, None)) is not None:
        return f"{other.name}:{value}"
    found = nearest(value, qualifier.possible)
    return f"{qualifier.name}:{found}" if found else ""
