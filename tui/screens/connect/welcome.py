"""The first screen while no organisation is connected, and how Reshelve works."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.actions import bindings
from tui.compat.textual import SafeOptionList
from tui.screens import navigation
from tui.screens.base_screen import BaseScreen, ConnectRequested, DemoRequested
from tui.screens.connect import formatting
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel, TermList

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.account import Account

_DEMO: Final = "demo"
_CONNECT: Final = "connect"
_HOW: Final = "how"


class WelcomeScreen(BaseScreen[None]):
    """Offer what can be done before an organisation is connected.

    The practice Xero is the demo already: there, only connecting and reading are offered.
    """

    CSS_PATH = "welcome.tcss"
    AUTO_FOCUS = "#ways"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high")]  # noqa: RUF012 - Textual's own declaration
    # There is no screen to go back to: the keys leave the program.
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back")]

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account

    def compose(self) -> ComposeResult:
        """Lay out the ways below what Reshelve is."""
        is_practice = self._account.is_sandbox
        connect = formatting.CONNECT_PRACTICE if is_practice else formatting.CONNECT
        ways = {_CONNECT: connect, _HOW: formatting.HOW}
        if not is_practice:
            ways = {_DEMO: formatting.DEMO, **ways}
        yield SafeLabel("Reshelve", id="title")
        with Vertical(id="column"):
            yield SafeLabel(formatting.ABOUT, classes="paragraph")
            nothing = formatting.NONE_IN_PRACTICE if is_practice else formatting.NONE_YET
            yield SafeLabel(nothing, "$text-muted", classes="paragraph")
            yield SafeOptionList(
                *(Option(formatting.way(*texts), id=name) for name, texts in ways.items()), id="ways"
            )
        yield KeyBar(("open", "Choose"), "connect", "help", "quit")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        if event.option.id == _DEMO:
            self.post_message(DemoRequested())
        elif event.option.id == _CONNECT:
            self.post_message(ConnectRequested())
        else:
            self.open_screen(navigation.HowItWorksScreen())

    def action_back(self) -> None:
        """Leave the program."""
        self.app.exit()


class HowItWorksScreen(BaseScreen[None]):
    """What Reshelve does, what it may do in Xero, and what it stores where."""

    CSS_PATH = "welcome.tcss"
    AUTO_FOCUS = "#page"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back")]

    def compose(self) -> ComposeResult:
        """Lay out the text below the title."""
        yield SafeLabel("How Reshelve works", id="title")
        with VerticalScroll(id="page"):
            yield TermList(formatting.HOW_IT_WORKS)
        yield KeyBar("help", "back")

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()
