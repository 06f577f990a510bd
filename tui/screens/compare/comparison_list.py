"""Looking through a comparison: its groups, words, and how the contacts in sight stand by now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.message import Message

from tui.model.query import fold
from tui.screens.changes.change_controller import ChangeController
from tui.screens.compare import compare_format as words
from tui.screens.compare.lines import LineKind, counts, entry, lines_of, searchable
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
class _Found(Message, bubble=False):
    """The lines of a kind that have all words, by their numbers."""

    kind: LineKind
    text: str
    shown: Sequence[int]


@dataclass
class _RowsRead(Message, bubble=False):
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
        self.found = found
        self.selection = Selection()
        self.unrecorded: frozenset[str] = frozenset()
        self.shown: Sequence[int] = ()
        self._searchable: dict[LineKind, list[str]] = {}
        self._live: dict[str, Row] = {}
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
        return self.at(self.rows.cursor)

    def at(self, index: int) -> ComparisonEntry | None:
        """Return a line by its place in the list, None where there is none."""
        lines = lines_of(self.found, self.kind)
        if not 0 <= index < len(self.shown) or self.shown[index] >= len(lines):
            return None
        return entry(lines[self.shown[index]])

    def look(self, one: ComparisonEntry) -> words.LineLook:
        """Return how a line stands by now."""
        contact_id = one.contact.contact_id if one.contact is not None else ""
        is_agreeing = self.kind is LineKind.AGREE
        return words.LineLook(
            self.kind,
            self._live.get(contact_id),
            is_selected=self.kind is LineKind.DIFFER and contact_id in self.selection,
            is_unrecorded=is_agreeing and contact_id in self.unrecorded,
        )

    def write_row(self, index: int, width: int) -> Sequence[Content]:
        """Write one row."""
        if width != self._titles_width:
            # It is another once there is a scrollbar, or none any more.
            self.call_later(self._write_titles, width)
        one = self.at(index)
        return () if one is None else (words.row(one, self.look(one), width, self.now()),)

    # --- what is shown ---

    def take(self, found: FileComparison) -> None:
        """Show this comparison from now on; the cursor stays at its place in the list."""
        self.found = found
        self._searchable = {}
        self.groups.count(counts(found))
        self.find(keep=True)

    def find(self, *, keep: bool = False) -> None:
        """Find the lines of the group that have all words."""
        kind, text = self.kind, self.search.text
        if fold(text).split():
            self._find(kind, text)
        else:
            self.workers.cancel_group(self, "find")
            self._show(range(len(lines_of(self.found, kind))), keep=keep)
            self.search.tally(None, 0)

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find(self, kind: LineKind, text: str) -> None:
        found, wanted = self.found, fold(text).split()
        if kind not in self._searchable:
            texts = await asyncio.to_thread(searchable, lines_of(found, kind))
            if found is not self.found:
                return
            self._searchable[kind] = texts
        texts = self._searchable[kind]
        self.post_message(_Found(kind, text, await asyncio.to_thread(_having, texts, wanted)))

    @on(_Found)
    def _found_some(self, message: _Found) -> None:
        if (message.kind, message.text) == (self.kind, self.search.text):
            self._show(message.shown, keep=False)
            self.search.tally(len(message.shown), len(lines_of(self.found, self.kind)))

    def _show(self, shown: Sequence[int], *, keep: bool) -> None:
        rows = self.rows
        self.shown = shown
        empty = words.NOT_FOUND if self.search.text else words.EMPTY[self.kind]
        rows.empty_text = empty.format(clear=self.key("clear"))
        if not keep:
            rows.scroll_to(y=0, animate=False, force=True)
        rows.show(len(shown), rows.cursor if keep else 0)
        self._write_titles(rows.line_width)
        self.read_live()
        self.shown_changed()
        self.line_changed()

    def shown_changed(self) -> None:
        """Take note that the list shows other lines."""

    def _write_titles(self, width: int) -> None:
        self._titles_width = width
        if width:
            self.query_one("#titles", StaticLine).show(words.titles(self.kind, width))

    # --- how they stand by now ---

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.read_live()

    @on(VirtualList.Scrolled)
    def _scrolled(self) -> None:
        self.read_live()

    @work(exclusive=True, group="live", exit_on_error=False)
    async def read_live(self) -> None:
        """Read the contacts in sight."""
        found = (self.at(index) for index in range(*self.rows.in_sight))
        ids = [one.contact.contact_id for one in found if one is not None and one.contact is not None]
        self.post_message(_RowsRead(await self.backend.rows(ids) if ids else ()))

    @on(_RowsRead)
    def _rows_read(self, message: _RowsRead) -> None:
        live = {row.contact_id: row for row in message.rows}
        if live != self._live:
            self._live = live
            self.rows.refresh()
            self.line_changed()

    @on(VirtualList.Moved)
    def _moved(self) -> None:
        self.line_changed()

    # --- groups and words ---

    @on(SearchBox.Changed)
    def _words_changed(self) -> None:
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
        self.search.enter()


def _having(texts: Sequence[str], wanted: Sequence[str]) -> list[int]:
    return [number for number, text in enumerate(texts) if all(word in text for word in wanted)]
