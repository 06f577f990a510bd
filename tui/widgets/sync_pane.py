"""The status pane: what Re-Leased has yet to pick up, and when it will look."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from tui.actions.registry import current_key
from tui.widgets import sync_pane_lines
from tui.widgets.static_line import StaticLine

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import Snapshot

_TALL = 12
_TWO_COLUMNS = 70


class SyncPane(StaticLine):
    """Writes itself for the room its style sheet gives it: tall, low or a single line."""

    DEFAULT_CSS = """
    SyncPane { height: 1; width: 1fr; }
    """

    _last_update: tuple[Snapshot, datetime, bool] | None = None

    def update_from(self, snapshot: Snapshot, now: datetime, *, is_practice: bool) -> None:
        """Show the state of things at this moment; repaints only if it reads differently."""
        self._last_update = (snapshot, now, is_practice)
        self.rewrite()

    def rewrite(self) -> None:
        """Write the pane for the present size."""
        width, height = self.size
        if self._last_update is None or not width or not height:
            return
        snapshot, now, is_practice = self._last_update
        key = partial(current_key, self.app)
        if height == 1:
            self.show(sync_pane_lines.single(snapshot, now, width, is_practice=is_practice, key=key))
            return
        write = sync_pane_lines.low if height < _TALL and width >= _TWO_COLUMNS else sync_pane_lines.tall
        lines = write(snapshot, now, width, height, is_practice=is_practice, key=key)
        self.show(Content("\n").join(lines))
