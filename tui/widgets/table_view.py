"""Painting of the contact table: a window of rows, cached lines, and a spinner if needed."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from msgspec import Struct
from msgspec.structs import replace
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from tui.compat.textual import PaintedView, set_virtual_size
from tui.messages.activity import activity_cell
from tui.messages.contacts import COLUMN_TITLES, GONE, status_label
from tui.messages.formats import day, money
from tui.model.change import State
from tui.model.columns import ColumnKey, ListLayout
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.model.query import Query, Tab
from tui.model.timestamps import from_milliseconds
from tui.widgets.status_badge import SPINNER, StatusBadge, badge_for
from tui.widgets.text import DIRECTION_MARK, ELLIPSIS, cells, fit, match_spans, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.geometry import Region
    from textual.timer import Timer

    from tui.model.columns import ShownColumn, Sort
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
_DELETED: Final = StatusBadge("⊘", GONE, "muted")
_BEFORE_MATCH: Final = " · "
_LEAST_OF_NAME: Final = 12
# Values that don't say what they are.
_LABELLED: Final = frozenset({ColumnKey.PHONE, ColumnKey.ACCOUNT_NUMBER, ColumnKey.CONTACT_NUMBER})
# Limits in days: the column is twelve cells wide.
_TWO_DIGITS, _THREE_DIGITS, _MOST_DAYS = 10, 100, 9_999


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
    """What determines how a row is painted, besides its values and the columns; used as a cache key.

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


def paint_header(
    width: int, columns: Sequence[PlacedColumn], sort: Sort, palette: RowPalette, owes: str = ""
) -> Strip:
    """Paint the column titles, with an arrow at the sorted one; `owes` replaces the title of the amounts."""
    parts = [_title(placed, sort, owes) for placed in columns]
    text = " " * GUTTER + (" " * GAP).join(parts)
    return Strip([Segment(fit(text, width), palette.header)], width)


def _title(placed: PlacedColumn, sort: Sort, owes: str) -> str:
    column, width = placed.column, placed.width
    title = column.title
    if owes and column.key is ColumnKey.OWES:
        title = owes if len(owes) <= width else owes.removeprefix("They ").capitalize()
    align: Literal["left", "right"] = "right" if column.is_right else "left"
    # In order of names, as in Xero, needs no mark.
    if column.key is not sort.column or sort.is_default:
        return fit(title, width, align)
    return fit(f"{fit(title, min(len(title), width - 2))} {SORT_MARKS[sort.is_descending]}", width, align)


def column_at(columns: Sequence[PlacedColumn], x: int) -> ColumnKey | None:
    """Return the column at a cell of a line; None left of the first one."""
    start = GUTTER
    for placed in columns:
        if start <= x < start + placed.width + GAP:
            return placed.column.key
        start += placed.width + GAP
    return None


def paint_row(row: Row, columns: Sequence[PlacedColumn], row_style: RowStyle, palette: RowPalette) -> Strip:
    """Paint one contact in exactly the given width."""
    if row.match is not None and any(placed.column.key is row.match.column for placed in columns):
        row = replace(row, match=None)
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
    for number, placed in enumerate(columns):
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
        case ColumnKey.NAME:
            yield from _name(row, width, row_style.words, base, over)
        case ColumnKey.EMAIL:
            base += over["muted"]
            yield from _highlighted(row.email, width, row_style.words, base, base + over["match"])
        case ColumnKey.STATUS:
            yield Segment(fit(status_label(row), width), base + over["muted"])
        case ColumnKey.OWES:
            yield _amount(row.owes, width, base, over)
        case ColumnKey.SYNC_STATUS:
            shown = row_badge(row, row_style)
            style = base + over[shown.style] if shown.style else base
            yield Segment(fit(shown.fitted(width).text, width), style)
        case key:
            value = dict(row.more).get(key)
            base += over["muted"]
            if key is ColumnKey.UPDATED and isinstance(value, int):
                moment = from_milliseconds(value)
                text = "" if moment is None else day(moment.astimezone(row_style.now.tzinfo))
                yield Segment(fit(text, width), base)
            elif key is ColumnKey.LAST_ACTIVITY:
                yield Segment(fit(activity_cell(value), width), base)
            elif isinstance(value, str):
                yield from _highlighted(value, width, row_style.words, base, base + over["match"])
            else:
                yield _amount(value, width, base, over)


