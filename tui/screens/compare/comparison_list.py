"""The list of a comparison: groups, search, and the current state of visible contacts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.message import Message

from tui.model.query import fold
from tui.screens.compare import formatting
from tui.screens.compare.formatting import LineKind, counts, lines_of, searchable, to_entry
from tui.widgets.contact_table import Selection
from tui.widgets.labels import StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.tab_bar import GroupBar
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from enum import StrEnum

    from textual.content import Content

    from tui.model.comparison import FileComparison
    from tui.model.contact import Row
    from tui.screens.base_screen import EngineScreen
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
            self._screen.query_one("#titles", StaticLine).show(formatting.titles(self.kind, width))

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
        if kind is not self.kind:
            self.groups.open(kind)
            self._last_line = 0
            self.find()


def _matching(texts: Sequence[str], terms: Sequence[str]) -> list[int]:
    return [number for number, text in enumerate(texts) if all(word in text for word in terms)]
