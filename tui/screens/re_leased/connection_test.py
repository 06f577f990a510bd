"""Test the connection to Re-Leased: how many contacts came back, and what Reshelve can know from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui import messages
from tui.actions import bindings
from tui.messages.formats import format_number
from tui.model.errors import ReshelveError
from tui.screens.base_screen import EngineScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.re_leased_format import report
from tui.widgets.text import content

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.re_leased import ConnectionTest
    from tui.model.services import Backend

_TITLE: Final = "Test the connection to Re-Leased"


class ConnectionTestScreen(EngineScreen[None]):
    """Reads all contacts from Re-Leased, records nothing, and reports what came back."""

    CSS_PATH = "troubleshoot.tcss"
    AUTO_FOCUS = "#page"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("show_values", "refresh", "back")]

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self._test: ConnectionTest | None = None
        self._shows_values = False

    def compose(self) -> ComposeResult:
        """Lay out the report below the title."""
        yield SafeLabel(_TITLE, "bold", id="heading")
        with VerticalScroll(id="page"):
            yield Static(id="report", markup=False)
        yield KeyBar("back")

    def on_mount(self) -> None:
        """Start reading."""
        self._read()

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        self._test = None
        self.key_bar.set_actions("back")
        self._show_progress(0)
        try:
            self._test = await self.backend.comparison.test_connection(self._show_progress)
        except ReshelveError as error:
            self._show(messages.message(error), messages.next_step(error), "Nothing was recorded.")
        else:
            self._show_report()
        self.key_bar.set_actions(*(["show_values"] if self._test is not None else []), "refresh", "back")

    def _show_progress(self, count: int) -> None:
        cancel = f"Press {self.key('back')} to cancel."
        self._show(f"Reading Re-Leased's contacts: {format_number(count)} so far. {cancel}")

    def _show_report(self) -> None:
        if self._test is not None:
            how = f"Press {self.key('show_values')} to show them."
            self._show(*report(self._test, shows_values=self._shows_values, how_to_show=how))

    def _show(self, *lines: str) -> None:
        self.query_one("#report", Static).update(Content("\n").join(map(content, lines)))

    def action_show_values(self) -> None:
        """Show or hide the values of fields."""
        self._shows_values = not self._shows_values
        self._show_report()

    def action_refresh(self) -> None:
        """Read again."""
        self._read()

    def action_back(self) -> None:
        """Go back; a read in progress is cancelled."""
        self.dismiss()
