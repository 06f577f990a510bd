"""The main screen: contacts, search, and the status of Xero and Re-Leased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import getters, on, work
from textual.containers import Container, Horizontal
from textual.events import DescendantBlur, DescendantFocus
from textual.message import Message

from tui.actions import bindings
from tui.messages.formats import format_number, pluralize
from tui.model.change import Action
from tui.model.marks import MarkKind
from tui.model.query import Tab
from tui.model.snapshot import ConnectionStatus
from tui.screens import navigation
from tui.screens.base_screen import (
    ALREADY_SHOWN,
    NOT_MERGED,
    SURVIVOR_NOT_LOADED,
    EngineScreen,
    GroupNamesLoaded,
    SearchAnswered,
    SnapshotChanged,
)
from tui.screens.changes.change_controller import (
    ChangeController,
    ResultController,
    UndoController,
    blocked_reason,
)
from tui.screens.compare.open_comparison import ComparisonController
from tui.screens.re_leased.manual_sync_controller import ManualSyncController
from tui.screens.search_controller import SearchController
from tui.widgets import clock
from tui.widgets.banners import PausedBanner, SelectionBar, SyncProgressBar, UnreadableBar
from tui.widgets.contact_table import ContactTable
from tui.widgets.key_bar import KeyBar
from tui.widgets.search_box import QueryHint, SearchBox
from tui.widgets.status_badge import StatusLegend, legend_of
from tui.widgets.sync_pane import SyncPane
from tui.widgets.tab_bar import TabBar
from tui.widgets.text import content
from tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.columns import ListLayout
    from tui.model.contact import Balances
    from tui.model.services import Backend
    from tui.model.snapshot import Snapshot
    from tui.screens.preview import PreviewController, PreviewLoaded
    from tui.system.saved_searches import SavedSearch
    from tui.system.search_history import SearchHistory

#: Columns that a terminal needs for a preview beside the list.
PREVIEW_COLUMNS: Final = 140
_WIDE: Final = ((120, "-wide"), (PREVIEW_COLUMNS, "-wider"), (200, "-widest"))
_TOO_NARROW: Final = "The preview needs a terminal at least {} columns wide; this one has {}."
# Between two updates of times that change by minutes.
_TIMES_AFTER = timedelta(seconds=5)
_RECONNECT_STATUSES = frozenset({ConnectionStatus.RECONNECT, ConnectionStatus.REMOVED})
_SYNC_PAUSED = "Loading pauses after this page. Press {key} to resume; nothing is lost."
_NO_CONTACTS = "This list has no contacts."
_NOTHING_TO_CLEAR = "Nothing to clear: no contacts are selected, and nothing is searched for."
_SEARCH_KEYS = (
    ("open", "Go to list"),
    ("clear", "Clear"),
    "saved_searches",
    "search_everywhere",
    ("help", "How to search"),
    "command_palette",
    ("interrupt", "Quit"),
)


@dataclass
class _SelectionTotals(Message, bubble=False):
    """What selected contacts owe, by the rows of a version."""

    selected: frozenset[str]
    rows_version: int
    totals: Balances


class MainScreen(EngineScreen[None]):
    """The contacts and their status. The first frame reads rows directly from an index, without waiting."""

    PLACE = "in the list of contacts"
    CSS_PATH = "main.tcss"
    AUTO_FOCUS = "ContactTable"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-small"), (80, "-medium"), *_WIDE]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "restore", "open_in_xero", "open_survivor", "copy", "search", "clear"),
        *bindings("tab_all", "tab_active", "tab_archived", "manual_restores", "refresh", "pause_sync"),
        *bindings("undo", "redo", "changes", "pause", "retry_contact", "manual_sync"),
        *bindings(
            "compare",
            "troubleshoot",
            "tenant_groups",
            "duplicates",
            "columns",
            "show_selected",
            "export",
            "preview",
            "saved_searches",
            "tidy",
            "keep",
            "protect",
        ),
    ]

    result: ResultController
    table = getters.query_one(ContactTable)
    search = getters.query_one(SearchBox)
    title_bar = getters.query_one(TitleBar)
    paused_banner = getters.query_one(PausedBanner)
    progress_bar = getters.query_one(SyncProgressBar)
    unreadable_bar = getters.query_one(UnreadableBar)
    status_legend = getters.query_one(StatusLegend)
    sync_pane = getters.query_one(SyncPane)
    selection_bar = getters.query_one(SelectionBar)

    def __init__(self, backend: Backend, searches: SearchHistory, saved_searches: Path | None = None) -> None:
        """`saved_searches` is the file of the organisation's saved searches."""
        super().__init__()
        self.backend = backend
        self.finder = SearchController(self, searches, saved_searches)
        self.result = ResultController(self)
        self.changes = ChangeController(self, self.result, self._clear_selection)
        self.undo = UndoController(self, self.result)
        self.manual_sync = ManualSyncController(self)
        self.comparison = ComparisonController(self)
        self._key_bar_state: tuple[bool, ...] | None = None
        self._has_reminded = False
        self._was_left = False
        self._pane_title = ""
        self._times_shown_at: datetime | None = None
        self._totals: _SelectionTotals | None = None
        self._preview: PreviewController | None = None

    def compose(self) -> ComposeResult:
        """Lay out the parts; `main.tcss` places them for each terminal size."""
        yield TitleBar()
        with Horizontal(id="finder"):
            yield TabBar(id="tabs")
            yield SearchBox(
                "#contacts", complete=self.finder.complete, recent=self.finder.recent_searches, id="search"
            )
        yield StatusLegend()
        yield QueryHint()
        yield PausedBanner()
        yield SyncProgressBar()
        yield UnreadableBar()
        with Container(id="body"):
            yield ContactTable(
                id="contacts", clock=self.local_now, on_columns=self.backend.contacts.show_columns
            )
            if self.backend.contacts.layout().has_preview:
                # Its room in the first frame; its parts are imported afterwards.
                yield Container(id="preview")
            yield SyncPane(id="sync")
        yield SelectionBar()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show saved data."""
        snapshot = self.backend.snapshot
        layout = self.backend.contacts.layout()
        self.table.use_layout(layout)
        self.set_class(layout.has_preview, "-preview")
        self.call_after_refresh(self._update_preview)
        self.finder.show_initial_rows(snapshot, layout.sort)
        self._update(snapshot)
        self._update_key_bar()

    @on(SnapshotChanged)
    def _snapshot_changed(self, message: SnapshotChanged) -> None:
        self.finder.apply_snapshot(message.snapshot)
        self._update(message.snapshot)
        if self.table.selected:
            self._update_selection_bar()
        self.result.reload()

    # --- preview ---

    def on_resize(self) -> None:
        """Show the preview, its key, and what is beside the tabs, if there is room now."""
        self.finder.tabs.rewrite()
        self._update_preview()
        if self._key_bar_state != self._key_bar_state_of(self.backend.snapshot):
            self._update_key_bar()

    def _update_preview(self) -> None:
        """Show or hide the preview, which is imported when it is shown for the first time."""
        has_preview = self.table.list_layout.has_preview
        self.set_class(has_preview, "-preview")
        if not has_preview or self.app.size.width < PREVIEW_COLUMNS:
            return
        if self._preview is None:
            preview = navigation.ContactPreview()
            if rooms := self.query("#preview"):
                rooms.first().mount(preview)
            else:
                self.query_one("#body").mount(Container(preview, id="preview"), before=self.sync_pane)
            self._preview = navigation.PreviewController(self, self.table, preview)
        self._preview.cursor_moved()

    def action_preview(self) -> None:
        """Show or hide the preview, if there is room for it."""
        width = self.app.size.width
        if width < PREVIEW_COLUMNS:
            self.flash(_TOO_NARROW.format(PREVIEW_COLUMNS, width))
        else:
            layout = self.table.list_layout
            self._use_layout(replace(layout, has_preview=not layout.has_preview))
            self._update_preview()

    def on_preview_loaded(self, message: PreviewLoaded) -> None:
        """Show the contact that was read."""
        if self._preview is not None:
            self._preview.loaded(message)

    def _update(self, snapshot: Snapshot) -> None:
        self._update_times(snapshot)
        self.paused_banner.update_from(snapshot)
        self.unreadable_bar.update_from(snapshot)
        self._update_legend()
        if self._key_bar_state != self._key_bar_state_of(snapshot):
            self._update_key_bar()
        self._remind(snapshot)

    def _update_times(self, snapshot: Snapshot) -> None:
        now, is_practice = self.now(), self.backend.is_sandbox
        self._times_shown_at = now
        self.title_bar.update_from(snapshot, now)
        self.sync_pane.update_from(snapshot, now, is_practice=is_practice)
        self.progress_bar.update_from(snapshot, now)
        # Amounts and badges show their days.
        self.table.update_from(snapshot.balances_read_at)
        if self._preview is not None:
            self._preview.tick()

    def _update_legend(self) -> None:
        """Explain the status of the contact under the cursor, where the layout has a free line."""
        row = self.table.cursor_row
        text = legend_of(row.last_change if row is not None else None)
        self.status_legend.update_from(text)
        # The pane has a top border at this width only. An invisible title would still repaint it.
        title = f" {text} " if text and self.has_class("-medium") else ""
        if title != self._pane_title:
            self._pane_title = title
            self.sync_pane.border_title = content(title)

    def _remind(self, snapshot: Snapshot) -> None:
        """Show once, when the organisation opens, how many restores are left to finish in Xero."""
        if self._has_reminded or snapshot.summary is None:
            return
        self._has_reminded = True
        waiting = snapshot.summary.manual_restore_total
        if waiting:
            key = self.key("manual_restores")
            self.flash(f"{pluralize(waiting, 'restore')} to finish in Xero. Press {key}.")

    def tick(self) -> None:
        """Update countdowns: each second if one shows seconds, as formatting all times takes its time."""
        snapshot, now = self.backend.snapshot, self.now()
        is_due = self._times_shown_at is None or abs(now - self._times_shown_at) >= _TIMES_AFTER
        if is_due or clock.counts_seconds(snapshot, now):
            self._update_times(snapshot)

    def on_screen_resume(self) -> None:
        """Apply changes that arrived while another screen was shown."""
        self.finder.apply_snapshot(self.backend.snapshot)
        self._update(self.backend.snapshot)
        if self._preview is not None:
            self._preview.cursor_moved()
        if self._was_left:
            self._was_left = False
            self.result.resume()

    def on_screen_suspend(self) -> None:
        """Remember whether changes can be made from the screen that is shown instead."""
        shown = self.app.screen
        self._was_left = isinstance(shown, EngineScreen) and shown.result is not None

    def _key_bar_state_of(self, snapshot: Snapshot) -> tuple[bool, ...]:
        progress = snapshot.progress
        return (
            snapshot.xero.status in _RECONNECT_STATUSES,
            progress is not None,
            progress is not None and progress.is_paused,
            snapshot.re_leased.reported_sync_since is not None,
            self.app.size.width >= PREVIEW_COLUMNS,
        )

    def on_descendant_focus(self) -> None:
        """Show the keys that work for the focused widget."""
        self._update_key_bar()

    @on(ContactTable.SelectionChanged)
    def _selection_changed(self) -> None:
        self._update_selection_bar()
        self._update_key_bar()
        if not self.table.selected:
            self.finder.show_selected(on=False)

    @work(exclusive=True, group="totals", exit_on_error=False)
    async def _add_up(self, selected: frozenset[str], rows_version: int) -> None:
        totals = await self.backend.contacts.total_balances(selected)
        self.post_message(_SelectionTotals(selected, rows_version, totals))

    @on(_SelectionTotals)
    def _totals_known(self, message: _SelectionTotals) -> None:
        self._totals = message
        self._update_selection_bar()

    def _update_selection_bar(self) -> None:
        """Show what is selected; what it owes is added up again after the selection or a row has changed."""
        table, version = self.table, self.backend.snapshot.rows_version
        selected = table.selected
        known = self._totals if self._totals is not None and self._totals.selected == selected else None
        if selected and (known is None or known.rows_version != version):
            self._add_up(selected, version)
        self.selection_bar.update_from(
            len(selected),
            len(table.hidden),
            None if known is None else known.totals,
            is_alone=self.finder.shows_selected,
        )

    def action_show_selected(self) -> None:
        """Show only the selected contacts, or all contacts again."""
        if not self.table.selected:
            self.flash(f"No contacts are selected. Press {self.key('select')} to select one.")
            return
        self.finder.show_selected(on=not self.finder.shows_selected)
        self._update_selection_bar()

    def _update_key_bar(self) -> None:
        self._key_bar_state = self._key_bar_state_of(self.backend.snapshot)
        needs_reconnect, is_reading, is_paused, is_sync_reported, has_room = self._key_bar_state
        if self.search.has_focus_within:
            self.key_bar.set_actions(*_SEARCH_KEYS)
            return
        count = len(self.table.selected)
        count_suffix = f" {format_number(count)}" if count else ""
        self.key_bar.set_actions(
            *(["connect"] if needs_reconnect else []),
            *([("pause_sync", "Resume loading" if is_paused else "Pause loading")] if is_reading else []),
            *([("manual_sync", "Sync ended?")] if is_sync_reported else []),
            ("archive", f"Archive{count_suffix}"),
            ("restore", f"Restore{count_suffix}"),
            "search",
            "undo",
            "troubleshoot",
            ("clear", "Deselect") if count else "select",
            "open",
            "columns",
            *(["preview"] if has_room else []),
            "manual_restores",
            "changes",
            "refresh",
            "organisations",
            "export",
            "command_palette",
            "quit",
            "help",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pass the search key to the search box while it has focus."""
        if action == "search" and self.search.has_focus_within:
            return False
        return super().check_action(action, parameters)

    def action_archive(self) -> None:
        """Archive the contact under the cursor, or the selected contacts."""
        self.table.run_when_shown(lambda: self._start_change(Action.ARCHIVE))

    def action_restore(self) -> None:
        """Restore the contact under the cursor, or the selected contacts."""
        self.table.run_when_shown(lambda: self._start_change(Action.RESTORE))

    def _targets(self) -> Sequence[str]:
        """Return the contacts that an action is about, in view; none, with the reason, in an empty list."""
        targets = self.table.targets()
        if not targets:
            self.flash(_NO_CONTACTS)
            return ()
        self.finder.keep_search()
        if not self.table.selected:
            self.table.reveal_cursor()
        return targets

    def _start_change(self, action: Action) -> None:
        targets = self._targets()
        if not targets:
            return
        row = self.table.cursor_row
        if row is not None and targets == (row.contact_id,):
            reason = blocked_reason(
                action, row.status, row.last_change, is_merged=row.is_merged, key=self.key
            )
            if reason:
                self.flash(reason)
                return
        self.changes.confirm(action, targets, hidden=self.table.hidden)

    def _clear_selection(self) -> None:
        """Clear the selection once its changes are requested."""
        self.table.clear_selection()

    # --- search ---

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_changed(self) -> None:
        self.finder.focus_changed()

    @on(SearchBox.QueryChanged)
    def _search_changed(self) -> None:
        self.finder.search_changed()

    @on(SearchBox.Used)
    def _search_used(self) -> None:
        self.finder.keep_search()

    @on(SearchAnswered)
    def _search_answered(self, message: SearchAnswered) -> None:
        self.finder.answered(message)
        self._update_legend()
        if self._preview is not None:
            self._preview.cursor_moved()

    @on(GroupNamesLoaded)
    def _group_names_loaded(self, message: GroupNamesLoaded) -> None:
        self.finder.group_names_loaded(message)

    @on(ContactTable.CursorMoved)
    def _cursor_moved(self, message: ContactTable.CursorMoved) -> None:
        self.finder.cursor_moved(message)
        self._update_legend()
        if self._preview is not None:
            self._preview.cursor_moved()

    def action_tab_all(self) -> None:
        """Show all contacts."""
        self._open_tab(Tab.ALL)

    def action_tab_active(self) -> None:
        """Show active contacts."""
        self._open_tab(Tab.ACTIVE)

    def action_tab_archived(self) -> None:
        """Show archived contacts."""
        self._open_tab(Tab.ARCHIVED)

    def _open_tab(self, tab: Tab) -> None:
        if self.finder.open_tab(tab):
            self.key_bar.end_flash()
        else:
            self.flash(ALREADY_SHOWN)

    def action_search(self) -> None:
        """Focus the search box."""
        self.search.focus_input()

    def action_saved_searches(self) -> None:
        """Open a saved search, or save this one."""

        def chosen(search: SavedSearch | None) -> None:
            if search is not None:
                self._use_layout(replace(self.table.list_layout, sort=search.sort))
                self.finder.open_saved(search)
                self._update_selection_bar()
                self.set_focus(self.table)

        dialog = navigation.SavedSearchesScreen(self.finder.saved_searches, self.finder.current_search())
        self.open_screen(dialog, chosen)

    def show_found(self, text: str, contact_id: str) -> None:
        """Search for a text in all contacts; the cursor goes to a contact, if its ID is given."""
        self.finder.show_found(text, contact_id)
        self._update_selection_bar()
        self.set_focus(self.table)

    def action_clear(self) -> None:
        """Clear the selection, then the search."""
        if not self.finder.clear():
            self.flash(_NOTHING_TO_CLEAR)

    # --- columns and sort ---

    def action_columns(self) -> None:
        """Choose the columns and the sort."""
        table = self.table
        self.open_screen(
            navigation.ColumnsScreen(self.backend, table.list_layout, table.columns, self._use_layout)
        )

    @on(ContactTable.TitleClicked)
    def _sort_by(self, message: ContactTable.TitleClicked) -> None:
        layout = self.table.list_layout
        self._use_layout(replace(layout, sort=layout.sort.by(message.column)))

    def _use_layout(self, layout: ListLayout) -> None:
        self.table.use_layout(layout)
        self.finder.sort_by(layout.sort)
        self.start(partial(self.backend.contacts.save_layout, layout), "layout", exclusive=True)

    def action_export(self) -> None:
        """Export this list, or the selected contacts, to a file."""
        self.table.run_when_shown(self._export)

    def _export(self) -> None:
        table, found = self.table, self.table.found
        listed = 0 if found is None else found.counts.of(found.query.tab)
        if found is None or not (listed or table.selected):
            self.flash("No contacts to export.")
            return
        chosen = [column.key for column in table.list_layout.columns]
        dialog = navigation.ExportScreen(
            self.backend,
            found.query,
            listed=listed,
            selected=table.selected,
            is_alone=self.finder.shows_selected,
            # The user's own, also those that don't fit the terminal.
            columns=chosen or [placed.column.key for placed in table.columns],
            now=self.local_now(),
        )

        def closed(file: Path | None) -> None:
            if file is not None:
                self.flash(f"{pluralize(dialog.count, 'contact')} saved to {file}")

        self.open_screen(dialog, closed)

    # --- contact under the cursor ---

    @on(ContactTable.EmptyUsed)
    def _empty_table_used(self) -> None:
        self.flash(_NO_CONTACTS)

    @on(ContactTable.ContactOpened)
    def _contact_opened(self, message: ContactTable.ContactOpened) -> None:
        self.finder.keep_search()
        contact = navigation.ContactScreen(self.backend, message.contact_id, self.table.step)
        self.open_screen(contact)

    def action_open_in_xero(self) -> None:
        """Open the contact under the cursor in Xero."""
        self.table.run_when_shown(lambda: self._with_contact(self.open_page))

    def action_open_survivor(self) -> None:
        """Show the contact that the one under the cursor was merged into."""
        self.table.run_when_shown(lambda: self._with_contact(self._open_survivor))

    @work(exclusive=True, group="survivor", exit_on_error=False)
    async def _open_survivor(self, contact_id: str) -> None:
        page = await self.backend.contacts.details(contact_id)
        if not page.contact.merged_to:
            self.flash(NOT_MERGED)
        elif not page.survivor:
            self.flash(SURVIVOR_NOT_LOADED)
        else:
            self.open_screen(navigation.ContactScreen(self.backend, page.contact.merged_to))

    def action_copy(self) -> None:
        """Copy the link to the contact under the cursor."""
        self.table.run_when_shown(lambda: self._with_contact(self.copy_link))

    def _with_contact(self, do: Callable[[str], object]) -> None:
        contact_id = self.table.cursor_id
        if contact_id is None:
            self.flash(_NO_CONTACTS)
        else:
            self.finder.keep_search()
            self.table.reveal_cursor()
            do(contact_id)

    def action_tidy(self) -> None:
        """Find unused contacts."""
        self.open_screen(navigation.TidyScreen(self.backend))

    def action_keep(self) -> None:
        """Mark the contact under the cursor, or the selected ones, as kept, or no longer."""
        self.table.run_when_shown(lambda: self._toggle_mark(MarkKind.KEPT))

    def action_protect(self) -> None:
        """Protect the contact under the cursor, or the selected ones, or no longer."""
        self.table.run_when_shown(lambda: self._toggle_mark(MarkKind.PROTECTED))

    def _toggle_mark(self, kind: MarkKind) -> None:
        if targets := self._targets():
            navigation.MarkController(self).toggle(kind, targets)

    def action_manual_restores(self) -> None:
        """Show the restores to finish in Xero."""
        summary = self.backend.snapshot.summary
        if summary is None or not summary.manual_restore_total:
            self.flash("No restores to finish in Xero.")
        else:
            self.open_screen(navigation.ManualRestoresScreen(self.backend))

    def action_changes(self) -> None:
        """List all changes."""
        self.open_screen(navigation.ChangesScreen(self.backend))

    def action_duplicates(self) -> None:
        """Find contacts that are probably in Xero twice."""
        self.open_screen(navigation.DuplicatesScreen(self.backend))

    def action_troubleshoot(self) -> None:
        """Troubleshoot contacts that haven't synced."""
        self.open_screen(navigation.TroubleshootScreen(self.backend))

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_redo(self) -> None:
        """Redo the last undone request."""
        self.undo.redo()

    def action_pause(self) -> None:
        """Pause or resume sending to Xero."""
        self.undo.toggle_pause()

    def action_tenant_groups(self) -> None:
        """Choose tenant groups."""
        self.changes.mark_tenant_groups()

    def action_manual_sync(self) -> None:
        """Report that a manual sync was started, or how the reported one ended."""
        self.manual_sync.report()

    def action_compare(self) -> None:
        """Compare Re-Leased's contacts, or an export of them, with Xero."""
        self.comparison.compare()

    def action_retry_contact(self) -> None:
        """Retry the refused change of the contact under the cursor."""
        self.table.run_when_shown(self._retry_here)

    def _retry_here(self) -> None:
        self.table.reveal_cursor()
        row = self.table.cursor_row
        last = row.last_change if row is not None else None
        self.changes.retry(last.change if last is not None else None)

    def action_refresh(self) -> None:
        """Refresh from Xero and Re-Leased."""
        self.flash_refreshing()
        self._refresh()

    def action_pause_sync(self) -> None:
        """Pause or resume loading all contacts, or reading transactions."""
        snapshot = self.backend.snapshot
        progress = snapshot.progress or snapshot.activity.progress
        if progress is None:
            self.flash("Nothing to pause: all contacts are loaded.")
            return
        self.backend.contacts.pause_sync(on=not progress.is_paused)
        paused = _SYNC_PAUSED.format(key=self.key("pause_sync"))
        self.flash("Loading resumed." if progress.is_paused else paused)

    @work(exclusive=True, group="refresh", exit_on_error=False)
    async def _refresh(self) -> None:
        await self.backend.contacts.refresh()
        self.finder.find(keep=True)
