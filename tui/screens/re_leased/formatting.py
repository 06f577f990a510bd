"""Text for Troubleshoot: the four steps of Re-Leased's article, checked as far as possible.

Also the report for support, without personal data.
"""

from __future__ import annotations

import platform
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from textual import __version__ as textual_version

from tui import __version__, messages
from tui.actions import default_key
from tui.messages import formats
from tui.messages.formats import format_number, pluralize, utc_time
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.snapshot import ConnectionStatus
from tui.widgets import clock
from tui.widgets.status_badge import describe_status, refusal_advice, refusal_reason
from tui.widgets.sync_format import next_sync, storage_problem, xero_problem, xero_status_text
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, tzinfo

    from tui.model.snapshot import ChangeSummary, ChangeView, ReLeasedStatus, Snapshot, XeroStatus


_GOOD: Final = "✓"
_BAD: Final = "✗"
_PENDING: Final = "◷"
_UNKNOWN: Final = "?"
# No change is pending, but at least one isn't confirmed to have reached Re-Leased.
_UNCONFIRMED: Final = "~"
STYLES: Final = {
    _GOOD: "success",
    _BAD: "error",
    _PENDING: "primary",
    _UNKNOWN: "warning",
    _UNCONFIRMED: "muted",
}
_TOO_OLD: Final = timedelta(days=1)
_MOST_REFUSED: Final = 3
_PAUSED: Final = "Sending to Xero is paused. Queued changes wait until you resume on the contacts screen."
_READING: Final = "Loading changes…"
RECONNECT_STATUSES: Final = frozenset({ConnectionStatus.RECONNECT, ConnectionStatus.REMOVED})
_PROBLEM_STATUSES: Final = frozenset(ConnectionStatus) - {ConnectionStatus.ONLINE, ConnectionStatus.STARTING}
SUPPORT: Final = (
    "If the problem persists, contact Re-Leased's Customer Support through the help in Re-Leased, and attach "
    "the support report. It contains what Reshelve knows."
)


_FIND_IN_SYNC_RESULTS: Final = (
    "Sync Results, entity Contacts, search by External ID. That a contact isn't listed there proves nothing."
)


class Step(Struct, frozen=True):
    """One step: a symbol with a title, the findings, and the next key to press."""

    symbol: str
    title: str
    lines: tuple[str, ...]
    next_step: str = ""


class OldestUnconfirmed(Struct, frozen=True):
    """The change unconfirmed in Re-Leased for longest, or None; it may be expected or reported synced."""

    view: ChangeView | None = None


def steps(
    snapshot: Snapshot,
    oldest: OldestUnconfirmed,
    now: datetime,
    *,
    is_practice: bool,
    is_read_only: bool = False,
    key: Callable[[str], str] = default_key,
) -> tuple[Step, ...]:
    """Return the four steps in the article's order. `key` formats the key of an action."""
    report = f"{key('copy_report')} copies the report; {key('save_report')} saves it to a file."
    return (
        _connections(snapshot, now, is_read_only=is_read_only, key=key),
        _refusals(snapshot.summary, key),
        _waiting(snapshot, oldest, now, is_practice=is_practice, key=key),
        Step("·", "Support", (SUPPORT,), report),
    )


