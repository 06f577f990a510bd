"""The saved searches of an organisation: open one, save the current one, rename or delete."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import events, getters, on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions import bindings
from tui.compat.textual import LineInput, ReadyButton
from tui.messages.contacts import COLUMN_TITLES
from tui.model.query import Tab
from tui.screens.base_screen import BaseScreen
from tui.screens.dialogs.ask import AskScreen
from tui.system.saved_searches import MAX_KEPT, MAX_NAME, SavedSearch, is_valid
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.tab_bar import TAB_NAMES
from tui.widgets.text import content, fit
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.system.saved_searches import SavedSearches

# What opens a search at once: without the letters that move in lists, or close dialogs.
_KEYS: Final = "123456789abcdefimoprstuvwxyz"
_OTHER_ROWS: Final = 8
_NARROW: Final = 44
_EVERYTHING: Final = "all contacts, by name"
_NONE_YET: Final = "No saved searches yet. Search for something, then press {key} to save it."
_NOTHING_TO_SAVE: Final = "Nothing to save: this list has no search, tab or sort."
_TOO_LONG: Final = "This search is too long to save."
_TOO_MANY: Final = f"You have {MAX_KEPT} saved searches. Delete one first."
_SAVED_AS: Final = "This search is already saved as “{}”."
_NO_SEARCH: Final = "No saved search to {}."
_NO_NAME: Final = "Enter a name."
_NAME_TOO_LONG: Final = f"At most {MAX_NAME} letters."
_REPLACES: Final = "Replaces the saved search with this name."


class SavedSearchesScreen(ModalScreen[SavedSearch | None], BaseScreen[SavedSearch | None]):
    """List the saved searches; the result is the one to open.

    `current` is what the list of contacts shows, without a name.
    """

    PLACE = "in Saved searches"
    CSS_PATH: ClassVar = ["dialogs/dialog.tcss", "saved_searches.tcss"]
    AUTO_FOCUS = "#searches"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("saved_searches", "rename_search", "delete_search", "back")
    ]

    rows = getters.query_one("#searches", VirtualList)

    def __init__(self, saved: SavedSearches, current: SavedSearch) -> None:
        super().__init__()
        self._saved = saved
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Saved searches"
            yield VirtualList(self._format_row, id="searches")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the searches; the cursor is where the typed text is saved, if it isn't yet."""
        self.rows.empty_text = _NONE_YET.format(key=self.key("saved_searches"))
        self._show(0 if self._current.text else self._offset)

    @on(VirtualList.Scrolled)
    def _fit_list(self) -> None:
        """Fit the list to the screen, and to the width that an empty list's text has."""
        self.rows.styles.height = max(1, min(self.rows.wanted_height, self.size.height - _OTHER_ROWS))

    # --- list ---

    @property
    def _same(self) -> SavedSearch | None:
        """The saved search that shows what the list of contacts shows."""
        return next((each for each in self._saved.searches if each.shown == self._current.shown), None)

    @property
    def _offset(self) -> int:
        """The rows above the saved searches: 1 to save the current one, if there is anything to save."""
        return 0 if self._current.is_everything or self._same is not None else 1

    @property
    def _chosen(self) -> SavedSearch | None:
        """The saved search under the cursor."""
        place = self.rows.cursor - self._offset
        searches = self._saved.searches
        return searches[place] if 0 <= place < len(searches) else None

    def _show(self, cursor: int) -> None:
        self.rows.show(self._offset + len(self._saved.searches), cursor)
        self._fit_list()
        self.rows.reveal_cursor()
        self._show_keys()

    @on(VirtualList.Moved)
    def _show_keys(self) -> None:
        """Show the keys that do something for the row under the cursor."""
        is_search = self._chosen is not None
        opening = [("open", "Open")] if is_search else []
        saving = [("saved_searches", "Save this search")] if self._offset else []
        editing = ["rename_search", "delete_search"] if is_search else []
        self.key_bar.set_actions(*opening, *saving, *editing, ("back", "Close"))

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        place = index - self._offset
        if place < 0:
            described = fit(_description(self._current), max(1, width - 20)).rstrip()
            return [Content.assemble(("+", "bold $text-accent"), "  Save this search: ", content(described))]
        search = self._saved.searches[place]
        key = _KEYS[place] if place < len(_KEYS) else " "
        is_same = search.shown == self._current.shown
        room = max(4, width - 3)
        name_width = room if width < _NARROW else min(max(len(search.name), room // 2), room * 2 // 3)
        described = "" if width < _NARROW else fit(_description(search), room - name_width - 2)
        return [
            Content.assemble(
                (key, "bold $text-accent"),
                "  ",
                content(fit(search.name, name_width), "bold" if is_same else ""),
                ("  " + described, "$text-muted") if described else "",
            )
        ]

    # --- keys ---

    def on_key(self, event: events.Key) -> None:
        """Open a search by the key beside it."""
        place = _KEYS.find(event.character) if event.character and event.is_printable else -1
        if place < 0 or event.key in self.active_bindings or place >= len(self._saved.searches):
            return
        event.stop()
        event.prevent_default()
        self.dismiss(self._saved.searches[place])

    @on(VirtualList.RowOpened)
    def _open(self) -> None:
        if self._chosen is not None:
            self.dismiss(self._chosen)
        else:
            self.action_saved_searches()

    def action_saved_searches(self) -> None:
        """Save the current search, after asking for its name."""
        same = self._same
        if self._current.is_everything:
            self.flash(_NOTHING_TO_SAVE)
        elif same is not None:
            self.flash(_SAVED_AS.format(same.name))
        elif not is_valid(replace(self._current, name="-")):
            self.flash(_TOO_LONG)
        elif len(self._saved.searches) >= MAX_KEPT:
            self.flash(_TOO_MANY)
        else:
            self._ask_name("Save this search", self._current, _description(self._current))

    def action_rename_search(self) -> None:
        """Rename the search under the cursor."""
        search = self._chosen
        if search is None:
            self.flash(_NO_SEARCH.format("rename"))
        else:
            self._ask_name("Rename this search", search, search.name)

    def _ask_name(self, title: str, search: SavedSearch, suggestion: str) -> None:
        def named(name: str | None) -> None:
            if name is not None:
                self._saved.put(replace(search, name=name), search.name)
                self._save()
                # Its place, with no row above for what is saved now.
                places = [each.name for each in self._saved.searches]
                self._show(self._offset + places.index(name))

        self.open_screen(SearchNameScreen(title, self._saved, search, suggestion), named)

    def action_delete_search(self) -> None:
        """Delete the search under the cursor, after confirmation."""
        search = self._chosen
        if search is None:
            self.flash(_NO_SEARCH.format("delete"))
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self._saved.delete(search.name)
                self._save()
                self._show(self.rows.cursor)

        words = (f"{search.name}: {_description(search)}", "No contact is changed.")
        self.open_screen(AskScreen("Delete this saved search?", words, yes="Delete"), answered)

    def _save(self) -> None:
        self.start(partial(asyncio.to_thread, self._saved.save), "save")

    def action_back(self) -> None:
        """Close without opening a search."""
        self.dismiss(None)


def _description(search: SavedSearch) -> str:
    """Describe what a search shows."""
    parts = [search.text] if search.text else []
    if search.tab is not Tab.ALL:
        parts.append(TAB_NAMES[search.tab])
    if not search.sort.is_default:
        arrow = "↓" if search.sort.is_descending else "↑"
        parts.append(f"by {COLUMN_TITLES[search.sort.column]} {arrow}")
    return ", ".join(parts) or _EVERYTHING


class SearchNameScreen(ModalScreen[str | None], BaseScreen[str | None]):
    """Ask for the name of a search, which may have one already."""

    CSS_PATH: ClassVar = ["dialogs/dialog.tcss", "saved_searches.tcss"]
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    name_box = getters.query_one("#name", Input)

    def __init__(self, title: str, saved: SavedSearches, search: SavedSearch, suggestion: str) -> None:
        super().__init__()
        self._title = title
        self._saved = saved
        self._search = search
        self._suggestion = suggestion[:MAX_NAME]

    def compose(self) -> ComposeResult:
        """Lay out the name above the buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield SafeLabel(_description(self._search), "$text-muted", classes="paragraph")
            # Selected, so that typing replaces the suggestion.
            yield LineInput(self._suggestion, compact=True, select_on_focus=True, id="name")
            yield SafeLabel(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Save", id="confirm", variant="primary", compact=True)
        yield KeyBar(("open", "Save"), ("cancel", "Cancel"))

    def _problem(self) -> str:
        name = self.name_box.value.strip()
        if not name:
            return _NO_NAME
        return "" if is_valid(replace(self._search, name=name)) else _NAME_TOO_LONG

    @on(Input.Changed, "#name")
    def _typed(self) -> None:
        problem, same = self._problem(), self._saved.find(self.name_box.value)
        replaces = same is not None and same != self._search
        self.query_one("#note", SafeLabel).update_text(
            problem or (_REPLACES if replaces else ""), "$text-warning"
        )
        self.query_one("#confirm", Button).disabled = bool(problem)

    @on(Input.Submitted, "#name")
    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        if not self._problem():
            self.dismiss(self.name_box.value.strip())

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Save nothing."""
        self.dismiss(None)
