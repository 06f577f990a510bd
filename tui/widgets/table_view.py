"""Painting of the contact table: a window of rows, cached lines, and a spinner if needed."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from tui.compat.textual import PaintedView, set_virtual_size
from tui.messages.formats import money
from tui.model.change import State
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.model.query import Query, Tab
from tui.widgets.status_badge import SPINNER, StatusBadge, badge_for
from tui.widgets.text import DIRECTION_MARK, ELLIPSIS, fit, match_spans, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.geometry import Region
    from textual.timer import Timer

    from tui.model.contact import Row, RowSource, SearchResult
    from tui.model.snapshot import ChangeView


class RowWindow:
    """Rows around the visible ones, read once and kept until invalidated.

    One screenful before and after is read as well, so that single steps and paging seldom read again.
    """

    def __init__(self) -> None:
        self._source: RowSource | None = None
        self._start = 0
        self._stop = 0
        self._rows: Sequence[Row] = ()

    def open(self, source: RowSource) -> None:
        """Switch to another source."""
        self._source = source
        self.invalidate()

    def invalidate(self) -> None:
        """Discard the rows, since they may look different, and read them when next needed."""
        self._start = self._stop = 0
        self._rows = ()

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from `start` to before `stop`; fewer at the end."""
        if self._source is None or stop <= start:
            return ()
        if start < self._start or stop > self._stop:
            margin = stop - start
            self._start, self._stop = max(0, start - margin), stop + margin
            self._rows = self._source.window(self._start, self._stop)
        return self._rows[start - self._start : stop - self._start]

    def row(self, index: int) -> Row | None:
        """Return one row, or None if there is none."""
        if self._start <= index < self._stop:
            rows = self._rows[index - self._start : index - self._start + 1]
        elif self._source is not None and index >= 0:
            # Not cached: reading the cursor's row must not discard the visible rows.
            rows = self._source.window(index, index + 1)
        else:
            return None
        return rows[0] if rows else None


CURSOR: Final = "▌"
TICK: Final = "✓"
_DELETED: Final = StatusBadge("⊘", "Gone from Xero", "muted")
# Limits in days: the column is twelve cells wide.
_TWO_DIGITS, _THREE_DIGITS, _MOST_DAYS = 10, 100, 9_999

_STATUS: Final = {
    ContactStatus.ACTIVE: "Active",
    ContactStatus.ARCHIVED: "Archived",
    ContactStatus.GDPRREQUEST: "GDPR",
    ContactStatus.DELETED: "Gone",
}


class RowPalette(Struct, frozen=True):
    """The table's styles: complete ones for lines, and partial ones by name to apply on top.

    `bare` are the partial ones without colours, since not every colour is readable on the cursor's.
    """

    plain: Style
    header: Style
    cursor: Style
    selected: Style
    over: dict[str, Style]
    bare: dict[str, Style]


class RowStyle(Struct, frozen=True):
    """Everything except a row's values that determines how it is painted; used as a cache key.

    `frame` is the spinner's, empty for rows without one; only the day and time zone of `now` matter.
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
    """Whether a row's status still belongs to the tab."""
    return tab is Tab.ALL or row.status is tab.status


def status_words(row: Row) -> str:
    """Return a contact's status as one word."""
    return "Merged" if row.is_merged else _STATUS[row.status]


def paint_header(width: int, tab: Tab, palette: RowPalette, owes: str = "") -> Strip:
    """Paint the column titles; `owes` replaces the title of the amounts."""
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
    """Paint one contact in exactly the given width."""
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
            yield Segment(fit(shown.fitted(width).text, width), style)


def row_badge(row: Row, row_style: RowStyle) -> StatusBadge:
    """Return the badge of a row's last change, with the spinner's current frame while sending.

    A deleted contact without another badge gets its own.
    """
    shown = StatusBadge() if row.last_change is None else badge_for(row.last_change, row_style.now)
    if row.status is ContactStatus.DELETED and (not shown.text or _is_superseded(row.last_change)):
        return _DELETED
    return replace(shown, symbol=row_style.frame) if shown.is_animated and row_style.frame else shown


def _is_superseded(view: ChangeView | None) -> bool:
    status_since = None if view is None else view.sync
    return status_since is not None and status_since.status is SyncStatus.SUPERSEDED


def owes_title(read_at: datetime | None, now: datetime) -> str:
    """Return the title of the amounts with their age, if more than a day; "" for the default title."""
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
    """Paint text with the search matches highlighted."""
    text = safe(text)
    fitted = fit(text, width)
    # The text follows a direction mark, if there is one, and ends where it was cut.
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


GUTTER: Final = 3
"""Cells left of the first column: the cursor, the tick of a selected row, a space."""
GAP: Final = 2


class ColumnKey(StrEnum):
    """The columns."""

    CONTACT = "contact"
    STATUS = "status"
    EMAIL = "email"
    OWES = "owes"
    LAST_CHANGE = "last change"


class Column(Struct, frozen=True):
    """A column. Those with a `share` divide the width left by fixed ones; hidden below `from_width`."""

    key: ColumnKey
    title: str
    width: int = 0
    share: int = 0
    from_width: int = 0
    is_right: bool = False