def _connections(snapshot: Snapshot, now: datetime, *, is_read_only: bool, key: Callable[[str], str]) -> Step:
    xero, organisation = snapshot.xero, snapshot.organisation
    permission = _permission(snapshot, is_read_only=is_read_only)
    lines = [
        f"Xero: {_last_reply(xero, now)}; {_last_read(snapshot, now)}; {permission}.",
        f"Re-Leased: {sync_overview(snapshot.re_leased, now)}",
        f"Re-Leased's contacts: {reading_details(snapshot.re_leased, now)}",
        f"In Re-Leased, check that the company is connected to {safe(organisation.name)} and sync is on.",
    ]
    problems = (
        storage_problem(snapshot) or xero_problem(xero, now),
        _PAUSED if snapshot.is_paused else "",
        clock.clock_warning(snapshot.clock_ahead),
    )
    lines[1:1] = filter(None, problems)
    is_bad = xero.status in _PROBLEM_STATUSES or any(problems) or snapshot.re_leased.is_stalled
    is_known = xero.status is ConnectionStatus.ONLINE and _is_recent(snapshot.last_refresh_at, now)
    symbol = _BAD if is_bad else _GOOD if is_known and _is_healthy(snapshot.re_leased, now) else _UNKNOWN
    connect = f"{key('connect')} signs in to Xero again; " if xero.status in RECONNECT_STATUSES else ""
    key_label = key("sync_overview")
    overview_key = f"{key_label} records what Re-Leased's Sync Overview shows; " if key_label else ""
    return Step(
        symbol,
        "Connection and settings on both sides",
        tuple(lines),
        f"{connect}{overview_key}{key('refresh')} refreshes.",
    )


def _permission(snapshot: Snapshot, *, is_read_only: bool) -> str:
    if snapshot.organisation.is_read_only:
        return "this connection is read-only"
    permission = "this connection can read and change contacts"
    return f"{permission}, but Reshelve was started with --read-only" if is_read_only else permission


def _last_read(snapshot: Snapshot, now: datetime) -> str:
    if snapshot.last_refresh_at is not None:
        return f"last loaded {formats.ago(snapshot.last_refresh_at, now)}"
    if snapshot.progress is not None:
        return "contacts are loading"
    return "nothing loaded since Reshelve started"


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < _TOO_OLD


def _is_healthy(re_leased: ReLeasedStatus, now: datetime) -> bool:
    """Whether the company's known state is good, and no older than a day."""
    return bool(re_leased.state) and (re_leased.has_feed or _is_recent(re_leased.state_reported_at, now))


def _last_reply(xero: XeroStatus, now: datetime) -> str:
    text = xero_status_text(xero, now)
    if xero.status is not ConnectionStatus.ONLINE or xero.last_reply_at is None:
        return text
    if xero.no_reply_since is not None:
        return f"{text}; last reply at {formats.time_of_day(xero.last_reply_at)}"
    return f"last reply at {text}"


def sync_overview(re_leased: ReLeasedStatus, now: datetime) -> str:
    """Describe the known state of Re-Leased's Sync Overview, and its source."""
    if re_leased.problem is not None:
        return f"its feed can't be read: {safe(messages.in_full(re_leased.problem))}"
    if not re_leased.is_polled:
        return "its feed is loading."
    if not re_leased.state:
        if re_leased.has_feed:
            return "its feed doesn't show the Sync Overview state."
        return "Sync Overview not recorded yet."
    if re_leased.state_reported_at is None:
        return f"“{safe(re_leased.state)}”, from its feed."
    again = "" if _is_recent(re_leased.state_reported_at, now) else " It may have changed since."
    return f"“{safe(re_leased.state)}”, recorded {formats.ago(re_leased.state_reported_at, now)}.{again}"


def reading_details(re_leased: ReLeasedStatus, now: datetime) -> str:
    """Describe what was read of Re-Leased's own contacts, or why nothing was."""
    reading = re_leased.contacts
    if reading is None:
        if re_leased.has_feed:
            return "not read; a feed is set up instead."
        return "not connected. To have changes confirmed, run reshelve re-leased connect."
    if reading.problem is not None:
        return safe(messages.in_full(reading.problem))
    if reading.last is None:
        return "being read for the first time."
    counts = reading.last.counts
    when = formats.ago(reading.last_began_at or reading.last.began_at, now)
    without = counts.total - counts.with_status
    no_status = f", {format_number(without)} without a status" if without else ""
    return (
        f"last read {when}: {pluralize(counts.total, 'contact')}{no_status};"
        f" {format_number(counts.matched)} match Xero, {format_number(counts.unclear)} unclear,"
        f" {format_number(counts.unmatched)} not in Xero."
    )


