"""What the status pane says of Re-Leased's next sync, never claiming more than is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui.actions import usual_key
from tui.model.snapshot import Link
from tui.widgets import clock
from tui.widgets.text import safe
from tui.widgets.title_bar import xero_words
from tui.widgets.words import counted, number

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from tui.model.snapshot import Pane, ReleasedLink, Snapshot, XeroLink

_FAR_OFF: Final = timedelta(hours=1)
_STALLED: Final = {
    "Needs reconnecting": "Re-Leased needs reconnecting: nothing will be picked up until someone "
    "reconnects it in Re-Leased.",
    "Not connected": "Re-Leased is not connected to Xero: nothing will be picked up until someone "
    "connects it in Re-Leased.",
    "Sync has errors": "Re-Leased's last sync had errors. Look at Sync Results in Re-Leased: what is "
    "pending may stay so.",
    "Incomplete onboarding": "Re-Leased's set-up is not complete: nothing will be picked up until it is.",
    "Incomplete pipeline": "Re-Leased's pipeline is not complete: nothing will be picked up until it is.",
}


class NextSync(Struct, frozen=True):
    """Words about the next sync.

    `brief` fits where there is one line. `fraction` is how far its countdown has come, None where nothing
    is counted down. `style` is the end of a theme variable, `$text-<style>`, or empty.
    """

    words: str
    brief: str
    fraction: float | None = None
    style: str = ""


def next_sync(
    released: ReleasedLink, now: datetime, *, is_practice: bool, key: Callable[[str], str] = usual_key
) -> NextSync:
    """Say when Re-Leased will look next, or why that can't be said. `key` names the key of an action."""
    if released.problem:
        words = f"Re-Leased's feed can't be read: {safe(released.problem)} It is asked again by itself."
        return NextSync(words, "Re-Leased's feed can't be read", style="warning")
    if released.is_syncing:
        return NextSync("Re-Leased is reading now", "Re-Leased is reading now", 1.0, "accent")
    if released.is_stalled and not _was_started_since(released, now):
        return _stalled(released, now)
    manual = key("manual_sync")
    since = "" if released.told_sync_since is None else clock.short(released.told_sync_since, now)
    if released.is_told_to_run(now):
        then = f" Press {manual} when it has ended." if manual else ""
        words = f"A sync was started in Re-Leased at {since}, as told.{then}"
        return NextSync(words, f"sync told at {since}", style="accent")
    said = _next(released, now, is_practice=is_practice)
    if not since:
        return said
    asked = f"Nobody has said how the sync of {since} ended" + (f": press {manual}." if manual else ".")
    return replace(said, words=f"{said.words.removesuffix('.')}. {asked}")


def _was_started_since(released: ReleasedLink, now: datetime) -> bool:
    """Say whether a sync was told to run after the state was told: then that is no longer all there is."""
    started, told = released.told_sync_since, released.state_told_at
    is_newer = started is not None and told is not None and told <= started
    return is_newer and released.is_told_to_run(now)


def _stalled(released: ReleasedLink, now: datetime) -> NextSync:
    state = safe(released.state)
    words = _STALLED.get(released.state, f"Re-Leased says: {state}.")
    if released.state_told_at is not None:
        words = f"{words} Told {clock.short(released.state_told_at, now)}."
    return NextSync(words, f"Re-Leased: {state[:1].lower()}{state[1:]}", style="error")


def _next(released: ReleasedLink, now: datetime, *, is_practice: bool) -> NextSync:
    at = released.next_sync_at
    if at is None:
        return _unknown(released)
    if not released.has_feed:
        return _night(released, at, now)
    name = "practice" if is_practice else "Re-Leased"
    fraction = _fraction(released.cycle_started_at, at, now)
    if now - at >= _FAR_OFF:
        words = f"A {name} sync was due at {clock.short(at, now)}, and its feed tells of none since."
        return NextSync(words, f"sync due at {clock.short(at, now)}", style="warning")
    if now >= at:
        return NextSync(f"The next {name} sync is due now", "sync due now", fraction)
    left = clock.countdown(at, now)
    return NextSync(f"Next {name} sync in {left}", f"sync in {left}", fraction)


def _unknown(released: ReleasedLink) -> NextSync:
    if not released.is_asked:
        return NextSync("Reading Re-Leased's feed …", "reading Re-Leased …")
    if released.has_feed:
        return NextSync("Re-Leased's feed doesn't say when the next sync is.", "next sync unknown")
    return NextSync("Re-Leased can't be asked. It syncs every night.", "next sync tonight")


def _night(released: ReleasedLink, end: datetime, now: datetime) -> NextSync:
    """Count down to the end of the nightly window: only then has a whole night passed."""
    left, by = clock.countdown(end, now), _in_zone(end, now, released.zone)
    start = released.window_start_at
    if start is not None and start <= now:
        later = f"What changed since {clock.short(start, now, released.zone)} waits a night more"
        words = f"Re-Leased's nightly sync is expected by {by}, in {left}. {later}"
    else:
        words = f"Re-Leased can't be asked; expected after its nightly sync, by {by}, in {left}"
    if released.zone_note:
        words = f"{words}. {safe(released.zone_note)}"
    brief = f"expected by {_in_zone(end, now, released.zone, is_brief=True)}"
    return NextSync(words, brief, _fraction(released.cycle_started_at, end, now))


