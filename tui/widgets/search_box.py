"""The search box: finds as you type."""

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

from tui.widgets.formatting import number
from tui.widgets.ordered_input import OrderedInput
from tui.widgets.static_line import StaticLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType


class _Words(OrderedInput):
    """The input itself; leaving it downwards goes to the contacts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "leave", "To the contacts", show=False),
        Binding("escape", "clear", "Clear", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]

    #: What the text becomes when the person agrees; the same text, or nothing, where there is nothing better.
    better = ""
    #: Where the person goes from here, as a selector.
    leads_to = ""

    async def _on_key(self, event: events.Key) -> None:
        # The key that leads here, pressed once more out of habit: no search begins with it.
        if event.character == "/" and not self.value:
            event.stop()
            event.prevent_default()

    def action_leave(self) -> None:
        """Go to the list, keeping what was typed."""
        self._leave()

    def action_complete(self) -> None:
        """Take what is offered; where nothing is, go on to what comes next."""
        if self.better in {"", self.value}:
            raise SkipAction
        self.value = self.better
        self.cursor_position = len(self.value)

    def action_clear(self) -> None:
        """Take the words away; where there are none, go to the contacts."""
        if self.value:
            self.value = ""
        else:
            self._leave()

    def _leave(self) -> None:
        # At once: keys that are typed already are meant for the list.
        self.screen.set_focus(self.screen.query_one(self.leads_to))


class SearchBox(Horizontal):
    """A prompt, the words, and how many contacts have all of them.

    Enter and Esc lead to the list that `leads_to` selects.
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
    class Changed(Message):
        """Other words are to be found."""

        text: str

        def can_replace(self, message: Message) -> bool:
            """Only the newest words matter."""
            return isinstance(message, SearchBox.Changed)

    def __init__(
        self,
        leads_to: str,
        *,
        complete: Callable[[str], str] = lambda text: text,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(id=id)
        self._leads_to = leads_to
        self._complete = complete

    def compose(self) -> ComposeResult:
        """Put prompt, words and tally in a row."""
        prompt = StaticLine(id="prompt")
        prompt.show(Content("/ "))
        yield prompt
        words = _Words(placeholder="Search", compact=True, select_on_focus=False, id="words")
        words.leads_to = self._leads_to
        yield words
        yield _Tally(id="tally")

    @property
    def text(self) -> str:
        """What was typed."""
        return self._words.value

    @property
    def _words(self) -> _Words:
        return self.query_one("#words", _Words)

    def enter(self) -> None:
        """Let the person type."""
        # At once: `focus()` waits its turn behind keys that are typed already, which would be lost.
        self.screen.set_focus(self._words)

    def clear(self) -> None:
        """Take the words away."""
        self._words.value = ""

    def suggest(self) -> None:
        """Show in grey how what was typed can go on; Tab or the right arrow takes it."""
        words = self._words
        words.better = self._complete(words.value)
        if words.better != words.value:
            words.post_message(SuggestionReady(words.value, words.better))

    def offer(self, text: str) -> None:
        """Let Tab put this in the place of what was typed, where nothing completes it."""
        if self._words.better in {"", self._words.value}:
            self._words.better = text

    def tally(self, found: int | None, total: int) -> None:
        """Say how many of all were found; None says nothing."""
        words = "" if found is None else f" {number(found)} of {number(total)}"
        self.query_one("#tally", _Tally).say(words)

    @on(Input.Changed, "#words")
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.suggest()
        self.post_message(self.Changed(event.value))


class _Tally(StaticLine):
    """The number at the end of the box."""

    _room = 0

    def say(self, words: str) -> None:
        """Show the number. Room made for a longer one is kept, so that a shorter one costs no layout."""
        if len(words) > self._room:
            self._room = len(words)
            self.styles.width = self._room
        self.show(Content(words.rjust(self._room)))
