"""The top line: whose books these are, and how Xero and Re-Leased stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui.model.snapshot import ConnectionStatus, Snapshot
from tui.widgets import clock
from tui.widgets.formatting import number
from tui.widgets.static_line import StaticLine
from tui.widgets.text import content

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import XeroStatus

_SIGNS: Final = {
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
# Long words, short words; `{}` is the countdown to the next attempt.
_WORDS: Final = {
    ConnectionStatus.STARTING: ("connecting", "connecting"),
    ConnectionStatus.OFFLINE: ("offline{}", "offline"),
    ConnectionStatus.KEYCHAIN: ("waiting for the keychain", "keychain"),
    ConnectionStatus.LIMITED: ("limit reached{}", "limit"),
    ConnectionStatus.UNAVAILABLE: ("not answering{}", "no answer"),
    ConnectionStatus.UNEXPECTED: ("unexpected answer{}", "unexpected"),
    ConnectionStatus.RECONNECT: ("sign in again", "sign in"),
    ConnectionStatus.REMOVED: ("not connected", "not connected"),
    ConnectionStatus.STANDBY: ("used by another Reshelve", "elsewhere"),
}
_LONG, _MIDDLE, _NARROW = 100, 72, 50


class TitleBar(StaticLine):
    """Shows as much as its width allows; the practice mark always stays."""

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    _told: tuple[Snapshot, datetime, bool] | None = None

    def update_from(self, snapshot: Snapshot, now: datetime, *, is_practice: bool) -> None:
        """Show the state of things at this moment."""
        self._told = (snapshot, now, is_practice)
        self.rewrite()

    def rewrite(self) -> None:
        """Write the line for the present width."""
        if self._told is not None and self.size.width:
            snapshot, now, is_practice = self._told
            self.show(title(snapshot, now, self.size.width, is_practice=is_practice))


def title(snapshot: Snapshot, now: datetime, width: int, *, is_practice: bool) -> Content:
    """Write the line, left and right, for this width."""
    right = Content.assemble(
        _xero(snapshot.xero, now, width),
        "  " if width < _MIDDLE else "   ",
        _released(snapshot, now, width),
        " ",
    )
    brand = Content.assemble((" Reshelve", "bold $text-primary"), "  ") if width >= _MIDDLE else Content(" ")
    practice = (
        Content.assemble("  ", (" PRACTICE ", "bold $background on $warning")) if is_practice else Content("")
    )
    room = width - right.cell_length - brand.cell_length - practice.cell_length - 1
    name = content(snapshot.organisation.name, "bold").truncate(max(0, room), ellipsis=True)
    name = name.stylize(Style.from_meta({"@click": "app.organisations"}))
    left = Content.assemble(brand, name, practice)
    gap = max(1, width - left.cell_length - right.cell_length)
    return Content.assemble(left, " " * gap, right).truncate(width)


def xero_words(link: XeroStatus, now: datetime, *, short: bool = False) -> str:
    """Say how the connection to Xero stands."""
    if link.status is ConnectionStatus.ONLINE and link.silent_since is not None:
        return "waiting" if short else f"no answer for {clock.countdown(now, link.silent_since)}"
    if link.status is ConnectionStatus.ONLINE:
        if link.last_answer_at is None:
            return "connected"
        moment = clock.time_of_day(link.last_answer_at)
        return moment[:5] if short else moment
    long, brief = _WORDS[link.status]
    if short:
        return brief
    wait = f", again in {clock.countdown(link.waiting_until, now)}" if link.waiting_until else ""
    return long.format(wait)


def _xero(link: XeroStatus, now: datetime, width: int) -> Content:
    symbol, style = _SIGNS[link.status]
    if link.status is ConnectionStatus.ONLINE and link.silent_since is not None:
        symbol, style = _WAITING
    words = xero_words(link, now, short=width < _LONG)
    if width < _NARROW:
        return Content.assemble((symbol, style), " ", words if link.status is ConnectionStatus.ONLINE else "")
    return Content.assemble(("Xero ", "$text-muted"), (symbol, style), " ", words)


def _released(snapshot: Snapshot, now: datetime, width: int) -> Content:
    symbol, words, style = _released_sign(snapshot, now, short=width < _MIDDLE)
    if width < _NARROW:
        words = words.partition(" ")[0]
    sign = Content.assemble((symbol, style), " ", words)
    return sign if width < _LONG else Content.assemble(("Re-Leased ", "$text-muted"), sign)


def _released_sign(snapshot: Snapshot, now: datetime, *, short: bool) -> tuple[str, str, str]:
    pane, released = snapshot.summary, snapshot.re_leased
    waiting = pane.pending_total if pane else 0
    overdue = pane.missed_total if pane else 0
    stalled = pane.stalled_total if pane else 0
    parts = [
        f"{number(count)} {word}"
        for count, word in (
            (stalled, "stalled"),
            (waiting - overdue - stalled, "pending"),
            (overdue, "overdue"),
        )
        if count
    ]
    if pane and not parts and pane.not_in_xero_total:
        # Saying that nothing is pending beside changes on their way to Xero would contradict them.
        parts = [f"{number(pane.not_in_xero_total)} not in Xero{'' if short else ' yet'}"]
    pending = ", ".join(parts[:1] if short else parts) or "nothing pending"
    if released.is_stalled:
        return "‖", pending if waiting else "stalled", "$text-error"
    if released.is_syncing:
        return "↻", "reading now", "$text-accent"
    if released.is_reported_running(now):
        return "↻", "sync told" if short else f"{pending}, sync told", "$text-accent"
    return ("◐", pending, "$text-warning") if waiting else ("○", pending, "$text-muted")
