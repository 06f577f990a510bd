"""The status of a change in a few cells: a symbol, a label, and a colour that only repeats them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui import messages
from tui.actions import default_key
from tui.messages import formats
from tui.messages.contacts import STATE_LABELS, SYNC_LABELS
from tui.model.change import Action, ReadResult, State
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.reasons import ContactReason
from tui.widgets.labels import StaticLine
from tui.widgets.text import content, safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.snapshot import ChangeView


# The first thing to do, by a part of Xero's message.
_STEPS: Final = (
    ("repeating invoice", "End or delete its repeating invoices in Xero"),
    ("already assigned to another contact", "Rename one of the two contacts in Xero, or change its number"),
    ("not authorised", "Ask for a Xero role that can edit contacts"),
    ("not authorized", "Ask for a Xero role that can edit contacts"),
    ("permission", "Ask for a Xero role that can edit contacts"),
)
# Reasons that a retry can't change: in Xero's messages, and in texts stored by older versions.
_NOT_RETRYABLE: Final = ("knows this contact", "know this contact", "merged into another", "privacy", "gdpr")
_FINAL: Final = frozenset({ContactReason.MERGED, ContactReason.GDPR, ContactReason.DELETED})
_NO_REASON: Final = "Xero gave no reason."
_DEFAULT: Final = "Check the contact in Xero"


def refusal_reason(change: Change) -> str:
    """Return why the change was refused, as a sentence: in Xero's words if it gave any."""
    return messages.as_sentence(safe(messages.why(change))) or _NO_REASON


def refusal_advice(
    change: Change, *, retry: str = "retry_contact", key: Callable[[str], str] = default_key
) -> str:
    """Return what to do about a refused change that hasn't been retried; "" for any other.

    `retry` is the action that retries it on this screen; `key` formats the key of an action, and returns ""
    in read-only mode.
    """
    if change.state is not State.REFUSED or change.superseded:
        return ""
    message = change.message.lower()
    is_final = change.notice is not None and change.notice.reason in _FINAL
    if is_final or any(part in message for part in _NOT_RETRYABLE):
        return "Retrying won't help. Check the contact in Xero."
    first = next((step for part, step in _STEPS if part in message), _DEFAULT)
    key_label = key(retry)
    return f"{first}, then press {key_label} to retry." if key_label else f"{first}."


SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class StatusBadge(Struct, frozen=True):
    """A symbol and a label. `style` is empty or the end of a theme variable: `$text-<style>`.

    `is_animated` allows replacing the symbol with a frame of `SPINNER`. `short_label` is the label without
    its time, for narrow columns.
    """

    symbol: str = ""
    label: str = ""
    style: str = ""
    is_animated: bool = False
    short_label: str = ""

    @property
    def text(self) -> str:
        """Symbol and label."""
        return f"{self.symbol} {self.label}".rstrip()

    def fitted(self, width: int) -> StatusBadge:
        """Return this badge without its time if it's wider than `width` cells."""
        if len(self.text) <= width or not self.short_label:
            return self
        return replace(self, label=self.short_label)


_STATE_BADGES: Final = {
    State.QUEUED: StatusBadge("◌", STATE_LABELS[State.QUEUED], "muted"),
    State.SENDING: StatusBadge("…", STATE_LABELS[State.SENDING], "accent", is_animated=True),
    State.UNKNOWN: StatusBadge("?", STATE_LABELS[State.UNKNOWN], "warning"),
    State.AWAITING_USER: StatusBadge("↗", STATE_LABELS[State.AWAITING_USER], "accent"),
    State.REFUSED: StatusBadge("✗", STATE_LABELS[State.REFUSED], "error"),
    State.CANCELLED: StatusBadge(),
    State.DISMISSED: StatusBadge(),
}


def badge_for(view: ChangeView, now: datetime) -> StatusBadge:
    """Return the badge of a change. Times are shown in the time zone of `now`."""
    change = view.change
    if change.state is State.CONFIRMED:
        return _sync_badge(view.sync or StatusSince(SyncStatus.PENDING), now, change.confirmed_at)
    return _STATE_BADGES[change.state]


# Every status has its own symbol, so that colour is never the only difference.
_SYNC_BADGES: Final = {
    SyncStatus.PENDING: ("◷", "primary"),
    SyncStatus.MISSED: ("!", "warning"),
    SyncStatus.EXPECTED: ("~", "muted"),
    SyncStatus.REPORTED: ("◑", "accent"),
    SyncStatus.CHECKED: ("◕", "success"),
    SyncStatus.SYNCED: ("✓", "success"),
    SyncStatus.STALLED: ("‖", "error"),
    SyncStatus.NOT_LINKED: ("⊘", "muted"),
    SyncStatus.FOREIGN_CURRENCY: ("¤", "muted"),
    SyncStatus.SUPERSEDED: ("·", "muted"),
}
_MEANINGS: Final = {
    SyncStatus.PENDING: "Pending sync since",
    SyncStatus.MISSED: "Missed last sync: a sync ran without it,",
    SyncStatus.EXPECTED: "Should be synced: a nightly sync was due by",
    SyncStatus.REPORTED: "Reported synced: you recorded a sync without errors,",
    SyncStatus.CHECKED: "Checked by you in Re-Leased,",
    SyncStatus.SYNCED: "Synced: Re-Leased's own data shows it,",
    SyncStatus.STALLED: "Sync not running since",
    SyncStatus.NOT_LINKED: "Not linked in Re-Leased since",
    SyncStatus.FOREIGN_CURRENCY: "Foreign currency: Re-Leased leaves these contacts out,",
    SyncStatus.SUPERSEDED: "No sync needed: it was reversed before a sync",
}


