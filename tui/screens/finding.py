"""Finding contacts: tabs, words, and when what is shown is found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from msgspec.structs import replace
from textual import getters, on, work
from textual.events import DescendantBlur, DescendantFocus
from textual.screen import ScreenResultType

from tui.model.filters import Nothing
from tui.model.query import Query, Tab
from tui.screens.backed import Backed
from tui.screens.messages import FoundMore, GroupsLearnt, Recounted
from tui.widgets.contact_table import ContactTable
from tui.widgets.search_box import SearchBox
from tui.widgets.search_note import SearchNote
from tui.widgets.search_words import complete, correct
from tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from textual.worker import Worker

    from tui.model.rows import Found
    from tui.model.snapshot import Snapshot

_CANT_HAVE_ALL = "No contact has all of these words. Esc clears the search."
_FITS_NONE = "No contact fits all that is asked for. Esc clears the search."
_NO_SUCH_FILTER = "No contacts: the search has a filter that doesn't exist. Esc clears the search."
_EMPTY = {
    Tab.ALL: "This organisation has no contacts yet.",
    Tab.ACTIVE: "No active contacts.",
    Tab.ARCHIVED: "No archived contacts.",
}


class Finding(Backed[ScreenResultType], Generic[ScreenResultType]):
    """The part of the main screen that asks for contacts and shows what was found.

    A background change never moves what somebody looks at: rows are repainted where they stand, and found
    again at the person's next move. Only while the first pages arrive does the table grow by itself.
    """

    table = getters.query_one(ContactTable)
    search = getters.query_one(SearchBox)
    note = getters.query_one(SearchNote)
    tabs = getters.query_one(TabBar)

    _query = Query()
    _found: Found | None = None
    _groups: tuple[str, ...] = ()
    _groups_may_differ = True
    _rows_version = -1
    _order_version = -1
    _is_stale = False
    _again = False
    _finder: Worker[None] | None = None

    def show_first(self, snapshot: Snapshot) -> None:
        """Show the first rows at once, straight from an index, before anything else runs."""
        self._rows_version, self._order_version = snapshot.rows_version, snapshot.order_version
        self._show(self.backend.first_rows(self._query), keep=False)

    def find(self, *, keep: bool) -> None:
        """Find again. With `keep` the cursor stays on its contact, otherwise it goes to the top."""
        self._query = self._read()
        self._remark()
        self._is_stale = self._again = False
        self._finder = self._find(self._query, keep=keep)

    def _read(self) -> Query:
        """Read the search box: what is half-typed there is a mistake as soon as nobody types any more."""
        return Query.parse(
            self.tabs.tab, self.search.text, self._groups, is_complete=not self.search.has_focus_within
        )

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _begun_or_ended_typing(self) -> None:
        if self._read() != self._query:
            self.find(keep=True)

    def _remark(self) -> None:
        """Say what of the text isn't understood, or can go on, and offer what was probably meant."""
        notes = self._query.notes
        self.note.tell(notes, self._groups)
        if notes:
            self.search.offer(correct(self.search.text, notes))
        if self._groups_may_differ and "group:" in self.search.text.lower():
            self._groups_may_differ = False
            self._learn_groups()

    @work(exclusive=True, group="groups", exit_on_error=False)
    async def _learn_groups(self) -> None:
        """Read the names of all groups, once they are wanted: to offer them, and to know of others."""
        groups = await self.backend.contact_groups()
        self.post_message(GroupsLearnt(tuple(group.name for group in groups if group.is_known)))

    @on(GroupsLearnt)
    def _groups_learnt(self, message: GroupsLearnt) -> None:
        self._groups = message.names
        self._query = self._read()
        self._remark()
        self.search.suggest()

    def complete(self, text: str) -> str:
        """Return the text as it most likely goes on."""
        return complete(text, self._groups)

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find(self, query: Query, *, keep: bool) -> None:
        async for found in self.backend.find(query):
            self.post_message(FoundMore(found, keep=keep))
            # Whoever moved after the first screenful must not be thrown back by the rest.
            keep = True

    @on(FoundMore)
    def _found_more(self, message: FoundMore) -> None:
        if message.found.query != self._query:
            return
        self._show(message.found, keep=message.keep)
        if message.found.is_complete and self._again:
            self.find(keep=True)

    def _show(self, found: Found, *, keep: bool) -> None:
        self._found = found
        self.table.show(found, keep=keep)
        self.tell_counts(self.backend.snapshot)

    def tell_counts(self, snapshot: Snapshot) -> None:
        """Show how many contacts each tab holds; while something is looked for, how many of its finds."""
        found, tab = self._found, self.tabs.tab
        self.table.empty_text = self._empty_text(snapshot)
        if found is None or self._query.is_everything:
            self.tabs.count(snapshot.counts)
            self.search.tally(None, 0)
        elif found.is_complete:
            self.tabs.count(found.counts)
            self.search.tally(found.counts.of(tab), snapshot.counts.of(tab))

    def _empty_text(self, snapshot: Snapshot) -> str:
        if any(isinstance(each.condition, Nothing) for each in self._query.filters):
            return _NO_SUCH_FILTER
        if not self._query.is_everything:
            return _FITS_NONE if self._query.filters or self._query.without else _CANT_HAVE_ALL
        if snapshot.pull is not None or snapshot.last_pull_at is None:
            return "Reading contacts from Xero …"
        return _EMPTY[self._query.tab]

    def follow(self, snapshot: Snapshot) -> None:
        """Repaint rows that may look different, and find again where nobody can be disturbed by it."""
        looks_different = snapshot.rows_version != self._rows_version
        # What a row shows can also be what it was found by.
        stands_elsewhere = snapshot.order_version != self._order_version or (
            looks_different and bool(self._query.filters)
        )
        self._rows_version, self._order_version = snapshot.rows_version, snapshot.order_version
        if stands_elsewhere:
            is_growing = snapshot.pull is not None or self._found is None or not len(self._found.rows)
            if is_growing:
                self._find_in_turn()
            else:
                self._is_stale = True
                if not self._query.is_everything:
                    self._recount()
        if looks_different:
            self._groups_may_differ = True
            self.table.refresh_rows()
        self.tell_counts(snapshot)

    @work(exclusive=True, group="count", exit_on_error=False)
    async def _recount(self) -> None:
        """Count again what was found: the rows stay where somebody looks at them, the numbers needn't."""
        async for found in self.backend.find(self._query):
            if found.is_complete:
                self.post_message(Recounted(found))

    @on(Recounted)
    def _recounted(self, message: Recounted) -> None:
        if self._found is not None and message.found.query == self._query:
            self._found = replace(self._found, counts=message.found.counts)
            self.tell_counts(self.backend.snapshot)

    def _find_in_turn(self) -> None:
        """Find after the search that runs: pages may come faster than a search ends."""
        if self._finder is not None and self._finder.is_running:
            self._again = True
        else:
            self.find(keep=True)

    @on(ContactTable.CursorMoved)
    def _moved(self, message: ContactTable.CursorMoved) -> None:
        if message.by_person and self._is_stale:
            self.find(keep=True)

    @on(SearchBox.Changed)
    def _words_changed(self) -> None:
        self.find(keep=False)

    @on(SearchBox.Left)
    def _search_left(self) -> None:
        self.set_focus(self.table)

    def open_tab(self, tab: Tab) -> None:
        """Show another tab."""
        if tab is not self.tabs.tab:
            self.tabs.open(tab)
            self.find(keep=True)
        elif self._is_stale:
            self.find(keep=True)

    def action_tab_all(self) -> None:
        """Show all contacts."""
        self.open_tab(Tab.ALL)

    def action_tab_active(self) -> None:
        """Show active contacts."""
        self.open_tab(Tab.ACTIVE)

    def action_tab_archived(self) -> None:
        """Show archived contacts."""
        self.open_tab(Tab.ARCHIVED)

    def action_search(self) -> None:
        """Let the person type."""
        self.search.enter()

    def action_clear(self) -> None:
        """Take the selection back, then the words."""
        if self.table.selected:
            self.table.clear_selection()
        elif self.search.text:
            self.search.clear()
