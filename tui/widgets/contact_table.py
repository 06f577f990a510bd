"""The table of contacts: cursor, selection, keys and mouse; rows are loaded as they become visible."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.actions import SkipAction
from textual.binding import Binding
from textual.message import Message

from tui.widgets.movement import MOVES, MoveResolver, move_bindings
from tui.widgets.table_view import GUTTER, TableView, local_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Sequence
    from datetime import datetime

    from textual import events
    from textual.binding import BindingType

    from tui.model.columns import ColumnKey
    from tui.model.contact import Row, RowSource, SearchResult


class Selection:
    """Contact IDs in the order of selection.

    A range being extended is kept apart from earlier selections, so that shrinking it restores them.
    """

    def __init__(self) -> None:
        self._committed: dict[str, None] = {}
        self._range: dict[str, None] = {}

    def __contains__(self, contact_id: str) -> bool:
        return contact_id in self._committed or contact_id in self._range

    def __bool__(self) -> bool:
        return bool(self._committed or self._range)

    def __len__(self) -> int:
        return len(self._committed) + sum(contact_id not in self._committed for contact_id in self._range)

    def ids(self) -> tuple[str, ...]:
        """Return every selected ID once."""
        return tuple(self._committed | self._range) if self._range else tuple(self._committed)

    def toggle(self, contact_id: str) -> None:
        """Select or deselect a contact."""
        self.commit_range()
        if contact_id in self._committed:
            del self._committed[contact_id]
        else:
            self._committed[contact_id] = None

    def add(self, contact_ids: Iterable[str]) -> None:
        """Add contacts to the selection."""
        self.commit_range()
        self._committed.update(dict.fromkeys(contact_ids))

    def set_range(self, contact_ids: Iterable[str]) -> None:
        """Replace the range being extended."""
        self._range = dict.fromkeys(contact_ids)

    def commit_range(self) -> None:
        """Add the range being extended to the selection."""
        self._committed.update(self._range)
        self._range = {}

    def retain(self, contact_ids: Container[str]) -> None:
        """Deselect all contacts except these."""
        self.commit_range()
        self._committed = {contact_id: None for contact_id in self._committed if contact_id in contact_ids}

    def clear(self) -> None:
        """Clear the selection."""
        self._committed = {}
        self._range = {}


class LingeringRows:
    """A row source with some contacts of an earlier source merged in.

    `rows` are the matches. Each lingering contact is read from the source it was found in, so that its row
    stays up to date.
    """

    def __init__(self, rows: RowSource, lingering: Iterable[tuple[int, str, RowSource]]) -> None:
        """Merge contacts into `rows`, each before the match at the given index; sorted by index."""
        self.rows = rows
        self._before: list[int] = []
        self._ids: list[str] = []
        self.sources: dict[str, RowSource] = {}
        for before, contact_id, source in lingering:
            self._before.append(before)
            self._ids.append(contact_id)
            self.sources[contact_id] = source
        self._places = [before + number for number, before in enumerate(self._before)]

    def __len__(self) -> int:
        return len(self.rows) + len(self._ids)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Return the rows from `start` to before `stop`; fewer at the end."""
        start = max(start, 0)
        first, last = self._lingering(start, stop)
        rows = list(self.rows.window(start - first, stop - last))
        for number in range(first, last):
            source, contact_id = self.sources[self._ids[number]], self._ids[number]
            index = source.index_of(contact_id)
            rows[self._places[number] - start : self._places[number] - start] = (
                () if index is None else source.window(index, index + 1)
            )
        return rows

    def ids(self, start: int, stop: int) -> Sequence[str]:
        """Return the contact IDs from `start` to before `stop`."""
        start = max(start, 0)
        first, last = self._lingering(start, stop)
        ids = list(self.rows.ids(start - first, stop - last))
        for number in range(first, last):
            ids.insert(self._places[number] - start, self._ids[number])
        return ids

    def index_of(self, contact_id: str) -> int | None:
        """Return a contact's index, or None if it isn't here."""
        if contact_id in self.sources:
            return self._places[self._ids.index(contact_id)]
        index = self.rows.index_of(contact_id)
        return None if index is None else index + bisect_right(self._before, index)

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return the contacts that aren't here."""
        return self.rows.absent(contact_ids) - self.sources.keys()

    def _lingering(self, start: int, stop: int) -> tuple[int, int]:
        """Return how many lingering contacts are above the first index, and above the second."""
        return bisect_left(self._places, start), bisect_left(self._places, max(start, stop))


