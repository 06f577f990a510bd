"""A list of rows of equal height; only visible rows are painted or measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui.compat.textual import PaintedView
from tui.widgets.movement import MoveResolver, move_bindings
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.binding import BindingType
    from textual.content import Content
    from textual.geometry import Region

_CURSOR: Final = "▌"
_GUTTER: Final = 2


class VirtualList(PaintedView, can_focus=True):
    """Shows rows formatted by `paint` as they become visible, with a cursor.

    `paint` receives a row's index and width in cells, and returns as many lines as a row is high. Bindings
    use the contact table's IDs, so that custom keys apply here too.
    """

    ALLOW_SELECT = False
    HAS_CURSOR: ClassVar = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-list--cursor",
        "line-list--empty",
    }
    DEFAULT_CSS = """
    VirtualList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        color: $foreground;
        & > .line-list--cursor { background: $foreground 8%; }
        &:focus > .line-list--cursor { background: $primary 20%; text-style: bold; }
        &:ansi > .line-list--cursor { background: transparent; text-style: underline; }
        &:ansi:focus > .line-list--cursor { background: transparent; text-style: reverse; }
        & > .line-list--empty { color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *move_bindings(),
        Binding("enter", "open", "Open", id="table.open", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row."""

    class RowOpened(Message):
        """The user wants to open the row under the cursor; the list may be empty."""

    class Scrolled(Message):
        """Other rows may be visible."""

        def can_replace(self, message: Message) -> bool:
            """Replace older messages: only the latest position matters."""
            return isinstance(message, VirtualList.Scrolled)

    def __init__(
        self,
        paint: Callable[[int, int], Sequence[Content]],
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._paint = paint
        self._painted: dict[int, list[Strip]] = {}
        self._row_height = 1
        self.count = 0
        self.cursor = 0
        self.empty_text = ""
        self._moves = MoveResolver()

    # -- public interface

    def show(self, count: int, cursor: int = 0, *, row_height: int = 1) -> None:
        """Show `count` rows with the cursor on row `cursor`, without scrolling."""
        self.count, self._row_height = count, row_height
        self.cursor = max(0, min(cursor, count - 1))
        size = Size(0, count * row_height or 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    @property
    def line_width(self) -> int:
        """The width of a row in cells, without cursor and scrollbar."""
        return max(0, self.scrollable_content_region.width - _GUTTER)

    @property
    def visible_range(self) -> tuple[int, int]:
        """The first visible row, and the one after the last."""
        top = int(self.scroll_offset.y)
        stop = -(-(top + self.size.height) // self._row_height)
        return top // self._row_height, max(0, min(stop, self.count))

    @property
    def wanted_height(self) -> int:
        """The lines that all rows take, or the text of an empty list."""
        return self.count * self._row_height or len(self._empty_lines)

    @property
    def _empty_lines(self) -> list[Content]:
        return content(self.empty_text).wrap(max(1, self.line_width))

    def put_cursor(self, index: int) -> None:
        """Move the cursor to a row, or the nearest there is, and scroll to it."""
        before, self.cursor = self.cursor, max(0, min(index, self.count - 1))
        self.reveal_cursor()
        if self.cursor != before:
            self.refresh_rows(before, self.cursor)
            self.post_message(self.Moved())

    def refresh_rows(self, *indexes: int) -> None:
        """Repaint some rows."""
        for index in indexes:
            top = index * self._row_height - int(self.scroll_offset.y)
            for line in range(max(0, top), min(self.size.height, top + self._row_height)):
                self.refresh_line(line)

    def scroll_rows(self, rows: int) -> None:
        """Scroll by this number of rows."""
        self.scroll_to(y=self.scroll_offset.y + rows * self._row_height, animate=False, force=True)

    def reveal_cursor(self) -> None:
        """Scroll to the cursor; the mouse wheel may have moved it out of view."""
        if not self.HAS_CURSOR:
            return
        top, height = self.cursor * self._row_height, self._row_height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)
        elif top + height > self.scroll_offset.y + self.size.height:
            self.scroll_to(y=top + height - self.size.height, animate=False, force=True)

    # -- painting

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Report that other rows become visible."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self.reveal_cursor()
        self.post_message(self.Scrolled())

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint lines; all lines of a batch show the same state."""
        self._painted = {}
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Paint one line of a row."""
        width = self.line_width + _GUTTER
        if not self.count:
            style = self.get_visual_style("line-list--empty")
            lines = self._empty_lines
            written = content("  ") + lines[y] if y < len(lines) else content("")
            return self.paint_line(written.truncate(width), width, style)
        index, part = divmod(int(self.scroll_offset.y) + y, self._row_height)
        if index >= self.count:
            return Strip.blank(width, self.rich_style)
        if index not in self._painted:
            self._painted[index] = self._row(index, width)
        return self._painted[index][part]

    def _row(self, index: int, width: int) -> list[Strip]:
        is_cursor = self.HAS_CURSOR and index == self.cursor
        style = self.get_visual_style("line-list--cursor") if is_cursor else self.visual_style
        margin = content(f"{_CURSOR} ", "$text-accent") if is_cursor else content("  ")
        strips = []
        for line in self._paint(index, width - _GUTTER)[: self._row_height]:
            written = margin + line.truncate(width - _GUTTER, ellipsis=True)
            strips.append(self.paint_line(written, width, style))
        # Unused lines of a row are a gap between rows, without the cursor's style.
        blank = Strip.blank(width, self.visual_style.rich_style)
        return strips + [blank] * (self._row_height - len(strips))

    # -- keys and mouse

    def action_move(self, where: str) -> None:
        """Move the cursor; paging scrolls too."""
        rows, top = (
            max(1, self.size.height // self._row_height),
            -(-int(self.scroll_offset.y) // self._row_height),
        )
        target = self._moves.target(where, self.cursor, self.count, (top, top + rows - 1))
        if where.startswith(("page", "half")):
            self.scroll_rows(target - self.cursor)
        self.put_cursor(target)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        self.post_message(self.RowOpened())

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; a double click opens."""
        offset = event.get_content_offset(self)
        index = None if offset is None else (int(self.scroll_offset.y) + offset.y) // self._row_height
        if index is None or index >= self.count:
            return
        event.stop()
        self.put_cursor(index)
        if event.chain == 2:  # noqa: PLR2004 - a double click
            self.action_open()
