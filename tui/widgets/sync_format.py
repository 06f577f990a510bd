"""Text of the status pane about Re-Leased's next sync, never claiming more than is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui import messages
from tui.actions import default_key
from tui.messages import formats
from tui.messages.formats import format_number, pluralize
from tui.model.snapshot import ConnectionStatus
from tui.widgets import clock
from tui.widgets.text import safe
from tui.widgets.title_bar import xero_status_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from tui.model.re_leased import ContactReading
    from tui.model.snapshot import ChangeSummary, ReLeasedStatus, Snapshot, XeroStatus

_FAR_OFF: Final = timedelta(hours=1)
# Shorter intervals are in seconds.
_FEW_SECONDS: Final = 120
_STALLED: Final = {
    "Needs reconnecting": "Re-Leased needs reconnecting. Nothing syncs until someone reconnects it in "
    "Re-Leased.",
    "Not connected": "Re-Leased isn't connected to Xero. Nothing syncs until someone connects it in "
    "Re-Leased.",
    "Sync has errors": "Re-Leased's last sync had errors. Check Sync Results in Re-Leased: pending "
    "changes may stay pending.",
    "Incomplete onboarding": "Re-Leased's onboarding isn't complete. Nothing syncs until it is.",
    "Incomplete pipeline": "Re-Leased's pipeline isn't complete. Nothing syncs until it is.",
}


class NextSync(Struct, frozen=True):
    """Text about the next sync.

    `brief` is for a single line. `fraction` is the progress of the countdown, None without one. `style` is
    the end of a theme variable, `$text-<style>`, or empty.
    """

    text: str
    brief: str
    fraction: float | None = None
    style: str = ""


def next_sync(
    re_leased: ReLeasedStatus, now: datetime, *, is_practice: bool, key: Callable[[str], str] = default_key
) -> NextSync:
    """Describe when Re-Leased will sync next, or why that is unknown, and when its contacts were read.

    `key` formats the key of an action.
    """
    sync = _sync(re_leased, now, is_practice=is_practice, key=key)
    if re_leased.contacts is None:
        return sync
    text, is_problem = reading_text(re_leased.contacts, now)
    style = sync.style or ("warning" if is_problem else "")
    brief = "Re-Leased can't be read" if is_problem and not sync.style else sync.brief
    return replace(sync, text=f"{sync.text.removesuffix('.')}. {text}", brief=brief, style=style)


def reading_text(reading: ContactReading, now: datetime) -> tuple[str, bool]:
    """Return when Re-Leased's own contacts were read, or why they weren't, and whether that is a problem."""
    if reading.problem is not None:
        return safe(messages.message(reading.problem)), True
    if reading.last is None:
        count = format_number(reading.received or 0)
        return f"Reading Re-Leased's contacts: {count} so far.", False
    if not reading.has_statuses:
        return "Re-Leased doesn't return which contacts are archived, so changes can't be confirmed.", True
    read_at = formats.short_time(reading.last_began_at or reading.last.began_at, now)
    counts = reading.last.counts
    without = counts.total - counts.with_status
    unknown = f", {pluralize(without, 'contact')} without a status" if without > 0 else ""
    return f"Re-Leased last read {read_at}{unknown}.", False


def _sync(
    re_leased: ReLeasedStatus, now: datetime, *, is_practice: bool, key: Callable[[str], str]
) -> NextSync:
    if re_leased.problem is not None:
        problem = safe(messages.message(re_leased.problem))
        text = f"Re-Leased's feed can't be read: {problem} Reshelve will retry."
        return NextSync(text, "Re-Leased's feed can't be read", style="warning")
    if re_leased.is_syncing:
        return NextSync("Re-Leased is syncing", "Re-Leased is syncing", 1.0, "accent")
    if re_leased.is_stalled and not _was_started_since(re_leased, now):
        return _stalled(re_leased, now)
    manual = key("manual_sync")
    since = (
        ""
        if re_leased.reported_sync_since is None
        else formats.short_time(re_leased.reported_sync_since, now)
    )
    if re_leased.is_reported_running(now):
        then = f" Press {manual} when it has finished." if manual else ""
        text = f"You recorded a Re-Leased sync started at {since}.{then}"
        return NextSync(text, f"sync started {since}", style="accent")
    scheduled = _scheduled_sync(re_leased, now, is_practice=is_practice)
    if not since:
        return scheduled
    asked = f"Record how the sync of {since} ended" + (f": press {manual}." if manual else ".")
    return replace(scheduled, text=f"{scheduled.text.removesuffix('.')}. {asked}")


def _was_started_since(re_leased: ReLeasedStatus, now: datetime) -> bool:
    """Whether a sync was reported started after the company's state was reported, making it outdated."""
    started, reported_at = re_leased.reported_sync_since, re_leased.state_reported_at
    is_newer = started is not None and reported_at is not None and reported_at <= started
    return is_newer and re_leased.is_reported_running(now)


