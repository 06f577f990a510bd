"""Looking through a comparison: its groups, words, and how the contacts in sight stand by now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.message import Message

from tui.model.query import fold
from tui.screens.changes.change_controller import ChangeController
from tui.screens.compare import compare_format
from tui.screens.compare.lines import LineKind, counts, lines_of, searchable, to_entry
from tui.screens.messages import SnapshotChanged
from tui.widgets.group_bar import GroupBar
from tui.widgets.search_box import SearchBox
from tui.widgets.static_line import StaticLine
from tui.widgets.table_selection import Selection
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from enum import StrEnum

    from textual.content import Content

    from tui.model.comparison import FileComparison
    from tui.model.rows import Row
    from tui.screens.compare.lines import ComparisonEntry


class KindBar(GroupBar[LineKind]):
    """Says how many lines each kind has."""

    NAMES: ClassVar[Mapping[StrEnum, tuple[str, str]]] = {
        LineKind.DIFFER: ("Differ", "Differ"),
        LineKind.UNCLEAR: ("For you to tell", "You tell"),
        LineKind.AGREE: ("Agree", "Agree"),
        LineKind.FILE: ("Only in the file", "File"),
        LineKind.XERO: ("Only in Xero", "Xero"),
    }
    ACTION: ClassVar[str] = "kind"


@dataclass
class _LinesFound(Message, bubble=False):
    """The lines of a kind that have all words, by their numbers."""

    kind: LineKind
    text: str
    shown: Sequence[int]


@dataclass
class _RowsLoaded(Message, bubble=False):
    """How the contacts in sight stand now."""

    rows: Sequence[Row]


class ComparisonList(ChangeController[None]):
    """The part of the comparison's screen that shows it.

    Of a file that can have a million lines, only those in sight are written, and only their contacts are
    read again when something changes.
    """

    rows = getters.query_one(VirtualList)
    groups = getters.query_one(KindBar)
    search = getters.query_one(SearchBox)

    def __init__(self, found: FileComparison) -> None:
        super().__init__()
        self.comparison = found
        self.selection = Selection()
        self.unrecorded: frozenset[str] = frozenset()
        self.shown: Sequence[int] = ()
        self._searchable: dict[LineKind, list[str]] = {}
        self._live_rows: dict[str, Row] = {}
        self._titles_width = 0
        self._last_line = 0

    def line_changed(self) -> None:
        """Take note that another line is under the cursor, or that the one there looks different."""
        raise NotImplementedError

    @property
    def kind(self) -> LineKind:
        """The group that is open."""
        return self.groups.group

    @property
    def current(self) -> ComparisonEntry | None:
        """The line under the cursor."""
        return self.entry_at(self.rows.cursor)

    def entry_at(self, index: int) -> ComparisonEntry | None:
        """Return a line by its place in the list, None where there is none."""
        lines = lines_of(self.comparison, self.kind)
        if not 0 <= index < len(self.shown) or self.shown[index] >= len(lines):
            return None
        return to_entry(lines[self.shown[index]])

    def context_of(self, entry: ComparisonEntry) -> compare_format.LineContext:
        """Return how a line stands by now."""
        contact_id = entry.contact.contact_id if entry.contact is not None else ""
        is_agreeing = self.kind is LineKind.AGREE
        return compare_format.LineContext(
            self.kind,
            self._live_rows.get(contact_id),
            is_selected=self.kind is LineKind.DIFFER and contact_id in self.selection,
            is_unrecorded=is_agreeing and contact_id in self.unrecorded,
        )

    def format_row(self, index: int, width: int) -> Sequence[Content]:
        """Write one row."""
        if width != self._titles_width:
            # It is another once there is a scrollbar, or none any more.
            self.call_later(self._write_titles, width)
        entry = self.entry_at(index)
        return (
            () if entry is None else (compare_format.row(entry, self.context_of(entry), width, self.now()),)
        )

    # --- what is shown ---

    def show_comparison(self, found: FileComparison) -> None:
        """Show this comparison from now on; the cursor stays at its place in the list."""
        self.comparison = found
        self._searchable = {}
        self.groups.show_counts(counts(found))
        self.find(keep=True)

    def find(self, *, keep: bool = False) -> None:
        """Find the lines of the group that have all words."""
        kind, text = self.kind, self.search.text
        if fold(text).split():
            self._find(kind, text)
        else:
            self.workers.cancel_group(self, "find")
            self._show(range(len(lines_of(self.comparison, kind))), keep=keep)
            self.search.show_result_count(None, 0)

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find(self, kind: LineKind, text: str) -> None:
        found, terms = self.comparison, fold(text).split()
        if kind not in self._searchable:
            texts = await asyncio.to_thread(searchable, lines_of(found, kind))
            if found is not self.comparison:
                return
            self._searchable[kind] = texts
        texts = self._searchable[kind]
        self.post_message(_LinesFound(kind, text, await asyncio.to_thread(_matching, texts, terms)))

    @on(_LinesFound)
    def _lines_found(self, message: _LinesFound) -> None:
        if (message.kind, message.text) == (self.kind, self.search.text):
            self._show(message.shown, keep=False)
            self.search.show_result_count(len(message.shown), len(lines_of(self.comparison, self.kind)))

    def _show(self, shown: Sequence[int], *, keep: bool) -> None:
        rows = self.rows
        self.shown = shown
        empty = compare_format.NOT_FOUND if self.search.text else compare_format.EMPTY[self.kind]
        rows.empty_text = empty.format(clear=self.key("clear"))
        if not keep:
            rows.scroll_to(y=0, animate=False, force=True)
        rows.show(len(shown), rows.cursor if keep else 0)
        self._write_titles(rows.line_width)
        self.load_live_rows()
        self.shown_changed()
        self.line_changed()

    def shown_changed(self) -> None:
        """Take note that the list shows other lines."""

    def _write_titles(self, width: int) -> None:
        self._titles_width = width
        if width:
            self.query_one("#titles", StaticLine).show(compare_format.titles(self.kind, width))

    # --- how they stand by now ---

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.load_live_rows()

    @on(VirtualList.Scrolled)
    def _scrolled(self) -> None:
        self.load_live_rows()

    @work(exclusive=True, group="live", exit_on_error=False)
    async def load_live_rows(self) -> None:
        """Read the contacts in sight."""
        found = (self.entry_at(index) for index in range(*self.rows.visible_range))
        ids = [entry.contact.contact_id for entry in found if entry is not None and entry.contact is not None]
        self.post_message(_RowsLoaded(await self.backend.contacts.rows(ids) if ids else ()))

    @on(_RowsLoaded)
    def _rows_loaded(self, message: _RowsLoaded) -> None:
        live = {row.contact_id: row for row in message.rows}
        if live != self._live_rows:
            self._live_rows = live
            self.rows.refresh()
            self.line_changed()

    @on(VirtualList.Moved)
    def _moved(self) -> None:
        self.line_changed()

    # --- groups and words ---

    @on(SearchBox.Changed)
    def _search_changed(self) -> None:
        if self.rows.cursor < len(self.shown):
            self._last_line = self.shown[self.rows.cursor]
        self.find()
        if not self.search.text:
            # Without words every line is shown: the cursor stays on its own.
            self.rows.put_cursor(self._last_line)

    def open_kind(self, kind: LineKind) -> None:
        """Show another group."""
        if kind is not self.kind:
            self.groups.open(kind)
            self._last_line = 0
            self.find()

    def action_kind_differ(self) -> None:
        """Show what differs."""
        self.open_kind(LineKind.DIFFER)

    def action_kind_unclear(self) -> None:
        """Show the lines that are unclear."""
        self.open_kind(LineKind.UNCLEAR)

    def action_kind_agree(self) -> None:
        """Show what agrees."""
        self.open_kind(LineKind.AGREE)

    def action_kind_file(self) -> None:
        """Show what Xero doesn't have."""
        self.open_kind(LineKind.FILE)

    def action_kind_xero(self) -> None:
        """Show what the file doesn't have."""
        self.open_kind(LineKind.XERO)

    def action_search(self) -> None:
        """Let the person type."""
        self.search.focus_input()


def _matching(texts: Sequence[str], terms: Sequence[str]) -> list[int]:
    return [number for number, text in enumerate(texts) if all(word in text for word in terms)]
