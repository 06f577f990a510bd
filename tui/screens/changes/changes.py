"""All changes, newest first, with the history of the change under the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import getters, on, work
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from tui import messages
from tui.actions import bindings
from tui.messages.formats import file_date, pluralize
from tui.model.change import State
from tui.model.change_list import ChangeGroup, ChangeQuery, ChangeSearchResult
from tui.screens import navigation
from tui.screens.base_screen import ALREADY_SHOWN, EngineScreen, SnapshotChanged
from tui.screens.changes import formatting
from tui.screens.changes.change_controller import (
    ChangeController,
    ResultController,
    UndoController,
    can_retry,
)
from tui.screens.dialogs.ask import AskScreen, FileNameScreen
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import Details, StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.tab_bar import ChangeGroupBar
from tui.widgets.text import content
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.worker import Worker

    from tui.model.change import Change, ChangeLogEntry
    from tui.model.services import Backend
    from tui.model.snapshot import ChangeView


_MARGIN = 100


class ChangeWindow:
    """The loaded part of a list that may be too long to load completely."""

    def __init__(self) -> None:
        self.total = 0
        self._start = 0
        self._changes: Sequence[ChangeView] = ()

    def set_changes(self, start: int, found: ChangeSearchResult) -> None:
        """Store the changes loaded from index `start` on."""
        self.total, self._start, self._changes = found.total, start, found.changes

    def at(self, index: int) -> ChangeView | None:
        """Return a change, or None if it isn't loaded."""
        position = index - self._start
        return self._changes[position] if 0 <= position < len(self._changes) else None

    def index_of(self, change_id: int) -> int | None:
        """Return the index of a change, or None if it isn't loaded."""
        for position, view in enumerate(self._changes):
            if view.change.change_id == change_id:
                return self._start + position
        return None

    def looks_like(self, other: ChangeWindow, start: int, stop: int) -> bool:
        """Whether another window has the same length and the same changes in these rows."""
        return self.total == other.total and all(
            self.at(index) == other.at(index) for index in range(start, stop)
        )

    def covers(self, start: int, stop: int) -> bool:
        """Whether all of these rows are loaded."""
        stop = min(stop, self.total)
        return start >= stop or (self._start <= start and stop <= self._start + len(self._changes))


def with_margin(start: int, stop: int) -> tuple[int, int]:
    """Return the range to load for these rows, with a margin before and after."""
    return max(0, start - _MARGIN), stop + _MARGIN


@dataclass
class ChangesLoaded(Message, bubble=False):
    """A part of the list was loaded. The cursor moves to the change `cursor_on`."""

    query: ChangeQuery
    start: int
    found: ChangeSearchResult
    keep: bool = True
    cursor_on: int | None = None


_CHUNK: Final = 1000


