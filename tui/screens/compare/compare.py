"""A file of contacts out of Re-Leased, held against Xero: what agrees, what differs, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from tui.actions.registry import bindings, spec
from tui.messages.formats import format_number
from tui.model.change import Action
from tui.model.comparison import AmbiguousLine
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen
from tui.screens.changes.undo_controller import UndoController
from tui.screens.compare import formatting
from tui.screens.compare.comparison_list import ComparisonList, KindBar, LinesFound, RowsLoaded
from tui.screens.compare.fix_controller import FixController
from tui.screens.compare.formatting import LineKind, counts, lines_of
from tui.screens.compare.match_controller import MatchController
from tui.screens.messages import SnapshotChanged
from tui.widgets.banners import PausedBanner, SelectionBar
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.comparison import FileComparison
    from tui.model.services import Backend
    from tui.screens.compare.formatting import ComparisonEntry

_SEARCH_KEYS: Final = (("open", "Go to list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


class CompareScreen(EngineScreen[None]):
    """What a file says beside what Xero says. Nothing of it is recorded before the person says so."""

    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "#rows"
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "restore"),
        *(
            Binding(keys, each, show=False, id=spec(each).binding_id)
            for each, keys in (("select", "space"), ("select_all", "asterisk"))
        ),
        *bindings("kind_differ", "kind_unclear", "kind_agree", "kind_file", "kind_xero", "mark_synced"),
        *bindings("open_in_xero", "copy", "undo", "redo", "pause", "manual_restores"),
        *bindings("search", "clear", "back"),
    ]

    def __init__(self, backend: Backend, comparison: FileComparison) -> None:
        super().__init__()
        self.backend = backend
        self.lines = ComparisonList(self, comparison, self._line_changed, self._shown_changed)
        self.fixes = FixController(self, self.lines)
        self.matches = MatchController(self, self.lines, self._show_comparison)
        self.undo = UndoController(self)

    def compose(self) -> ComposeResult:
        """Put the list below what was found, and the line under the cursor in full below it."""
        yield StaticLine(id="heading")
        yield Static(id="notes", markup=False)
        yield KindBar(
            next((kind for kind in LineKind if lines_of(self.lines.comparison, kind)), LineKind.DIFFER)
        )
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        yield StaticLine(id="titles")
        yield VirtualList(self.lines.format_row, id="rows")
        yield Static(id="told", markup=False)
        yield SelectionBar()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what was found."""
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

    def _line_changed(self) -> None:
        """Tell of the line under the cursor, and name the keys that are for it."""
        entry = self.lines.current
        details = self.query_one("#told", Static)
        details.update(
            formatting.details(entry, self.lines.context_of(entry), self.now(), self.key)
            if entry is not None
            else ""
        )
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._update_key_bar()

    def on_descendant_focus(self) -> None:
        """Name the keys that work where the person is."""
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
            "undo",
            "help",
            "back",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the search key to the box; esc unselects and clears before it leaves."""
        if action == "search":
            return not self.lines.search.has_focus_within
        if action == "clear":
            return bool(self.lines.search.text) or bool(self.lines.selection)
        return super().check_action(action, parameters)

    # --- the list ---

    @on(LinesFound)
    def _lines_found(self, message: LinesFound) -> None:
        self.lines.lines_found(message)

    @on(RowsLoaded)
    def _rows_loaded(self, message: RowsLoaded) -> None:
        self.lines.rows_loaded(message)

    @on(SnapshotChanged)
    @on(VirtualList.Scrolled)
    def _load_live_rows(self) -> None:
        self.lines.load_live_rows()

    @on(VirtualList.Moved)
    def _moved(self) -> None:
        self._line_changed()

    @on(SearchBox.Changed)
    def _search_changed(self) -> None:
        self.lines.search_changed()

    def action_kind_differ(self) -> None:
        """Show what differs."""
        self.lines.open_kind(LineKind.DIFFER)

    def action_kind_unclear(self) -> None:
        """Show the lines that are unclear."""
        self.lines.open_kind(LineKind.UNCLEAR)

    def action_kind_agree(self) -> None:
        """Show what agrees."""
        self.lines.open_kind(LineKind.AGREE)

    def action_kind_file(self) -> None:
        """Show what Xero doesn't have."""
        self.lines.open_kind(LineKind.FILE)

    def action_kind_xero(self) -> None:
        """Show what the file doesn't have."""
        self.lines.open_kind(LineKind.XERO)

    def action_search(self) -> None:
        """Let the person type."""
        self.lines.search.focus_input()

    # --- what the person does about it ---

    def action_clear(self) -> None:
        """Take the selection back, then the words."""
        self.fixes.clear()

    def action_select(self) -> None:
        """Select the line under the cursor, or no longer."""
        self.fixes.select()

    def action_select_all(self) -> None:
        """Select everything that differs and is found."""
        self.fixes.select_all()

    def action_archive(self) -> None:
        """Archive in Xero what is archived in Re-Leased."""
        self.fixes.change(Action.ARCHIVE)

    def action_restore(self) -> None:
        """Restore in Xero what is active in Re-Leased."""
        self.fixes.change(Action.RESTORE)

    def action_mark_synced(self) -> None:
        """Record what agrees, if the person means it."""
        self.matches.record()

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_redo(self) -> None:
        """Redo what was undone last."""
        self.undo.redo()

    def action_pause(self) -> None:
        """Pause the sending of changes, or go on with it."""
        self.undo.toggle_pause()

    def action_back(self) -> None:
        """Go back to the contacts; what isn't recorded is asked about first."""
        self.matches.leave()

    # --- the one under the cursor ---

    @on(VirtualList.Opened)
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
            self.flash(formatting.NOT_IN_XERO if entry is not None else "No contact under the cursor.")
        else:
            do(entry.contact.contact_id)

    def action_open_in_xero(self) -> None:
        """Open the contact under the cursor in Xero's pages."""
        self._with_contact(self.open_page)

    def action_copy(self) -> None:
        """Copy the link to the contact under the cursor."""
        self._with_contact(self.copy_link)

    def action_manual_restores(self) -> None:
        """Show the restores that wait for a press in Xero."""
        self.open_screen(navigation.ManualRestoresScreen(self.backend))
