"""How a change's standing is said in a few cells: a symbol, words, and a colour that only repeats them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import Action, State
from tui.model.evidence import Grade, Standing

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import ChangeView

SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Sign(Struct, frozen=True):
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
    State.REFUSED: Sign("✗", "refused by Xero", "error"),
    State.CANCELLED: Sign(),
    State.DISMISSED: Sign(),
}


def sign(view: ChangeView, now: datetime) -> Sign:
    """Return what to show of a change. Times are said in the zone of `now`."""
    change = view.change
    if change.state is State.SENDING:
        return Sign("…", _DOING[change.action], "accent", moves=True)
    if change.state is State.CONFIRMED:
        return _graded(view.standing or Standing(Grade.PENDING), now, change.confirmed_at)
    return _OPEN[change.state]


# A symbol of its own for each grade, so that none is told by its colour alone.
_GRADES: Final = {
    Grade.PENDING: ("◷", "pending", "primary"),
    Grade.OVERDUE: ("!", "overdue", "warning"),
    Grade.EXPECTED: ("~", "expected", "muted"),
    Grade.TOLD_COMPANY: ("◑", "told", "accent"),
    Grade.TOLD_CONTACT: ("◕", "seen", "success"),
    Grade.READ: ("✓", "read", "success"),
    Grade.STALLED: ("‖", "stalled", "error"),
    Grade.EXCLUDED: ("⊘", "unlinked", "muted"),
    Grade.SUPERSEDED: ("·", "superseded", "muted"),
}
_MEANINGS: Final = {
    Grade.PENDING: "waits for Re-Leased's next sync, since",
    Grade.OVERDUE: "overdue: a sync without errors left it out,",
    Grade.EXPECTED: "expected: a nightly sync was due by",
    Grade.TOLD_COMPANY: "told: a sync after it ended without error,",
    Grade.TOLD_CONTACT: "told: seen in Re-Leased,",
    Grade.READ: "read: Re-Leased has it,",
    Grade.STALLED: "stalled: Re-Leased's syncs bring nothing, since",
    Grade.EXCLUDED: "unlinked: Re-Leased's syncs leave it out, since",
    Grade.SUPERSEDED: "superseded: reversed, so that nothing is left to wait for",
}


def _graded(standing: Standing, now: datetime, confirmed_at: datetime | None) -> Sign:
    """Say how a confirmed change stands with Re-Leased, and for how long it has."""
    grade, since = standing.grade, standing.since
    symbol, word, style = _GRADES[grade]
    if grade is Grade.PENDING:
        since = since or confirmed_at
    age = day(since, now) if grade is Grade.EXPECTED else time_or_day(since, now)
    if grade is Grade.SUPERSEDED:
        age = ""
    return Sign(symbol, f"{word} {age}".rstrip(), style)


def meaning(standing: Standing, now: datetime) -> str:
    """Say a grade with its age in a whole clause, where there is room for what it means."""
    said = _MEANINGS[standing.grade]
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
