"""What Troubleshoot says: the four steps of Re-Leased's article, as far as each can be checked from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.model.evidence import Grade, Standing
from tui.model.snapshot import Link
from tui.widgets import clock
from tui.widgets.signs import meaning
from tui.widgets.sync_words import next_sync, xero_trouble, xero_words
from tui.widgets.text import safe
from tui.widgets.words import counted, number

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.snapshot import ChangeView, Pane, ReleasedLink, Snapshot, XeroLink

_GOOD: Final = "✓"
_BAD: Final = "✗"
_WAITS: Final = "◷"
_UNKNOWN: Final = "?"
STYLES: Final = {_GOOD: "success", _BAD: "error", _WAITS: "primary", _UNKNOWN: "warning"}
_TROUBLED: Final = frozenset(Link) - {Link.ONLINE, Link.STARTING}
SUPPORT: Final = (
    "If it persists, contact Re-Leased's Customer Support from within Re-Leased, through its help; "
    "Reshelve knows no address that could be verified. The report holds what is known here."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a sign with a title, what speaks for it, and what to press next."""

    sign: str
    title: str
    lines: tuple[str, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Oldest:
    """The change that has gone unseen in Re-Leased for longest, or None; it may be expected or told."""

    view: ChangeView | None = None


def steps(snapshot: Snapshot, oldest: Oldest, now: datetime, *, is_practice: bool) -> tuple[Step, ...]:
    """Return the four steps in the article's order."""
    return (
        _connections(snapshot, now),
        _refusals(snapshot.pane),
        _waiting(snapshot, oldest, now, is_practice=is_practice),
        Step("·", "Support", (SUPPORT,), "y copies the report, e writes it to a file."),
    )


def _connections(snapshot: Snapshot, now: datetime) -> Step:
    xero, organisation = snapshot.xero, snapshot.organisation
    may = "may only read" if organisation.is_read_only else "may read and change contacts"
    pulled = snapshot.last_pull_at
    read = f"last read {clock.ago(pulled, now)}" if pulled else "its contacts have not all been read yet"
    lines = [
        f"Xero: {_answer(xero, now)}; {read}; this connection {may}.",
        f"Re-Leased: {overview(snapshot.released, now)}",
        f"Its company must be the one tied to {safe(organisation.name)}, with the sync switched on.",
    ]
    trouble = safe(snapshot.disk_trouble) or xero_trouble(xero, now)
    if trouble:
        lines.insert(1, trouble)
    is_bad = xero.link in _TROUBLED or bool(trouble) or snapshot.released.is_stalled
    is_known = xero.link is Link.ONLINE and pulled is not None and bool(snapshot.released.state)
    sign = _BAD if is_bad else _GOOD if is_known else _UNKNOWN
    connect = "c signs in to Xero again; " if xero.link in {Link.RECONNECT, Link.GONE} else ""
    return Step(
        sign,
        "Connection and settings on both sides",
        tuple(lines),
        f"{connect}w says what Re-Leased's Sync Overview shows; F5 looks again.",
    )


def _answer(xero: XeroLink, now: datetime) -> str:
    said = xero_words(xero, now)
    return f"answered at {said}" if xero.link is Link.ONLINE and xero.last_answer_at else said


def overview(released: ReleasedLink, now: datetime) -> str:
    """Say what is known of Re-Leased's Sync Overview, and where from."""
    if released.problem:
        return f"its feed can't be read: {safe(released.problem)}"
    if not released.state:
        return "nobody has said yet what its Sync Overview shows."
    if released.state_told_at is not None:
        return f"“{safe(released.state)}”, told {clock.ago(released.state_told_at, now)}."
    return f"“{safe(released.state)}”, as its feed says."


def _refusals(pane: Pane | None) -> Step:
    title = "Errors while archiving or restoring in Xero"
    if pane is None:
        return Step(_UNKNOWN, title, ("The journal is being read.",))
    if not pane.refused_total:
        return Step(_GOOD, title, ("Xero refused nothing that is still open.",), "l lists every change.")
    shown = [f"{safe(view.change.name)}: {_words(view)}" for view in pane.refused[:3]]
    more = pane.refused_total - len(shown)
    if more:
        shown.append(f"and {number(more)} more")
    return Step(_BAD, title, tuple(shown), "l lists every change; there r tries again.")


def _words(view: ChangeView) -> str:
    return safe(view.change.words) or "Xero gave no reason."


def _waiting(snapshot: Snapshot, oldest: Oldest, now: datetime, *, is_practice: bool) -> Step:
    title, pane = "Waiting for Re-Leased's next sync", snapshot.pane
    if pane is None:
        return Step(_UNKNOWN, title, ("The journal is being read.",))
    lines = [f"{counted(pane.waiting_total, 'change')} pending, overdue or stalled."]
    if oldest.view is not None and oldest.view.change.confirmed_at is not None:
        change = oldest.view.change
        since = clock.ago(oldest.view.change.confirmed_at, now)
        standing = oldest.view.standing or Standing(Grade.PENDING, change.confirmed_at)
        verb = "" if standing.grade is Grade.PENDING else "is "
        lines.append(
            f"Unseen for longest: {safe(change.name)}, {change.action} confirmed by Xero {since}. "
            f"It {verb}{meaning(standing, now.astimezone())}."
        )
    if pane.overdue_total:
        lines.append(f"{number(pane.overdue_total)} overdue: a sync without errors left it out.")
    words = next_sync(snapshot.released, now, is_practice=is_practice).words
    lines.append(words if words.endswith(".") else f"{words}.")
    is_bad = bool(pane.overdue_total or pane.stalled_total)
    sign = _BAD if is_bad else _WAITS if pane.waiting_total else _GOOD
    return Step(sign, title, tuple(lines), "m says that you started a sync in Re-Leased, or how it ended.")