def _refusals(summary: ChangeSummary | None, key: Callable[[str], str]) -> Step:
    title = "Errors while archiving or restoring in Xero"
    if summary is None:
        return Step(_UNKNOWN, title, (_READING,))
    every = f"{key('changes')} lists every change."
    if not summary.refused_total:
        return Step(_GOOD, title, ("No refused changes.",), every)
    shown = [
        f"{safe(view.change.name)}: {refusal_reason(view.change)}"
        f" {refusal_advice(view.change, retry='retry', key=key)}"
        for view in summary.refused[:_MOST_REFUSED]
    ]
    more = summary.refused_total - len(shown)
    if more:
        shown.append(f"and {format_number(more)} more")
    again = f"{key('retry')} retries; " if key("retry") else ""
    return Step(_BAD, title, tuple(shown), f"{again}{every}")


def _waiting(
    snapshot: Snapshot,
    oldest: OldestUnconfirmed,
    now: datetime,
    *,
    is_practice: bool,
    key: Callable[[str], str],
) -> Step:
    title, summary = "Waiting for Re-Leased's next sync", snapshot.summary
    if summary is None:
        return Step(_UNKNOWN, title, (_READING,))
    sync = next_sync(snapshot.re_leased, now, is_practice=is_practice, key=key).text
    lines = [
        _totals(summary),
        *_oldest(oldest, now),
        sync if sync.endswith(".") else f"{sync}.",
        *([] if is_practice else _zone_question(snapshot, now)),
    ]
    is_bad = bool(summary.missed_total or summary.stalled_total)
    symbol = (
        _BAD
        if is_bad
        else _PENDING
        if summary.pending_total + summary.not_in_xero_total
        else _UNCONFIRMED
        if oldest.view
        else _GOOD
    )
    key_label = key("manual_sync")
    manual = f"{key_label} records a manual Re-Leased sync or how it ended; " if key_label else ""
    copy_id = f"{key('copy_contact_id')} copies its External ID; " if oldest.view is not None else ""
    then = f"{copy_id}{manual}{key('compare')} compares Re-Leased's contacts with Xero."
    return Step(symbol, title, tuple(lines), then)


def _totals(summary: ChangeSummary) -> str:
    """Return how many changes are pending, by kind."""
    stalled, missed = summary.stalled_total, summary.missed_total
    pending = summary.pending_total - missed - stalled
    counts = {
        f"{format_number(stalled)} not syncing: Re-Leased isn't connected, or its sync has errors": stalled,
        f"{format_number(missed)} missed the last sync: it ran without {_them(missed)}": missed,
        f"{pluralize(pending, 'change')} pending sync": pending,
    }  # fmt: skip
    text = [words for words, count in counts.items() if count]
    if not text and summary.not_in_xero_total:
        return f"{pluralize(summary.not_in_xero_total, 'change')} not in Xero yet."
    return f"{'. '.join(text)}." if text else "No changes pending sync."


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _oldest(oldest: OldestUnconfirmed, now: datetime) -> Iterator[str]:
    """Describe the change that has been unconfirmed for longest, and its sync status."""
    if oldest.view is None or oldest.view.change.confirmed_at is None:
        return
    change, since = oldest.view.change, formats.ago(oldest.view.change.confirmed_at, now)
    status_since = oldest.view.sync or StatusSince(SyncStatus.PENDING, change.confirmed_at)
    yield (
        f"Longest without confirmation: {safe(change.name)}, {change.action} confirmed by Xero {since}. "
        f"{describe_status(status_since, now.astimezone())}."
    )
    yield f"To check it in Re-Leased: {_FIND_IN_SYNC_RESULTS}"


