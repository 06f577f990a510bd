"""Something went wrong in the program itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button

from tui.actions import bindings
from tui.screens.telling import Telling
from tui.widgets.key_bar import KeyBar
from tui.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

_WHAT: Final = "A part of Reshelve stopped working. This is a mistake in the program, not yours."
_LOST: Final = "Nothing is lost: every change you asked for is in the journal on this machine."
_NEXT: Final = (
    "You can go on. If it happens again, quit with q and start anew; the log file says what happened."
)


class ProblemScreen(ModalScreen[None], Telling[None]):
    """Says what happened, that nothing was lost, and what to press next."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "Button"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    def __init__(self, what: str = _WHAT, lost: str = _LOST, next_step: str = _NEXT) -> None:
        super().__init__()
        self._words = (what, lost, next_step)

    def compose(self) -> ComposeResult:
        """Put the words above one button."""
        with VerticalScroll(classes="dialog -trouble") as dialog:
            dialog.border_title = "Something went wrong"
            for words in self._words:
                yield Plain(words, classes="paragraph")
            yield Button("Go on", variant="primary", id="cancel", compact=True)
        yield KeyBar(("cancel", "Go on"))

    def action_cancel(self) -> None:
        """Go back."""
        self.dismiss()

    def on_button_pressed(self) -> None:
        """Go back."""
        self.dismiss()