def _stalled(re_leased: ReLeasedStatus, now: datetime) -> NextSync:
    state = safe(re_leased.state)
    text = _STALLED.get(re_leased.state, f"Re-Leased shows: {state}.")
    if re_leased.state_reported_at is not None:
        text = f"{text} Recorded {formats.short_time(re_leased.state_reported_at, now)}."
    return NextSync(text, f"Re-Leased: {state[:1].lower()}{state[1:]}", style="error")


def _scheduled_sync(re_leased: ReLeasedStatus, now: datetime, *, is_practice: bool) -> NextSync:
    at = re_leased.next_sync_at
    if at is None:
        return _unknown(re_leased, is_practice=is_practice)
    if not re_leased.has_feed:
        return _nightly_sync(re_leased, at, now)
    name = "practice" if is_practice else "Re-Leased"
    fraction = _fraction(re_leased.cycle_started_at, at, now)
    if now - at >= _FAR_OFF:
        text = f"A {name} sync was due at {formats.short_time(at, now)}; the feed shows none since."
        return NextSync(text, f"sync due at {formats.short_time(at, now)}", style="warning")
    if now >= at:
        return NextSync(f"The next {name} sync is due now", "sync due now", fraction)
    left = formats.countdown(at, now)
    return NextSync(f"Next {name} sync in {left}", f"sync in {left}", fraction)


def _unknown(re_leased: ReLeasedStatus, *, is_practice: bool) -> NextSync:
    if not re_leased.is_polled:
        return NextSync("Loading Re-Leased's feed…", "loading Re-Leased…")
    if re_leased.has_feed:
        return NextSync("Re-Leased's feed doesn't say when the next sync is.", "next sync unknown")
    if re_leased.sync_interval is not None:
        every = _interval(re_leased.sync_interval)
        name = "The practice Re-Leased" if is_practice else "Re-Leased"
        return NextSync(f"{name} syncs every {every}.", f"syncs every {every}")
    return NextSync("Re-Leased syncs every night.", "next sync tonight")


def _interval(length: timedelta) -> str:
    seconds = length.total_seconds()
    if seconds < _FEW_SECONDS:
        return pluralize(round(seconds), "second")
    return formats.duration(length)


def _nightly_sync(re_leased: ReLeasedStatus, end: datetime, now: datetime) -> NextSync:
    """Count down to the end of the nightly window: only then has a whole night passed."""
    left, by = formats.countdown(end, now), _in_zone(end, now, re_leased.zone)
    start = re_leased.window_start_at
    if start is not None and start <= now:
        later = (
            f"Changes made since {formats.short_time(start, now, re_leased.zone)} wait for tomorrow "
            "night's sync"
        )
        text = f"Re-Leased's nightly sync should finish by {by}, in {left}. {later}"
    else:
        text = f"Re-Leased's nightly sync should finish by {by}, in {left}"
        if re_leased.contacts is None:
            text += ". Reshelve isn't connected to Re-Leased to confirm it"
    if re_leased.zone_note is not None:
        text = f"{text}. {safe(messages.in_full(re_leased.zone_note))}"
    brief = f"nightly sync by {_in_zone(end, now, re_leased.zone, is_brief=True)}"
    return NextSync(text, brief, _fraction(re_leased.cycle_started_at, end, now))


def _in_zone(moment: datetime, now: datetime, zone: tzinfo | None, *, is_brief: bool = False) -> str:
    """Format a time in the zone of the nightly window, naming the zone if it differs from the local one."""
    if zone is None or moment.astimezone(zone).utcoffset() == moment.astimezone().utcoffset():
        return formats.short_time(moment, now)
    name = str(zone).rpartition("/")[2].replace("_", " ") if is_brief else zone
    return f"{formats.short_time(moment, now, zone)} ({name})"


def _fraction(start: datetime | None, end: datetime, now: datetime) -> float | None:
    if start is None or end <= start:
        return None
    return max(0.0, min(1.0, (now - start) / (end - start)))


def xero_totals(summary: ChangeSummary, *, is_sending: bool = True) -> list[tuple[str, str]]:
    """Return the totals of changes Xero hasn't confirmed, as (text, style); zeros are left out.

    While nothing is sent, because sending is paused or in read-only mode, queued changes are counted
    separately.
    """
    queued = 0 if is_sending else summary.in_progress_total - summary.sent_total
    sending, restores = summary.in_progress_total - queued, summary.manual_restore_total
    parts = [
        (restores, f"{pluralize(restores, 'restore')} to finish", "accent"),
        (summary.refused_total, f"{format_number(summary.refused_total)} refused by Xero", "error"),
        (queued, f"{format_number(queued)} queued", ""),
        (sending, f"{format_number(sending)} sending", ""),
    ]
    return [(text, style) for count, text, style in parts if count]


