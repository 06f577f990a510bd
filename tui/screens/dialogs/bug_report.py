"""A dialog for errors in the program itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tui import messages
from tui.actions.registry import bindings, error_advice
from tui.compat.textual import ReadyButton
from tui.screens.base_screen import BaseScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.errors import ReshelveError

_WHAT: Final = "Part of Reshelve stopped working. This is a bug in Reshelve."
_LOST: Final = "Nothing is lost: every change you requested is in the change log on this computer."
_NEXT: Final = (
    "You can continue. If it happens again, quit with {} and restart Reshelve. Details are in the log file."
)


class BugReportScreen(ModalScreen[None], BaseScreen[None]):
    """Show what happened, that nothing was lost, and what to do next; without an error, it was a bug."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "Button"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    def __init__(self, error: ReshelveError | None = None) -> None:
        super().__init__()
        self._error = error

    def compose(self) -> ComposeResult:
        """Lay out the text above one button."""
        with VerticalScroll(classes="dialog -trouble") as dialog:
            dialog.border_title = "Something went wrong"
            for words in self._sentences():
                yield SafeLabel(words, classes="paragraph")
            yield ReadyButton("Continue", variant="primary", id="cancel", compact=True)
        yield KeyBar(("cancel", "Continue"))

    def _sentences(self) -> tuple[str, str, str]:
        if self._error is None:
            return _WHAT, _LOST, _NEXT.format(self.key("quit"))
        return messages.message(self._error), _LOST, error_advice(self.app, self._error)

    def action_cancel(self) -> None:
        """Go back."""
        self.dismiss()

    def on_button_pressed(self) -> None:
        """Go back."""
        self.dismiss()
