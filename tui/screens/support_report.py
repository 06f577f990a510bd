"""The report for support: enough to be helped with, nothing that is nobody's business."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tui import __version__
from tui.screens.troubleshoot_words import overview
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui.model.snapshot import ChangeView, Pane, Snapshot
    from tui.screens.troubleshoot_words import Oldest

_ADDRESS: Final = re.compile(r"[^\s<>\"“”'(),;:]+@[^\s<>\"“”'(),;:]+")
# Xero's ids have 36 characters; whatever is longer in one piece may be a secret.
_SECRET: Final = re.compile(r"[A-Za-z0-9_\-.+/=~]{40,}")
_QUOTED: Final = re.compile(r"“[^”]*”|\"[^\"]*\"|‘[^’]*’")


def report(snapshot: Snapshot, oldest: Oldest, now: datetime, *, with_names: bool) -> str:
    """Write states, times, counts, contact ids and last errors; times are UTC.

    Names are left out unless they are wanted, e-mail addresses and what looks like a token always. What
    stands in quotation marks in Xero's words is a name as often as not.
    """
    organisation, xero, released = snapshot.organisation, snapshot.xero, snapshot.released
    lines = [
        f"Reshelve {__version__}, {_time(now)}",
        f"Organisation: {organisation.tenant_id}{f' ({organisation.name})' if with_names else ''}",
        f"Permission: {'read only' if organisation.is_read_only else 'read and write'}",
        f"Xero: {xero.link}; last answer {_time(xero.last_answer_at)}; {xero.detail or 'no trouble'}",
        f"Last pull: {_time(snapshot.last_pull_at)}",
        f"Re-Leased: {overview(released, now)}",
        f"Next sync by: {_time(released.next_sync_at)}; last sync: {_time(released.last_sync_at)}",
        *_counts(snapshot.pane),
    ]
    if oldest.view is not None:
        lines.append(f"Oldest waiting: {_line(oldest.view, with_names=with_names)}")
    if snapshot.pane is not None:
        lines += _section("Last errors", snapshot.pane.refused, with_names=with_names)
        lines += _section("Waiting", snapshot.pane.waiting, with_names=with_names)
    return "\n".join(_clean(line) for line in lines) + "\n"


def _counts(pane: Pane | None) -> Iterator[str]:
    if pane is not None:
        yield (
            f"Counts: {pane.working_total} on the way, {pane.handoff_total} hand-offs, "
            f"{pane.refused_total} refused, {pane.waiting_total} waiting "
            f"({pane.overdue_total} overdue, {pane.stalled_total} stalled)"
        )


def _section(title: str, views: tuple[ChangeView, ...], *, with_names: bool) -> Iterator[str]:
    if views:
        yield f"{title}:"
        yield from (f"  {_line(view, with_names=with_names)}" for view in views)


def _line(view: ChangeView, *, with_names: bool) -> str:
    change = view.change
    grade = view.standing.grade if view.standing else change.state
    name = f" ({change.name})" if with_names else ""
    words = change.words
    if not with_names:
        words = _QUOTED.sub("[name]", words.replace(change.name, "[name]") if change.name else words)
    said = f": {words}" if words else ""
    at = _time(change.confirmed_at or change.requested_at)
    return f"{change.contact_id}{name} {change.action} {grade} {at}{said}"


def _clean(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return indent + _SECRET.sub("[left out]", _ADDRESS.sub("[e-mail address]", safe(line.lstrip())))


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}" if moment is not None else "unknown"