class PlacedColumn(Struct, frozen=True):
    """A column and its width in cells."""

    column: Column
    width: int


_STATUS_COLUMN: Final = Column(ColumnKey.STATUS, "Status", width=8, from_width=48)
_COLUMNS: Final = (
    Column(ColumnKey.CONTACT, "Contact", share=3),
    _STATUS_COLUMN,
    Column(ColumnKey.EMAIL, "E-mail", share=2, from_width=70),
    Column(ColumnKey.OWES, "They owe", width=12, from_width=56, is_right=True),
    # As wide as "◷ Pending sync 23 Nov".
    Column(ColumnKey.LAST_CHANGE, "Last change", width=21, from_width=38),
)


@lru_cache(maxsize=8)
def layout_columns(width: int, tab: Tab) -> tuple[PlacedColumn, ...]:
    """Divide a line into columns; only the All tab has a Status column, which leaves less for the others."""
    has_status = tab is Tab.ALL and width >= _STATUS_COLUMN.from_width
    room = width - _STATUS_COLUMN.width - GAP if has_status else width
    columns = [
        column
        for column in _COLUMNS
        if (has_status if column is _STATUS_COLUMN else room >= column.from_width)
    ]
    taken = GUTTER + sum(column.width for column in columns) + GAP * (len(columns) - 1)
    free = max(0, width - taken)
    shares = sum(column.share for column in columns)
    placed: list[PlacedColumn] = []
    for column in columns:
        cells = column.width
        if column.share:
            cells = free * column.share // shares
            free -= cells
            shares -= column.share
        placed.append(PlacedColumn(column, cells))
    return tuple(placed)


_SPINNER_SECONDS: Final = 1 / 8
_HEADER_LINES: Final = 1
_PREFIX: Final = "contact-table--"
# Painted rows to keep: several screens. Each takes up to 17 KB, with what Textual derives from it.
_MAX_STRIPS: Final = 256
_OVER: Final = ("dim", "match", "mark", "muted", "primary", "accent", "success", "warning", "error")


def local_now() -> datetime:
    """Return the current time in the local time zone."""
    return datetime.now(tz=UTC).astimezone()


