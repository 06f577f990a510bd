"""How far the first reading of all contacts has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.widgets import clock
from tui.widgets.formatting import format_number
from tui.widgets.static_line import StaticLine

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import Snapshot, SyncProgress, XeroStatus

_BAR = 24
_ROOM_FOR_BAR = 72


def bar(fraction: float, width: int, style: str = "$text-accent") -> Content:
    """Draw a thin bar filled to this fraction, in half-cell steps."""
    halves = round(max(0.0, min(1.0, fraction)) * width * 2)
    full, half = divmod(halves, 2)
    filled = "━" * full + "╸" * half
    return Content.assemble((filled, style), ("─" * (width - len(filled)), "$foreground 25%"))


class SyncProgressBar(StaticLine):
    """One line that is there only while everything is being read."""

    DEFAULT_CSS = """
    SyncProgressBar { height: 1; padding: 0 1; color: $text-muted; display: none; }
    """

    def update_from(self, snapshot: Snapshot, now: datetime) -> None:
        """Show the progress, and why it stands still; where nothing is being read, the line goes away."""
        progress = snapshot.progress
        if self.display != (progress is not None):
            self.display = progress is not None
        if progress is not None:
            self.show(self._progress_text(progress, wait_reason(progress, snapshot.xero, now)))

    def _progress_text(self, progress: SyncProgress, reason: str) -> Content:
        text = "Reading contacts from Xero"
        if progress.total is not None:
            text = f"{text}: {format_number(progress.done)} of {format_number(progress.total)}"
        if reason:
            return Content(f"{text}, {reason}")
        if progress.total is None:
            return Content(f"{text} …")
        if self.app.size.width < _ROOM_FOR_BAR:
            return Content(text)
        return Content.assemble(text, "  ", bar(progress.done / max(1, progress.total), _BAR))


def wait_reason(progress: SyncProgress, xero: XeroStatus, now: datetime) -> str:
    """Say why a read of all contacts stands still, and until when; empty while it goes on."""
    if progress.is_paused:
        return "held for now"
    if xero.minute_full_until is not None and xero.minute_full_until > now:
        return f"waits for Xero's minute limit, goes on in {_seconds(xero.minute_full_until, now)} s"
    if xero.retry_at is not None and xero.retry_at > now:
        return f"goes on in {clock.countdown(xero.retry_at, now)}"
    return ""


def _seconds(until: datetime, now: datetime) -> int:
    return max(1, round((until - now).total_seconds()))