def _name(
    row: Row, width: int, words: tuple[str, ...], base: Style, over: dict[str, Style]
) -> Iterator[Segment]:
    """Paint a name, followed by what else the search found; the name keeps most of the room."""
    if row.match is None:
        yield from _highlighted(row.name, width, words, base, base + over["match"])
        return
    label = f"{COLUMNS[row.match.column].title} " if row.match.column in _LABELLED else ""
    found, whole = f"{_BEFORE_MATCH}{label}{row.match.text}", cells(safe(row.name))
    if whole + cells(safe(found)) > width:
        found = f"{_BEFORE_MATCH}{row.match.text}"
    name_width = min(whole, width, max(width - cells(safe(found)), _LEAST_OF_NAME, width * 2 // 3))
    yield from _highlighted(row.name, name_width, words, base, base + over["match"])
    muted = base + over["muted"]
    yield from _highlighted(found, width - name_width, words, muted, muted + over["match"])


def _amount(value: int | None, width: int, base: Style, over: dict[str, Style]) -> Segment:
    """Paint an amount in hundredths: zero as a dash, and nothing where nothing is known."""
    text = "" if value is None else money(value)
    return Segment(fit(text, width, "right"), base if value else base + over["muted"])


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


SORT_MARKS: Final = ("▲", "▼")


class Column(Struct, frozen=True):
    """A column: the least width it is shown with, and the width that its values need.

    Those with a `share` divide what is left. `beside` is the least width of the name beside this column.
    """

    key: ColumnKey
    least: int
    width: int
    share: int = 0
    is_right: bool = False
    beside: int = 0

    @property
    def title(self) -> str:
        """Its title."""
        return COLUMN_TITLES[self.key]


class PlacedColumn(Struct, frozen=True):
    """A column and its width in cells."""

    column: Column
    width: int


#: All columns, in the order in which they are offered.
COLUMNS: Final = {
    column.key: column
    for column in (
        Column(ColumnKey.NAME, 16, 24, share=3),
        Column(ColumnKey.STATUS, 8, 8),
        Column(ColumnKey.EMAIL, 10, 20, share=2, beside=20),
        Column(ColumnKey.PHONE, 12, 16),
        Column(ColumnKey.GROUPS, 12, 20, share=1),
        Column(ColumnKey.OWES, 10, 12, is_right=True),
        Column(ColumnKey.OVERDUE, 12, 12, is_right=True),
        Column(ColumnKey.YOU_OWE, 12, 12, is_right=True),
        Column(ColumnKey.ACCOUNT_NUMBER, 11, 14),
        Column(ColumnKey.CONTACT_NUMBER, 11, 14),
        Column(ColumnKey.TAX_NUMBER, 11, 14),
        Column(ColumnKey.MERGED_INTO, 14, 24),
        Column(ColumnKey.UPDATED, 11, 15),
        Column(ColumnKey.LAST_ACTIVITY, 11, 13),
        # As wide as "‖ Sync not running", and as "◷ Pending sync" with its day.
        Column(ColumnKey.SYNC_STATUS, 18, 21),
    )
}
# Without columns of the user's: first what is shown before anything else, then what is added to wide lists.
_USUAL: Final = (
    ColumnKey.NAME,
    ColumnKey.SYNC_STATUS,
    ColumnKey.STATUS,
    ColumnKey.OWES,
    ColumnKey.EMAIL,
    ColumnKey.OVERDUE,
    ColumnKey.PHONE,
    ColumnKey.GROUPS,
)
_ON_WIDE_LISTS: Final = frozenset(_USUAL[5:])
# Wider than the list of a terminal below 120 columns, so that widening one to the pane's layout removes none.
_WIDE: Final = 120


@lru_cache(maxsize=8)
def layout_columns(width: int, tab: Tab, layout: ListLayout) -> tuple[PlacedColumn, ...]:
    """Divide a line into columns: the user's as far as they fit, or else the most useful ones.

    Only the All tab has a Status column, unless the user chose it.
    """
    if layout.columns:
        chosen = [_with_width(shown) for shown in layout.columns]
        order = sorted(chosen, key=lambda column: column.key is not ColumnKey.NAME)
    else:
        order = [
            COLUMNS[key]
            for key in _USUAL
            if not (width < _WIDE and key in _ON_WIDE_LISTS)
            and not (tab is not Tab.ALL and key is ColumnKey.STATUS)
        ]
    shown = order[:1]
    for column in order[1:]:
        # A column that comes with a wide list takes nothing from the others.
        is_extra = not layout.columns and column.key in _ON_WIDE_LISTS
        name, *others = (each.width if is_extra else each.least for each in shown)
        if _total(max(name, column.beside), *others, column.least) > width:
            break
        shown.append(column)
    keys = [column.key for column in layout.columns] or [*COLUMNS]
    widths = _widths(shown, width)
    placed = {column.key: PlacedColumn(column, widths[column.key]) for column in shown}
    return tuple(placed[key] for key in keys if key in placed)


def _with_width(shown: ShownColumn) -> Column:
    column = COLUMNS[shown.key]
    return replace(column, least=shown.width, width=shown.width, share=0) if shown.width else column


def _total(*widths: int) -> int:
    """Return the width of a line with columns so wide."""
    return GUTTER + sum(widths) + GAP * (len(widths) - 1)


def _widths(columns: Sequence[Column], width: int) -> dict[ColumnKey, int]:
    """Give each column its least width, then what its values need, then a share of what is left."""
    widths = {column.key: column.least for column in columns}
    free = width - _total(*widths.values())
    if free < 0:
        # Only the name is left in a list this narrow, and takes all of it.
        return {column.key: max(1, width - GUTTER) for column in columns[:1]}
    for column in columns:
        more = min(free, column.width - column.least)
        widths[column.key] += more
        free -= more
    shares = sum(column.share for column in columns)
    for column in columns:
        if column.share:
            more = free * column.share // shares
            widths[column.key] += more
            free, shares = free - more, shares - column.share
    return widths


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

    `empty_text` is shown if there are no rows. `clock` returns the time in the user's time zone. `on_columns`
    is called with the columns that are shown, before their rows are read.
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
        &:focus > .contact-table--cursor { background: $primary 20%; text-style: bold; }
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
        on_columns: Callable[[Sequence[ColumnKey]], None] = lambda _: None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._query = Query()
        self._count = 0
        self._window = RowWindow()
        self._clock = clock
        self._on_columns = on_columns
        self._list_layout = ListLayout()
        self._columns: tuple[PlacedColumn, ...] = ()
        self._today = clock()
        self._palette: RowPalette | None = None
        self._strips: LRUCache[tuple[Row, RowStyle], Strip] = LRUCache(_MAX_STRIPS)
        self._spinner: Timer | None = None
        self._frame = 0
        self._owes = ""
        # The width of a line and the first row, for all lines that are painted together.
        self._batch = 0, 0

    @property
    def list_layout(self) -> ListLayout:
        """The user's columns and their sort."""
        return self._list_layout

    @property
    def columns(self) -> Sequence[PlacedColumn]:
        """The columns that are shown, after the first paint."""
        return self._columns

    def use_layout(self, layout: ListLayout) -> None:
        """Show other columns. The rows are sorted by whoever finds them."""
        self._list_layout = layout
        self.refresh()

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
        self._place_columns()
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

    def is_title_line(self, line: int) -> bool:
        """Whether a line of the widget has the titles."""
        return 0 <= line < _HEADER_LINES

    def column_at(self, x: int) -> ColumnKey | None:
        """Return the column at a cell of a line."""
        return column_at(self._columns, x)

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
        self._place_columns()
        moving = any(_is_sending(row) for _, row in self._visible())
        self._run_spinner(on=moving and self.app.animation_level != "none")
        return super().render_lines(crop)

    def _place_columns(self) -> None:
        columns = layout_columns(self.line_width, self._query.tab, self._list_layout)
        if columns == self._columns:
            return
        keys = [placed.column.key for placed in columns]
        if keys != [placed.column.key for placed in self._columns]:
            self._on_columns(keys)
            self._window.invalidate()
        self._columns = columns
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """Paint the header or a row."""
        width, top = self._batch
        palette = self._styles_in_use()
        if y < _HEADER_LINES:
            return paint_header(width, self._columns, self._query.sort, palette, self._owes)
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
            strip = self._strips[row, row_style] = paint_row(row, self._columns, row_style, palette)
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
