"""Says that contacts from Xero couldn't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.widgets.formatting import pluralize
from tui.widgets.static_line import StaticLine

if TYPE_CHECKING:
    from tui.model.snapshot import Snapshot


class UnreadableBar(StaticLine):
    """One line that is visible as long as there are such contacts."""

    DEFAULT_CSS = """
    UnreadableBar { height: 1; padding: 0 1; display: none; color: $text-warning; }
    """

    def update_from(self, snapshot: Snapshot) -> None:
        """Show how many there are; hide the line where there are none."""
        count = snapshot.unreadable
        if self.display != bool(count):
            self.display = bool(count)
        if count:
            whose = "Its ID is" if count == 1 else "Their IDs are"
            self.show(Content(f"{pluralize(count, 'contact')} couldn't be read. {whose} in reshelve.log."))