def keep_lingering(
    rows: RowSource, previous: RowSource, shown: Iterable[tuple[int, Sequence[str]]]
) -> RowSource:
    """Return `rows` merged with the contacts of `previous` that no longer match but must not disappear.

    `shown` are the ids of those contacts, by the index of the first in each row of them. Each stays after the
    contact it followed before.
    """
    lingering: dict[str, tuple[int, RowSource]] = {}
    for start, ids in shown:
        indexes = [rows.index_of(contact_id) for contact_id in ids]
        matching = [index for index in indexes if index is not None]
        before = matching[0] if matching else min(start, len(rows))
        for contact_id, index in zip(ids, indexes, strict=True):
            if index is not None:
                before = index + 1
            else:
                lingering.setdefault(contact_id, (before, _source(previous, contact_id)))
    readable = [
        (before, contact_id, source)
        for contact_id, (before, source) in lingering.items()
        if source.index_of(contact_id) is not None
    ]
    return LingeringRows(rows, sorted(readable, key=lambda entry: entry[0])) if readable else rows


def _source(previous: RowSource, contact_id: str) -> RowSource:
    """Return the unmerged source that still contains a contact."""
    if isinstance(previous, LingeringRows):
        return previous.sources.get(contact_id, previous.rows)
    return previous


class ContactTable(TableView, can_focus=True, inherit_bindings=False):
    """Contacts to browse and select. Cursor and selection belong to contacts, not to row numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *move_bindings(),
        *(
            # No letter keys: Shift turns them into other keys.
            Binding(
                f"shift+{keys.partition(',')[0]}",
                f"extend('{where}')",
                f"Select: {label.lower()}",
                id=f"table.extend_{where}",
                show=False,
            )
            for where, (keys, label) in MOVES.items()
        ),
        Binding("space", "select", "Select", id="table.select", show=False),
        Binding("asterisk", "select_all", "Select all", id="table.select_all", show=False),
        Binding("I", "invert", "Invert selection", id="table.invert", show=False),
        Binding("escape", "clear", "Clear selection", id="table.clear", show=False),
        Binding("enter", "open", "Open", id="table.open", show=False),
    ]

    class CursorMoved(Message):
        """The cursor is on another contact, moved by the user or because rows were added or removed."""

        def __init__(self, contact_id: str, *, by_person: bool) -> None:
            super().__init__()
            self.contact_id = contact_id
            self.by_person = by_person

    class SelectionChanged(Message):
        """The number of selected contacts has changed."""

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    class EmptyUsed(Message):
        """A key that acts on a contact was pressed while there is none."""

    class TitleClicked(Message):
        """The title of a column was clicked."""

        def __init__(self, column: ColumnKey) -> None:
            super().__init__()
            self.column = column

    class ContactOpened(Message):
        """The user wants to open a contact."""

        def __init__(self, contact_id: str) -> None:
            super().__init__()
            self.contact_id = contact_id

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = local_now,
        on_columns: Callable[[Sequence[ColumnKey]], None] = lambda _: None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(clock=clock, on_columns=on_columns, id=id, classes=classes)
        self._found: SearchResult | None = None
        self._cursor = 0
        self._cursor_id: str | None = None
        # The cursor's contact before the table became empty.
        self._last_cursor_id: str | None = None
        # Whether the cursor was put on the first row and only updates have moved it down since.
        self._stays_at_top = True
        self._selection = Selection()
        self._moves = MoveResolver()
        self._hidden: frozenset[str] | None = frozenset()
        self._deferred: list[Callable[[], object]] | None = None
        self._range_anchor: str | None = None
        #: Whether the user has moved the cursor, selected or opened anything here yet.
        self.is_touched = False

    # -- public interface

    @property
    def found(self) -> SearchResult | None:
        """The displayed result, including lingering rows; None before the first."""
        return self._found

    @property
    def cursor_id(self) -> str | None:
        """The contact under the cursor, None if there are no rows."""
        return self._cursor_id

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor, None if there is none."""
        return self._window.row(self._cursor) if self._cursor_id is not None else None

    @property
    def selected(self) -> frozenset[str]:
        """The selected contacts, whether or not the table shows them."""
        return frozenset(self._selection.ids())

    @property
    def hidden(self) -> frozenset[str]:
        """The selected contacts that the table doesn't show."""
        if self._hidden is None:
            rows = self._found.rows if self._found is not None else None
            self._hidden = self.selected if rows is None else rows.absent(self.selected)
        elif self._hidden:
            # Only contacts in the table can be selected, so the hidden ones can only become fewer.
            self._hidden &= self.selected
        return self._hidden

    def defer_actions(self) -> None:
        """Defer key presses until the requested rows are shown."""
        if self._deferred is None:
            self._deferred = []

    def discard_deferred(self) -> None:
        """Discard deferred key presses: their rows won't arrive."""
        self._deferred = None

    def run_when_shown(self, callback: Callable[[], object]) -> None:
        """Call this once the requested rows are shown, or at once if none are expected.

        Keys may be pressed before a search has finished; they apply to its result.
        """
        if self._deferred is None:
            callback()
        else:
            self._deferred.append(callback)

    def reveal_cursor(self) -> None:
        """Scroll to the contact under the cursor; the mouse wheel may have moved it out of view."""
        self._reveal(self._cursor)

    def go_to(self, contact_id: str) -> None:
        """Move the cursor to a contact; it stays if the contact isn't listed."""
        index = self._found.rows.index_of(contact_id) if self._found is not None else None
        if index is not None and contact_id != self._cursor_id:
            self._end_range()
            self._put_cursor(index)
            self._reveal(index)

    def step(self, rows: int) -> str | None:
        """Move the cursor so many rows down, and return the contact there; None at the end of the list."""
        if not 0 <= self._cursor + rows < self._count:
            return None
        self._end_range()
        self._move_to(self._cursor + rows)
        return self._cursor_id

    def targets(self) -> tuple[str, ...]:
        """Return the contacts an action applies to: the selected ones, or the one under the cursor."""
        if self._selection:
            return self._selection.ids()
        return () if self._cursor_id is None else (self._cursor_id,)

    def show(self, found: SearchResult, *, keep: bool = True) -> None:
        """Show other rows.

        With `keep` the cursor stays on its contact, on the same line of the screen; if the contact is gone,
        the cursor moves to the row that took its place. Otherwise the view starts at the top.
        """
        anchor = self._anchor() if keep else None
        was_visible = self._is_cursor_visible or self._cursor_id is None
        contact_id = self._cursor_id or self._last_cursor_id
        if found.query != self._query:
            self._end_range()
        self._found = found
        self._open(found)
        index = found.rows.index_of(contact_id) if keep and contact_id is not None else None
        self._put_cursor(self._cursor if index is None and keep else index or 0)
        if anchor is not None:
            anchor_id, line = anchor
            anchor_index = index if anchor_id == self._cursor_id else found.rows.index_of(anchor_id)
            if anchor_index is not None:
                self._scroll_row(anchor_index - line)
        if not keep:
            self._scroll_row(0)
        elif was_visible:
            self._reveal(self._cursor)
        if found.is_complete:
            deferred, self._deferred = self._deferred, None
            for callback in deferred or ():
                callback()

    def refresh_in_place(self, found: SearchResult) -> None:
        """Show the current matches without moving what the user looks at.

        Visible contacts that no longer match stay in place, dimmed, until `drop_lingering`. The view stays on
        its top contact, except at the top of the list, where new first rows are shown.
        """
        if self._found is None:
            self.show(found)
            return
        previous, top, was_visible = self._found.rows, self.top_row, self._is_cursor_visible
        is_at_top = self._stays_at_top and top == 0
        visible = range(top, min(top + self.page_rows, self._count))
        # Not from the source, whose rows may have moved since they were painted.
        visible_ids = [row.contact_id for row in self._window.rows(visible.start, visible.stop)]
        shown = [(top, visible_ids)]
        if self._cursor_id is not None and self._cursor not in visible:
            shown.append((self._cursor, [self._cursor_id]))
        rows = keep_lingering(found.rows, previous, shown)
        self._found = replace(found, rows=rows)
        self._open(self._found)
        index = None if self._cursor_id is None else rows.index_of(self._cursor_id)
        self._put_cursor(self._cursor if index is None else index)
        if not is_at_top:
            self._keep_scroll_position(visible_ids, top, rows)
        if was_visible:
            self._reveal(self._cursor)

    def drop_lingering(self) -> None:
        """Remove rows that no longer match."""
        is_expecting = self._deferred is not None
        if not is_expecting and self._found is not None and isinstance(self._found.rows, LingeringRows):
            self.show(replace(self._found, rows=self._found.rows.rows))

    def _open(self, found: SearchResult) -> None:
        super()._open(found)
        self._hidden = None if self._selection else frozenset()
        if self._selection:
            self.post_message(self.SelectionChanged(len(self._selection)))

    def refresh_rows(self) -> None:
        """Reload the visible rows: some may look different."""
        if self._found is None:
            return
        if len(self._found.rows) != self._count:
            self.show(self._found)
        else:
            self._reload_visible()

    def clear_selection(self) -> None:
        """Clear the selection."""
        if self._selection:
            self._selection.clear()
            self._selection_changed()

    # -- cursor

    @property
    def _is_cursor_visible(self) -> bool:
        return self.top_row <= self._cursor < self.top_row + self.page_rows

    def _anchor(self) -> tuple[str, int] | None:
        """Return a contact and its line on the screen: the cursor's if visible, else the top one's."""
        if self._cursor_id is not None and self._is_cursor_visible:
            return self._cursor_id, self._cursor - self.top_row
        top = self._window.row(self.top_row)
        return None if top is None else (top.contact_id, 0)

    def _keep_scroll_position(self, visible_ids: Sequence[str], top: int, rows: RowSource) -> None:
        """Scroll so that the previously visible rows, from row `top` on, stay on the same lines."""
        places = [(line, rows.index_of(contact_id)) for line, contact_id in enumerate(visible_ids)]
        shifts = [(index - top - line, index, line) for line, index in places if index is not None]
        if not shifts:
            return
        # A renamed contact may have moved far away; it must not take the view along.
        median_shift = sorted(shift for shift, _, _ in shifts)[len(shifts) // 2]
        index, line = next((i, y) for shift, i, y in shifts if abs(shift - median_shift) < self.page_rows)
        self._scroll_row(index - line)

    def _put_cursor(self, index: int, *, by_person: bool = False) -> None:
        """Move the cursor to a row, or the nearest there is."""
        old, old_id = self._cursor, self._cursor_id
        self._cursor = max(0, min(index, self._count - 1))
        self._cursor_id = self._id_at(self._cursor)
        if by_person or not self._cursor:
            self._stays_at_top = not self._cursor
        if self._cursor_id is not None:
            self._last_cursor_id = None
        elif old_id is not None and not self._count:
            self._last_cursor_id = old_id
        self._refresh_row(old)
        self._refresh_row(self._cursor)
        if self._cursor_id is not None and self._cursor_id != old_id:
            self.post_message(self.CursorMoved(self._cursor_id, by_person=by_person))

    def _id_at(self, index: int) -> str | None:
        ids = self._found.rows.ids(index, index + 1) if self._found is not None else ()
        return ids[0] if ids else None

    def _move_to(self, index: int) -> None:
        self.is_touched = True
        self._put_cursor(index, by_person=True)
        self._reveal(self._cursor)

    def _extend_range(self, index: int) -> None:
        """Move the cursor and select everything from where the range started."""
        if self._found is None or self._cursor_id is None:
            self.post_message(self.EmptyUsed())
            return
        if self._range_anchor is None:
            self._range_anchor = self._cursor_id
        self._move_to(index)
        start = self._found.rows.index_of(self._range_anchor)
        first, last = sorted((self._cursor if start is None else start, self._cursor))
        self._selection.set_range(self._found.rows.ids(first, last + 1))
        self._selection_changed()

    def _end_range(self) -> None:
        """End the range; it stays selected."""
        self._range_anchor = None
        self._selection.commit_range()

    def _toggle(self, index: int) -> None:
        self._end_range()
        self.is_touched = True
        contact_id = self._id_at(index)
        if contact_id is not None:
            self._selection.toggle(contact_id)
            self._refresh_row(index)
            self.post_message(self.SelectionChanged(len(self._selection)))

    def _selection_changed(self) -> None:
        self.refresh()
        self.post_message(self.SelectionChanged(len(self._selection)))

    def _row_flags(self, index: int, contact_id: str) -> tuple[bool, bool, bool]:
        rows = self._found.rows if self._found is not None else None
        is_lingering = isinstance(rows, LingeringRows) and contact_id in rows.sources
        return index == self._cursor, contact_id in self._selection, is_lingering

    # -- keys and mouse

    def action_move(self, where: str) -> None:
        """Move the cursor; paging scrolls too, so that the cursor stays on its line."""
        self.run_when_shown(lambda: self._move_by(where))

    def _move_by(self, where: str) -> None:
        self._end_range()
        target = self._move_target(where)
        if where.startswith(("page", "half")):
            self._scroll_row(self.top_row + target - self._cursor)
        self._move_to(target)

    def _move_target(self, where: str) -> int:
        visible = self.top_row, self.top_row + self.page_rows - 1
        return self._moves.target(where, self._cursor, self._count, visible)

    def action_extend(self, where: str) -> None:
        """Move the cursor and select the rows it passes."""
        self.run_when_shown(lambda: self._extend_range(self._move_target(where)))

    def action_select(self) -> None:
        """Select or deselect the contact under the cursor, then move to the next."""
        self.run_when_shown(self._select)

    def _select(self) -> None:
        if self._cursor_id is None:
            self.post_message(self.EmptyUsed())
            return
        self._toggle(self._cursor)
        self._move_to(self._cursor + 1)

    def action_select_all(self) -> None:
        """Select all contacts found."""
        self.run_when_shown(self._select_all)

    def _select_all(self) -> None:
        if self._found is None or self._cursor_id is None:
            self.post_message(self.EmptyUsed())
            return
        self._end_range()
        self.is_touched = True
        self._selection.add(self._found.rows.ids(0, self._count))
        self._selection_changed()

    def action_invert(self) -> None:
        """Select the contacts in the list that aren't selected, instead of those that are."""
        self.run_when_shown(self._invert)

    def _invert(self) -> None:
        if self._found is None or self._cursor_id is None:
            self.post_message(self.EmptyUsed())
            return
        self._end_range()
        self.is_touched = True
        for contact_id in self._found.rows.ids(0, self._count):
            self._selection.toggle(contact_id)
        self._selection_changed()

    def action_clear(self) -> None:
        """Clear the selection; if it is empty, leave the key to other bindings."""
        if not self._selection:
            raise SkipAction
        self._range_anchor = None
        self.clear_selection()

    def action_open(self) -> None:
        """Open the contact under the cursor."""
        self.run_when_shown(self._open_contact)

    def _open_contact(self) -> None:
        if self._cursor_id is None:
            self.post_message(self.EmptyUsed())
            return
        self.is_touched = True
        self.reveal_cursor()
        self.post_message(self.ContactOpened(self._cursor_id))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; Shift extends the range, Ctrl or the margin toggles, a double click opens."""
        offset = event.get_content_offset(self)
        if offset is not None and self.is_title_line(offset.y):
            column = self.column_at(offset.x)
            if column is not None:
                self.post_message(self.TitleClicked(column))
            return
        index = None if offset is None else self._row_at(offset.y)
        if offset is None or index is None:
            return
        event.stop()
        if event.shift:
            self._extend_range(index)
            return
        self._end_range()
        self._move_to(index)
        if event.ctrl or offset.x < GUTTER:
            self._toggle(index)
        elif event.chain == 2:  # noqa: PLR2004 - a double click
            self.action_open()

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self._reveal(self._cursor)