class ChangeListController:
    """Load and show changes for a screen with groups, a search box and a list.

    The cursor belongs to a change, not to a row: new changes at the top move neither the cursor nor the view,
    unless the view is at the top, where it stays. `on_cursor_moved` is called when the cursor is on another
    change or its change looks different; `on_total` with the number of changes found.
    """

    def __init__(
        self,
        screen: EngineScreen[Any],
        on_cursor_moved: Callable[[], None],
        on_total: Callable[[int], None],
    ) -> None:
        self._screen = screen
        self._on_cursor_moved = on_cursor_moved
        self._on_total = on_total
        self.window = ChangeWindow()
        self.query = ChangeQuery()
        self.current: ChangeView | None = None
        self._is_loaded = False
        self._titles_width = 0
        self._load_worker: Worker[None] | None = None
        self._loading = (0, 0)
        self._reload_queued = False
        self._last_id: int | None = None

    @property
    def _rows(self) -> VirtualList:
        return self._screen.query_one(VirtualList)

    @property
    def _groups(self) -> ChangeGroupBar:
        return self._screen.query_one(ChangeGroupBar)

    @property
    def _search(self) -> SearchBox:
        return self._screen.query_one(SearchBox)

    def format_row(self, index: int, width: int) -> Sequence[Content]:
        """Format one row; rows that aren't loaded are empty until they are."""
        if width != self._titles_width:
            # The width changes when a scrollbar appears or disappears.
            self._screen.call_later(self._write_titles, width)
        view = self.window.at(index)
        return () if view is None else (formatting.row(view, width, self._screen.now()),)

    def _write_titles(self, width: int) -> None:
        self._titles_width = width
        self._screen.query_one("#titles", StaticLine).show(formatting.titles(width))

    def find(self) -> None:
        """Search again, from the top."""
        self._parse()
        self._load(0, max(1, self._rows.size.height), keep=False)

    def _parse(self) -> None:
        self.query = ChangeQuery.parse(self._groups.group, self._search.text, messages.reasons_with)

    def reload(self) -> None:
        """Reload the visible rows. Only one load runs at a time, with at most one more queued."""
        if self._load_worker is not None and self._load_worker.is_running:
            self._reload_queued = True
            return
        self._reload_queued = False
        self._load(*self._visible_range(), keep=True)

    def _visible_range(self) -> tuple[int, int]:
        start, stop = self._rows.visible_range
        return start, max(stop, start + 1)

    def _load(self, start: int, stop: int, *, keep: bool) -> None:
        self._loading = with_margin(start, stop)
        load = partial(self._load_changes, self.query, *self._loading, keep=keep)
        self._load_worker = self._screen.start(load, "changes", exclusive=True)

    async def _load_changes(self, query: ChangeQuery, start: int, stop: int, *, keep: bool) -> None:
        found = await self._screen.backend.change_log.page(query, start, stop)
        self._screen.post_message(ChangesLoaded(query, start, found, keep=keep))

    async def _load_around(self, query: ChangeQuery, change_id: int) -> None:
        """Load the list in chunks until it contains this change."""
        start = 0
        while True:
            found = await self._screen.backend.change_log.page(query, start, start + _CHUNK)
            is_there = any(view.change.change_id == change_id for view in found.changes)
            if is_there or start + _CHUNK >= found.total:
                break
            start += _CHUNK
        self._screen.post_message(ChangesLoaded(query, start, found, cursor_on=change_id))

    def loaded(self, message: ChangesLoaded) -> None:
        """Show the loaded changes, unless the query has changed since."""
        if message.query != self.query:
            return
        rows, before = self._rows, self.window
        grown = message.found.total - before.total if self._is_loaded else 0
        self.window = ChangeWindow()
        self.window.set_changes(message.start, message.found)
        looks_same = self._is_loaded and self._looks_like(before)
        self._is_loaded = True
        empty = formatting.NOT_FOUND if message.query.words else formatting.EMPTY[message.query.group]
        key = self._screen.key
        self._write_titles(rows.line_width)
        rows.empty_text = empty.format(back=key("back"), clear=key("clear"), all=key("group_all"))
        if message.cursor_on is not None:
            rows.show(message.found.total, self.window.index_of(message.cursor_on) or 0)
            rows.reveal_cursor()
        elif not message.keep:
            rows.scroll_to(y=0, animate=False, force=True)
            rows.show(message.found.total)
        elif not looks_same:
            # Otherwise these are rows that are about to be scrolled into view: there is nothing to paint yet.
            self._keep_cursor(grown)
        self._on_total(message.found.total)
        self._update_current()
        if not self.window.covers(*rows.visible_range):
            self._load(*self._visible_range(), keep=True)
        elif self._reload_queued:
            self.reload()

    def _looks_like(self, before: ChangeWindow) -> bool:
        """Whether the visible rows and the position of the cursor's change are as they were."""
        current, rows = self.current, self._rows
        index = None if current is None else self.window.index_of(current.change.change_id)
        return index in {None, rows.cursor} and self.window.looks_like(before, *rows.visible_range)

    def _keep_cursor(self, grown: int) -> None:
        """Keep the cursor on its change, and the view along with it."""
        rows, before = self._rows, self._rows.cursor
        index = None if self.current is None else self.window.index_of(self.current.change.change_id)
        if index is None:
            # Not loaded: it left the group, or is further down than the loaded range.
            index = before if rows.visible_range[0] == 0 else before + max(0, grown)
        rows.show(self.window.total, index)
        if rows.scroll_offset.y and index != before:
            rows.scroll_rows(index - before)

    def _update_current(self) -> None:
        view = self.window.at(self._rows.cursor)
        # If the cursor scrolled out of the loaded range, its change is the last one seen there.
        if view is not None or not self.window.total:
            self.current = view
        self._on_cursor_moved()

    def moved(self) -> None:
        """Update the current change after the cursor moved."""
        self.current = self.window.at(self._rows.cursor)
        self._on_cursor_moved()

    def scrolled(self) -> None:
        """Load rows before they scroll into view: a page ahead."""
        start, stop = self._rows.visible_range
        page = stop - start
        start, stop = max(0, start - page), min(stop + page, self.window.total)
        is_running = self._load_worker is not None and self._load_worker.is_running
        # Starting over with each page of a held key would never load any.
        is_coming = is_running and self._loading[0] <= start and stop <= self._loading[1]
        if self._is_loaded and not is_coming and not self.window.covers(start, stop):
            self._load(*self._visible_range(), keep=True)

    def search_changed(self) -> None:
        """Search for the typed text."""
        if self.current is not None:
            self._last_id = self.current.change.change_id
        if self._search.text or self._last_id is None:
            self.find()
        else:
            # After clearing the search, show the whole group with the cursor on the last change found.
            self._parse()
            load = partial(self._load_around, self.query, self._last_id)
            self._load_worker = self._screen.start(load, "changes", exclusive=True)

    def open_group(self, group: ChangeGroup) -> None:
        """Show another group."""
        if group is self._groups.group:
            self._screen.flash(ALREADY_SHOWN)
            return
        self._screen.key_bar.end_flash()
        self._groups.open(group)
        self.find()


