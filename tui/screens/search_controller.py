"""Search for contacts: tabs, query, and updates of the list."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from tui.messages.activity import unknown_reason
from tui.model.columns import BY_NAME
from tui.model.query import NoMatchCondition, Query, Tab
from tui.model.query_parser import parse_query
from tui.screens.base_screen import GroupNamesLoaded, SearchAnswered
from tui.widgets.contact_table import ContactTable
from tui.widgets.search_box import QueryHint, SearchBox, complete, correct
from tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from tui.model.columns import Sort
    from tui.model.contact import SearchResult
    from tui.model.snapshot import Snapshot
    from tui.screens.base_screen import EngineScreen
    from tui.system.saved_searches import SavedSearch, SavedSearches
    from tui.system.search_history import SearchHistory

#: Minimum seconds between two updates of the list; pages of a full load arrive more often.
UPDATE_INTERVAL: Final = 0.5
_CANT_HAVE_ALL = "No contacts match this search. Press {clear} to clear the search."
_FITS_NONE = "No contacts match. Press {clear} to clear the search."
_NO_SUCH_FILTER = "No contacts match: one filter isn't valid. Press {clear} to clear the search."
_NAMES_NONE = "No contacts match, and this text names none. Press {clear} to clear the search."
_BY_NAMES = "Contacts named in this text."
_CLEAR = "Press {clear} to clear it."
_NAMED_ELSEWHERE = "The contacts named in this text are on other tabs.\nPress {tab_all} to show all."
_NOT_SELECTED = "None of the selected contacts is on this tab.\nPress {show_selected} to show all contacts."
_EMPTY = {
    Tab.ALL: "No contacts yet.\nAdd them in Xero: they appear here, or press {refresh}.",
    Tab.ACTIVE: "No active contacts.\nPress {tab_all} to show all.",
    Tab.ARCHIVED: "No archived contacts.\nPress {tab_all} to show all.",
}


class SearchController:
    """Search for contacts and show the results in the main screen.

    Updates from Xero appear without a key press and never move what the user looks at: cursor, selection and
    view stay on their contacts, and contacts that no longer match stay dimmed until the cursor moves. Only
    during the initial load does a cursor that hasn't been moved stay at the top of the list.
    """

    def __init__(
        self, screen: EngineScreen[Any], searches: SearchHistory, saved_searches: Path | None
    ) -> None:
        self._screen = screen
        self._searches = searches
        self._saved_file = saved_searches
        self._query = Query()
        self._sort = BY_NAME
        #: Whether the list shows the selected contacts alone, whatever is searched for.
        self.shows_selected = False
        self._searched = (Tab.ALL, "")
        self._groups: tuple[str, ...] = ()
        self._groups_stale = True
        self._rows_version = -1
        self._order_version = -1
        self._update_queued = False
        self._is_initial_load = False
        self._is_update_delayed = False
        # Of the last search or update; results of earlier ones are ignored.
        self._search_number = 0
        self._is_searching = False
        self._last_update_at = 0.0
        # A contact to go to once it is found, and the text that finds it; until the user goes elsewhere.
        self._wanted: tuple[str, str] | None = None

    @property
    def table(self) -> ContactTable:
        """The list of contacts."""
        return self._screen.query_one(ContactTable)

    @property
    def search(self) -> SearchBox:
        """The search box."""
        return self._screen.query_one(SearchBox)

    @property
    def tabs(self) -> TabBar:
        """The tabs: all, active and archived contacts."""
        return self._screen.query_one(TabBar)

    @property
    def _found(self) -> SearchResult | None:
        """The displayed result, None before the first rows."""
        return self.table.found

    def show_initial_rows(self, snapshot: Snapshot, sort: Sort) -> None:
        """Show the first rows at once, directly from the database, before anything else runs."""
        self._sort = sort
        self._query = replace(self._query, sort=sort)
        self._rows_version, self._order_version = snapshot.rows_version, snapshot.order_version
        is_read = snapshot.balances_read_at is not None or snapshot.last_refresh_at is not None
        self._is_initial_load = snapshot.progress is not None or not is_read
        self.table.show(self._screen.backend.contacts.first_rows(self._query), keep=False)
        self.show_counts(snapshot)
        if not self._query.sort.is_default:
            # Only the first rows in this order were read.
            self.find(keep=True)

    def sort_by(self, sort: Sort) -> None:
        """Sort the list; the cursor stays on its contact."""
        if sort != self._sort:
            self._sort = sort
            self.find(keep=True)

    def show_selected(self, *, on: bool) -> None:
        """Show only the selected contacts, or what is searched for again."""
        if on != self.shows_selected:
            self.shows_selected = on
            self.find(keep=True)

    def find(self, *, keep: bool) -> None:
        """Search again. With `keep` the cursor stays on its contact, otherwise it moves to the top."""
        self._query = self._parse_query()
        self._update_query_hint()
        self._is_update_delayed = False
        searched = (self.tabs.tab, self.search.text)
        if searched != self._searched:
            # Keys pressed for the previous search must not act on this one's contacts.
            self.table.discard_deferred()
        self._searched = searched
        self.table.defer_actions()
        find = self._find_selected if self.shows_selected else partial(self._find, keep=keep)
        self._start_search(partial(find, self._query))

    def _start_search(self, search: Callable[[int], Coroutine[None, None, None]]) -> None:
        """Start a search or update in place of the one that is running."""
        self._update_queued = False
        self._search_number += 1
        self._is_searching = True
        self._screen.start(partial(self._run_search, search, self._search_number), "find", exclusive=True)

    async def _run_search(self, search: Callable[[int], Coroutine[None, None, None]], number: int) -> None:
        try:
            await search(number)
        except Exception:
            if number == self._search_number:
                self._is_searching = False
                self.table.discard_deferred()
            raise

    def _parse_query(self) -> Query:
        """Parse the search box; an incomplete filter is an error only once the box loses focus."""
        query = parse_query(
            self.tabs.tab, self.search.text, self._groups, is_complete=not self.search.has_focus_within
        )
        return query if self._sort.is_default else replace(query, sort=self._sort)

    def focus_changed(self) -> None:
        """Search again if the text has another meaning now that typing has ended or resumed."""
        if self._parse_query() != self._query:
            self.find(keep=True)

    def _update_results(self) -> None:
        """Update the list after the running search, and no more often than people can read."""
        if self._is_searching:
            self._update_queued = self._update_queued or not self._is_update_delayed
        else:
            self._start_update()

    def _start_update(self) -> None:
        self._is_update_delayed = True
        self._start_search(partial(self._find_after_delay, self._query))

    async def _find_after_delay(self, query: Query, number: int) -> None:
        if not self._shows_growing_list(query):
            await asyncio.sleep(self._last_update_at + UPDATE_INTERVAL - monotonic())
        self._is_update_delayed = False
        self._last_update_at = monotonic()
        if self._shows_growing_list(query):
            # Read from an index of the database, in the same time at any size.
            found = self._screen.backend.contacts.first_rows(query)
            self._screen.post_message(SearchAnswered(number, found, keep=False, is_refresh=True))
            return
        if self.shows_selected:
            found = await self._screen.backend.contacts.listed(self.table.selected, query)
            self._screen.post_message(SearchAnswered(number, found, keep=True, is_refresh=True))
            return
        async for found in self._screen.backend.contacts.find(query):
            self._screen.post_message(SearchAnswered(number, found, keep=True, is_refresh=True))

    def _shows_growing_list(self, query: Query) -> bool:
        """Whether the top of the list is shown while it loads: each snapshot, twice a second, updates it."""
        is_growing = self._is_initial_load and not self.table.is_touched
        return is_growing and query.is_everything and query.sort.is_default

    def _update_query_hint(self) -> None:
        """Show which parts of the text are invalid or incomplete, and suggest a correction."""
        is_by_names = self._is_by_names
        issues = () if is_by_names else self._query.issues
        by_names = (f"{_BY_NAMES} {_CLEAR.format(clear=self._screen.key('clear'))}", _BY_NAMES)
        notes = by_names if is_by_names else self._activity_note()
        self._screen.query_one(QueryHint).update_from(issues, self._groups, notes)
        if issues:
            self.search.set_correction(correct(self.search.text, issues))
        if self._groups_stale and "group:" in self.search.text.lower():
            self._groups_stale = False
            self._screen.start(self._load_group_names, "groups", exclusive=True)

    def _activity_note(self) -> tuple[str, ...]:
        """Say why nothing matches a filter by the last activity, while that isn't known."""
        if not self._query.needs_activity or self._query.issues:
            return ()
        reason = unknown_reason(self._screen.backend.snapshot.activity)
        return (reason,) if reason else ()

    @property
    def _is_by_names(self) -> bool:
        """Whether the contacts found are those named in the text; until a search is answered, in the last."""
        return bool(self._query.long_text) and self._found is not None and self._found.is_by_names

    async def _load_group_names(self) -> None:
        """Load all group names when first needed: for completion, and to detect unknown groups."""
        groups = await self._screen.backend.tenancy.groups()
        self._screen.post_message(GroupNamesLoaded(tuple(group.name for group in groups if group.is_known)))

    def group_names_loaded(self, message: GroupNamesLoaded) -> None:
        """Store the names of all groups."""
        self._groups = message.names
        if self._is_searching:
            # The running search uses an outdated query.
            self.find(keep=False)
        else:
            self._query = self._parse_query()
            self._update_query_hint()
        self.search.suggest()

    def complete(self, text: str) -> str:
        """Return the most likely completion of the text."""
        return complete(text, self._groups)

    async def _find_selected(self, query: Query, number: int) -> None:
        found = await self._screen.backend.contacts.listed(self.table.selected, query)
        self._screen.post_message(SearchAnswered(number, found, keep=True))

    def recent_searches(self) -> tuple[str, ...]:
        """Return the last searches that were used, newest first, then those that are saved."""
        saved = (search.text for search in self.saved_searches.searches if search.text)
        return tuple(dict.fromkeys((*self._searches.texts, *saved)))

    @cached_property
    def saved_searches(self) -> SavedSearches:
        """The saved searches of this organisation."""
        from tui.system.saved_searches import SavedSearches  # noqa: PLC0415 - the first paint needs none

        return SavedSearches(self._saved_file)

    def current_search(self) -> SavedSearch:
        """Return what the list shows, as a search to be saved."""
        from tui.system.saved_searches import SavedSearch  # noqa: PLC0415 - as above

        return SavedSearch("", self.search.text.strip(), self.tabs.tab, self._sort)

    def open_saved(self, search: SavedSearch) -> None:
        """Show what a saved search shows, but for its sort."""
        self.shows_selected, self._wanted = False, None
        self.tabs.open(search.tab)
        self.search.set_text(search.text)
        self.find(keep=False)
        self.keep_search()

    def keep_search(self) -> None:
        """Keep the search: it was used, by Enter or by an action on a contact that it found."""
        if self._searches.add(self.search.text):
            self._screen.start(self._save_searches, "searches")

    async def _save_searches(self) -> None:
        await asyncio.to_thread(self._searches.save)

    async def _find(self, query: Query, number: int, *, keep: bool) -> None:
        async for found in self._screen.backend.contacts.find(query):
            self._screen.post_message(SearchAnswered(number, found, keep=keep))
            # If the user has moved after the first rows, the rest must not move the cursor back.
            keep = True

    def answered(self, message: SearchAnswered) -> None:
        """Show the contacts found, unless there is a newer search."""
        found, table = message.found, self.table
        # The cursor's contact may be missing from a partial result.
        is_partial = not found.is_complete and message.keep
        if message.number != self._search_number or is_partial:
            return
        if self._is_initial_load and not table.is_touched:
            table.show(found, keep=False)
        elif message.is_refresh:
            table.refresh_in_place(found)
        else:
            table.show(found, keep=message.keep)
        if self._wanted is not None:
            table.go_to(self._wanted[1])
        snapshot = self._screen.backend.snapshot
        self.show_counts(snapshot)
        self._update_query_hint()
        self._finish_initial_load(snapshot)
        if found.is_complete:
            self._is_searching = False
            if self._update_queued:
                self._start_update()

    def _finish_initial_load(self, snapshot: Snapshot) -> None:
        """End the initial load once all contacts are loaded and shown."""
        if snapshot.progress is not None or snapshot.last_refresh_at is None:
            return
        found, total = self._found, snapshot.counts.of(self._query.tab)
        is_complete_list = found is None or not self._query.is_everything or len(found.rows) >= total
        self._is_initial_load = self._is_initial_load and not is_complete_list

    def show_counts(self, snapshot: Snapshot) -> None:
        """Show the number of contacts in each tab; during a search, the number found."""
        found, tab = self._found, self.tabs.tab
        self.table.empty_text = self._empty_text(snapshot)
        if found is None or (self._query.is_everything and not self.shows_selected):
            self.tabs.show_counts(snapshot.counts)
            self.search.show_result_count(None, 0)
        elif found.is_complete and found.query == self._query:
            # Until a search is answered, the counts are those of another one.
            self.tabs.show_counts(found.counts)
            self.search.show_result_count(found.counts.of(tab), snapshot.counts.of(tab))

    def _empty_text(self, snapshot: Snapshot) -> str:
        if self.shows_selected:
            return _NOT_SELECTED.format(show_selected=self._screen.key("show_selected"))
        if not self._query.is_everything:
            keys = {action: self._screen.key(action) for action in ("clear", "tab_all")}
            return self._no_match_text().format(**keys)
        is_read = snapshot.progress is None and snapshot.last_refresh_at is not None
        # Contacts already counted are about to be listed.
        if not is_read or snapshot.counts.of(self._query.tab):
            return "Loading contacts from Xero…"
        keys = {action: self._screen.key(action) for action in ("refresh", "tab_all")}
        return _EMPTY[self._query.tab].format(**keys)

    def _no_match_text(self) -> str:
        if self._is_by_names:
            return _NAMED_ELSEWHERE
        note = self._activity_note()
        if note:
            return note[0].replace("{", "{{").replace("}", "}}")
        if any(isinstance(item.condition, NoMatchCondition) for item in self._query.filters):
            return _NO_SUCH_FILTER
        if self._query.long_text:
            return _NAMES_NONE
        return _FITS_NONE if self._query.filters or self._query.excluded_words else _CANT_HAVE_ALL

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Repaint rows that may look different, and search again if rows may have been added or removed."""
        rows_changed = snapshot.rows_version != self._rows_version
        # Filters match on what rows show, and so does a sort by anything but the name.
        depends_on_rows = bool(self._query.filters) or not self._query.sort.is_default
        order_changed = snapshot.order_version != self._order_version or (rows_changed and depends_on_rows)
        self._rows_version, self._order_version = snapshot.rows_version, snapshot.order_version
        self._finish_initial_load(snapshot)
        if order_changed:
            self._update_results()
        if rows_changed:
            self._groups_stale = True
            # Live rows would move without the cursor; the update moves both.
            if not (order_changed and self._found is not None and self._found.is_live):
                self.table.refresh_rows()
        self.show_counts(snapshot)

    def cursor_moved(self, message: ContactTable.CursorMoved) -> None:
        """Remove contacts that no longer match."""
        if message.by_person:
            self._wanted = None
            self.table.drop_lingering()

    def search_changed(self) -> None:
        """Search for the typed text."""
        self.shows_selected = False
        if self._wanted is not None and self._wanted[0] != self.search.text:
            self._wanted = None
        # After clearing the search, the cursor stays on its contact.
        self.find(keep=not self.search.text)

    def show_found(self, text: str, contact_id: str) -> None:
        """Search for a text on the tab of all contacts, and go to one that it finds, if its ID is given."""
        self.shows_selected = False
        self._wanted = (text, contact_id) if contact_id else None
        self.tabs.open(Tab.ALL)
        self.search.set_text(text)
        self.find(keep=False)
        self.keep_search()

    def open_tab(self, tab: Tab) -> bool:
        """Show another tab; return whether it wasn't open yet."""
        if tab is self.tabs.tab:
            self.table.drop_lingering()
            return False
        self._wanted = None
        self.tabs.open(tab)
        self.find(keep=True)
        return True

    def clear(self) -> bool:
        """Clear the selection, then the search; return whether there was anything to clear."""
        if self.table.selected:
            self.table.clear_selection()
        elif self.search.text:
            self.search.clear()
        else:
            return False
        return True