def re_leased_totals(summary: ChangeSummary) -> list[tuple[str, str]]:
    """Return the totals of changes pending for Re-Leased, as (text, style).

    Zeros are left out. "Nothing pending" is returned only if no change is waiting for Xero either.
    """
    pending = summary.pending_total - summary.missed_total - summary.stalled_total
    parts = [
        (pending, f"{format_number(pending)} pending sync", "primary"),
        (summary.stalled_total, f"{format_number(summary.stalled_total)} not syncing", "error"),
        (summary.missed_total, f"{format_number(summary.missed_total)} missed last sync", "warning"),
    ]
    shown = [(text, style) for count, text, style in parts if count]
    if not shown and summary.not_in_xero_total:
        return [(f"{format_number(summary.not_in_xero_total)} not in Xero yet", "muted")]
    return shown or [("Nothing pending", "primary")]


def totals(summary: ChangeSummary, *, is_sending: bool = True) -> list[tuple[str, str]]:
    """Return both totals for a shared line; `is_sending` as for `xero_totals`."""
    in_xero = xero_totals(summary, is_sending=is_sending)
    return [*(re_leased_totals(summary) if summary.pending_total or not in_xero else []), *in_xero]


def news_text(organisation: str, synced: str, missed: int, refused: int) -> str:
    """Say what happened to changes of an organisation, for a notification; `synced` is how many, or empty."""
    parts = [
        *([f"{synced} synced"] if synced else []),
        *([f"{format_number(missed)} missed last sync"] if missed else []),
        *([f"{format_number(refused)} refused by Xero"] if refused else []),
    ]
    return f"{safe(organisation)}: {', '.join(parts)}"


def symbols(summary: ChangeSummary) -> list[tuple[str, str]]:
    """Return the totals as the table's symbols with numbers, where there is no room for text."""
    pending = summary.pending_total - summary.missed_total - summary.stalled_total
    parts = [
        (pending, "◷", "primary"),
        (summary.manual_restore_total, "↗", "accent"),
        (summary.refused_total, "✗", "error"),
        (summary.stalled_total, "‖", "error"),
        (summary.missed_total, "!", "warning"),
        (summary.in_progress_total, "◌", ""),
    ]
    return [(f"{symbol} {format_number(count)}", style) for count, symbol, style in parts if count]


# Of 60 a minute, and 5,000 a day: with more, nothing waits.
_FEW_A_MINUTE, _FEW_A_DAY = 10, 500


def calls_left(xero: XeroStatus, now: datetime) -> str:
    """Return the calls left according to Xero's last reply, if they are few; "" if there are enough."""
    if xero.status is not ConnectionStatus.ONLINE:
        return ""
    is_minute_full = xero.minute_full_until is not None and xero.minute_full_until > now
    minute, day = None if is_minute_full else xero.minute_calls_left, xero.day_calls_left
    left = [
        *([f"{format_number(minute)} this minute"] if minute is not None and minute < _FEW_A_MINUTE else []),
        *([f"{format_number(day)} today"] if day is not None and day < _FEW_A_DAY else []),
    ]
    return f"Xero calls left: {', '.join(left)}" if left else ""


def problem_text(snapshot: Snapshot, now: datetime) -> str:
    """Return the most important problem: storage, then Xero, then the clock; "" if there is none."""
    problem = storage_problem(snapshot) or xero_problem(snapshot.xero, now)
    full_until = snapshot.xero.minute_full_until
    # While contacts are loading, the progress bar shows this.
    if problem or snapshot.progress is not None or full_until is None or full_until <= now:
        return problem or clock.short_clock_warning(snapshot.clock_ahead)
    return f"Xero's limit per minute is reached. Resumes in {formats.countdown(full_until, now)}."


def storage_problem(snapshot: Snapshot) -> str:
    """Describe a problem with the local database or a background task; "" if there is none."""
    return "" if snapshot.storage_problem is None else safe(messages.in_full(snapshot.storage_problem))


def xero_problem(xero: XeroStatus, now: datetime) -> str:
    """Describe a problem with the connection to Xero, or why it isn't used; "" if there is none."""
    if xero.detail is None:
        return ""
    detail = safe(messages.in_full(xero.detail))
    # An expired sign-in or a keychain prompt needs the user; there is no automatic retry.
    if xero.retry_at is None or xero.status in {
        ConnectionStatus.RECONNECT,
        ConnectionStatus.REMOVED,
        ConnectionStatus.KEYCHAIN,
    }:
        return detail
    next_event = {ConnectionStatus.ONLINE: "Next refresh", ConnectionStatus.LIMITED: "Resumes"}.get(
        xero.status, "Next retry"
    )
    return f"{detail} {next_event} {format_when(xero.retry_at, now)}."


def format_when(moment: datetime, now: datetime) -> str:
    """Describe when something resumes, including the time of day if it is an hour or more away."""
    left = formats.countdown(moment, now)
    return f"in {left}" if moment - now < _FAR_OFF else f"at {formats.short_time(moment, now)}, in {left}"


__all__ = [
    "NextSync",
    "calls_left",
    "format_when",
    "news_text",
    "next_sync",
    "problem_text",
    "re_leased_totals",
    "storage_problem",
    "symbols",
    "totals",
    "xero_problem",
    "xero_status_text",
    "xero_totals",
]
