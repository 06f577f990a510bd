"""The status pane: changes that Re-Leased has yet to sync, and its next sync."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from textual.content import Content
from textual.style import Style

from tui.actions import current_key, default_key
from tui.compat.textual import current_keymap
from tui.messages.activity import reading_text
from tui.messages.formats import format_number
from tui.model.change import Action, State
from tui.model.evidence import SyncStatus
from tui.widgets.banners import bar
from tui.widgets.labels import StaticLine
from tui.widgets.status_badge import badge_for, refusal_advice, refusal_reason
from tui.widgets.sync_format import (
    calls_left,
    next_sync,
    problem_text,
    re_leased_totals,
    symbols,
    totals,
    xero_totals,
)
from tui.widgets.text import cells, content, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.snapshot import ChangeSummary, ChangeView, Snapshot
    from tui.widgets.status_badge import StatusBadge
    from tui.widgets.sync_format import NextSync


HEADING: Final = "Sync with Re-Leased"
_NOTHING: Final = "No changes in progress."
_HOW: Final = " Archive with {}, restore with {}."
_LINES_OF_REFUSAL: Final = 3
_GAP: Final = 2
_ROOM_FOR_HEADINGS: Final = 8
# The symbol, and the spaces around the name.
_AROUND_NAME: Final = 4
# The time is left out before the name becomes shorter than this.
_LEAST_NAME: Final = 10
_TIMES: Final = {Action.ARCHIVE: "Archived", Action.RESTORE: "Restored"}


def tall(
    snapshot: Snapshot,
    now: datetime,
    width: int,
    height: int,
    *,
    is_practice: bool,
    key: Callable[[str], str] = default_key,
) -> list[Content]:
    """Format the pane beside the table. `key` formats the key of an action."""
    head = [
        Content.styled(HEADING, "bold"),
        Content(""),
        *_head(
            snapshot,
            next_sync(snapshot.re_leased, now, is_practice=is_practice, key=key),
            width,
            spaced=True,
            key=key,
        ),
        Content(""),
    ]
    foot = _foot(snapshot, now, width)
    room = height - len(head) - len(foot)
    body = changes(snapshot, now, width, room, hint=True, key=key)
    padding = [Content("")] * (room - len(body))
    return [*head, *body, *padding, *foot]


def low(
    snapshot: Snapshot,
    now: datetime,
    width: int,
    height: int,
    *,
    is_practice: bool,
    key: Callable[[str], str] = default_key,
) -> list[Content]:
    """Format the pane below the table: the next sync on the left, changes on the right."""
    left_width = min(40, width // 2 - 2)
    sync = next_sync(snapshot.re_leased, now, is_practice=is_practice, key=key)
    brief = replace(sync, text=sync.brief)
    # Sync text has priority over the number of calls left and over the bar. No sentence is cut off:
    # Troubleshoot shows it in full.
    left: list[Content] = []
    foot: list[Content] = []
    for variant, calls in ((sync, True), (sync, False), (replace(sync, fraction=None), False), (brief, True)):
        left, foot = (
            _head(snapshot, variant, left_width, key=key),
            _foot(snapshot, now, left_width, calls=calls),
        )
        if len(left) + len(foot) <= height:
            break
    left = left[: max(0, height - len(foot))]
    left = [*left, *[Content("")] * (height - len(left) - len(foot)), *foot]
    right = changes(snapshot, now, width - left_width - 3, height, key=key)
    right = [*right, *[Content("")] * (height - len(right))]
    rule = Content.styled(" │ ", "$foreground 25%")
    return [
        Content.assemble(left_line.truncate(left_width, pad=True), rule, right_line)
        for left_line, right_line in zip(left, right, strict=False)
    ]


def single(
    snapshot: Snapshot,
    now: datetime,
    width: int,
    *,
    is_practice: bool,
    key: Callable[[str], str] = default_key,
) -> Content:
    """Format the pane as one line for small terminals: as text if it fits, otherwise as symbols."""
    sync = next_sync(snapshot.re_leased, now, is_practice=is_practice, key=key)
    problem = problem_text(snapshot, now)
    right = content(problem or sync.brief, "$text-warning" if problem else _style_variable(sync.style))
    summary, room = snapshot.summary, width - right.cell_length - _GAP
    is_sending = _is_sending(snapshot, key)
    left = (
        _row(_with_style_variables(totals(summary, is_sending=is_sending)))
        if summary
        else Content("Loading…")
    )
    if summary and left.cell_length > room:
        parts = _with_style_variables(symbols(summary))
        # Counts are also shown in the list of restores and in Troubleshoot; the problem is shown only here.
        while not problem and len(parts) > 1 and _row(parts).cell_length > room:
            parts.pop()
        left = _row(parts)
    gap = max(_GAP, width - left.cell_length - right.cell_length)
    return Content.assemble(left, " " * gap, right).truncate(width, ellipsis=True)


def changes(
    snapshot: Snapshot,
    now: datetime,
    width: int,
    height: int,
    *,
    hint: bool = False,
    key: Callable[[str], str] = default_key,
) -> list[Content]:
    """Format the changes Xero hasn't confirmed, then those pending for Re-Leased, and the number left out.

    Both parts have headings if there is room. `hint` adds a line with instructions to each manual restore.
    """
    summary = snapshot.summary
    if summary is None or height <= 0:
        return []
    in_xero, xero_total = (
        (*summary.manual_restores, *summary.refused, *summary.in_progress),
        _xero_total(summary),
    )
    re_leased = (*_missed_first(summary), *summary.synced)
    re_leased_total = summary.pending_total + summary.synced_total
    if not in_xero and not re_leased:
        how = _HOW.format(key("archive"), key("restore")) if key("archive") else ""
        return content(f"{_NOTHING}{how}", "$text-muted").wrap(width)[:height]
    write = partial(_block, now=now, width=width, hint=hint, key=key)
    if not in_xero or height < _ROOM_FOR_HEADINGS:
        return _fit_changes((*in_xero, *re_leased), xero_total + re_leased_total, height, write)
    head = _rows(
        [
            ("Xero", "bold"),
            *_with_style_variables(xero_totals(summary, is_sending=_is_sending(snapshot, key))),
        ],
        width,
    )
    # A gap, a heading, and at least one line of changes.
    kept = min(2 + len(re_leased), max(3, height // 3)) if re_leased else 0
    lines = [*head, *_fit_changes(in_xero, xero_total, height - len(head) - kept, write)]
    if re_leased:
        lines += [Content(""), Content.styled("Re-Leased", "bold")]
        lines += _fit_changes(re_leased, re_leased_total, height - len(lines), write)
    return lines[:height]


def _xero_total(summary: ChangeSummary) -> int:
    return summary.manual_restore_total + summary.refused_total + summary.in_progress_total


def _fit_changes(
    views: Sequence[ChangeView], total: int, height: int, write: Callable[[ChangeView], list[Content]]
) -> list[Content]:
    """Format as many changes as fit, and the number left out."""
    total = max(total, len(views))
    lines: list[Content] = []
    shown = 0
    for view in views:
        block = write(view)
        room = height - len(lines) - (0 if shown + 1 >= total else 1)
        if len(block) > room:
            block = block[:1]
        if room < 1:
            break
        lines += block
        shown += 1
    if total > shown and height > 0:
        lines.append(Content.styled(f"and {format_number(total - shown)} more", "$text-muted"))
    return lines[: max(0, height)]


def _missed_first(summary: ChangeSummary) -> list[ChangeView]:
    missed = [view for view in summary.pending if _sync_status(view) is SyncStatus.MISSED]
    return [*missed, *(view for view in summary.pending if view not in missed)]


def _sync_status(view: ChangeView) -> SyncStatus | None:
    return view.sync.status if view.sync else None


def _is_sending(snapshot: Snapshot, key: Callable[[str], str]) -> bool:
    """Whether queued changes are sent: not while paused, nor in read-only mode (no key for pausing)."""
    return not snapshot.is_paused and bool(key("pause"))


def _head(
    snapshot: Snapshot, sync: NextSync, width: int, *, key: Callable[[str], str], spaced: bool = False
) -> list[Content]:
    summary = snapshot.summary
    lines = [Content("Loading…")]
    if summary:
        # Beside the table, changes waiting for Xero are counted above their own list.
        is_sending = _is_sending(snapshot, key)
        parts = re_leased_totals(summary) if spaced else totals(summary, is_sending=is_sending)
        lines = _rows(_with_style_variables(parts), width)
    if spaced:
        lines.append(Content(""))
    lines += content(sync.text, _style_variable(sync.style)).wrap(width)
    if sync.fraction is not None:
        lines.append(bar(sync.fraction, width))
    return lines


def _foot(snapshot: Snapshot, now: datetime, width: int, *, calls: bool = True) -> list[Content]:
    problem = problem_text(snapshot, now)
    lines = content(problem, "$text-warning").wrap(width) if problem else []
    left = calls_left(snapshot.xero, now) if calls else ""
    reading = reading_text(snapshot.activity) if calls else ""
    return [*lines, *(_muted(text, width) for text in (reading, left) if text)]


def _muted(text: str, width: int) -> Content:
    return Content.styled(text, "$text-muted").truncate(width, ellipsis=True)


def _rows(parts: Sequence[tuple[str, str]], width: int) -> list[Content]:
    """Format the totals, wrapping to further lines between totals."""
    lines: list[list[tuple[str, str]]] = [[]]
    for part in parts:
        if lines[-1] and _row([*lines[-1], part]).cell_length > width:
            lines.append([])
        lines[-1].append(part)
    return [_row(line) for line in lines]


def _row(parts: Sequence[tuple[str, str]]) -> Content:
    return Content(" " * _GAP).join(Content.styled(text, style) for text, style in parts)


def _with_style_variables(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(text, _style_variable(style)) for text, style in parts]


def _style_variable(style: str) -> str:
    return f"$text-{style}" if style else ""


def _block(
    view: ChangeView, *, now: datetime, width: int, hint: bool, key: Callable[[str], str]
) -> list[Content]:
    badge = badge_for(view, now.astimezone())
    right = _status_text(view, badge, width, hint=hint, key=key("manual_restores"))
    room = max(4, width - len(right) - _AROUND_NAME)
    line = Content.assemble(
        (badge.symbol or "·", _style_variable(badge.style)),
        " ",
        fit(view.change.name, room),
        "  ",
        (right, _style_variable(badge.style)),
    )
    lines = [line.truncate(width)]
    if view.change.state is State.REFUSED:
        room = max(8, width - 2)
        advice = Content.styled(refusal_reason(view.change), "$text-muted").wrap(room)[:_LINES_OF_REFUSAL]
        advice += content(refusal_advice(view.change, key=key), "$text-warning").wrap(room)
        lines += [Content.assemble("  ", part) for part in advice]
    if view.change.state is State.AWAITING_USER:
        if hint:
            lines.append(
                Content.styled(f"  click Restore in Xero ({key('manual_restores')})", "$text-accent")
            )
        open_list = Style.from_meta({"@click": "screen.manual_restores"})
        lines = [part.stylize(open_list) for part in lines]
    return lines


def _status_text(view: ChangeView, badge: StatusBadge, width: int, *, hint: bool, key: str) -> str:
    change = view.change
    taken = cells(change.name) + _AROUND_NAME
    text = badge.fitted(width - _LEAST_NAME - _AROUND_NAME).label
    if change.state is State.CONFIRMED and _sync_status(view) in {SyncStatus.PENDING, None}:
        both = f"{_TIMES[change.action]} · {text}"
        # The contact's name is more important; the list of changes shows the action too.
        return both if taken + len(both) <= width else text
    if change.state is State.AWAITING_USER:
        return "" if hint else f"Restore in Xero ({key})"
    return text


_TALL = 12
_TWO_COLUMNS = 70


class SyncPane(StaticLine):
    """Formats itself for the size set by its style sheet: tall, low or a single line."""

    DEFAULT_CSS = """
    SyncPane { height: 1; width: 1fr; }
    """

    _last_update: tuple[Snapshot, datetime, bool] | None = None
    _times: object = None

    def update_from(self, snapshot: Snapshot, now: datetime, *, is_practice: bool) -> None:
        """Show the current state; repaints only if the text differs."""
        # All that the time changes: the rest needn't be formatted each second.
        key = partial(current_key, self.app)
        sync = next_sync(snapshot.re_leased, now, is_practice=is_practice, key=key)
        if sync.fraction is not None:
            # The bar is as long as the pane is wide, in half cells.
            cells_wide = 2 * max(1, self.size.width)
            sync = replace(sync, fraction=round(sync.fraction * cells_wide) / cells_wide)
        times = (
            sync,
            problem_text(snapshot, now),
            calls_left(snapshot.xero, now),
            now.date(),
            is_practice,
            current_keymap(self.app),
        )
        is_same = self._last_update is not None and snapshot is self._last_update[0] and times == self._times
        self._last_update, self._times = (snapshot, now, is_practice), times
        if not is_same:
            self.rewrite()

    def rewrite(self) -> None:
        """Format the pane for the current size."""
        width, height = self.size
        if self._last_update is None or not width or not height:
            return
        snapshot, now, is_practice = self._last_update
        key = partial(current_key, self.app)
        if height == 1:
            self.show(single(snapshot, now, width, is_practice=is_practice, key=key))
            return
        write = low if height < _TALL and width >= _TWO_COLUMNS else tall
        lines = write(snapshot, now, width, height, is_practice=is_practice, key=key)
        self.show(Content("\n").join(lines))
