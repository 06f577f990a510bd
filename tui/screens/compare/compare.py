"""A file of contacts out of Re-Leased, held against Xero: what agrees, what differs, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.widgets import Static

from tui.actions.registry import bindings
from tui.model.comparison import AmbiguousLine
from tui.screens.compare import compare_format
from tui.screens.compare.comparison_list import KindBar
from tui.screens.compare.fix_controller import FixController
from tui.screens.compare.lines import LineKind, counts, lines_of
from tui.screens.compare.match_controller import MatchController
from tui.widgets.formatting import format_number
from tui.widgets.key_bar import KeyBar
from tui.widgets.paused_banner import PausedBanner
from tui.widgets.search_box import SearchBox
from tui.widgets.selection_bar import SelectionBar
from tui.widgets.static_line import StaticLine
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.comparison import FileComparison
    from tui.model.services import Backend
    from tui.screens.compare.lines import ComparisonEntry

_SEARCH_KEYS: Final = (("open", "To the list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


class CompareScreen(FixController, MatchController):
    """What a file says beside what Xero says. Nothing of it is recorded before the person says so."""

    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "#rows"
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("kind_differ", "kind_unclear", "kind_agree", "kind_file", "kind_xero", "record"),
        *bindings("open_in_xero", "copy", "undo", "redo", "pause", "handoffs"),
        *bindings("search", "clear", "back"),
    ]

    def __init__(self, backend: Backend, comparison: FileComparison) -> None:
        super().__init__(comparison)
        self.backend = backend

    def compose(self) -> ComposeResult:
        """Put the list below what was found, and the line under the cursor in full below it."""
        yield StaticLine(id="heading")
        yield Static(id="notes", markup=False)
        yield KindBar(next((kind for kind in LineKind if lines_of(self.comparison, kind)), LineKind.DIFFER))
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        yield StaticLine(id="titles")
        yield VirtualList(self.format_row, id="rows")
        yield Static(id="told", markup=False)
        yield SelectionBar()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what was found."""
        name = self.backend.snapshot.organisation.name
        self.query_one("#heading", StaticLine).show(compare_format.heading(self.comparison, name))
        self.groups.show_counts(counts(self.comparison))
        self.update_unrecorded()
        self.find()

    def line_changed(self) -> None:
        """Tell of the line under the cursor, and name the keys that are for it."""
        entry = self.current
        details = self.query_one("#told", Static)
        details.update(
            compare_format.details(entry, self.context_of(entry), self.now(), self.key)
            if entry is not None
            else ""
        )
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._update_key_bar()

    def on_descendant_focus(self) -> None:
        """Name the keys that work where the person is."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self.search.has_focus_within:
            self.key_bar.set_actions(*_SEARCH_KEYS)
            return
        entry, is_differing = self.current, self.kind is LineKind.DIFFER
        open_words = "Which is it?" if self.kind is LineKind.UNCLEAR else "Open contact"
        can_open = entry is not None and (entry.contact is not None or entry.candidates)
        self.key_bar.set_actions(
            *([("record", f"Record {format_number(len(self.unrecorded))}")] if self.unrecorded else []),
            *(self.available_actions() if is_differing else []),
            *([("open", open_words)] if can_open else []),
            *([("clear", "Unselect") if self.selection else "select"] if is_differing and entry else []),
            "search",
            "undo",
            "help",
            "back",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the search key to the box; esc unselects and clears before it leaves."""
        if action == "search":
            return not self.search.has_focus_within
        if action == "clear":
            return bool(self.search.text) or bool(self.selection)
        return super().check_action(action, parameters)

    # --- the one under the cursor ---

    @on(VirtualList.Opened)
    def _open(self) -> None:
        entry = self.current
        if entry is not None and entry.candidates and entry.listed is not None:
            self.ask_match(AmbiguousLine(entry.listed, entry.candidates))
        else:
            self._with_contact(self._open_contact)

    def _open_contact(self, contact_id: str) -> None:
        from tui.screens.contact.contact import ContactScreen  # noqa: PLC0415 - only once one is opened

        self.open_screen(ContactScreen(self.backend, contact_id))

    def _with_contact(self, do: Callable[[str], object]) -> None:
        entry: ComparisonEntry | None = self.current
        if entry is None or entry.contact is None:
            self.flash(
                compare_format.NOT_IN_XERO if entry is not None else "There is no contact under the cursor."
            )
        else:
            do(entry.contact.contact_id)

    def action_open_in_xero(self) -> None:
        """Open the contact under the cursor in Xero's pages."""
        self._with_contact(self.open_page)

    def action_copy(self) -> None:
        """Copy the link to the contact under the cursor."""
        self._with_contact(self.copy_link)

    def action_handoffs(self) -> None:
        """Show the restores that wait for a press in Xero."""
        from tui.screens.manual_restores.manual_restores import ManualRestoresScreen  # noqa: PLC0415 - only once it is wanted

        self.open_screen(ManualRestoresScreen(self.backend))
