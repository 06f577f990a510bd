"""The search box: searches while you type, with hints, completion, and examples for the help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from textual import on
from textual.actions import SkipAction
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestionReady
from textual.widgets import Input

from tui.compat.textual import LineInput
from tui.messages.formats import format_number
from tui.model.query import IssueKind, fold
from tui.widgets.labels import StaticLine
from tui.widgets.text import cells, fit, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.qualifiers import Qualifier
    from tui.model.query import QueryIssue


#: For the help: what to type, and what it finds.
EXAMPLES: Final = (
    ("bay club", "Both words, anywhere in a contact; accents and case don't matter"),
    ('"bay club"', "The two words together"),
    ("-club", "Without this word; a minus works before filters too"),
    ("is:supplier", "Suppliers; also customer, active, archived, merged, unlinked, gdpr, gone (from Xero)"),
    ("owes:>500", "They owe you more than 500.00, as last loaded; also < <= = >="),
    ("owed:>0", "You owe them something; unknown balances never match"),
    ("overdue:>0", "What they owe you is overdue, or part of it"),
    ("group:tenants", "In a group whose name starts like this"),
    ('group:"Owners"', "In the group with exactly this name"),
    (
        "sync:pending",
        "Last change is pending sync; also missed, expected (should be synced), reported, checked, synced",
    ),
    ("sync:refused", "Last change was refused by Xero; also queued, sending, checking, restore, none"),
    (
        "sync:never",
        "Archived or restored in Xero, and no such change is known to be synced, checked or reported",
    ),
    ("by:reshelve", "Last change was requested in Reshelve; by:xero if it was made in Xero"),
    ("currency:nzd", "In this currency: the contact's own, or else the organisation's"),
    ("changed:<7d", "Changed in Xero less than 7 days ago; also h, w, m (months), y"),
    ("changed:2026-03", "Changed in that month; also a day (2026-03-01), today, yesterday"),
    ("idle:>24m", "Last transaction more than 24 months ago; also d, w, y, and < (unknown without access)"),
    ("never:used", "No transaction at all: no invoice, bill, credit note, payment or bank transaction"),
    ("a pasted message", "If nothing matches a text of 5 words or more: the contacts named in it"),
    ("↑", "In an empty box: the searches you used last, one by one"),
)
# Qualifiers whose values aren't listed.
_DESCRIPTIONS: Final = {
    "owes": "what they owe you",
    "owed": "what you owe them",
    "overdue": "what they owe you and is overdue",
    "group": "a group's name",
    "currency": "the contact's currency",
    "changed": "last changed in Xero",
    "idle": "how long ago the last transaction was",
}
_MOST_TYPED: Final = 30
# Characters; longer than any message.
_MOST_PASTED: Final = 5_000
_MORE: Final = "…"


class QueryHintText(Struct, frozen=True):
    """One line about the typed query; `is_problem` distinguishes errors from suggestions."""

    text: str = ""
    is_problem: bool = False


def hint_text(issues: Sequence[QueryIssue], width: int, groups: Sequence[str] = ()) -> QueryHintText:
    """Return the first problem, or else what can be typed next, in at most `width` cells.

    `groups` are the contact groups that may be suggested.
    """
    issue = _main_issue(issues)
    if issue is None:
        return QueryHintText()
    problems = [problem for problem in issues if problem.is_problem]
    more = f" ({format_number(len(problems) - 1)} more)" if len(problems) > 1 else ""
    longest_first = (line + more for line in _issue_messages(issue, groups))
    line = next((line for line in longest_first if cells(line) <= width), None)
    if line is None:
        *_, line = _issue_messages(issue, groups)
    return QueryHintText(fit(line, width).rstrip(), is_problem=issue.is_problem)


def complete(text: str, groups: Sequence[str] = ()) -> str:
    """Return the text with the qualifier at its end completed, or unchanged if there is no completion.

    `groups` are the names of contact groups, in the order of preference.
    """
    if ":" not in text and "-" not in text:
        return text
    from tui.model.qualifiers import QUALIFIERS
    from tui.model.query import tokenize

    last = next(reversed(list(tokenize(text))), None)
    if last is None or last.is_ended:
        return text
    name, begun = last.name.lower(), last.typed.partition(":")[2] if last.name else last.without_sign
    offered: Sequence[str] = ()
    if name == "group":
        offered = _group_completions(groups, begun)
    elif name in QUALIFIERS and QUALIFIERS[name].is_listed:
        offered = QUALIFIERS[name].values
    elif last.is_negated and not name:
        offered = [f"{qualifier}:" for qualifier in QUALIFIERS]
    found = next((value for value in offered if fold(value[: len(begun)]) == fold(begun)), "")
    return text + found[len(begun) :]


def _group_completions(groups: Sequence[str], begun: str) -> list[str]:
    """Return completions of the typed group name: without quotation marks, up to its first space.

    Names that contain quotation marks can't be quoted, so they are left out.
    """
    names = [group for group in groups if '"' not in group]
    if begun.startswith('"'):
        return [f'"{name}"' for name in names]
    if begun:
        return [name.partition(" ")[0] for name in names]
    return [f'"{name}"' if " " in name else name for name in names]


def correct(text: str, issues: Sequence[QueryIssue]) -> str:
    """Return the text with the displayed issue corrected, or unchanged if there is no suggestion."""
    issue = _main_issue(issues)
    if issue is None or not issue.suggestion:
        return text
    sign = "-" if issue.typed.startswith("-") else ""
    return text[: issue.start] + sign + issue.suggestion + text[issue.stop :]


def _main_issue(issues: Sequence[QueryIssue]) -> QueryIssue | None:
    """Return the issue to show: the first problem, or else the first suggestion."""
    return next((issue for issue in issues if issue.is_problem), next(iter(issues), None))


def _issue_messages(issue: QueryIssue, groups: Sequence[str]) -> Iterator[str]:
    """Yield phrasings of an issue, each shorter than the one before."""
    from tui.model.qualifiers import QUALIFIERS

    typed = f"“{fit(issue.typed, min(_MOST_TYPED, max(1, cells(issue.typed))))}”"
    names = [f"{name}:" for name in QUALIFIERS]
    match issue.kind:
        case IssueKind.MISSPELT | IssueKind.INVALID_VALUE if issue.suggestion:
            yield f"{typed} isn't a filter, so no contacts match. Press tab for {safe(issue.suggestion)}"
            yield f"{typed} isn't a filter. Press tab for {safe(issue.suggestion)}"
            yield f"{typed} isn't a filter."
        case IssueKind.INVALID_VALUE:
            possible = QUALIFIERS[issue.qualifier].values
            yield from _with_list(f"{typed} isn't a filter, so no contacts match. Possible:", possible)
            yield from _with_list(f"{typed} isn't a filter. Possible:", possible)
            yield f"{typed} isn't a filter."
        case IssueKind.MISSPELT | IssueKind.UNKNOWN_QUALIFIER:
            yield from _with_list(f"{typed} isn't a filter, so no contacts match. Filters:", names)
            yield f"{typed} isn't a filter."
        case IssueKind.TREATED_AS_TEXT:
            yield from _with_list(f"{typed} is searched as text. Filters:", names)
            yield f"{typed} is searched as text."
        case IssueKind.NO_SUCH_GROUP:
            if issue.suggestion:
                yield f"No group matches {typed}. Press tab for {safe(issue.suggestion)}"
            yield from _with_list(f"No group matches {typed}. Groups:", [safe(each) for each in groups])
            yield f"No group matches {typed}."
        case IssueKind.UNFINISHED if issue.qualifier:
            known = (
                [safe(each) for each in _group_completions(groups, "")] if issue.qualifier == "group" else []
            )
            yield from _value_hints(issue, QUALIFIERS[issue.qualifier], known)
        case IssueKind.UNFINISHED:
            word = issue.typed.lstrip("-")
            begun = [name for name in names if name.startswith(fold(word))]
            yield f"Filters: {' '.join(begun)}  Type a space to exclude “{safe(word)}”."
            yield f"Filters: {' '.join(begun)}"


def _value_hints(issue: QueryIssue, qualifier: Qualifier, known: Sequence[str]) -> Iterator[str]:
    """Yield what can follow; `known` is the full list of values if it depends on the organisation."""
    name, _, value = issue.typed.partition(":")
    possible = known or qualifier.values
    begun = [option for option in possible if option.startswith(fold(value))] or possible
    if qualifier.is_listed or known:
        first, *others = begun
        tab = f"Press tab for {name.lower()}:{first}"
        yield from _with_list(f"{tab}  or", others) if others else ()
        yield tab
    else:
        description = f"{qualifier.name}: {_DESCRIPTIONS[qualifier.name]}"
        yield from _with_list(f"{description}, such as", begun)
        yield description


def _with_list(lead: str, items: Sequence[str]) -> Iterator[str]:
    """Yield the lead with all items, then with fewer and fewer."""
    yield f"{lead} {'  '.join(items)}"
    for count in range(len(items) - 1, 0, -1):
        yield f"{lead} {'  '.join(items[:count])}  {_MORE}"


class QueryHint(StaticLine):
    """An overlay below the search box, so that showing it never moves a row.

    The screen places it on its own layer.
    """

    DEFAULT_CSS = """
    QueryHint {
        display: none; height: 1; padding: 0 1; background: $surface; color: $text-muted;
        &.-shown { display: block; }
        &.-problem { background: $warning-muted; color: $text-warning; text-style: bold; }
        &:ansi { background: transparent; }
    }
    """

    _issues: Sequence[QueryIssue] = ()
    _groups: Sequence[str] = ()
    _notes: Sequence[str] = ()

    def update_from(
        self, issues: Sequence[QueryIssue], groups: Sequence[str], notes: Sequence[str] = ()
    ) -> None:
        """Show the issues of the typed query, or else a note about what it finds.

        `groups` are the known group names; `notes` are phrasings of the note, each shorter than the one
        before.
        """
        if (issues, groups, notes) == (self._issues, self._groups, self._notes):
            return
        self._issues, self._groups, self._notes = issues, groups, notes
        # Only showing or hiding the hint causes a layout, not typing.
        self.set_class(bool(issues or notes), "-shown")
        self.rewrite()

    def rewrite(self) -> None:
        """Format the hint for the available room."""
        width = self.content_size.width
        if not width:
            return
        if self._issues:
            hint = hint_text(self._issues, width, self._groups)
        elif self._notes:
            hint = QueryHintText(
                next((note for note in self._notes if cells(note) <= width), self._notes[-1])
            )
        else:
            return
        self.set_class(hint.is_problem, "-problem")
        self.show(Content(fit(hint.text, width).rstrip()))


class _SearchInput(LineInput):
    """The input itself; Down and Enter move to the list, Up recalls the last searches."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "use", "Go to list", show=False),
        Binding("up", "older", "Last searches", show=False),
        Binding("down", "newer", "Go to list", show=False),
        Binding("escape", "clear", "Clear", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]

    #: The text that Tab inserts; empty or unchanged if there is no suggestion.
    suggestion = ""
    #: Selector of the list that Down and Enter focus.
    list_selector = ""
    #: Returns the last searches, newest first.
    recent: Callable[[], Sequence[str]] = staticmethod(lambda: ())
    # The searches that Up goes through, and the place of the one that is shown.
    _recalled: Sequence[str] = ()
    _place = -1

    async def on_key(self, event: events.Key) -> None:
        """Ignore a repeated `/` while the box is empty."""
        if event.character == "/" and not self.value:
            event.stop()
            event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        """Insert all lines of a pasted text as one; Textual's input takes the first."""
        event.prevent_default()
        event.stop()
        # Tabs are between the cells of a spreadsheet.
        text = " ".join(event.text[:_MOST_PASTED].replace("\t", " ").splitlines())
        self.replace(text, *self.selection)

    def action_use(self) -> None:
        """Focus the list and keep the text."""
        self.post_message(SearchBox.Used())
        self._leave()

    def action_older(self) -> None:
        """In an empty box, recall the last search; then the one before."""
        if not self.value:
            self._recalled, self._place = self.recent(), -1
        elif not self._is_recalled:
            raise SkipAction
        if self._place + 1 < len(self._recalled):
            self._recall(self._place + 1)

    def action_newer(self) -> None:
        """Recall the next newer search; if there is none, focus the list and keep the text."""
        if self._is_recalled and self._place > 0:
            self._recall(self._place - 1)
        else:
            self._leave()

    @property
    def _is_recalled(self) -> bool:
        """Whether the text is a recalled search, unchanged."""
        return 0 <= self._place < len(self._recalled) and self.value == self._recalled[self._place]

    def _recall(self, place: int) -> None:
        self._place = place
        self.value = self._recalled[place]
        self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Accept the suggestion; if there is none, leave the key to other bindings."""
        if self.suggestion in {"", self.value}:
            raise SkipAction
        self.value = self.suggestion
        self.cursor_position = len(self.value)

    def action_clear(self) -> None:
        """Clear the text; if it is empty, focus the list."""
        if self.value:
            self.value = ""
        else:
            self._leave()

    def _leave(self) -> None:
        # At once, since keys typed ahead are meant for the list.
        self.screen.set_focus(self.screen.query_one(self.list_selector))


class SearchBox(Horizontal):
    """A prompt, the input, and the number of matching contacts.

    Enter and Esc focus the list that `list_selector` selects. `recent` returns the last searches, newest
    first.
    """

    DEFAULT_CSS = """
    SearchBox {
        height: 1; width: 1fr; background: $surface; padding: 0 1;
        &:focus-within { background: $surface-lighten-1; }
        #prompt { width: 2; color: $text-muted; }
        #tally { width: 0; color: $text-muted; }
        Input { width: 1fr; background: transparent; background-tint: transparent; }
    }
    """

    @dataclass
    class QueryChanged(Message):
        """The text has changed."""

        text: str

        def can_replace(self, message: Message) -> bool:
            """Replace older changes: only the latest text matters."""
            return isinstance(message, SearchBox.QueryChanged)

    @dataclass
    class Used(Message):
        """The user has pressed Enter on the text."""

    def __init__(
        self,
        list_selector: str,
        *,
        complete: Callable[[str], str] = lambda text: text,
        recent: Callable[[], Sequence[str]] = lambda: (),
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._list_selector = list_selector
        self._complete = complete
        self._recent = recent

    def compose(self) -> ComposeResult:
        """Lay out prompt, input and result count in a row."""
        prompt = StaticLine(id="prompt")
        prompt.show(Content("/ "))
        yield prompt
        words = _SearchInput(placeholder="Search", compact=True, select_on_focus=False, id="words")
        words.list_selector = self._list_selector
        words.recent = self._recent
        yield words
        yield _ResultCount(id="tally")

    @property
    def text(self) -> str:
        """The typed text."""
        return self._input.value

    @property
    def _input(self) -> _SearchInput:
        return self.query_one("#words", _SearchInput)

    def focus_input(self) -> None:
        """Focus the input."""
        # At once: `focus()` is queued behind keys typed ahead, which would be lost.
        self.screen.set_focus(self._input)

    def clear(self) -> None:
        """Clear the text."""
        self._input.value = ""

    def set_text(self, text: str) -> None:
        """Replace the text."""
        self._input.value = text
        self._input.cursor_position = len(text)

    def suggest(self) -> None:
        """Show the completion of the text in grey; Tab or Right accepts it."""
        words = self._input
        words.suggestion = self._complete(words.value)
        if words.suggestion != words.value:
            words.post_message(SuggestionReady(words.value, words.suggestion))

    def set_correction(self, text: str) -> None:
        """Let Tab replace the text with this correction, unless there is a completion."""
        if self._input.suggestion in {"", self._input.value}:
            self._input.suggestion = text

    def show_result_count(self, found: int | None, total: int) -> None:
        """Show how many of all contacts were found; None shows nothing."""
        words = "" if found is None else f" {format_number(found)} of {format_number(total)}"
        self.query_one("#tally", _ResultCount).show_text(words)

    @on(Input.Changed, "#words")
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.suggest()
        self.post_message(self.QueryChanged(event.value))


class _ResultCount(StaticLine):
    """The result count at the end of the box."""

    _room = 0

    def show_text(self, words: str) -> None:
        """Show the count. The width never shrinks, so that a shorter count causes no layout."""
        if len(words) > self._room:
            self._room = len(words)
            self.styles.width = self._room
        self.show(Content(words.rjust(self._room)))
