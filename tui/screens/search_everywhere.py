"""Search in all organisations: which of them have a contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from textual import getters, on
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.actions import bindings
from tui.compat.textual import LineInput
from tui.messages.contacts import status_label
from tui.messages.formats import ago, format_number, pluralize
from tui.model.organisation_search import SearchState
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.screens.base_screen import BaseScreen, OrganisationChosen
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.search_box import QueryHint
from tui.widgets.text import content, fit
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.account import Account
    from tui.model.contact import Row
    from tui.model.organisation_search import ContactMatches, OrganisationMatches

#: The contacts that are shown of each organisation.
MOST_SHOWN: Final = 20
# Lines of the dialog and the key bar besides the list.
_OTHER_ROWS: Final = 10
# With the gap before it.
_STATUS_WIDTH: Final = 10
_WIDEST_DETAIL: Final = 40
_NARROW: Final = 56
_NOTHING_TYPED: Final = "Type a name, person, e-mail address or number. Filters work too."
_ONLY_ONE: Final = "No other organisation is connected. Press {organisations} to connect one."
_NO_OTHERS: Final = "No other organisation is connected."
_NONE_FOUND: Final = "No contacts match in any organisation."
_SEARCHING: Final = "Searching…"
_STATES: Final = {
    SearchState.NOT_LOADED: "not loaded yet",
    SearchState.OUTDATED: "saved by another version",
    SearchState.UNREADABLE: "can't be read",
}
_ADVICE: Final = {
    SearchState.LOADING: "Not all contacts of this organisation are loaded yet. Press {open} to open it.",
    SearchState.NOT_LOADED: "No contacts on this computer yet. Press {open} to open it and load them.",
    SearchState.OUTDATED: "Saved by another version of Reshelve. Press {open} to open it and update them.",
    SearchState.UNREADABLE: "Its saved contacts can't be read. Press {open} to open it and see why.",
}


class _Line(Struct, frozen=True):
    """A line of the list: a contact, how many more there are, or an organisation's own line."""

    matches: OrganisationMatches
    row: Row | None = None
    more: int = 0


@dataclass
class _Found(Message, bubble=False):
    text: str
    matches: Sequence[OrganisationMatches]


