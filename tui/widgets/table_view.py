"""The painting half of the contact table: a window on rows, cached lines, a spinner where one is seen."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.model.change import State
from tui.model.query import Query
from tui.widgets.status_badge import SPINNER
from tui.widgets.table_lines import RowPalette, RowStyle, owes_title, paint_header, paint_row
from tui.widgets.table_window import RowWindow
from tui.widgets.text import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.geometry import Region
    from textual.timer import Timer

    from tui.model.rows import Row, SearchResult

_SPINNER_SECONDS: Final = 1 / 8
_HEADER_LINES: Final = 1
_PREFIX: Final = "contact-table--"
_OVER: Final = ("dim", "match", "mark", "muted", "primary", "accent", "success", "warning", "error")


def local_now() -> datetime:
    """Return the time in the zone of this machine."""
    return datetime.now(tz=UTC).astimezone()


class TableView(ScrollView):
    """Shows rows below a header that stays. What is painted follows what is visible, not what is stored.

    `empty_text` is shown where there are no rows. `clock` tells the time in the person's zone.
    """

    # Dragging over lines would select text of them, which they don't offer.
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"{_PREFIX}{name}" for name in ("header", "cursor", "selected", "empty", *_OVER)
    }
    # The scrollbar is always there: one that comes and goes with the row count costs a layout a key press.
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
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._query = Query()
        self._count = 0
        self._window = RowWindow()
        self._clock = clock
        self._today = clock()
        self._palette: RowPalette | None = None
        self._strips: LRUCache[tuple[Row, RowStyle], Strip] = LRUCache(1024)
        self._spinner: Timer | None = None
        self._frame = 0
        self._owes = ""

    def update_from(self, balances_read_at: datetime | None) -> None:
        """Say in the header how old the amounts are, should they be; repaints only what then differs."""
        now = self._clock()
        if now.date() != self._today.date():
            # What was said with its time of day is of yesterday now.
            self.refresh()
        title = owes_title(balances_read_at, now)
        if title != self._owes:
            self._owes = title
            self.refresh_line(0)

    @property
    def page_rows(self) -> int:
        """How many rows are visible at once."""
        return max(1, self.size.height - _HEADER_LINES)

    @property
    def line_width(self) -> int:
        """How many cells a line has beside the scrollbar."""
        return max(0, self.size.width - self.scrollbar_size_vertical)

    @property
    def top_row(self) -> int:
        """The first visible row."""
        return int(self.scroll_offset.y)

    def _row_flags(self, index: int, contact_id: str) -> tuple[bool, bool, bool]:
        """Return whether a row is under the cursor, is selected, and no longer matches what is shown."""
        raise NotImplementedError

    def _open(self, found: SearchResult) -> None:
        """Look at other rows, wherever the view then goes."""
        self._query = found.query
        self._window.open(found.rows)
        self._set_count(len(found.rows))
        self.refresh()

    def _set_count(self, count: int) -> None:
        """Make room for so many rows without the layout that assigning `virtual_size` would cause.

        That is 14 ms of a key press in the search box. `_scroll_update` is Textual's own, and private:
        the test of this method fails when it changes.
        """
        self._count = count
        size = Size(0, count + _HEADER_LINES)
        if size != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, size)
            if self.is_attached:
                self._scroll_update(size)

    def _scroll_row(self, index: int) -> None:
        """Bring a row to the top, as far as there are rows below it."""
        if self.is_attached:
            self.scroll_to(y=max(0, index), animate=False, force=True)

    def _reveal(self, index: int) -> None:
        """Scroll as little as shows a row."""
        if index < self.top_row:
            self._scroll_row(index)
        elif index >= self.top_row + self.page_rows:
            self._scroll_row(index - self.page_rows + 1)

    def _row_at(self, line: int) -> int | None:
        """Return which row is painted on a line of the widget."""
        index = self.top_row + line - _HEADER_LINES
        return index if line >= _HEADER_LINES and index < self._count else None

    def _refresh_row(self, index: int) -> None:
        if self.top_row <= index < self.top_row + self.page_rows:
            self.refresh_line(index + _HEADER_LINES)

    def _visible(self) -> Iterator[tuple[int, Row]]:
        top = self.top_row
        return enumerate(self._window.rows(top, top + self.page_rows), top)

    def _reload_visible(self) -> None:
        """Read the visible rows again and repaint those that look different."""
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
        """Forget what was painted in other colours."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint lines; every one of a batch shows the same moment and the same read of the rows."""
        # Signs show days and times of past moments only, so the day is all that paints depend on.
        self._today = self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        moving = any(_is_sending(row) for _, row in self._visible())
        self._run_spinner(on=moving and self.app.animation_level != "none")
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Paint the header or a row."""
        width = self.line_width
        palette = self._styles_in_use()
        if y < _HEADER_LINES:
            return paint_header(width, self._query.tab, palette, self._owes)
        if not self._count:
            return self._empty_line(y, width)
        index = self.top_row + y - _HEADER_LINES
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
        """Paint one line of the centred text that stands in for rows."""
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

    # -- the spinner

    def _run_spinner(self, *, on: bool) -> None:
        """Turn the spinner only while somebody can see it: a timer costs an idle program most."""
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
