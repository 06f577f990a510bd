"""A question with several answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import getters, on
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.actions.registry import bindings
from tui.compat.textual import SafeOptionList
from tui.screens.base_screen import BaseScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


class ChooseScreen(ModalScreen[str | None], BaseScreen[str | None]):
    """Show a question; the result is the chosen answer, or None.

    `answers` maps results to labels; `first` is highlighted at the start and should change nothing.
    """

    CSS_PATH: ClassVar = ["dialog.tcss", "choose.tcss"]
    AUTO_FOCUS = "#answers"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    answers_list = getters.query_one("#answers", OptionList)

    def __init__(
        self, question: str, words: Sequence[str], answers: Mapping[str, str], *, first: str
    ) -> None:
        super().__init__()
        self._question = question
        self._words = words
        self._answers = answers
        self._first = first

    def compose(self) -> ComposeResult:
        """Lay out the text above the answers, which are always visible."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._question
            with VerticalScroll(id="said", can_focus=False):
                for words in self._words:
                    yield SafeLabel(words, classes="paragraph")
            yield SafeOptionList(
                *(Option(content(words), id=answer) for answer, words in self._answers.items()), id="answers"
            )
        yield KeyBar(("open", "Choose"), ("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Highlight the answer that changes nothing."""
        self.answers_list.highlighted = self.answers_list.get_option_index(self._first)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
