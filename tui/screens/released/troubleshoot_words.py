"""What Troubleshoot says: the four steps of Re-Leased's article, as far as each can be checked from here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.actions import usual_key
from tui.model.errors import as_sentence
from tui.model.evidence import Grade, Standing
from tui.model.snapshot import Link
from tui.widgets import clock
from tui.widgets.refusals import advice, reason
from tui.widgets.signs import meaning
from tui.widgets.sync_words import next_sync, xero_trouble, xero_words
from tui.widgets.text import safe
from tui.widgets.words import counted, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tui.model.snapshot import ChangeView, Pane, ReleasedLink, Snapshot, XeroLink

_GOOD: Final = "✓"
_BAD: Final = "✗"
_WAITS: Final = "◷"
_UNKNOWN: Final = "?"
# Nothing is pending, but there is something that nobody has seen to have arrived.
_UNSEEN: Final = "~"
STYLES: Final = {_GOOD: "success", _BAD: "error", _WAITS: "primary", _UNKNOWN: "warning", _UNSEEN: "muted"}
_TOO_OLD: Final = timedelta(days=1)
_MOST_REFUSED: Final = 3
_PAUSED: Final = "Sending to Xero is paused. Queued changes wait until you resume it on the contacts screen."
_READING: Final = "The journal is being read."
TO_RECONNECT: Final = frozenset({Link.RECONNECT, Link.GONE})
_TROUBLED: Final = frozenset(Link) - {Link.ONLINE, Link.STARTING}
SUPPORT: Final = (
    "If it persists, contact Re-Leased's Customer Support from within Re-Leased, through its help; "
    "Reshelve knows no address that could be verified. The report holds what is known here."
)


class Step(Struct, frozen=True):
    """One step: a sign with a title, what speaks for it, and what to press next."""

    sign: str
    title: str
    lines: tuple[str, ...]
    next: str = ""


class Oldest(Struct, frozen=True):
    """The change that has gone unseen in Re-Leased for longest, or None; it may be expected or told."""

    view: ChangeView | None = None


def steps(
    snapshot: Snapshot,
    oldest: Oldest,
    now: datetime,
    *,
    is_practice: bool,
    is_read_only: bool = False,
    key: Callable[[str], str] = usual_key,
) -> tuple[Step, ...]:
    """Return the four steps in the article's order. `key` names the key of an action."""
    report = f"{key('copy_report')} copies the report, {key('save_report')} writes it to a file."
    return (
        _connections(snapshot, now, is_read_only=is_read_only, key=key),
        _refusals(snapshot.pane, key),
        _waiting(snapshot, oldest, now, is_practice=is_practice, key=key),
        Step("·", "Support", (SUPPORT,), report),
    )


def _connections(snapshot: Snapshot, now: datetime, *, is_read_only: bool, key: Callable[[str], str]) -> Step:
    xero, organisation = snapshot.xero, snapshot.organisation
    may = _may(snapshot, is_read_only=is_read_only)
    lines = [
        f"Xero: {_answer(xero, now)}; {_last_read(snapshot, now)}; {may}.",
        f"Re-Leased: {overview(snapshot.released, now)}",
        f"Its company must be the one tied to {safe(organisation.name)}, with the sync switched on.",
    ]
    troubles = (
        safe(snapshot.disk_trouble) or xero_trouble(xero, now),
        _PAUSED if snapshot.is_paused else "",
        clock.trouble(snapshot.clock_ahead),
    )
    lines[1:1] = filter(None, troubles)
    is_bad = xero.link in _TROUBLED or any(troubles) or snapshot.released.is_stalled
    is_known = xero.link is Link.ONLINE and _is_recent(snapshot.last_pull_at, now)
    sign = _BAD if is_bad else _GOOD if is_known and _says_well(snapshot.released, now) else _UNKNOWN
    connect = f"{key('connect')} signs in to Xero again; " if xero.link in TO_RECONNECT else ""
    pressed = key("sync_overview")
    overview_key = f"{pressed} records what Re-Leased's Sync Overview shows; " if pressed else ""
    return Step(
        sign,
        "Connection and settings on both sides",
        tuple(lines),
        f"{connect}{overview_key}{key('refresh')} looks again.",
    )


def _may(snapshot: Snapshot, *, is_read_only: bool) -> str:
    if snapshot.organisation.is_read_only:
        return "this connection may only read"
    may = "this connection may read and change contacts"
    return f"{may}, but Reshelve was started with --read-only" if is_read_only else may


def _last_read(snapshot: Snapshot, now: datetime) -> str:
    if snapshot.last_pull_at is not None:
        return f"last read {clock.ago(snapshot.last_pull_at, now)}"
    if snapshot.pull is not None:
        return "its contacts are being read"
    return "nothing was read since the start"


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < _TOO_OLD


