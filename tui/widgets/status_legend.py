"""The meaning of the selected contact's status, in one line."""

from __future__ import annotations

from tui.widgets.labels import StaticLine
from tui.widgets.text import content


class StatusLegend(StaticLine):
    """One line below the search box: the meaning of the status in the row under the cursor."""

    DEFAULT_CSS = """
    StatusLegend { height: 1; padding: 0 1 0 3; color: $text-muted; }
    """

    _text = ""

    def update_from(self, text: str) -> None:
        """Show another meaning; "" shows none."""
        if text != self._text:
            self._text = text
            self.show(content(text))
