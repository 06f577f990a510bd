"""Says that nothing is sent to Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from tui.actions.registry import current_key
from tui.widgets.formatting import format_number
from tui.widgets.static_line import StaticLine

if TYPE_CHECKING:
    from tui.model.snapshot import Snapshot


class PausedBanner(StaticLine):
    """One line that is there only while sending is paused; a click goes on with it."""

    DEFAULT_CSS = """
    PausedBanner {
        height: 1; padding: 0 1; display: none;
        background: $warning-muted; color: $text-warning; text-style: bold;
    }
    """

    def update_from(self, snapshot: Snapshot) -> None:
        """Show the pause, with what waits behind it; where there is none, the line goes away."""
        if self.display != snapshot.is_paused:
            self.display = snapshot.is_paused
        if not snapshot.is_paused:
            return
        text = "Sending is paused."
        key = current_key(self.app, "pause")
        if key:
            text += f" Press {key} to resume."
        waiting = snapshot.summary.in_progress_total - snapshot.summary.sent_total if snapshot.summary else 0
        if waiting:
            text += f" Not sent yet: {format_number(waiting)}."
        self.show(Content(text).stylize(Style.from_meta({"@click": "screen.pause"})))
