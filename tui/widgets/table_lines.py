"""Painting one line of the contact table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace
from rich.segment import Segment
from textual.strip import Strip

from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.model.query import Tab
from tui.widgets.matches import match_spans
from tui.widgets.status_badge import StatusBadge, badge_for
from tui.widgets.table_columns import GAP, GUTTER, ColumnKey, layout_columns
from tui.widgets.text import DIRECTION_MARK, ELLIPSIS, fit, money, safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.style import Style

    from tui.model.rows import Row
    from tui.model.snapshot import ChangeView
    from tui.widgets.table_columns import PlacedColumn

CURSOR: Final = "▌"
TICK: Final = "✓"
_DELETED: Final = StatusBadge("⊘", "gone from Xero", "muted")
# Of days: the title has twelve cells.
_TWO_DIGITS, _THREE_DIGITS, _MOST_DAYS = 10, 100, 9_999

_STATUS: Final = {
    ContactStatus.ACTIVE: "Active",
    ContactStatus.ARCHIVED: "Archived",
    ContactStatus.GDPRREQUEST: "GDPR",
    ContactStatus.DELETED: "Gone",
}
_TAB_STATUS: Final = {Tab.ACTIVE: ContactStatus.ACTIVE, Tab.ARCHIVED: ContactStatus.ARCHIVED}


class RowPalette(Struct, frozen=True):
    """The table's styles: whole ones for lines, and partial ones to lay over them by name.

    `bare` are those without their colours: not every colour can be read on the cursor's.
    """

    plain: Style
    header: Style
    cursor: Style
    selected: Style
    over: dict[str, Style]
    bare: dict[str, Style]


class RowStyle(Struct, frozen=True):
    """All that decides how a row is painted, apart from its own values: together they are a cache key.

    `frame` is the spinner's, empty for rows that have none; `now` only matters by its day and zone.
    """

    width: int
    tab: Tab
    words: tuple[str, ...]
    now: datetime
    frame: str = ""
    is_cursor: bool = False
    is_selected: bool = False
    is_lingering: bool = False


def is_in_tab(row: Row, tab: Tab) -> bool:
    """Say whether a row's status is still the tab's."""
    return tab is Tab.ALL or row.status is _TAB_STATUS[tab]


def status_words(row: Row) -> str:
    """Return a contact's status in a word."""
    return "Merged" if row.is_merged else _STATUS[row.status]


def paint_header(width: int, tab: Tab, palette: RowPalette, owes: str = "") -> Strip:
    """Paint the titles of the columns; `owes` is another title for the amounts."""
    parts = [
        fit(
            owes if owes and placed.column.key is ColumnKey.OWES else placed.column.title,
            placed.width,
            "right" if placed.column.is_right else "left",
        )
        for placed in layout_columns(width, tab)
    ]
    text = " " * GUTTER + (" " * GAP).join(parts)
    return Strip([Segment(fit(text, width), palette.header)], width)


def paint_row(row: Row, row_style: RowStyle, palette: RowPalette) -> Strip:
    """Paint one contact in exactly the width of the look."""
    base = (
        palette.cursor
        if row_style.is_cursor
        else palette.selected
        if row_style.is_selected
        else palette.plain
    )
    over = palette.bare if row_style.is_cursor else palette.over
    mark = base + palette.over["mark"]
    if row_style.is_lingering or row.status is ContactStatus.DELETED or not is_in_tab(row, row_style.tab):
        base += over["dim"]
    segments = [
        Segment(CURSOR if row_style.is_cursor else " ", mark),
        Segment(f"{TICK if row_style.is_selected else ' '} ", mark),
    ]
    for number, placed in enumerate(layout_columns(row_style.width, row_style.tab)):
        if number:
            segments.append(Segment(" " * GAP, base))
        segments.extend(_cell(row, placed, row_style, base, over))
    strip = Strip([segment for segment in segments if segment.text])
    return strip.adjust_cell_length(row_style.width, base)


def _cell(
    row: Row, placed: PlacedColumn, row_style: RowStyle, base: Style, over: dict[str, Style]
) -> Iterator[Segment]:
    """Paint one column of a row."""
    width = placed.width
    match placed.column.key:
        case ColumnKey.CONTACT:
            yield from _highlighted(row.name, width, row_style.words, base, base + over["match"])
        case ColumnKey.EMAIL:
            base += over["muted"]
            yield from _highlighted(row.email, width, row_style.words, base, base + over["match"])
        case ColumnKey.STATUS:
            yield Segment(fit(status_words(row), width), base + over["muted"])
        case ColumnKey.OWES:
            yield Segment(fit(money(row.owes), width, "right"), base if row.owes else base + over["muted"])
        case ColumnKey.LAST_CHANGE:
            shown = row_badge(row, row_style)
            style = base + over[shown.style] if shown.style else base
            yield Segment(fit(shown.text, width), style)


def row_badge(row: Row, row_style: RowStyle) -> StatusBadge:
    """Return what is said of a row's last change, with the spinner's frame where it turns.

    Where there is nothing to say of a contact that Xero no longer knows, that is said.
    """
    shown = StatusBadge() if row.last_change is None else badge_for(row.last_change, row_style.now)
    if row.status is ContactStatus.DELETED and (not shown.text or _is_superseded(row.last_change)):
        return _DELETED
    return replace(shown, symbol=row_style.frame) if shown.is_animated and row_style.frame else shown


def _is_superseded(view: ChangeView | None) -> bool:
    status_since = None if view is None else view.sync
    return status_since is not None and status_since.status is SyncStatus.SUPERSEDED


def owes_title(read_at: datetime | None, now: datetime) -> str:
    """Return the title of the amounts, with their age once it is more than a day; empty for the usual one."""
    days = 0 if read_at is None else (now - read_at).days
    if days < 1:
        return ""
    if days < _TWO_DIGITS:
        return f"They owe {days} d"
    if days < _THREE_DIGITS:
        return f"They owe {days}d"
    return f"Owe, {min(days, _MOST_DAYS)} d"


def _highlighted(
    text: str, width: int, words: tuple[str, ...], base: Style, match: Style
) -> Iterator[Segment]:
    """Paint text with what was searched for picked out."""
    text = safe(text)
    fitted = fit(text, width)
    # The text's part of it stands after a direction mark, if there is one, and ends where it was cut.
    offset = 1 if fitted.startswith(DIRECTION_MARK) else 0
    visible_text = fitted[offset:]
    end = len(text) if visible_text.startswith(text) else visible_text.rfind(ELLIPSIS)
    position = 0
    for start, stop in match_spans(text, words):
        if start >= end:
            break
        yield Segment(fitted[position : offset + start], base)
        position = offset + min(stop, end)
        yield Segment(fitted[offset + start : position], match)
    yield Segment(fitted[position:], base)
