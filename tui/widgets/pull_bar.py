"""How far the first reading of all contacts has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.widgets.line import Line
from tui.widgets.words import number

if TYPE_CHECKING:
    from tui.model.snapshot import PullProgress

_BAR = 24
_ROOM_FOR_BAR = 72
# A reading in the background stops at the last few calls of a minute.
_LEFT_FOR_THE_PERSON = 2


def bar(fraction: float, width: int, style: str = "$text-accent") -> Content:
    """Draw a thin bar filled to this fraction, in half-cell steps."""
    halves = round(max(0.0, min(1.0, fraction)) * width * 2)
    full, half = divmod(halves, 2)
    filled = "━" * full + "╸" * half
    return Content.assemble((filled, style), ("─" * (width - len(filled)), "$foreground 25%"))


class PullBar(Line):
    """One line that is there only while everything is being read."""

    DEFAULT_CSS = """
    PullBar { height: 1; padding: 0 1; color: $text-muted; display: none; }
    """

    def tell(self, pull: PullProgress | None, minute_calls_left: int | None) -> None:
        """Show the progress, and why it stands still; without any, the line goes away."""
        if self.display != (pull is not None):
            self.display = pull is not None
        if pull is not None:
            is_waiting = minute_calls_left is not None and minute_calls_left <= _LEFT_FOR_THE_PERSON
            self.show(self._words(pull, is_waiting=is_waiting))

    def _words(self, pull: PullProgress, *, is_waiting: bool) -> Content:
        if pull.total is None:
            return Content("Reading contacts from Xero …")
        words = f"Reading contacts from Xero: {number(pull.done)} of {number(pull.total)}"
        if is_waiting:
            return Content(f"{words}, waits for Xero's minute limit")
        if self.app.size.width < _ROOM_FOR_BAR:
            return Content(words)
        return Content.assemble(words, "  ", bar(pull.done / max(1, pull.total), _BAR))
