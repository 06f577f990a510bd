"""One-line banners shown only when they apply: paused, loading, selected, unreadable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui.actions import current_key
from tui.messages import formats
from tui.messages.formats import format_number, money, pluralize
from tui.model.snapshot import ConnectionStatus
from tui.widgets.labels import StaticLine
from tui.widgets.text import cells, safe

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.contact import Balances
    from tui.model.snapshot import Snapshot, SyncProgress, XeroStatus


_BAR = 24
# Why loading is waiting for something else than time.
_STOPPED: Final = {
    ConnectionStatus.KEYCHAIN: "waiting for the keychain",
    ConnectionStatus.RECONNECT: "resumes when you sign in again",
    ConnectionStatus.REMOVED: "resumes when connected again",
    ConnectionStatus.STANDBY: "continues in another Reshelve",
}
_ROOM_FOR_BAR = 72


def bar(fraction: float, width: int, style: str = "$text-accent") -> Content:
    """Draw a thin bar filled to this fraction, in half-cell steps."""
    halves = round(max(0.0, min(1.0, fraction)) * width * 2)
    full, half = divmod(halves, 2)
    filled = "━" * full + "╸" * half
    return Content.assemble((filled, style), ("─" * (width - len(filled)), "$foreground 25%"))


class SyncProgressBar(StaticLine):
    """A line shown only while all contacts are loading."""

    DEFAULT_CSS = """
    SyncProgressBar { height: 1; padding: 0 1; color: $text-muted; display: none; }
    """

    def update_from(self, snapshot: Snapshot, now: datetime) -> None:
        """Show the progress and the reason for waiting; hide the line when nothing is loading."""
        progress = snapshot.progress
        if self.display != (progress is not None):
            self.display = progress is not None
        if progress is not None:
            self.show(self._progress_text(progress, wait_reason(progress, snapshot.xero, now)))

    def _progress_text(self, progress: SyncProgress, reason: str) -> Content:
        text = "Loading contacts from Xero"
        if progress.total is not None:
            text = f"{text}: {format_number(progress.done)} of {format_number(progress.total)}"
        if reason:
            return Content(f"{text}, {reason}")
        if progress.total is None:
            return Content(f"{text}…")
        if self.app.size.width < _ROOM_FOR_BAR:
            return Content(text)
        return Content.assemble(text, "  ", bar(progress.done / max(1, progress.total), _BAR))


def wait_reason(progress: SyncProgress, xero: XeroStatus, now: datetime) -> str:
    """Return why loading is waiting, and until when; "" while it is running."""
    if progress.is_paused:
        return "paused"
    if xero.status in _STOPPED:
        return _STOPPED[xero.status]
    if xero.minute_full_until is not None and xero.minute_full_until > now:
        return f"Xero's rate limit, resumes in {_seconds(xero.minute_full_until, now)} s"
    if xero.retry_at is not None and xero.retry_at > now:
        return f"resumes in {formats.countdown(xero.retry_at, now)}"
    return ""


def _seconds(until: datetime, now: datetime) -> int:
    return max(1, round((until - now).total_seconds()))


class SelectionBar(StaticLine):
    """A line shown only while contacts are selected, since actions then apply to all of them."""

    DEFAULT_CSS = """
    SelectionBar {
        height: 1; padding: 0 1; display: none;
        background: $accent 15%; color: $text-accent; text-style: bold;
        &:ansi { background: transparent; }
    }
    """

    _parts: tuple[str, ...] = ()

    def update_from(
        self, selected: int, hidden: int, totals: Balances | None = None, *, is_alone: bool = False
    ) -> None:
        """Show how many contacts are selected, how many of them the list doesn't show, and what they owe.

        `is_alone` means that the list shows only them; `totals` is None until they are known.
        """
        if self.display != bool(selected):
            self.display = bool(selected)
        not_shown = f" ({format_number(hidden)} not shown)" if hidden else ""
        owed = f"they owe {money(totals.receivable)}" if totals and totals.receivable else ""
        late = totals.receivable_overdue if totals else 0
        overdue = f"overdue {money(late)}" if late else ""
        clear, alone = current_key(self.app, "clear").capitalize(), current_key(self.app, "show_selected")
        others = "shows all contacts" if is_alone else "shows only these"
        self._parts = (
            f"{format_number(selected)} selected{not_shown}",
            owed,
            overdue,
            f"{clear} clears",
            f"{alone} {others}",
        )
        self.rewrite()

    def rewrite(self) -> None:
        """Show as many parts as fit: none is cut while another can be left out."""
        parts, room = [safe(part) for part in self._parts if part], self.content_size.width
        while len(parts) > 1 and cells(" · ".join(parts)) > room:
            parts.pop()
        self.show(Content(" · ".join(parts)))


class UnreadableBar(StaticLine):
    """A line shown while there are contacts that couldn't be read."""

    DEFAULT_CSS = """
    UnreadableBar { height: 1; padding: 0 1; display: none; color: $text-warning; }
    """

    def update_from(self, snapshot: Snapshot) -> None:
        """Show how many there are; hide the line if there are none."""
        count = snapshot.unreadable
        if self.display != bool(count):
            self.display = bool(count)
        if count:
            whose = "Its ID is" if count == 1 else "Their IDs are"
            self.show(Content(f"{pluralize(count, 'contact')} couldn't be read. {whose} in reshelve.log."))


class PausedBanner(StaticLine):
    """A line shown only while sending is paused; clicking it resumes."""

    DEFAULT_CSS = """
    PausedBanner {
        height: 1; padding: 0 1; display: none;
        background: $warning-muted; color: $text-warning; text-style: bold;
        &:ansi { background: transparent; }
    }
    """

    def update_from(self, snapshot: Snapshot) -> None:
        """Show that sending is paused and how many changes are waiting; otherwise hide the line."""
        if self.display != snapshot.is_paused:
            self.display = snapshot.is_paused
        if not snapshot.is_paused:
            return
        text = "Sending paused."
        key = current_key(self.app, "pause")
        if key:
            text += f" Press {key} to resume."
        waiting = snapshot.summary.in_progress_total - snapshot.summary.sent_total if snapshot.summary else 0
        if waiting:
            text += f" Not sent yet: {format_number(waiting)}."
        self.show(Content(text).stylize(Style.from_meta({"@click": "screen.pause"})))