class _Box(LineInput):
    """The search box; the arrows move in the list below, so that typing can go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move_list('up')", "Up", show=False),
        Binding("down", "move_list('down')", "Down", show=False),
        Binding("pageup", "move_list('page_up')", "Page up", show=False),
        Binding("pagedown", "move_list('page_down')", "Page down", show=False),
    ]

    def action_move_list(self, where: str) -> None:
        """Move in the list."""
        self.screen.query_one(VirtualList).action_move(where)


class SearchEverywhereScreen(ModalScreen[None], BaseScreen[None]):
    """Search the saved contacts of every connected organisation as you type, and open one that was found.

    `text` is what to search for first; `open_tenant` is the tenant ID of the open organisation.
    """

    PLACE = "in the search in all organisations"
    CSS_PATH: ClassVar = ["dialogs/dialog.tcss", "search_everywhere.tcss"]
    AUTO_FOCUS = "#words"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    rows = getters.query_one("#found", VirtualList)
    words = getters.query_one("#words", Input)
    state = getters.query_one("#state", SafeLabel)

    def __init__(self, account: Account, text: str = "", open_tenant: str = "") -> None:
        super().__init__()
        self._account = account
        self._text = text
        self._open_tenant = open_tenant
        self._lines: Sequence[_Line] = ()
        self._matches: Sequence[OrganisationMatches] = ()
        self._summary = _SEARCHING

    def compose(self) -> ComposeResult:
        """Lay out the search box above the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Search in all organisations"
            yield _Box(self._text, placeholder="Search", compact=True, select_on_focus=False, id="words")
            yield QueryHint()
            found = VirtualList(self._format_row, id="found")
            # Keys are for the search box.
            found.can_focus = False
            yield found
            yield SafeLabel(self._summary, "$text-muted", id="state")
        yield KeyBar(("open", "Open"), ("help", "How to search"), ("cancel", "Close"))

    def on_mount(self) -> None:
        """Search for the first text."""
        self._find()

    def on_resize(self) -> None:
        """Fit the list to the screen."""
        self._fit_list()

    def tick(self) -> None:
        """Update how long ago organisations were refreshed."""
        self.rows.refresh()

    # --- search ---

    @on(Input.Changed, "#words")
    def _find(self) -> None:
        """Search for the typed text, in place of the search that is running."""
        text = self.words.value
        query = parse_query(Tab.ALL, text)
        self.query_one(QueryHint).update_from(query.issues, ())
        most = 0 if query.is_everything else MOST_SHOWN

        async def find() -> None:
            self.post_message(_Found(text, await self._account.find_everywhere(query, most)))

        self.start(find, "find", exclusive=True)

    @on(_Found)
    def _found(self, message: _Found) -> None:
        if message.text != self.words.value:
            return
        self._matches = message.matches
        # Without any contacts found, the organisations keep their order.
        ordered = sorted(message.matches, key=lambda matches: not matches.found.contacts)
        self._lines = [line for matches in ordered for line in _lines(matches)]
        self._summary = self._summarize()
        first = next((index for index, line in enumerate(self._lines) if line.row is not None), 0)
        self._fit_list()
        self.rows.show(len(self._lines), first)
        self.rows.scroll_to(y=0, animate=False, force=True)
        self._describe()

    def _fit_list(self) -> None:
        self.rows.styles.height = max(1, min(len(self._lines), self.size.height - _OTHER_ROWS))

    def _summarize(self) -> str:
        total = sum(matches.found.total for matches in self._matches)
        is_only = len(self._matches) == 1
        only = _ONLY_ONE.format(organisations=self.key("organisations")) if is_only else ""
        if not self.words.value.strip():
            return f"{_NOTHING_TYPED} {only}".strip()
        if not total:
            return f"{_NONE_FOUND} {only}".strip()
        if is_only:
            return f"{pluralize(total, 'contact')}. {_NO_OTHERS}"
        having = sum(1 for matches in self._matches if matches.found.total)
        return f"{pluralize(total, 'contact')} in {pluralize(having, 'organisation')}."

    @on(VirtualList.Moved)
    def _describe(self) -> None:
        """Say what was found, or what the line under the cursor means."""
        line = self._current
        advice = _ADVICE.get(line.matches.found.state) if line is not None and line.row is None else None
        if advice is None:
            self.state.update_text(self._summary, "$text-muted")
        else:
            self.state.update_text(advice.format(open=self.key("open")), "$text-warning")

    # --- list ---

    @property
    def _current(self) -> _Line | None:
        return self._lines[self.rows.cursor] if self.rows.cursor < len(self._lines) else None

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        line = self._lines[index]
        if line.row is not None:
            return [_contact(line.row, width)]
        if line.more:
            return [content(f"  and {format_number(line.more)} more", "$text-muted")]
        is_open = line.matches.organisation.tenant_id == self._open_tenant
        return [_heading(line.matches, width, clock.now(), is_open=is_open)]

    @on(Input.Submitted, "#words")
    @on(VirtualList.RowOpened)
    def _open(self) -> None:
        """Open the organisation under the cursor, at the contact under it."""
        line = self._current
        if line is None:
            self.flash(_SEARCHING)
            return
        self.dismiss()
        contact_id = "" if line.row is None else line.row.contact_id
        # Post to the app: a closing screen doesn't forward messages.
        chosen = OrganisationChosen(line.matches.organisation, self.words.value.strip(), contact_id)
        self.app.post_message(chosen)

    def action_cancel(self) -> None:
        """Close the search."""
        self.dismiss()


def _lines(matches: OrganisationMatches) -> Iterator[_Line]:
    """Yield an organisation's line, and those of its contacts."""
    contacts = matches.found.contacts
    yield _Line(matches)
    yield from (_Line(matches, row) for row in contacts)
    if contacts and (more := matches.found.total - len(contacts)) > 0:
        yield _Line(matches, more=more)


def _heading(matches: OrganisationMatches, width: int, now: datetime, *, is_open: bool) -> Content:
    """Format an organisation: its name on the left, what was found in it on the right."""
    found = matches.found
    symbol = ("●", "$text-success") if is_open else ("○", "$text-muted")
    is_searched = found.state not in _STATES
    right = content(_found_text(found, width, now), "$text-muted" if is_searched else "$text-warning")
    name = fit(matches.organisation.name, max(8, width - 4 - right.cell_length))
    return Content.assemble(symbol, " ", content(name, "bold"), "  ", right)


def _found_text(found: ContactMatches, width: int, now: datetime) -> str:
    if found.state in _STATES:
        return _STATES[found.state]
    count = pluralize(found.total, "contact")
    if found.state is SearchState.LOADING:
        return f"{count}, still loading"
    if found.refreshed_at is None or width < _NARROW:
        return count
    return f"{count}, refreshed {ago(found.refreshed_at, now)}"


def _contact(row: Row, width: int) -> Content:
    """Format a contact: its name, what was found or tells it from others, and its status."""
    room = max(8, width - 2 - _STATUS_WIDTH)
    detail = _detail(row)
    detail_width = min(room // 2, _WIDEST_DETAIL) if width >= _NARROW else 0
    name = fit(row.name, room - detail_width)
    return Content.assemble(
        "  ",
        content(name),
        ("  " + fit(detail, detail_width - 2), "$text-muted") if detail_width else "",
        ("  " + fit(status_label(row), _STATUS_WIDTH - 2), "$text-muted"),
    )


def _detail(row: Row) -> str:
    if row.match is not None:
        return row.match.text
    numbers = (str(value) for _, value in row.more if value)
    return row.email or next(numbers, "")
