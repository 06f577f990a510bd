"""Compare Re-Leased's contacts with Xero: matches, differences, and what to do about them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on, work
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.actions import bindings, spec
from tui.messages.formats import file_date, format_number, pluralize
from tui.model.change import Action
from tui.model.comparison import AmbiguousLine, comparison_rows
from tui.model.query import fold
from tui.screens import navigation
from tui.screens.base_screen import ALREADY_SHOWN, EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import ResultController, UndoController
from tui.screens.compare import formatting
from tui.screens.compare.formatting import LineKind, counts, lines_of, searchable, to_entry
from tui.screens.compare.match_controller import FixController, MatchController
from tui.screens.dialogs.ask import FileNameScreen
from tui.system.user_files import csv_bytes, write_user_file
from tui.widgets.banners import PausedBanner, SelectionBar
from tui.widgets.contact_table import Selection
from tui.widgets.file_format import EXPORT_COLUMNS, export_cells
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import Details, StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.tab_bar import GroupBar
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from enum import StrEnum

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.comparison import FileComparison
    from tui.model.contact import Row
    from tui.model.services import Backend
    from tui.screens.compare.formatting import ComparisonEntry


class KindBar(GroupBar[LineKind]):
    """Shows how many lines each kind has."""

    NAMES: ClassVar[Mapping[StrEnum, tuple[str, str]]] = {
        LineKind.DIFFER: ("Different", "Different"),
        LineKind.UNCLEAR: ("Needs review", "Review"),
        LineKind.AGREE: ("Matches", "Matches"),
        LineKind.FILE: ("Only in Re-Leased", "Re-Leased"),
        LineKind.XERO: ("Only in Xero", "Xero"),
    }
    ACTION: ClassVar[str] = "kind"


@dataclass
class LinesFound(Message, bubble=False):
    """The indexes of the lines of a kind that match all search words."""

    kind: LineKind
    text: str
    shown: Sequence[int]


@dataclass
class RowsLoaded(Message, bubble=False):
    """The current state of the visible contacts."""

    rows: Sequence[Row]


class ComparisonList:
    """Show a comparison in a screen with groups, a search box and a list.

    A file can have a million lines, so only visible lines are formatted, and only their contacts are reloaded
    after a change. `on_line_changed` is called when the cursor is on another line or its line looks
    different, `on_shown_changed` when the list shows other lines.
    """

    def __init__(
        self,
        screen: EngineScreen[Any],
        comparison: FileComparison,
        on_line_changed: Callable[[], None],
        on_shown_changed: Callable[[], None],
    ) -> None:
        self._screen = screen
        self.on_line_changed = on_line_changed
        self._on_shown_changed = on_shown_changed
        self.comparison = comparison
        self.selection = Selection()
        self.unrecorded: frozenset[str] = frozenset()
        self.shown: Sequence[int] = ()
        self._searchable: dict[LineKind, list[str]] = {}
        self._live_rows: dict[str, Row] = {}
        self._titles_width = 0
        self._last_line = 0

    @property
    def rows(self) -> VirtualList:
        """The list."""
        return self._screen.query_one(VirtualList)

    @property
    def groups(self) -> KindBar:
        """The groups of lines."""
        return self._screen.query_one(KindBar)

    @property
    def search(self) -> SearchBox:
        """The search box."""
        return self._screen.query_one(SearchBox)

    @property
    def kind(self) -> LineKind:
        """The open group."""
        return self.groups.group

    @property
    def current(self) -> ComparisonEntry | None:
        """The line under the cursor."""
        return self.entry_at(self.rows.cursor)

    def entry_at(self, index: int) -> ComparisonEntry | None:
        """Return a line by its index in the list, or None if there is none."""
        lines = lines_of(self.comparison, self.kind)
        if not 0 <= index < len(self.shown) or self.shown[index] >= len(lines):
            return None
        return to_entry(lines[self.shown[index]])

    def context_of(self, entry: ComparisonEntry) -> formatting.LineContext:
        """Return the current state of a line."""
        contact_id = entry.contact.contact_id if entry.contact is not None else ""
        is_agreeing = self.kind is LineKind.AGREE
        return formatting.LineContext(
            self.kind,
            self._live_rows.get(contact_id),
            is_selected=self.kind is LineKind.DIFFER and contact_id in self.selection,
            is_unrecorded=is_agreeing and contact_id in self.unrecorded,
            is_file=not self.comparison.source.is_connection,
        )

    def format_row(self, index: int, width: int) -> Sequence[Content]:
        """Format one row."""
        if width != self._titles_width:
            # The width changes when a scrollbar appears or disappears.
            self._screen.call_later(self._write_titles, width)
        entry = self.entry_at(index)
        return (
            ()
            if entry is None
            else (formatting.row(entry, self.context_of(entry), width, self._screen.now()),)
        )

    # --- shown lines ---

    def show_comparison(self, found: FileComparison) -> None:
        """Replace the comparison; the cursor keeps its position in the list."""
        self.comparison = found
        self._searchable = {}
        self.groups.show_counts(counts(found))
        self.find(keep=True)

    def find(self, *, keep: bool = False) -> None:
        """Find the lines of the group that match all search words."""
        kind, text = self.kind, self.search.text
        if fold(text).split():
            self._screen.start(partial(self._find, kind, text), "find", exclusive=True)
        else:
            self._screen.workers.cancel_group(self._screen, "find")
            self._show(range(len(lines_of(self.comparison, kind))), keep=keep)
            self.search.show_result_count(None, 0)

    async def _find(self, kind: LineKind, text: str) -> None:
        found, terms = self.comparison, fold(text).split()
        if kind not in self._searchable:
            texts = await asyncio.to_thread(searchable, lines_of(found, kind))
            if found is not self.comparison:
                return
            self._searchable[kind] = texts
        texts = self._searchable[kind]
        shown = await asyncio.to_thread(_matching, texts, terms)
        self._screen.post_message(LinesFound(kind, text, shown))

    def lines_found(self, message: LinesFound) -> None:
        """Show the lines found, unless the query has changed since."""
        if (message.kind, message.text) == (self.kind, self.search.text):
            self._show(message.shown, keep=False)
            self.search.show_result_count(len(message.shown), len(lines_of(self.comparison, self.kind)))

    def _show(self, shown: Sequence[int], *, keep: bool) -> None:
        rows = self.rows
        self.shown = shown
        empty = formatting.NOT_FOUND if self.search.text else formatting.EMPTY[self.kind]
        rows.empty_text = empty.format(clear=self._screen.key("clear"))
        if not keep:
            rows.scroll_to(y=0, animate=False, force=True)
        rows.show(len(shown), rows.cursor if keep else 0)
        self._write_titles(rows.line_width)
        self.load_live_rows()
        self._on_shown_changed()
        self.on_line_changed()

    def _write_titles(self, width: int) -> None:
        self._titles_width = width
        if width:
            is_file = not self.comparison.source.is_connection
            shown = formatting.titles(self.kind, width, is_file=is_file)
            self._screen.query_one("#titles", StaticLine).show(shown)

    # --- current state of contacts ---

    def load_live_rows(self) -> None:
        """Load the visible contacts."""
        self._screen.start(self._load_live_rows, "live", exclusive=True)

    async def _load_live_rows(self) -> None:
        found = (self.entry_at(index) for index in range(*self.rows.visible_range))
        ids = [entry.contact.contact_id for entry in found if entry is not None and entry.contact is not None]
        rows = await self._screen.backend.contacts.rows(ids) if ids else ()
        self._screen.post_message(RowsLoaded(rows))

    def rows_loaded(self, message: RowsLoaded) -> None:
        """Show the current state of the visible contacts."""
        live = {row.contact_id: row for row in message.rows}
        if live != self._live_rows:
            self._live_rows = live
            self.rows.refresh()
            self.on_line_changed()

    # --- groups and search ---

    def search_changed(self) -> None:
        """Search for the typed text."""
        if self.rows.cursor < len(self.shown):
            self._last_line = self.shown[self.rows.cursor]
        self.find()
        if not self.search.text:
            # After clearing the search, show every line with the cursor on the last line found.
            self.rows.put_cursor(self._last_line)

    def open_kind(self, kind: LineKind) -> None:
        """Show another group."""
        if kind is self.kind:
            self._screen.flash(ALREADY_SHOWN)
            return
        self._screen.key_bar.end_flash()
        self.groups.open(kind)
        self._last_line = 0
        self.find()


def _matching(texts: Sequence[str], terms: Sequence[str]) -> list[int]:
    return [number for number, text in enumerate(texts) if all(word in text for word in terms)]


_SEARCH_KEYS: Final = (("open", "Go to list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


class CompareScreen(EngineScreen[None]):
    """The result of a comparison. Nothing is recorded until the user confirms."""

    PLACE = "in a comparison"
    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "#rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "restore"),
        *(
            Binding(keys, action, show=False, id=spec(action).binding_id)
            for action, keys in (("select", "space"), ("select_all", "asterisk"))
        ),
        *bindings("kind_differ", "kind_unclear", "kind_agree", "kind_file", "kind_xero", "mark_synced"),
        *bindings("export", "open_in_xero", "copy", "undo", "redo", "pause", "manual_restores"),
        *bindings("retry_contact"),
        *bindings("search", "clear", "back"),
    ]

    result: ResultController

    def __init__(self, backend: Backend, comparison: FileComparison) -> None:
        super().__init__()
        self.backend = backend
        self.lines = ComparisonList(self, comparison, self._line_changed, self._shown_changed)
        self.result = ResultController(self)
        self.fixes = FixController(self, self.lines, self.result)
        self.matches = MatchController(self, self.lines, self._show_comparison)
        self.undo = UndoController(self, self.result)

    def compose(self) -> ComposeResult:
        """Lay out the notes, the list, and the details of the line under the cursor."""
        yield StaticLine(id="heading")
        yield Static(id="notes", markup=False)
        yield KindBar(
            next((kind for kind in LineKind if lines_of(self.lines.comparison, kind)), LineKind.DIFFER)
        )
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        yield StaticLine(id="titles")
        yield VirtualList(self.lines.format_row, id="rows")
        yield Details(id="details")
        yield SelectionBar()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the comparison."""
        name = self.backend.snapshot.organisation.name
        self.query_one("#heading", StaticLine).show(formatting.heading(self.lines.comparison, name))
        self.lines.groups.show_counts(counts(self.lines.comparison))
        self.matches.update_unrecorded()
        self.lines.find()

    def _shown_changed(self) -> None:
        self.fixes.show_selection()

    def _show_comparison(self, comparison: FileComparison) -> None:
        self.fixes.retain(comparison)
        self.lines.show_comparison(comparison)

    @on(VirtualList.Moved)
    def _line_changed(self) -> None:
        """Show the details of the line under the cursor, and its keys."""
        entry = self.lines.current
        details = self.query_one(Details)
        if entry is None:
            details.show(Content(""))
        else:
            details.show(formatting.details(entry, self.lines.context_of(entry), self.now(), self.key))
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._update_key_bar()

    def on_descendant_focus(self) -> None:
        """Show the keys that work for the focused widget."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self.lines.search.has_focus_within:
            self.key_bar.set_actions(*_SEARCH_KEYS)
            return
        entry, is_differing = self.lines.current, self.lines.kind is LineKind.DIFFER
        unrecorded, is_selecting = len(self.lines.unrecorded), bool(self.lines.selection)
        open_words = "Choose match" if self.lines.kind is LineKind.UNCLEAR else "Open contact"
        can_open = entry is not None and (entry.contact is not None or entry.candidates)
        self.key_bar.set_actions(
            *([("mark_synced", f"Mark {format_number(unrecorded)} as synced")] if unrecorded else []),
            *(self.fixes.available_actions() if is_differing else []),
            *([("open", open_words)] if can_open else []),
            *([("clear", "Deselect") if is_selecting else "select"] if is_differing and entry else []),
            "search",
            "export",
            "undo",
            "help",
            "back",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pass the search key to the search box while it has focus; Esc deselects, clears, then goes back."""
        if action == "search":
            return not self.lines.search.has_focus_within
        if action == "clear":
            return bool(self.lines.search.text) or bool(self.lines.selection)
        return super().check_action(action, parameters)

    # --- list ---

    @on(LinesFound)
    def _lines_found(self, message: LinesFound) -> None:
        self.lines.lines_found(message)

    @on(RowsLoaded)
    def _rows_loaded(self, message: RowsLoaded) -> None:
        self.lines.rows_loaded(message)

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.lines.load_live_rows()
        self.result.reload()

    @on(VirtualList.Scrolled)
    def _load_live_rows(self) -> None:
        self.lines.load_live_rows()

    @on(SearchBox.QueryChanged)
    def _search_changed(self) -> None:
        self.lines.search_changed()

    def action_kind_differ(self) -> None:
        """Show differences."""
        self.lines.open_kind(LineKind.DIFFER)

    def action_kind_unclear(self) -> None:
        """Show the lines that need review."""
        self.lines.open_kind(LineKind.UNCLEAR)

    def action_kind_agree(self) -> None:
        """Show matches."""
        self.lines.open_kind(LineKind.AGREE)

    def action_kind_file(self) -> None:
        """Show contacts that are only in the file."""
        self.lines.open_kind(LineKind.FILE)

    def action_kind_xero(self) -> None:
        """Show contacts that are only in Xero."""
        self.lines.open_kind(LineKind.XERO)

    def action_search(self) -> None:
        """Focus the search box."""
        self.lines.search.focus_input()

    # --- user actions ---

    def action_clear(self) -> None:
        """Clear the selection, then the search."""
        self.fixes.clear()

    def action_select(self) -> None:
        """Select or deselect the line under the cursor."""
        self.fixes.select()

    def action_select_all(self) -> None:
        """Select all differences in this list."""
        self.fixes.select_all()

    def action_archive(self) -> None:
        """Archive in Xero contacts that are archived in Re-Leased."""
        self.fixes.change(Action.ARCHIVE)

    def action_restore(self) -> None:
        """Restore in Xero contacts that are active in Re-Leased."""
        self.fixes.change(Action.RESTORE)

    def action_mark_synced(self) -> None:
        """Mark matches as synced, after confirmation."""
        self.matches.record()

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_retry_contact(self) -> None:
        """Retry what Xero refused of the last request, or of the contact under the cursor."""
        self.fixes.retry()

    def action_redo(self) -> None:
        """Redo the last undone request."""
        self.undo.redo()

    def action_pause(self) -> None:
        """Pause or resume sending to Xero."""
        self.undo.toggle_pause()

    def action_export(self) -> None:
        """Export the whole result to a CSV file chosen by the user."""
        total = sum(counts(self.lines.comparison).values()) + len(self.lines.comparison.without_status)
        if not total:
            self.flash("Nothing to export.")
            return

        def file_chosen(file: Path | None) -> None:
            if file is not None:
                self._export(self.lines.comparison, file)

        suggestion = Path.home() / f"reshelve-comparison-{file_date(self.local_now())}.csv"
        title = f"Export {pluralize(total, 'contact')}"
        self.open_screen(FileNameScreen(title, suggestion, formatting.EXPORT_ABOUT), file_chosen)

    @work(group="export", exit_on_error=False)
    async def _export(self, comparison: FileComparison, file: Path) -> None:
        # In a thread: a million rows would block the screen.
        count = await asyncio.to_thread(_write_rows, comparison, file)
        self.flash(f"{pluralize(count, 'contact')} saved to {file}")

    def action_back(self) -> None:
        """Go back to the contacts; ask first if matches aren't recorded."""
        self.matches.leave()

    # --- selected line ---

    @on(VirtualList.RowOpened)
    def _open(self) -> None:
        entry = self.lines.current
        if entry is not None and entry.candidates and entry.listed is not None:
            self.matches.ask_match(AmbiguousLine(entry.listed, entry.candidates))
        else:
            self._with_contact(self._open_contact)

    def _open_contact(self, contact_id: str) -> None:
        self.open_screen(navigation.ContactScreen(self.backend, contact_id))

    def _with_contact(self, do: Callable[[str], object]) -> None:
        entry: ComparisonEntry | None = self.lines.current
        if entry is None or entry.contact is None:
            self.flash(formatting.NOT_IN_XERO if entry is not None else "This list is empty.")
        else:
            do(entry.contact.contact_id)

    def action_open_in_xero(self) -> None:
        """Open the contact under the cursor in Xero."""
        self._with_contact(self.open_page)

    def action_copy(self) -> None:
        """Copy the link to the contact under the cursor."""
        self._with_contact(self.copy_link)

    def action_manual_restores(self) -> None:
        """Show the restores to finish in Xero."""
        self.open_screen(navigation.ManualRestoresScreen(self.backend))


def _write_rows(comparison: FileComparison, file: Path) -> int:
    rows = [export_cells(row) for row in comparison_rows(comparison)]
    write_user_file(file, csv_bytes(EXPORT_COLUMNS, rows))
    return len(rows)
