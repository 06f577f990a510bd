"""The search box: searches while you type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

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
from tui.widgets.labels import StaticLine
from tui.widgets.search_format import hint_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.query import QueryIssue


class QueryHint(StaticLine):
    """An overlay below the search box, so that showing it never moves a row.

    The screen places it on its own layer.
    """

    DEFAULT_CSS = """
    QueryHint {
        display: none; height: 1; padding: 0 1; background: $surface; color: $text-muted;
        &.-shown { display: block; }
        &.-problem { background: $warning-muted; color: $text-warning; text-style: bold; }
    }
    """

    _issues: Sequence[QueryIssue] = ()
    _groups: Sequence[str] = ()

    def update_from(self, issues: Sequence[QueryIssue], groups: Sequence[str]) -> None:
        """Show the issues of the typed query; `groups` are the known group names."""
        if (issues, groups) == (self._issues, self._groups):
            return
        self._issues, self._groups = issues, groups
        # Only showing or hiding the hint causes a layout, not typing.
        self.set_class(bool(issues), "-shown")
        self.rewrite()

    def rewrite(self) -> None:
        """Format the hint for the available room."""
        if not self._issues or not self.content_size.width:
            return
        hint = hint_text(self._issues, self.content_size.width, self._groups)
        self.set_class(hint.is_problem, "-problem")
        self.show(Content(hint.text))


class _SearchInput(LineInput):
    """The input itself; Down and Enter move to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "leave", "Go to list", show=False),
        Binding("escape", "clear", "Clear", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]

    #: The text that Tab inserts; empty or unchanged if there is no suggestion.
    suggestion = ""
    #: Selector of the list that Down and Enter focus.
    list_selector = ""

    async def on_key(self, event: events.Key) -> None:
        """Ignore a repeated `/` while the box is empty."""
        if event.character == "/" and not self.value:
            event.stop()
            event.prevent_default()

    def action_leave(self) -> None:
        """Focus the list and keep the text."""
        self._leave()

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

    Enter and Esc focus the list that `list_selector` selects.
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

    def __init__(
        self,
        list_selector: str,
        *,
        complete: Callable[[str], str] = lambda text: text,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._list_selector = list_selector
        self._complete = complete

    def compose(self) -> ComposeResult:
        """Lay out prompt, input and result count in a row."""
        prompt = StaticLine(id="prompt")
        prompt.show(Content("/ "))
        yield prompt
        words = _SearchInput(placeholder="Search", compact=True, select_on_focus=False, id="words")
        words.list_selector = self._list_selector
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
