"""Shows how many contacts are selected, wherever the list has gone meanwhile."""

from __future__ import annotations

from textual.content import Content

from tui.actions.registry import current_key
from tui.widgets.formatting import format_number
from tui.widgets.static_line import StaticLine
from tui.widgets.text import safe


class SelectionBar(StaticLine):
    """One line that is there only while something is selected: an action would touch all of it."""

    DEFAULT_CSS = """
    SelectionBar {
        height: 1; padding: 0 1; display: none;
        background: $accent 15%; color: $text-accent; text-style: bold;
    }
    """

    def update_from(self, selected: int, hidden: int) -> None:
        """Show how many contacts are selected, and how many of those the list doesn't show."""
        if self.display != bool(selected):
            self.display = bool(selected)
        not_shown = f" ({format_number(hidden)} not shown)" if hidden else ""
        key = current_key(self.app, "clear")
        self.show(Content(safe(f"{format_number(selected)} selected{not_shown} · {key.capitalize()} clears")))
