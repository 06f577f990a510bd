"""Every key, from the one registry of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import bindings, by_group, key_names, keys_of, may_write
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class HelpScreen(ModalScreen[None]):
    """Lists every action that is offered, with its keys as they are now."""

    CSS_PATH: ClassVar = ["dialog.tcss", "help.tcss"]
    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back", "help")]

    def compose(self) -> ComposeResult:
        """Write one block for each group."""
        with VerticalScroll(classes="dialog", id="help") as dialog:
            dialog.border_title = "Keys"
            for group, specs in by_group():
                yield Static(group, classes="group")
                for item in specs:
                    if item.writes and not may_write(self.app):
                        continue
                    with Horizontal(classes="action"):
                        yield Static(key_names(keys_of(self.app, item)), classes="keys", markup=False)
                        yield Static(item.help, classes="help", markup=False)
        yield KeyBar("back")

    def action_back(self) -> None:
        """Close the help."""
        self.dismiss()

    def action_help(self) -> None:
        """Close the help with the key that opened it."""
        self.dismiss()
