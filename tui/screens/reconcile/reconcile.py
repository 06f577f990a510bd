"""A file of contacts out of Re-Leased, held against Xero: what agrees, what differs, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.widgets import Static

from tui.actions import bindings
from tui.model.reconcile import Ambiguous
from tui.screens.reconcile import reconcile_words as words
from tui.screens.reconcile.compared import KindBar
from tui.screens.reconcile.mending import Mending
from tui.screens.reconcile.reconcile_lines import Kind, counts, lines_of
from tui.screens.reconcile.settling import Settling
from tui.widgets.key_bar import KeyBar
from tui.widgets.line import Line
from tui.widgets.line_list import LineList
from tui.widgets.pause_bar import PauseBar
from tui.widgets.search_box import SearchBox
from tui.widgets.selection_bar import SelectionBar
from tui.widgets.words import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.backend import Backend
    from tui.model.reconcile import Reconciliation
    from tui.screens.reconcile.reconcile_lines import Entry

_SEARCH_KEYS: Final = (("open", "To the list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


class ReconcileScreen(Mending, Settling):
    """What a file says beside what Xero says. Nothing of it is recorded before the person says so."""

    CSS_PATH = "reconcile.tcss"
    AUTO_FOCUS = "#rows"
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("kind_differ", "kind_unclear", "kind_agree", "kind_file", "kind_xero", "record"),
        *bindings("open_in_xero", "copy", "undo", "redo", "pause", "handoffs"),
        *bindings("search", "clear", "back"),
    ]

    def __init__(self, backend: Backend, found: Reconciliation) -> None:
        super().__init__(found)
        self.backend = backend

    def compose(self) -> ComposeResult:
        """Put the list below what was found, and the line under the cursor in full below it."""
        yield Line(id="heading")
        yield Static(id="notes", markup=False)
        yield KindBar(next((kind for kind in Kind if lines_of(self.found, kind)), Kind.DIFFER))
        yield SearchBox("#rows", id="search")
        yield PauseBar()
        yield Line(id="titles")
        yield LineList(self.write_row, id="rows")
        yield Static(id="told", markup=False)
        yield SelectionBar()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what was found."""
        name = self.backend.snapshot.organisation.name
        self.query_one("#heading", Line).show(words.heading(self.found, name))
        self.groups.count(counts(self.found))
        self.count_proof()
        self.find()

    def line_changed(self) -> None:
        """Tell of the line under the cursor, and name the keys that are for it."""
        one = self.current
        told = self.query_one("#told", Static)
        told.update(words.story(one, self.look(one), self.now(), self.key) if one is not None else "")
        self.query_one(PauseBar).tell(self.backend.snapshot)
        self._offer_keys()

    def on_descendant_focus(self) -> None:
        """Name the keys that work where the person is."""
        self._offer_keys()

    def _offer_keys(self) -> None:
        if self.search.has_focus_within:
            self.key_bar.offer(*_SEARCH_KEYS)
            return
        one, is_differing = self.current, self.kind is Kind.DIFFER
        open_words = "Which is it?" if self.kind is Kind.UNCLEAR else "Open contact"
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

    @on(LineList.Opened)
    def _open(self) -> None:
        one = self.current
        if one is not None and one.candidates and one.told is not None:
            self.ask(Ambiguous(one.told, one.candidates))
        else:
            self._with_contact(self._open_contact)

    def _open_contact(self, contact_id: str) -> None:
        from tui.screens.contact.contact import ContactScreen  # noqa: PLC0415 - only once one is opened

        self.open_screen(ContactScreen(self.backend, contact_id))

    def _with_contact(self, do: Callable[[str], object]) -> None:
        one: Entry | None = self.current
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
        from tui.screens.handoff.handoff import HandoffScreen  # noqa: PLC0415 - only once it is wanted

        self.open_screen(HandoffScreen(self.backend))