class TableView(PaintedView):
    """Shows rows below a fixed header. Painting costs depend on the visible rows, not on all rows.

    `empty_text` is shown if there are no rows. `clock` returns the time in the user's time zone.
    """

    # Dragging would select text, which the lines don't support.
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"{_PREFIX}{name}" for name in ("header", "cursor", "selected", "empty", *_OVER)
    }
    # The scrollbar is always shown: showing and hiding it with the row count would cost a layout per key
    # press.
    DEFAULT_CSS = """
    TableView {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: $background;
        color: $foreground;
        & > .contact-table--header { color: $text-muted; text-style: bold; }
        & > .contact-table--empty { color: $text-muted; }
        & > .contact-table--cursor { background: $foreground 8%; }
        &:focus > .contact-table--cursor { background: $primary 30%; text-style: bold; }
        & > .contact-table--selected { background: $accent 15%; }
        &:ansi > .contact-table--cursor { background: transparent; text-style: underline; }
        &:ansi:focus > .contact-table--cursor { background: transparent; text-style: reverse; }
        &:ansi > .contact-table--selected { background: transparent; text-style: bold; }
        & > .contact-table--dim { color: $text-muted; text-style: italic; }
        & > .contact-table--match { color: $text-accent; text-style: bold underline; }
        & > .contact-table--mark { color: $text-accent; text-style: bold; }
        & > .contact-table--muted { color: $text-muted; }
        & > .contact-table--primary { color: $text-primary; }
        & > .contact-table--accent { color: $text-accent; }
        & > .contact-table--success { color: $text-success; }
        & > .contact-table--warning { color: $text-warning; text-style: bold; }
        & > .contact-table--error { color: $text-error; text-style: bold; }
    }
    """

    empty_text: reactive[str] = reactive("No contacts")

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = local_now,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._query = Query()
        self._count = 0
        self._window = RowWindow()
        self._clock = clock
        self._today = clock()
        self._palette: RowPalette | None = None
        self._strips: LRUCache[tuple[Row, RowStyle], Strip] = LRUCache(_MAX_STRIPS)
        self._spinner: Timer | None = None
        self._frame = 0
        self._owes = ""
        # The width of a line and the first row, for all lines that are painted together.
        self._batch = 0, 0

    def update_from(self, balances_read_at: datetime | None) -> None:
        """Show the age of the amounts in the header if they are old; repaints only what changes."""
        now = self._clock()
        if now.date() != self._today.date():
            # Badges with a time of day now need a date.
            self.refresh()
        title = owes_title(balances_read_at, now)
        if title != self._owes:
            self._owes = title
            self.refresh_line(0)

    @property
    def page_rows(self) -> int:
        """The number of visible rows."""
        return max(1, self.size.height - _HEADER_LINES)

    @property
    def line_width(self) -> int:
        """The width of a line in cells, without the scrollbar."""
        return max(0, self.size.width - self.scrollbar_size_vertical)

    @property
    def top_row(self) -> int:
        """The index of the first visible row."""
        return int(self.scroll_offset.y)

    def _row_flags(self, index: int, contact_id: str) -> tuple[bool, bool, bool]:
        """Return whether a row is under the cursor, selected, and lingering."""
        raise NotImplementedError

    def _open(self, found: SearchResult) -> None:
        """Switch to other rows, without scrolling."""
        self._query = found.query
        self._window.open(found.rows)
        self._set_count(len(found.rows))
        self.refresh()

    def _set_count(self, count: int) -> None:
        self._count = count
        set_virtual_size(self, Size(0, count + _HEADER_LINES))

    def _scroll_row(self, index: int) -> None:
        """Scroll a row to the top, as far as there are rows below it."""
        if self.is_attached:
            self.scroll_to(y=max(0, index), animate=False, force=True)

    def _reveal(self, index: int) -> None:
        """Scroll the minimum needed to show a row."""
        if index < self.top_row:
            self._scroll_row(index)
        elif index >= self.top_row + self.page_rows:
            self._scroll_row(index - self.page_rows + 1)

    def _row_at(self, line: int) -> int | None:
        """Return the index of the row painted on a line of the widget."""
        index = self.top_row + line - _HEADER_LINES
        return index if line >= _HEADER_LINES and index < self._count else None

    def _refresh_row(self, index: int) -> None:
        if self.top_row <= index < self.top_row + self.page_rows:
            self.refresh_line(index + _HEADER_LINES)

    def _visible(self) -> Iterator[tuple[int, Row]]:
        top = self.top_row
        return enumerate(self._window.rows(top, top + self.page_rows), top)

    def _reload_visible(self) -> None:
        """Reload the visible rows and repaint those that changed."""
        before = dict(self._visible())
        self._window.invalidate()
        if self._clock().date() != self._today.date():
            self.refresh()
            return
        after = dict(self._visible())
        for index in before.keys() | after.keys():
            if before.get(index) != after.get(index):
                self._refresh_row(index)

    # -- painting

    def notify_style_update(self) -> None:
        """Discard lines painted with other colours."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint lines; all lines of a batch use the same time and the same rows."""
        # Badges show only past days and times, so painting depends on the day alone.
        self._today = self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        self._batch = self.line_width, self.top_row
        moving = any(_is_sending(row) for _, row in self._visible())
        self._run_spinner(on=moving and self.app.animation_level != "none")
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Paint the header or a row."""
        width, top = self._batch
        palette = self._styles_in_use()
        if y < _HEADER_LINES:
            return paint_header(width, self._query.tab, palette, self._owes)
        if not self._count:
            return self._empty_line(y, width)
        index = top + y - _HEADER_LINES
        row = self._window.row(index)
        if row is None:
            return Strip.blank(width, palette.plain)
        is_cursor, is_selected, is_lingering = self._row_flags(index, row.contact_id)
        frame = SPINNER[self._frame] if self._spinner and _is_sending(row) else ""
        query = self._query
        row_style = RowStyle(
            width, query.tab, query.words, self._today, frame, is_cursor, is_selected, is_lingering
        )
        strip = self._strips.get((row, row_style))
        if strip is None:
            strip = self._strips[row, row_style] = paint_row(row, row_style, palette)
        return strip

    def _empty_line(self, y: int, width: int) -> Strip:
        """Paint one line of the centred text shown instead of rows."""
        lines = [
            line
            for part in self.empty_text.split("\n")
            for line in textwrap.wrap(part, max(1, width - 4)) or [""]
        ]
        number = y - _HEADER_LINES - max(0, (self.page_rows - len(lines)) // 2)
        text = lines[number] if 0 <= number < len(lines) else ""
        left = max(0, width - len(text)) // 2
        return Strip(
            [Segment(fit(" " * left + text, width), self.get_component_rich_style(f"{_PREFIX}empty"))], width
        )

    def _styles_in_use(self) -> RowPalette:
        if self._palette is None:
            whole = {
                name: self.get_component_rich_style(f"{_PREFIX}{name}")
                for name in ("header", "cursor", "selected", *_OVER)
            }
            bare = {name: whole[name].without_color for name in _OVER}
            self._palette = RowPalette(
                plain=self.rich_style,
                header=whole["header"],
                cursor=whole["cursor"],
                selected=whole["selected"],
                over={name: style + Style(color=whole[name].color) for name, style in bare.items()},
                bare=bare,
            )
        return self._palette

    # -- spinner

    def _run_spinner(self, *, on: bool) -> None:
        """Run the spinner only while it is visible: a timer is the main cost of an idle program."""
        if on and self._spinner is None:
            self._spinner = self.set_interval(_SPINNER_SECONDS, self._advance_spinner)
        elif not on and self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _advance_spinner(self) -> None:
        if not self.screen.is_current:
            return
        self._frame = (self._frame + 1) % len(SPINNER)
        for index, row in self._visible():
            if _is_sending(row):
                self._refresh_row(index)


def _is_sending(row: Row) -> bool:
    return row.last_change is not None and row.last_change.change.state is State.SENDING
