"""Finding changes: groups, words, and reading the part of the list that is visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import getters, on, work
from textual.message import Message

from tui.model.change_list import ChangeGroup, ChangeQuery, ChangeSearchResult
from tui.screens.changes import activity_format
from tui.screens.changes.activity_window import ChangeWindow, with_margin
from tui.screens.changes.change_controller import ChangeController
from tui.widgets.change_groups import ChangeGroupBar
from tui.widgets.search_box import SearchBox
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.content import Content
    from textual.worker import Worker

    from tui.model.snapshot import ChangeView


@dataclass
class ChangesLoaded(Message, bubble=False):
    """A part of the list was read. `cursor_on` is the change that the cursor is to be put on."""

    query: ChangeQuery
    start: int
    found: ChangeSearchResult
    keep: bool = True
    cursor_on: int | None = None


_CHUNK: Final = 1000


class ChangeListScreen(ChangeController[None]):
    """The part of the list of changes that reads and shows them.

    The cursor belongs to a change, not to a line: news on top moves neither it nor what is looked at,
    unless the newest is in sight, which stays so.
    """

    rows = getters.query_one(VirtualList)
    groups = getters.query_one(ChangeGroupBar)
    search = getters.query_one(SearchBox)

    def __init__(self) -> None:
        super().__init__()
        self.window = ChangeWindow()
        self.query_shown = ChangeQuery()
        self._is_loaded = False
        self.current: ChangeView | None = None
        self._load_worker: Worker[None] | None = None
        self._reload_queued = False
        self._last_id: int | None = None

    def cursor_moved(self) -> None:
        """Take note that another change is under the cursor, or that the one there looks different."""
        raise NotImplementedError

    def show_total(self, total: int) -> None:
        """Say how many were found."""
        raise NotImplementedError

    def format_row(self, index: int, width: int) -> Sequence[Content]:
        """Write one row; what isn't read yet is read by then."""
        view = self.window.at(index)
        return () if view is None else (activity_format.row(view, width, self.now()),)

    def find(self) -> None:
        """Find anew, from the top."""
        self._parse()
        self._load(0, max(1, self.rows.size.height), keep=False)

    def _parse(self) -> None:
        self.query_shown = ChangeQuery.parse(self.groups.group, self.search.text)

    def reload(self) -> None:
        """Read what is visible again: it may look different. One read at a time, and one after it."""
        if self._load_worker is not None and self._load_worker.is_running:
            self._reload_queued = True
            return
        self._reload_queued = False
        self._load(*self._visible_range(), keep=True)

    def _visible_range(self) -> tuple[int, int]:
        start, stop = self.rows.visible_range
        return start, max(stop, start + 1)

    def _load(self, start: int, stop: int, *, keep: bool) -> None:
        self._load_worker = self._load_changes(self.query_shown, *with_margin(start, stop), keep=keep)

    @work(exclusive=True, group="changes", exit_on_error=False)
    async def _load_changes(self, query: ChangeQuery, start: int, stop: int, *, keep: bool) -> None:
        found = await self.backend.change_log.page(query, start, stop)
        self.post_message(ChangesLoaded(query, start, found, keep=keep))

    @work(exclusive=True, group="changes", exit_on_error=False)
    async def _load_around(self, query: ChangeQuery, change_id: int) -> None:
        """Read the list until this change is found in it."""
        start = 0
        while True:
            found = await self.backend.change_log.page(query, start, start + _CHUNK)
            is_there = any(view.change.change_id == change_id for view in found.changes)
            if is_there or start + _CHUNK >= found.total:
                break
            start += _CHUNK
        self.post_message(ChangesLoaded(query, start, found, cursor_on=change_id))

    @on(ChangesLoaded)
    def _changes_loaded(self, message: ChangesLoaded) -> None:
        if message.query != self.query_shown:
            return
        grown = message.found.total - self.window.total if self._is_loaded else 0
        self._is_loaded = True
        self.window.set_changes(message.start, message.found)
        rows = self.rows
        empty = (
            activity_format.NOT_FOUND if message.query.words else activity_format.EMPTY[message.query.group]
        )
        rows.empty_text = empty.format(back=self.key("back"), clear=self.key("clear"))
        if message.cursor_on is not None:
            rows.show(message.found.total, self.window.index_of(message.cursor_on) or 0)
            rows.reveal_cursor()
        elif message.keep:
            self._keep_cursor(grown)
        else:
            rows.scroll_to(y=0, animate=False, force=True)
            rows.show(message.found.total)
        self.show_total(message.found.total)
        self._update_current()
        if not self.window.covers(*rows.visible_range):
            self._load(*self._visible_range(), keep=True)
        elif self._reload_queued:
            self.reload()

    def _keep_cursor(self, grown: int) -> None:
        """Put the cursor where its change stands now, and what is visible along with it."""
        rows, before = self.rows, self.rows.cursor
        index = None if self.current is None else self.window.index_of(self.current.change.change_id)
        if index is None:
            # Not among what was read: it has left the group, or stands further down than was looked.
            index = before if rows.visible_range[0] == 0 else before + max(0, grown)
        rows.show(self.window.total, index)
        if rows.scroll_offset.y and index != before:
            rows.scroll_rows(index - before)

    def _update_current(self) -> None:
        view = self.window.at(self.rows.cursor)
        # Where the wheel has left the cursor behind, its change is still the one last seen there.
        if view is not None or not self.window.total:
            self.current = view
        self.cursor_moved()

    @on(VirtualList.Moved)
    def _moved(self) -> None:
        self.current = self.window.at(self.rows.cursor)
        self.cursor_moved()

    @on(VirtualList.Scrolled)
    def _scrolled(self) -> None:
        if self._is_loaded and not self.window.covers(*self.rows.visible_range):
            self._load(*self._visible_range(), keep=True)

    @on(SearchBox.Changed)
    def _search_changed(self) -> None:
        if self.current is not None:
            self._last_id = self.current.change.change_id
        if self.search.text or self._last_id is None:
            self.find()
        else:
            # Without words, the whole group is shown: the cursor stays where the search has led.
            self._parse()
            self._load_worker = self._load_around(self.query_shown, self._last_id)

    # --- groups and words ---

    def open_group(self, group: ChangeGroup) -> None:
        """Show another group."""
        if group is not self.groups.group:
            self.groups.open(group)
            self.find()

    def action_group_all(self) -> None:
        """Show all changes."""
        self.open_group(ChangeGroup.ALL)

    def action_group_open(self) -> None:
        """Show what isn't finished."""
        self.open_group(ChangeGroup.OPEN)

    def action_group_refused(self) -> None:
        """Show what Xero refused."""
        self.open_group(ChangeGroup.REFUSED)

    def action_group_waiting(self) -> None:
        """Show what waits for Re-Leased."""
        self.open_group(ChangeGroup.PENDING)

    def action_group_done(self) -> None:
        """Show what is finished."""
        self.open_group(ChangeGroup.DONE)

    def action_search(self) -> None:
        """Let the person type."""
        self.search.focus_input()

    def action_clear(self) -> None:
        """Take the words away."""
        self.search.clear()