def _says_well(released: ReleasedLink, now: datetime) -> bool:
    """Say whether what is known of the company is good news, and no older than a night."""
    return bool(released.state) and (released.has_feed or _is_recent(released.state_told_at, now))


def _answer(xero: XeroLink, now: datetime) -> str:
    said = xero_words(xero, now)
    if xero.link is not Link.ONLINE or xero.last_answer_at is None:
        return said
    if xero.silent_since is not None:
        return f"{said}; answered at {clock.time_of_day(xero.last_answer_at)}"
    return f"answered at {said}"


def overview(released: ReleasedLink, now: datetime) -> str:
    """Say what is known of Re-Leased's Sync Overview, and where from."""
    if released.problem:
        return f"its feed can't be read: {safe(released.problem)}"
    if not released.is_asked:
        return "its feed is being read."
    if not released.state:
        nobody = "nobody has said yet what its Sync Overview shows."
        return "its feed doesn't say what its Sync Overview shows." if released.has_feed else nobody
    if released.state_told_at is None:
        return f"“{safe(released.state)}”, as its feed says."
    again = "" if _is_recent(released.state_told_at, now) else " It may have changed since."
    return f"“{safe(released.state)}”, told {clock.ago(released.state_told_at, now)}.{again}"


def _refusals(pane: Pane | None, key: Callable[[str], str]) -> Step:
    title = "Errors while archiving or restoring in Xero"
    if pane is None:
        return Step(_UNKNOWN, title, (_READING,))
    every = f"{key('activity')} lists every change."
    if not pane.refused_total:
        return Step(_GOOD, title, ("Xero refused nothing that is still open.",), every)
    shown = [
        f"{safe(view.change.name)}: {as_sentence(reason(view.change))}"
        f" {advice(view.change, retry='retry', key=key)}"
        for view in pane.refused[:_MOST_REFUSED]
    ]
    more = pane.refused_total - len(shown)
    if more:
        shown.append(f"and {number(more)} more")
    again = f"{key('retry')} tries again; " if key("retry") else ""
    return Step(_BAD, title, tuple(shown), f"{again}{every}")


def _waiting(
    snapshot: Snapshot, oldest: Oldest, now: datetime, *, is_practice: bool, key: Callable[[str], str]
) -> Step:
    title, pane = "Waiting for Re-Leased's next sync", snapshot.pane
    if pane is None:
        return Step(_UNKNOWN, title, (_READING,))
    sync = next_sync(snapshot.released, now, is_practice=is_practice, key=key).words
    lines = [_totals(pane), *_oldest(oldest, now), sync if sync.endswith(".") else f"{sync}."]
    is_bad = bool(pane.overdue_total or pane.stalled_total)
    sign = (
        _BAD
        if is_bad
        else _WAITS
        if pane.waiting_total + pane.not_in_xero_total
        else _UNSEEN
        if oldest.view
        else _GOOD
    )
    pressed = key("manual_sync")
    manual = f"{pressed} records a sync that you started in Re-Leased, or how it ended; " if pressed else ""
    then = f"{manual}{key('reconcile')} compares a file exported from it."
    return Step(sign, title, tuple(lines), then)


def _totals(pane: Pane) -> str:
    """Say how many wait, each kind by its name."""
    pending = pane.waiting_total - pane.overdue_total - pane.stalled_total
    counts = {
        f"{number(pane.stalled_total)} stalled: nothing is picked up as things are": pane.stalled_total,
        f"{number(pane.overdue_total)} overdue: a sync without errors left {_them(pane.overdue_total)} out":
            pane.overdue_total,
        f"{counted(pending, 'change')} pending": pending,
    }  # fmt: skip
    said = [words for words, count in counts.items() if count]
    if not said and pane.not_in_xero_total:
        return f"{counted(pane.not_in_xero_total, 'change')} not in Xero yet."
    return f"{'. '.join(said)}." if said else "Nothing is pending, overdue or stalled."


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _oldest(oldest: Oldest, now: datetime) -> Iterator[str]:
    """Say which change has gone unseen for longest, and how firmly it is known to have arrived."""
    if oldest.view is None or oldest.view.change.confirmed_at is None:
        return
    change, since = oldest.view.change, clock.ago(oldest.view.change.confirmed_at, now)
    standing = oldest.view.standing or Standing(Grade.PENDING, change.confirmed_at)
    verb = "" if standing.grade is Grade.PENDING else "is "
    yield (
        f"Unseen for longest: {safe(change.name)}, {change.action} confirmed by Xero {since}. "
        f"It {verb}{meaning(standing, now.astimezone())}."
    )
