"""Every key, from the one registry of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import ActionSpec, bindings, by_group, key_names
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

_KEYS = 22


class HelpScreen(ModalScreen[None]):
    """Lists every action with its keys."""

    CSS_PATH: ClassVar = ["dialog.tcss", "help.tcss"]
    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back", "help")]

    def compose(self) -> ComposeResult:
        """Write one block for each group."""
        with VerticalScroll(classes="dialog", id="help") as dialog:
            dialog.border_title = "Keys"
            for group, specs in by_group():
                yield Static(_block(group, specs), classes="paragraph")
        yield KeyBar("back")

    def action_back(self) -> None:
        """Close the help."""
        self.dismiss()

    def action_help(self) -> None:
        """Close the help with the key that opened it."""
        self.dismiss()


def _block(group: str, specs: Sequence[ActionSpec]) -> Content:
    lines = [Content.styled(group, "bold $text-primary")]
    lines += (
        Content.assemble("  ", (key_names(item.keys).ljust(_KEYS), "bold $text-accent"), item.help)
        for item in specs
    )
    return Content("\n").join(lines)
