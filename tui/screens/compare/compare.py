"""A file of contacts out of Re-Leased, held against Xero: what agrees, what differs, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.widgets import Static

from tui.actions.registry import bindings
from tui.model.comparison import Ambiguous
from tui.screens.compare import compare_format as words
from tui.screens.compare.comparison_list import KindBar
from tui.screens.compare.fix_controller import FixController
from tui.screens.compare.lines import LineKind, counts, lines_of
from tui.screens.compare.match_controller import MatchController
from tui.widgets.formatting import number
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

    from tui.model.backend import Backend
    from tui.model.comparison import FileComparison
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

    def __init__(self, backend: Backend, found: FileComparison) -> None:
        super().__init__(found)
        self.backend = backend

    def compose(self) -> ComposeResult:
        """Put the list below what was found, and the line under the cursor in full below it."""
        yield StaticLine(id="heading")
        yield Static(id="notes", markup=False)
        yield KindBar(next((kind for kind in LineKind if lines_of(self.found, kind)), LineKind.DIFFER))
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        yield StaticLine(id="titles")
        yield VirtualList(self.write_row, id="rows")
        yield Static(id="told", markup=False)
        yield SelectionBar()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what was found."""
        name = self.backend.snapshot.organisation.name
        self.query_one("#heading", StaticLine).show(words.heading(self.found, name))
        self.groups.count(counts(self.found))
        self.count_proof()
        self.find()

    def line_changed(self) -> None:
        """Tell of the line under the cursor, and name the keys that are for it."""
        one = self.current
        told = self.query_one("#told", Static)
        told.update(words.story(one, self.look(one), self.now(), self.key) if one is not None else "")
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._offer_keys()

    def on_descendant_focus(self) -> None:
        """Name the keys that work where the person is."""
        self._offer_keys()

    def _offer_keys(self) -> None:
        if self.search.has_focus_within:
            self.key_bar.offer(*_SEARCH_KEYS)
            return
        one, is_differing = self.current, self.kind is LineKind.DIFFER
        open_words = "Which is it?" if self.kind is LineKind.UNCLEAR else "Open contact"
        can_open = one is not None and (one.contact is not None or one.candidates)
        self.key_bar.offer(
            *([("record", f"Record {number(len(self.unrecorded))}")] if self.unrecorded else []),
            *(self.offered_acts() if is_differing else []),
            *([("open", open_words)] if can_open else []),
            *([("clear", "Unselect") if self.selection else "select"] if is_differing and one else []),
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
        one = self.current
        if one is not None and one.candidates and one.listed is not None:
            self.ask(Ambiguous(one.listed, one.candidates))
        else:
            self._with_contact(self._open_contact)

    def _open_contact(self, contact_id: str) -> None:
        from tui.screens.contact.contact import ContactScreen  # noqa: PLC0415 - only once one is opened

        self.open_screen(ContactScreen(self.backend, contact_id))

    def _with_contact(self, do: Callable[[str], object]) -> None:
        one: ComparisonEntry | None = self.current
        if one is None or one.contact is None:
            self.flash(words.NOT_IN_XERO if one is not None else "There is no contact under the cursor.")
        else:
            do(one.contact.contact_id)

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
