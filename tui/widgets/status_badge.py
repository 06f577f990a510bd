"""How a change's standing is said in a few cells: a symbol, words, and a colour that only repeats them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import Action, State
from tui.model.evidence import StatusSince, SyncStatus

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import ChangeView

SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class StatusBadge(Struct, frozen=True):
    """A symbol and words. `style` is empty or the end of a theme variable: `$text-<style>`.

    `moves` says that the symbol may be replaced by a frame of `SPINNER`.
    """

    symbol: str = ""
    words: str = ""
    style: str = ""
    moves: bool = False

    @property
    def text(self) -> str:
        """Symbol and words."""
        return f"{self.symbol} {self.words}".rstrip()


_DOING: Final = {Action.ARCHIVE: "archiving", Action.RESTORE: "restoring"}

_OPEN: Final = {
    State.QUEUED: StatusBadge("◌", "queued", "muted"),
    State.UNKNOWN: StatusBadge("?", "checking", "warning"),
    State.AWAITING_USER: StatusBadge("↗", "press Restore", "accent"),
    State.REFUSED: StatusBadge("✗", "refused by Xero", "error"),
    State.CANCELLED: StatusBadge(),
    State.DISMISSED: StatusBadge(),
}


def sign(view: ChangeView, now: datetime) -> StatusBadge:
    """Return what to show of a change. Times are said in the zone of `now`."""
    change = view.change
    if change.state is State.SENDING:
        return StatusBadge("…", _DOING[change.action], "accent", moves=True)
    if change.state is State.CONFIRMED:
        return _graded(view.sync or StatusSince(SyncStatus.PENDING), now, change.confirmed_at)
    return _OPEN[change.state]


# A symbol of its own for each grade, so that none is told by its colour alone.
_GRADES: Final = {
    SyncStatus.PENDING: ("◷", "pending", "primary"),
    SyncStatus.MISSED: ("!", "overdue", "warning"),
    SyncStatus.EXPECTED: ("~", "expected", "muted"),
    SyncStatus.REPORTED: ("◑", "told", "accent"),
    SyncStatus.CHECKED: ("◕", "seen", "success"),
    SyncStatus.SYNCED: ("✓", "read", "success"),
    SyncStatus.STALLED: ("‖", "stalled", "error"),
    SyncStatus.NOT_LINKED: ("⊘", "unlinked", "muted"),
    SyncStatus.SUPERSEDED: ("·", "superseded", "muted"),
}
_MEANINGS: Final = {
    SyncStatus.PENDING: "waits for Re-Leased's next sync, since",
    SyncStatus.MISSED: "overdue: a sync without errors left it out,",
    SyncStatus.EXPECTED: "expected: a nightly sync was due by",
    SyncStatus.REPORTED: "told: a sync after it ended without error,",
    SyncStatus.CHECKED: "told: seen in Re-Leased,",
    SyncStatus.SYNCED: "read: Re-Leased has it,",
    SyncStatus.STALLED: "stalled: Re-Leased's syncs bring nothing, since",
    SyncStatus.NOT_LINKED: "unlinked: Re-Leased's syncs leave it out, since",
    SyncStatus.SUPERSEDED: "superseded: reversed, so that nothing is left to wait for",
}


def _graded(standing: StatusSince, now: datetime, confirmed_at: datetime | None) -> StatusBadge:
    """Say how a confirmed change stands with Re-Leased, and for how long it has."""
    grade, since = standing.status, standing.since
    symbol, word, style = _GRADES[grade]
    if grade is SyncStatus.PENDING:
        since = since or confirmed_at
    age = day(since, now) if grade is SyncStatus.EXPECTED else time_or_day(since, now)
    if grade is SyncStatus.SUPERSEDED:
        age = ""
    return StatusBadge(symbol, f"{word} {age}".rstrip(), style)


def meaning(standing: StatusSince, now: datetime) -> str:
    """Say a grade with its age in a whole clause, where there is room for what it means."""
    said = _MEANINGS[standing.status]
    if standing.since is None:
        return said.removesuffix(", since").rstrip(",")
    local = standing.since.astimezone(now.tzinfo)
    return f"{said} {day(standing.since, now)} {local:%H:%M}"


def day(moment: datetime | None, now: datetime) -> str:
    """Return a day as `23 Nov`, or `Nov 2023` in another year than now's; nothing for None."""
    if moment is None:
        return ""
    local = moment.astimezone(now.tzinfo)
    return f"{local.day} {local:%b}" if local.year == now.year else f"{local:%b %Y}"


def time_or_day(moment: datetime | None, now: datetime) -> str:
    """Return the time of a moment of today, else its day."""
    if moment is None:
        return ""
    local = moment.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else day(moment, now)
