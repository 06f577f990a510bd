"""All changes, newest first, with the history of the change under the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message

from tui import messages
from tui.actions import bindings
from tui.messages.formats import file_date, pluralize
from tui.model.change import State
from tui.model.change_list import ChangeGroup
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen
from tui.screens.changes import formatting
from tui.screens.changes.change_controller import ChangeController, UndoController, can_retry
from tui.screens.changes.change_list_controller import ChangeListController, ChangesLoaded
from tui.screens.dialogs.ask import AskScreen, FileNameScreen
from tui.screens.events import SnapshotChanged
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import Details, StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.tab_bar import ChangeGroupBar
from tui.widgets.text import content
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.change import Change, ChangeLogEntry
    from tui.model.services import Backend
    from tui.model.snapshot import ChangeView

_CANCELLABLE = frozenset({State.QUEUED, State.AWAITING_USER})
_SEARCH_KEYS = (("open", "Go to list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


@dataclass
class _TimelineLoaded(Message, bubble=False):
    view: ChangeView
    lines: Sequence[ChangeLogEntry]


class ChangesScreen(EngineScreen[None]):
    """Browse the change log; cancel unfinished changes and retry refused ones."""

    CSS_PATH = "changes.tcss"
    AUTO_FOCUS = "#rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("group_all", "group_open", "group_refused", "group_pending", "group_done"),
        *bindings("cancel_change", "retry", "export", "undo", "redo", "pause", "manual_restores"),
        *bindings("search", "clear", "back"),
    ]

    rows = getters.query_one(VirtualList)
    groups = getters.query_one(ChangeGroupBar)
    search = getters.query_one(SearchBox)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.list = ChangeListController(self, self._cursor_moved, self._show_total)
        self.changes = ChangeController(self)
        self.undo = UndoController(self)

    def compose(self) -> ComposeResult:
        """Lay out the list above or beside the history of the selected change."""
        yield StaticLine(id="heading")
        yield ChangeGroupBar()
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        with Container(id="body"):
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
        if self.list.current is not None:
            self.open_screen(navigation.ContactScreen(self.backend, self.list.current.change.contact_id))

    def action_retry(self) -> None:
        """Retry a change that Xero refused."""
        self.rows.reveal_cursor()
        self.changes.retry(self.list.current)

    def action_cancel_change(self) -> None:
        """After confirmation, cancel an unsent change or stop waiting for a restore."""
        view = self.list.current
        if view is None:
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

    def action_manual_restores(self) -> None:
        """Show the restores to finish in Xero."""
        self.open_screen(navigation.ManualRestoresScreen(self.backend))

    def action_back(self) -> None:
        """Go back to the contacts."""
        self.dismiss()