def _zone_question(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    """Name Re-Leased's time zone if it differs from the one of the countdown, or ask if it may differ."""
    re_leased, zone = snapshot.re_leased, snapshot.re_leased.zone
    contacts = re_leased.contacts
    company_zone = contacts.last.company_zone if contacts is not None and contacts.last is not None else ""
    setting = f"organisations.{snapshot.organisation.tenant_id}.zone"
    assumed = "this computer's time zone" if zone is None else f"the time zone {zone}"
    if re_leased.has_feed or re_leased.sync_interval is not None:
        return
    if company_zone:
        if _differ(zone, ZoneInfo(company_zone), now):
            yield (
                f"The company in Re-Leased is in the time zone {safe(company_zone)}, but the countdown uses "
                f"{assumed}. The nightly sync follows the company's country in Re-Leased. If the company's "
                f"zone is right, run reshelve settings {setting} {safe(company_zone)}."
            )
        return
    if re_leased.is_zone_chosen:
        return
    is_local = zone is not None and now.astimezone(zone).utcoffset() == now.astimezone().utcoffset()
    if is_local:
        return
    yield (
        f"Is the company in Re-Leased in {assumed}? Its nightly sync follows its country's time zone. If "
        f"not, run reshelve settings {setting} with its time zone."
    )


def _differ(zone: tzinfo | None, other: tzinfo, now: datetime) -> bool:
    """Whether two zones have different times now or in half a year, when summer time may differ."""
    moments = (now, now + timedelta(days=182))
    return any(
        moment.astimezone(zone).utcoffset() != moment.astimezone(other).utcoffset() for moment in moments
    )


# Anything with an at sign, however it is encoded, and a quoted part before it: better to remove too much than
# leave half an address.
_AT: Final = r"(?:@|＠|﹫|%40|&#64;|&commat;)"
_ADDRESS: Final = re.compile(rf"(?:\"[^\"]*\"|[^\s\"“”]*)[ ]?{_AT}[ ]?[^\s\"“”]*", re.IGNORECASE)
# Xero's IDs have 36 characters; anything longer without a break may be a secret.
_LONG: Final = re.compile(r"[A-Za-z0-9_\-.+/=~%]{40,}")
_SECRET: Final = re.compile(
    r"\b(bearer|basic)\s+[^\s\"',;}]+"
    r"|\b((?:access|refresh|id)?[_ -]?token|client[_ -]?secret|secret|password)[\"']?\s*[:=]\s*[^\s,;}]+",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"“[^”]*”|\"[^\"]*\"|‘[^’]*’|«[^»]*»")
_SHORTEST_NAME: Final = 2


def build_report(snapshot: Snapshot, oldest: OldestUnconfirmed, now: datetime, *, with_names: bool) -> str:
    """Return versions, states, times, counts, contact IDs and last errors; times are UTC.

    Names are left out unless requested; e-mail addresses and anything like a token are always left out.
    Quoted text in Xero's messages is often a name.
    """
    lines = [
        f"Reshelve {__version__}, {utc_time(now)}",
        f"Python {platform.python_version()}, Textual {textual_version}, {platform.system()}",
        *_xero(snapshot, with_names=with_names),
        *_re_leased(snapshot.re_leased, now, with_names=with_names),
        *_counts(snapshot.summary),
    ]
    if oldest.view is not None:
        lines.append(f"Longest without confirmation: {_line(oldest.view, with_names=with_names)}")
    if snapshot.summary is not None:
        lines += _section("Last errors", snapshot.summary.refused, with_names=with_names)
        lines += _section("Pending sync", snapshot.summary.pending, with_names=with_names)
    hidden = None if with_names else _names_pattern(_names(snapshot, oldest))
    return "\n".join(_redact(line, hidden) for line in lines) + "\n"


def _xero(snapshot: Snapshot, *, with_names: bool) -> Iterator[str]:
    organisation, xero = snapshot.organisation, snapshot.xero
    yield f"Organisation: {organisation.tenant_id}{f' ({organisation.name})' if with_names else ''}"
    yield f"Permission: {'read only' if organisation.is_read_only else 'read and write'}"
    detail = _redact_quotes(messages.in_full(xero.detail), with_names) if xero.detail else ""
    yield f"Xero: {xero.status}; last reply {utc_time(xero.last_reply_at)}; {detail}"
    yield f"Last refresh: {utc_time(snapshot.last_refresh_at)}"
    if snapshot.unreadable:
        unreadable = format_number(snapshot.unreadable)
        yield f"Contacts from Xero that couldn't be read: {unreadable} (ids in the log)"
    if snapshot.clock_ahead:
        seconds = round(snapshot.clock_ahead.total_seconds())
        direction = "ahead of" if seconds > 0 else "behind"
        yield f"This computer's clock is {format_number(abs(seconds))} s {direction} Xero's"
    if snapshot.storage_problem is not None:
        yield f"Storage: {_redact_quotes(messages.in_full(snapshot.storage_problem), with_names)}"


def _re_leased(re_leased: ReLeasedStatus, now: datetime, *, with_names: bool) -> Iterator[str]:
    yield f"Re-Leased: {sync_overview(re_leased, now)}"
    yield f"Re-Leased's contacts: {_redact_quotes(reading_details(re_leased, now), with_names)}"
    yield f"Next sync by: {utc_time(re_leased.next_sync_at)}; last sync: {utc_time(re_leased.last_sync_at)}"
    if re_leased.reported_sync_since is not None:
        yield f"Manual sync recorded: started {utc_time(re_leased.reported_sync_since)}; end not recorded"


def _counts(summary: ChangeSummary | None) -> Iterator[str]:
    if summary is not None:
        restores = pluralize(summary.manual_restore_total, "restore")
        yield (
            f"Counts: {format_number(summary.in_progress_total)} in progress, {restores} to finish, "
            f"{format_number(summary.refused_total)} refused, "
            f"{format_number(summary.pending_total)} pending sync "
            f"({format_number(summary.missed_total)} missed last sync, "
            f"{format_number(summary.stalled_total)} sync not running)"
        )


def _section(title: str, views: tuple[ChangeView, ...], *, with_names: bool) -> Iterator[str]:
    if views:
        yield f"{title}:"
        yield from (f"  {_line(view, with_names=with_names)}" for view in views)


def _line(view: ChangeView, *, with_names: bool) -> str:
    change = view.change
    status = view.sync.status if view.sync else change.state
    name = f" ({change.name})" if with_names else ""
    why = messages.why(change)
    text = f": {_redact_quotes(why, with_names)}" if why else ""
    at = utc_time(change.confirmed_at or change.requested_at)
    return f"{change.contact_id}{name} {change.action} {status} {at}{text}"


def _redact_quotes(words: str, with_names: bool) -> str:  # noqa: FBT001 - the only option
    """Remove quoted text from a message of Xero's or of the system's."""
    return words if with_names else _QUOTED.sub("[name]", words)


def _names(snapshot: Snapshot, oldest: OldestUnconfirmed) -> Iterator[str]:
    yield snapshot.organisation.name
    views = [*((oldest.view,) if oldest.view is not None else ())]
    if snapshot.summary is not None:
        views += [*snapshot.summary.refused, *snapshot.summary.pending]
    yield from (view.change.name for view in views)


def _names_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds any of these names, ignoring case and the whitespace between words."""
    words = {tuple(safe(name).split()) for name in names if len(name.strip()) >= _SHORTEST_NAME}
    if not words:
        return None
    # Longest first, since one name may start with another.
    ordered = sorted(words, key=lambda name: -len(" ".join(name)))
    alternatives = "|".join(r"\s+".join(map(re.escape, name)) for name in ordered)
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


def _redact(line: str, names: re.Pattern[str] | None) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    text = safe(line.lstrip())
    if names is not None:
        text = names.sub("[name]", text)
    text = _SECRET.sub(r"\1\2 [left out]", _ADDRESS.sub("[e-mail address]", text))
    return indent + _LONG.sub("[left out]", text)
