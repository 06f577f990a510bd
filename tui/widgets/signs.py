"""How a change's standing is said in a few cells: a symbol, words, and a colour that only repeats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.model.change import Action, State
from tui.model.evidence import Grade

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.evidence import Standing
    from tui.model.snapshot import ChangeView

SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(frozen=True, slots=True)
class Sign:
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
    State.QUEUED: Sign("◌", "queued", "muted"),
    State.UNCLEAR: Sign("?", "checking", "warning"),
    State.HANDOFF: Sign("↗", "press Restore", "accent"),
    State.REFUSED: Sign("✗", "refused", "error"),
    State.CANCELLED: Sign(),
    State.DISMISSED: Sign(),
}


def sign(view: ChangeView, now: datetime) -> Sign:
    """Return what to show of a change. Times are said in the zone of `now`."""
    change = view.change
    if change.state is State.SENDING:
        return Sign("…", _DOING[change.action], "accent", moves=True)
    if change.state is State.CONFIRMED:
        return _graded(view.standing, now)
    return _OPEN[change.state]


def _graded(standing: Standing | None, now: datetime) -> Sign:
    """Say how a confirmed change stands with Re-Leased; one that hasn't been graded is pending."""
    grade = Grade.PENDING if standing is None else standing.grade
    since = None if standing is None else standing.since
    match grade:
        case Grade.PENDING:
            return Sign("◷", "pending", "primary")
        case Grade.OVERDUE:
            return Sign("!", "overdue", "warning")
        case Grade.EXPECTED:
            return Sign("~", f"expected {day(since, now)}".rstrip(), "muted")
        case Grade.READ:
            return Sign("✓", f"read {time_or_day(since, now)}".rstrip(), "success")
        case Grade.SUPERSEDED:
            return Sign()


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
