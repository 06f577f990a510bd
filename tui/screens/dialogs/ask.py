"""A yes/no question."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button

from tui.actions.registry import bindings
from tui.compat.textual import ReadyButton
from tui.screens.base_screen import BaseScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


# CSS classes by the first character of a line.
_KINDS: Final = {"•": "item", "!": "warning paragraph"}


class AskScreen(ModalScreen[bool], BaseScreen[bool]):
    """Show a question and the effect of a yes; the default is no."""

    CSS_PATH: ClassVar = ["dialog.tcss", "ask.tcss"]
    AUTO_FOCUS = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("confirm", "cancel")]

    def __init__(self, question: str, words: Sequence[str], *, yes: str, no: str = "Cancel") -> None:
        super().__init__()
        self._question = question
        self._words = words
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """Lay out the text above the buttons, which are always visible."""
        with Vertical(classes="dialog -caution") as dialog:
            dialog.border_title = self._question
            with VerticalScroll(id="said"):
                for words in self._words:
                    yield SafeLabel(words, classes=_KINDS.get(words[:1], "paragraph"))
            with Horizontal(id="buttons"):
                yield ReadyButton(self._no, id="cancel", variant="primary", compact=True)
                yield ReadyButton(self._yes, id="confirm", compact=True)
        yield KeyBar(("confirm", self._yes), ("cancel", self._no))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "confirm")

    def action_confirm(self) -> None:
        """Answer yes."""
        self.dismiss(result=True)

    def action_cancel(self) -> None:
        """Answer no."""
        self.dismiss(result=False)
