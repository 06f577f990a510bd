"""A choice to be ticked."""

from __future__ import annotations

from textual.widgets import Checkbox


class TickBox(Checkbox):
    """A checkbox that is empty while it is off: Textual's own tells by colour alone."""

    DEFAULT_CSS = """
    TickBox {
        background: transparent;
        & > .toggle--button { background: $foreground 25%; color: $foreground; }
        &.-on > .toggle--button { background: $foreground 25%; color: $foreground; text-style: bold; }
    }
    """

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Show the tick, or take it away."""
        self.BUTTON_INNER = "✓" if self.value else " "
        super().watch_value()
