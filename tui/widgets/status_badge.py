"""How a change's standing is said in a few cells: a symbol, words, and a colour that only repeats them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.actions.registry import default_key
from tui.model.change import Action, State
from tui.model.evidence import StatusSince, SyncStatus
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.snapshot import ChangeView


# What to do first, by a part of the reason that is stored with the change.
_STEPS: Final = (
    ("repeating invoice", "End or delete its repeating invoices in Xero"),
    ("already assigned to another contact", "Give one of the two contacts another name or number in Xero"),
    ("not authorised", "Ask for a role in Xero that may edit contacts"),
    ("not authorized", "Ask for a role in Xero that may edit contacts"),
    ("permission", "Ask for a role in Xero that may edit contacts"),
)
# Reasons that trying again can't change.
_NOT_RETRYABLE: Final = ("knows this contact", "know this contact", "merged into another", "privacy", "gdpr")
_NO_REASON: Final = "Xero gave no reason."
_DEFAULT: Final = "Check the contact in Xero"


def refusal_reason(change: Change) -> str:
    """Return why the change was refused, in Xero's words."""
    return safe(change.message) or _NO_REASON


def refusal_advice(
    change: Change, *, retry: str = "retry_contact", key: Callable[[str], str] = default_key
) -> str:
    """Return what to do about a refused change that hasn't been retried; empty for any other.

    `retry` is the action that retries it where this is shown; `key` names the key of an action, and
    returns nothing in read-only mode.
    """
    if change.state is not State.REFUSED or change.superseded:
        return ""
    message = change.message.lower()
    if any(part in message for part in _NOT_RETRYABLE):
        return "Retrying won't help: look the contact up in Xero."
    first = next((step for part, step in _STEPS if part in message), _DEFAULT)
    key_label = key(retry)
    return f"{first}, then press {key_label} to retry." if key_label else f"{first}."


SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class StatusBadge(Struct, frozen=True):
    """A symbol and words. `style` is empty or the end of a theme variable: `$text-<style>`.

    `is_animated` says that the symbol may be replaced by a frame of `SPINNER`.
    """

    symbol: str = ""
    label: str = ""
    style: str = ""
    is_animated: bool = False

    @property
    def text(self) -> str:
        """Symbol and words."""
        return f"{self.symbol} {self.label}".rstrip()


_DOING: Final = {Action.ARCHIVE: "archiving", Action.RESTORE: "restoring"}

_STATE_BADGES: Final = {
    State.QUEUED: StatusBadge("◌", "queued", "muted"),
    State.UNKNOWN: StatusBadge("?", "checking", "warning"),
    State.AWAITING_USER: StatusBadge("↗", "press Restore", "accent"),
    State.REFUSED: StatusBadge("✗", "refused by Xero", "error"),
    State.CANCELLED: StatusBadge(),
    State.DISMISSED: StatusBadge(),
}


def badge_for(view: ChangeView, now: datetime) -> StatusBadge:
    """Return what to show of a change. Times are said in the zone of `now`."""
    change = view.change
    if change.state is State.SENDING:
        return StatusBadge("…", _DOING[change.action], "accent", is_animated=True)
    if change.state is State.CONFIRMED:
        return _sync_badge(view.sync or StatusSince(SyncStatus.PENDING), now, change.confirmed_at)
    return _STATE_BADGES[change.state]


# A symbol of its own for each grade, so that none is told by its colour alone.
_SYNC_BADGES: Final = {
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


def _sync_badge(status_since: StatusSince, now: datetime, confirmed_at: datetime | None) -> StatusBadge:
    """Say how a confirmed change stands with Re-Leased, and for how long it has."""
    status, since = status_since.status, status_since.since
    symbol, word, style = _SYNC_BADGES[status]
    if status is SyncStatus.PENDING:
        since = since or confirmed_at
    age = format_day(since, now) if status is SyncStatus.EXPECTED else format_time_or_day(since, now)
    if status is SyncStatus.SUPERSEDED:
        age = ""
    return StatusBadge(symbol, f"{word} {age}".rstrip(), style)


def describe_status(status_since: StatusSince, now: datetime) -> str:
    """Say a grade with its age in a whole clause, where there is room for what it means."""
    text = _MEANINGS[status_since.status]
    if status_since.since is None:
        return text.removesuffix(", since").rstrip(",")
    local = status_since.since.astimezone(now.tzinfo)
    return f"{text} {format_day(status_since.since, now)} {local:%H:%M}"


def format_day(moment: datetime | None, now: datetime) -> str:
    """Return a day as `23 Nov`, or `Nov 2023` in another year than now's; nothing for None."""
    if moment is None:
        return ""
    local = moment.astimezone(now.tzinfo)
    return f"{local.day} {local:%b}" if local.year == now.year else f"{local:%b %Y}"


def format_time_or_day(moment: datetime | None, now: datetime) -> str:
    """Return the time of a moment of today, else its day."""
    if moment is None:
        return ""
    local = moment.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else format_day(moment, now)