_STATE_LEGEND: Final = {
    State.QUEUED: "not in Xero yet",
    State.SENDING: "being sent to Xero",
    State.UNKNOWN: "result unknown; Reshelve is checking it with Xero",
    State.AWAITING_USER: "you need to click Restore in Xero",
    State.REFUSED: "Xero's reason, and what to do about it",
}
_SYNC_LEGEND: Final = {
    SyncStatus.PENDING: "in Xero; Re-Leased has not synced since",
    SyncStatus.EXPECTED: "a whole night has passed; not confirmed",
    SyncStatus.REPORTED: "you recorded a Re-Leased sync without errors",
    SyncStatus.CHECKED: "you saw it in Re-Leased",
    SyncStatus.SYNCED: "Re-Leased's own data shows it",
    SyncStatus.MISSED: "a sync ran without it",
    SyncStatus.STALLED: "Re-Leased isn't connected, or its sync has errors",
    SyncStatus.NOT_LINKED: "Re-Leased leaves this contact out",
    SyncStatus.FOREIGN_CURRENCY: "Re-Leased leaves these contacts out",
    SyncStatus.SUPERSEDED: "it was reversed before a sync",
}
_READ_NOTES: Final = {
    ReadResult.OTHER_STATUS: "Re-Leased was read since and doesn't have it yet.",
    ReadResult.MISSED: "Re-Leased was read after a sync and doesn't have it.",
    ReadResult.NO_STATUS: "Re-Leased doesn't return this contact's status, so it can't be confirmed.",
    ReadResult.NOT_FOUND: "Re-Leased's contacts don't include it, so it can't be confirmed.",
    ReadResult.AMBIGUOUS: "Several contacts could be this one in Re-Leased: compare to choose.",
}
_APPROVE_DRAFTS: Final = "In Re-Leased, approve the Drafts that failed while it was archived."
_NOT_SEEN: Final = frozenset(
    {SyncStatus.PENDING, SyncStatus.EXPECTED, SyncStatus.REPORTED, SyncStatus.MISSED, SyncStatus.STALLED}
)
#: For the help: each status, with its symbol, and its meaning.
LEGEND: Final = (
    *((_STATE_BADGES[state].text, meaning) for state, meaning in _STATE_LEGEND.items()),
    *((f"{_SYNC_BADGES[status][0]} {word}", _SYNC_LEGEND[status]) for status, word in SYNC_LABELS.items()),
)


def legend_of(view: ChangeView | None) -> str:
    """Return what the status of a contact's last change means, in one line; empty without a status."""
    if view is None:
        return ""
    change = view.change
    if change.state is State.CONFIRMED:
        status = view.sync.status if view.sync is not None else SyncStatus.PENDING
        text = f"{SYNC_LABELS[status]}: {_SYNC_LEGEND[status]}."
        return " ".join(filter(None, (text, read_note(view), advice_after_sync(view))))
    if change.state is State.REFUSED:
        return f"{_STATE_BADGES[change.state].label}: {refusal_reason(change)}"
    meaning = _STATE_LEGEND.get(change.state, "")
    return f"{_STATE_BADGES[change.state].label}: {meaning}." if meaning else ""


def read_note(view: ChangeView) -> str:
    """Return what the last read of Re-Leased's contacts showed about an unconfirmed change; may be empty."""
    if view.sync is None or view.sync.status not in _NOT_SEEN or view.change.read_result is None:
        return ""
    return _READ_NOTES[view.change.read_result]


def advice_after_sync(view: ChangeView) -> str:
    """Return what is left to do in Re-Leased once it has a contact's last change; empty if nothing is."""
    has_arrived = view.sync is not None and view.sync.status in {SyncStatus.SYNCED, SyncStatus.CHECKED}
    return _APPROVE_DRAFTS if has_arrived and view.change.action is Action.RESTORE else ""


def _sync_badge(status_since: StatusSince, now: datetime, confirmed_at: datetime | None) -> StatusBadge:
    """Return the sync status of a confirmed change, and since when it applies."""
    status, since = status_since.status, status_since.since
    (symbol, style), word = _SYNC_BADGES[status], SYNC_LABELS[status]
    if status is SyncStatus.PENDING:
        since = since or confirmed_at
    age = ""
    if since is not None and status is not SyncStatus.SUPERSEDED:
        is_day = status is SyncStatus.EXPECTED
        age = formats.short_day(since, now) if is_day else formats.time_or_short_day(since, now)
    return StatusBadge(symbol, f"{word} {age}".rstrip(), style, short_label=word)


def describe_status(status_since: StatusSince, now: datetime) -> str:
    """Describe a status and its time in a full clause."""
    text = _MEANINGS[status_since.status]
    if status_since.since is None:
        return text.removesuffix(" since").rstrip(",")
    return f"{text} {formats.short_day_and_time(status_since.since, now)}"


class StatusLegend(StaticLine):
    """One line below the search box: the meaning of the status in the row under the cursor."""

    DEFAULT_CSS = """
    StatusLegend { height: 1; padding: 0 1 0 3; color: $text-muted; }
    """

    _text = ""

    def update_from(self, text: str) -> None:
        """Show another meaning; "" shows none."""
        if text != self._text:
            self._text = text
            self.show(content(text))
