"""The top line: the organisation's name, and the status of Xero and Re-Leased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui.messages import formats
from tui.messages.formats import format_number
from tui.model.snapshot import ConnectionStatus, Snapshot
from tui.widgets.labels import StaticLine
from tui.widgets.text import content, safe

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import XeroStatus

_SYMBOLS: Final = {
    ConnectionStatus.STARTING: ("◌", "$text-muted"),
    ConnectionStatus.ONLINE: ("●", "$text-success"),
    ConnectionStatus.OFFLINE: ("○", "$text-warning"),
    ConnectionStatus.KEYCHAIN: ("!", "$text-warning"),
    ConnectionStatus.LIMITED: ("◔", "$text-warning"),
    ConnectionStatus.UNAVAILABLE: ("✗", "$text-error"),
    ConnectionStatus.UNEXPECTED: ("✗", "$text-error"),
    ConnectionStatus.RECONNECT: ("!", "$text-error"),
    ConnectionStatus.REMOVED: ("⊘", "$text-error"),
    ConnectionStatus.STANDBY: ("⇄", "$text-accent"),
}
_WAITING: Final = ("◌", "$text-warning")
# Long and short labels; `{}` is the countdown to the next retry.
_LABELS: Final = {
    ConnectionStatus.STARTING: ("connecting", "connecting"),
    ConnectionStatus.OFFLINE: ("offline{}", "offline"),
    ConnectionStatus.KEYCHAIN: ("waiting for keychain", "keychain"),
    ConnectionStatus.LIMITED: ("rate limit reached{}", "limit"),
    ConnectionStatus.UNAVAILABLE: ("not responding{}", "no reply"),
    ConnectionStatus.UNEXPECTED: ("unexpected reply{}", "unexpected"),
    ConnectionStatus.RECONNECT: ("sign in again", "sign in"),
    ConnectionStatus.REMOVED: ("not connected", "not connected"),
    ConnectionStatus.STANDBY: ("open in another Reshelve", "elsewhere"),
}
_LONG, _MIDDLE, _NARROW = 100, 72, 50
_MOST_OF_NAME: Final = 60


class TitleBar(StaticLine):
    """Shows as much as fits."""

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    _last_update: tuple[Snapshot, datetime] | None = None
    _times: object = None

    def update_from(self, snapshot: Snapshot, now: datetime) -> None:
        """Show the current state."""
        # All that the time changes: the rest needn't be formatted each second.
        times = (xero_status_text(snapshot.xero, now), snapshot.re_leased.is_reported_running(now))
        is_same = self._last_update is not None and snapshot is self._last_update[0] and times == self._times
        self._last_update, self._times = (snapshot, now), times
        if not is_same:
            self.rewrite()

    def rewrite(self) -> None:
        """Format the line for the current width."""
        if self._last_update is not None and self.size.width:
            self.show(title(*self._last_update, self.size.width))


def title(snapshot: Snapshot, now: datetime, width: int) -> Content:
    """Format the line for this width."""
    right = Content.assemble(
        _xero(snapshot.xero, now, width),
        "  " if width < _MIDDLE else "   ",
        _re_leased(snapshot, now, width),
        " ",
    )
    brand = Content.assemble((" Reshelve", "bold $text-primary"), "  ") if width >= _MIDDLE else Content(" ")
    room = width - right.cell_length - brand.cell_length - 1
    name = content(snapshot.organisation.name, "bold").truncate(max(0, room), ellipsis=True)
    name = name.stylize(Style.from_meta({"@click": "app.organisations"}))
    left = Content.assemble(brand, name)
    gap = max(1, width - left.cell_length - right.cell_length)
    return Content.assemble(left, " " * gap, right).truncate(width)


def terminal_title(snapshot: Snapshot) -> str:
    """Format the terminal's title: the organisation, and how many of its changes are pending."""
    name, summary = safe(snapshot.organisation.name, _MOST_OF_NAME), snapshot.summary
    if summary is not None and summary.pending_total:
        return f"Reshelve – {name} ({format_number(summary.pending_total)} pending)"
    if summary is not None and summary.not_in_xero_total:
        return f"Reshelve – {name} ({format_number(summary.not_in_xero_total)} not in Xero)"
    return f"Reshelve – {name}"


def xero_status_text(xero: XeroStatus, now: datetime, *, short: bool = False) -> str:
    """Describe the connection to Xero."""
    if xero.status is ConnectionStatus.ONLINE and xero.no_reply_since is not None:
        return "waiting" if short else f"no reply for {formats.countdown(now, xero.no_reply_since)}"
    if xero.status is ConnectionStatus.ONLINE:
        if xero.last_reply_at is None:
            return "connected"
        return (formats.clock_time if short else formats.time_of_day)(xero.last_reply_at)
    long, brief = _LABELS[xero.status]
    if short:
        return brief
    wait = f", retry in {formats.countdown(xero.retry_at, now)}" if xero.retry_at else ""
    return long.format(wait)


def _xero(xero: XeroStatus, now: datetime, width: int) -> Content:
    symbol, style = _SYMBOLS[xero.status]
    if xero.status is ConnectionStatus.ONLINE and xero.no_reply_since is not None:
        symbol, style = _WAITING
    text = xero_status_text(xero, now, short=width < _LONG)
    if width < _NARROW:
        return Content.assemble((symbol, style), " ", text if xero.status is ConnectionStatus.ONLINE else "")
    return Content.assemble(("Xero ", "$text-muted"), (symbol, style), " ", text)


def _re_leased(snapshot: Snapshot, now: datetime, width: int) -> Content:
    symbol, text, style = _re_leased_badge(snapshot, now, short=width < _MIDDLE)
    if width < _NARROW:
        text = text.partition(" ")[0]
    badge = Content.assemble((symbol, style), " ", text)
    return badge if width < _LONG else Content.assemble(("Re-Leased ", "$text-muted"), badge)


def _re_leased_badge(snapshot: Snapshot, now: datetime, *, short: bool) -> tuple[str, str, str]:
    summary, re_leased = snapshot.summary, snapshot.re_leased
    waiting = summary.pending_total if summary else 0
    missed = summary.missed_total if summary else 0
    stalled = summary.stalled_total if summary else 0
    parts = [
        f"{format_number(count)} {word}"
        for count, word in (
            (stalled, "not syncing"),
            (waiting - missed - stalled, "pending sync"),
            (missed, "missed last sync"),
        )
        if count
    ]
    if summary and not parts and summary.not_in_xero_total:
        # "Nothing pending" would contradict changes that are still on their way to Xero.
        parts = [f"{format_number(summary.not_in_xero_total)} not in Xero{'' if short else ' yet'}"]
    pending = ", ".join(parts[:1] if short else parts) or "nothing pending"
    if re_leased.is_stalled:
        return "‖", pending if waiting else "sync not running", "$text-error"
    if re_leased.is_syncing:
        return "↻", "syncing", "$text-accent"
    if re_leased.is_reported_running(now):
        return "↻", "sync started" if short else f"{pending}, sync started", "$text-accent"
    return ("◐", pending, "$text-warning") if waiting else ("○", pending, "$text-muted")