def _in_zone(moment: datetime, now: datetime, zone: tzinfo | None, *, is_brief: bool = False) -> str:
    """Write a moment in the zone of the nightly window, and name it where it isn't this machine's."""
    if zone is None or moment.astimezone(zone).utcoffset() == moment.astimezone().utcoffset():
        return clock.short(moment, now)
    name = str(zone).rpartition("/")[2].replace("_", " ") if is_brief else zone
    return f"{clock.short(moment, now, zone)} ({name})"


def _fraction(start: datetime | None, end: datetime, now: datetime) -> float | None:
    if start is None or end <= start:
        return None
    return max(0.0, min(1.0, (now - start) / (end - start)))


def xero_totals(pane: Pane, *, is_sending: bool = True) -> list[tuple[str, str]]:
    """Return the totals of what Xero hasn't confirmed, as words with their styles; zeros are left out.

    Where nothing is sent, as sending is paused or in read-only mode, queued changes aren't on the way.
    """
    queued = 0 if is_sending else pane.working_total - pane.sent_total
    on_the_way = pane.working_total - queued
    parts = [
        (pane.handoff_total, counted(pane.handoff_total, "hand-off"), "accent"),
        (pane.refused_total, f"{number(pane.refused_total)} refused by Xero", "error"),
        (queued, f"{number(queued)} queued", ""),
        (on_the_way, f"{number(on_the_way)} on the way", ""),
    ]
    return [(words, style) for count, words, style in parts if count]


def released_totals(pane: Pane) -> list[tuple[str, str]]:
    """Return the totals of what waits for Re-Leased, as words with their styles.

    Zeros are left out. "Nothing is pending" is returned only where Xero has nothing left to confirm either.
    """
    pending = pane.waiting_total - pane.overdue_total - pane.stalled_total
    parts = [
        (pending, f"{number(pending)} pending", "primary"),
        (pane.stalled_total, f"{number(pane.stalled_total)} stalled", "error"),
        (pane.overdue_total, f"{number(pane.overdue_total)} overdue", "warning"),
    ]
    shown = [(words, style) for count, words, style in parts if count]
    if not shown and pane.not_in_xero_total:
        return [(f"{number(pane.not_in_xero_total)} not in Xero yet", "muted")]
    return shown or [("Nothing is pending", "primary")]


def totals(pane: Pane, *, is_sending: bool = True) -> list[tuple[str, str]]:
    """Return the totals of both, for where they share a line; `is_sending` as for `xero_totals`."""
    in_xero = xero_totals(pane, is_sending=is_sending)
    return [*(released_totals(pane) if pane.waiting_total or not in_xero else []), *in_xero]


def symbols(pane: Pane) -> list[tuple[str, str]]:
    """Return the totals as the table's symbols with numbers, where words have no room."""
    pending = pane.waiting_total - pane.overdue_total - pane.stalled_total
    parts = [
        (pending, "◷", "primary"),
        (pane.handoff_total, "↗", "accent"),
        (pane.refused_total, "✗", "error"),
        (pane.stalled_total, "‖", "error"),
        (pane.overdue_total, "!", "warning"),
        (pane.working_total, "◌", ""),
    ]
    return [(f"{symbol} {number(count)}", style) for count, symbol, style in parts if count]


def calls_left(xero: XeroLink, now: datetime) -> str:
    """Return the calls left by Xero's last answer, without limits that are known to have ended."""
    if xero.link is not Link.ONLINE:
        return ""
    is_minute_full = xero.minute_full_until is not None and xero.minute_full_until > now
    minute = None if is_minute_full else xero.minute_calls_left
    left = [
        *([] if minute is None else [f"{number(minute)}/min"]),
        *([] if xero.day_calls_left is None else [f"{number(xero.day_calls_left)} today"]),
    ]
    return f"Xero calls left: {'  '.join(left)}" if left else ""


def trouble(snapshot: Snapshot, now: datetime) -> str:
    """Say what stands in the way: the disk before Xero, both before the clock; empty when nothing does."""
    wrong = safe(snapshot.disk_trouble) or xero_trouble(snapshot.xero, now)
    full_until = snapshot.xero.minute_full_until
    # While everything is being read, the line about that says so.
    if wrong or snapshot.pull is not None or full_until is None or full_until <= now:
        return wrong or clock.short_trouble(snapshot.clock_ahead)
    return f"This minute's calls to Xero are used up. Goes on in {clock.countdown(full_until, now)}."


def xero_trouble(xero: XeroLink, now: datetime) -> str:
    """Say what is wrong with the connection to Xero, or why it isn't used; empty when all is well."""
    detail = safe(xero.detail)
    if not detail:
        return ""
    # A sign-in that has ended and a prompt are the person's: no next try helps.
    if xero.waiting_until is None or xero.link in {Link.RECONNECT, Link.GONE, Link.KEYCHAIN}:
        return detail
    what = {Link.ONLINE: "Next look", Link.LIMITED: "Goes on"}.get(xero.link, "Next try")
    return f"{detail} {what} {when(xero.waiting_until, now)}."


def when(moment: datetime, now: datetime) -> str:
    """Say when something goes on: what is far off with its time of day, too."""
    left = clock.countdown(moment, now)
    return f"in {left}" if moment - now < _FAR_OFF else f"at {clock.short(moment, now)}, in {left}"


__all__ = [
    "NextSync",
    "calls_left",
    "next_sync",
    "released_totals",
    "symbols",
    "totals",
    "trouble",
    "when",
    "xero_totals",
    "xero_trouble",
    "xero_words",
]
