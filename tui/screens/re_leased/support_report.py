"""The report for support: diagnostics without personal data."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Final

from textual import __version__ as textual_version

from tui import __version__, messages
from tui.messages.formats import format_number, pluralize, utc_time
from tui.screens.re_leased.formatting import reading_details, sync_overview
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tui.model.snapshot import ChangeSummary, ChangeView, ReLeasedStatus, Snapshot
    from tui.screens.re_leased.formatting import OldestUnconfirmed

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