_CANCELLABLE = frozenset({State.QUEUED, State.AWAITING_USER})
_NO_CHANGES = "This list has no changes."
_SEARCH_KEYS = (("open", "Go to list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


@dataclass
class _TimelineLoaded(Message, bubble=False):
    view: ChangeView
    lines: Sequence[ChangeLogEntry]


class ChangesScreen(EngineScreen[None]):
    """Browse the change log; cancel unfinished changes and retry refused ones."""

    PLACE = "in Changes"
    CSS_PATH = "changes.tcss"
    AUTO_FOCUS = "#rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("group_all", "group_open", "group_refused", "group_pending", "group_done"),
        *bindings("cancel_change", "retry", "export", "undo", "redo", "pause", "manual_restores"),
        *bindings("year", "search", "clear", "back"),
    ]

    result: ResultController
    rows = getters.query_one(VirtualList)
    groups = getters.query_one(ChangeGroupBar)
    search = getters.query_one(SearchBox)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.list = ChangeListController(self, self._cursor_moved, self._show_total)
        self.result = ResultController(self, retry="retry")
        self.changes = ChangeController(self, self.result)
        self.undo = UndoController(self, self.result)

    def compose(self) -> ComposeResult:
        """Lay out the list above or beside the history of the selected change."""
        yield StaticLine(id="heading")
        yield ChangeGroupBar()
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        with Container(id="body"):
            with Vertical(id="list"):
                yield StaticLine(id="titles")
                yield VirtualList(self.list.format_row, id="rows")
            with VerticalScroll(id="story", can_focus=False):
                yield Details(id="details")
        yield KeyBar()

    def on_mount(self) -> None:
        """Load the newest changes."""
        self.rows.empty_text = formatting.READING
        self._show_total(0)
        self._update()
        self.list.find()

    def _show_total(self, total: int) -> None:
        """Show the organisation's name and the number of changes found."""
        name = content(self.backend.snapshot.organisation.name, "bold")
        heading = Content.assemble(
            ("Changes", "bold $text-primary"), "  ", name, "  ", pluralize(total, "change")
        )
        self.query_one("#heading", StaticLine).show(heading)

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self._update()
        self.list.reload()
        self.result.reload()

    def _update(self) -> None:
        snapshot = self.backend.snapshot
        self.groups.update_from(snapshot.summary)
        self.query_one(PausedBanner).update_from(snapshot)
        self._update_key_bar()

    def on_descendant_focus(self) -> None:
        """Show the keys that work for the focused widget."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self.search.has_focus_within:
            self.key_bar.set_actions(*_SEARCH_KEYS)
            return
        view = self.list.current
        state = view.change.state if view is not None else None
        back = {
            State.QUEUED: ("cancel_change", "Cancel"),
            State.AWAITING_USER: ("cancel_change", "Stop waiting"),
        }
        self.key_bar.set_actions(
            *([back[state]] if state in _CANCELLABLE else []),
            *(["retry"] if can_retry(view) else []),
            *([("open", "Open contact")] if view is not None else []),
            "search",
            "undo",
            "export",
            "year",
            ("pause", "Resume sending") if self.backend.snapshot.is_paused else "pause",
            "help",
            "back",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pass the search key to the search box while it has focus; Esc clears before it goes back."""
        if action == "search":
            return not self.search.has_focus_within
        if action == "clear":
            return bool(self.search.text)
        return super().check_action(action, parameters)

    # --- list ---

    @on(ChangesLoaded)
    def _changes_loaded(self, message: ChangesLoaded) -> None:
        self.list.loaded(message)

    @on(VirtualList.Moved)
    def _moved(self) -> None:
        self.list.moved()

    @on(VirtualList.Scrolled)
    def _scrolled(self) -> None:
        self.list.scrolled()

    @on(SearchBox.QueryChanged)
    def _search_changed(self) -> None:
        self.list.search_changed()

    def action_group_all(self) -> None:
        """Show all changes."""
        self.list.open_group(ChangeGroup.ALL)

    def action_group_open(self) -> None:
        """Show unfinished changes."""
        self.list.open_group(ChangeGroup.OPEN)

    def action_group_refused(self) -> None:
        """Show changes that Xero refused."""
        self.list.open_group(ChangeGroup.REFUSED)

    def action_group_pending(self) -> None:
        """Show changes pending sync to Re-Leased."""
        self.list.open_group(ChangeGroup.PENDING)

    def action_group_done(self) -> None:
        """Show finished changes."""
        self.list.open_group(ChangeGroup.DONE)

    def action_search(self) -> None:
        """Focus the search box."""
        self.search.focus_input()

    def action_clear(self) -> None:
        """Clear the search."""
        self.search.clear()

    # --- selected change ---

    def _cursor_moved(self) -> None:
        """Show the history of the change under the cursor."""
        self._update_key_bar()
        if self.list.current is None:
            self.query_one(Details).show(Content(""))
        else:
            self._load_timeline(self.list.current)

    @work(exclusive=True, group="story", exit_on_error=False)
    async def _load_timeline(self, view: ChangeView) -> None:
        self.post_message(_TimelineLoaded(view, await self.backend.change_log.timeline(view.change)))

    @on(_TimelineLoaded)
    def _show_details(self, message: _TimelineLoaded) -> None:
        if message.view == self.list.current:
            details = formatting.details(message.view, message.lines, self.now(), self.key)
            self.query_one(Details).show(details)

    @on(VirtualList.RowOpened)
    def _open(self) -> None:
        if self.list.current is None:
            self.flash(_NO_CHANGES)
        else:
            self.open_screen(navigation.ContactScreen(self.backend, self.list.current.change.contact_id))

    def action_retry(self) -> None:
        """Retry a change that Xero refused."""
        self.rows.reveal_cursor()
        self.changes.retry(self.list.current.change if self.list.current is not None else None)

    def action_cancel_change(self) -> None:
        """After confirmation, cancel an unsent change or stop waiting for a restore."""
        view = self.list.current
        if view is None:
            self.flash(_NO_CHANGES)
            return
        self.rows.reveal_cursor()
        change = view.change
        if change.state not in _CANCELLABLE:
            self.flash(formatting.not_cancellable_reason(change, self.key("undo")))
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self._cancel_change(change)

        is_manual_restore = change.state is State.AWAITING_USER
        question, yes = (
            ("Stop waiting?", "Stop waiting")
            if is_manual_restore
            else ("Cancel this change?", "Cancel change")
        )
        self.open_screen(
            AskScreen(question, formatting.cancel_explanation(change), yes=yes, no="Keep"), answered
        )

    @work(group="take-back", exit_on_error=False)
    async def _cancel_change(self, change: Change) -> None:
        if change.state is State.AWAITING_USER:
            await self.backend.manual_restores.dismiss(change)
            self.flash("Stopped waiting. Nothing changed in Xero.")
        else:
            await self.backend.changes.cancel(change)
            self.flash("Cancelled before sending. Nothing changed in Xero.")

    # --- all changes ---

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_redo(self) -> None:
        """Redo the last undone request."""
        self.undo.redo()

    def action_pause(self) -> None:
        """Pause or resume sending to Xero."""
        self.undo.toggle_pause()

    def action_export(self) -> None:
        """Export the changes found to a CSV file chosen by the user."""
        if not self.list.window.total:
            self.flash("No changes to export.")
            return

        def file_chosen(file: Path | None) -> None:
            if file is not None:
                self._export(file)

        suggestion = Path.home() / f"reshelve-changes-{file_date(self.local_now())}.csv"
        found = pluralize(self.list.window.total, "change")
        self.open_screen(FileNameScreen(f"Export {found}", suggestion), file_chosen)

    @work(group="export", exit_on_error=False)
    async def _export(self, file: Path) -> None:
        count = await self.backend.change_log.export(self.list.query, file, messages.why)
        self.flash(f"{pluralize(count, 'change')} saved to {file}")

    def action_year(self) -> None:
        """Show the year at a glance."""
        self.open_screen(navigation.YearScreen(self.backend))

    def action_manual_restores(self) -> None:
        """Show the restores to finish in Xero."""
        self.open_screen(navigation.ManualRestoresScreen(self.backend))

    def action_back(self) -> None:
        """Go back to the contacts."""
        self.dismiss()
