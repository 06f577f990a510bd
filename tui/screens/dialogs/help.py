"""Help: the available keys, search examples and status words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import messages
from tui.actions import actions_by_group, bindings, current_keys, error_advice, is_offered, key_names
from tui.compat.textual import ReadyButton
from tui.screens.base_screen import BaseScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel, TermList
from tui.widgets.search_box import EXAMPLES, SearchBox
from tui.widgets.status_badge import LEGEND

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.errors import ReshelveError


_SEARCH_EXAMPLES_AFTER: Final = "Search and refresh"
_KEYS_WIDTH: Final = 16
_KEYS_STYLE: Final = "bold $text-accent"
_STATUS_WIDTH: Final = 20


class HelpScreen(ModalScreen[None], BaseScreen[None]):
    """List the available actions with their current keys, search examples and the status words.

    Opened from the search box, it starts at the search examples.
    """

    CSS_PATH: ClassVar = ["dialog.tcss", "help.tcss"]
    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back", "help")]

    def compose(self) -> ComposeResult:
        """Lay out one block for each group."""
        with VerticalScroll(classes="dialog", id="help") as dialog:
            dialog.border_title = "Keys"
            for group, specs in actions_by_group():
                yield Static(group, classes="group")
                keys = [(item, key_names(current_keys(self.app, item))) for item in specs]
                offered = [(names, item.help) for item, names in keys if is_offered(self.app, item)]
                yield TermList(offered, term_width=_KEYS_WIDTH, style=_KEYS_STYLE)
                if group == _SEARCH_EXAMPLES_AFTER:
                    yield Static("In the search box", classes="group", id="searching")
                    yield TermList(EXAMPLES, term_width=_KEYS_WIDTH, style=_KEYS_STYLE)
            yield Static("Status words", classes="group")
            yield TermList(LEGEND, term_width=_STATUS_WIDTH)
        yield KeyBar("back")

    def on_mount(self) -> None:
        """Scroll to the search examples if the help was opened from the search box."""
        below = self.app.screen_stack[-2].focused
        if below is not None and isinstance(below.parent, SearchBox):
            self.call_after_refresh(self.query_one("#searching").scroll_visible, animate=False, top=True)

    def action_back(self) -> None:
        """Close the help."""
        self.dismiss()

    def action_help(self) -> None:
        """Close the help with the key that opened it."""
        self.dismiss()


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
