"""Possible duplicates: groups of contacts that are probably the same, side by side."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from textual import getters, on
from textual.message import Message

from tui.actions import bindings
from tui.messages.formats import pluralize
from tui.model.change import Action
from tui.model.duplicates import pair_of
from tui.model.errors import ReshelveError
from tui.screens import navigation
from tui.screens.base_screen import ConnectRequested, EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import ChangeController, ResultController, UndoController
from tui.screens.duplicates import formatting
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import Details, SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from tui.model.duplicates import DuplicateGroup, DuplicateMember
    from tui.model.services import Backend

# The best ones are dealt with first; the next search shows the others.
_MOST_GROUPS: Final = 500
# Contacts that are read between two key presses.
_READ_AT_ONCE: Final = 100


class _Line(Struct, frozen=True):
    """A contact in the list, and its group."""

    place: int
    contact_id: str
    is_first: bool


@dataclass
class _Found(Message, bubble=False):
    groups: Sequence[DuplicateGroup]
    members: Mapping[str, DuplicateMember]


@dataclass
class _MembersRead(Message, bubble=False):
    members: Mapping[str, DuplicateMember]


class DuplicatesScreen(EngineScreen[None]):
    """Search for contacts that are probably the same, and list their groups, the most probable first.

    Groups that are marked as not duplicates stay until the screen is left, so that the mark can be undone.
    """

    PLACE = "in Possible duplicates"
    CSS_PATH = "duplicates.tcss"
    AUTO_FOCUS = "#rows"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "open_in_xero", "open_group", "copy", "copy_group", "not_duplicates"),
        *bindings("undo", "retry_contact", "connect", "back"),
    ]

    result: ResultController
    rows = getters.query_one("#rows", VirtualList)
    heading = getters.query_one("#heading", SafeLabel)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.result = ResultController(self)
        self.changes = ChangeController(self, self.result)
        self.undo = UndoController(self, self.result)
        self._groups: Sequence[DuplicateGroup] = ()
        self._members: Mapping[str, DuplicateMember] = {}
        self._lines: Sequence[_Line] = ()
        self._dismissed: frozenset[int] = frozenset()
        self._progress = (0, 1)
        self._is_searching = True
        self._total = 0

    def compose(self) -> ComposeResult:
        """Lay out the list above the contacts side by side."""
        yield SafeLabel(formatting.TITLE, id="heading")
        yield VirtualList(self._format_row, id="rows")
        yield Details(id="about")
        yield Details(id="merge")
        yield KeyBar("back")

    def on_mount(self) -> None:
        """Start the search."""
        self._show()
        self.start(self._search, "duplicates", exclusive=True)

    async def _search(self) -> None:
        groups = await self.backend.duplicates.find(self._report)
        shown = groups[:_MOST_GROUPS]
        self._total = len(groups)
        self.post_message(_Found(shown, await self._read([key for group in shown for key in group.keys])))

    def _report(self, done: int, total: int) -> None:
        # Called in a thread: shown by the next tick.
        self._progress = (done, total)

    async def _read(self, contact_ids: Sequence[str]) -> Mapping[str, DuplicateMember]:
        found: dict[str, DuplicateMember] = {}
        for start in range(0, len(contact_ids), _READ_AT_ONCE):
            members = await self.backend.duplicates.members(contact_ids[start : start + _READ_AT_ONCE])
            found |= {member.contact.contact_id: member for member in members}
            await asyncio.sleep(0)
        return found

    @on(_Found)
    def _found(self, message: _Found) -> None:
        self._is_searching = False
        self._groups = message.groups
        self._members_read(message)
        self.result.resume()

    @on(_MembersRead)
    def _members_read(self, message: _MembersRead | _Found) -> None:
        current = self._line
        self._members = message.members
        lines = []
        for place, group in enumerate(self._groups):
            # Contacts that are gone from the local database leave their group.
            present = [key for key in group.keys if key in message.members]
            lines += [_Line(place, key, index == 0) for index, key in enumerate(present)]
        self._lines = lines
        cursor = next((index for index, line in enumerate(lines) if line == current), self.rows.cursor)
        self.rows.show(len(lines), cursor)
        self._show()

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.result.reload()
        if self._lines:
            self.start(self._reload, "members", exclusive=True)

    async def _reload(self) -> None:
        members = await self._read([line.contact_id for line in self._lines])
        if members != self._members:
            self.post_message(_MembersRead(members))

    def tick(self) -> None:
        """Show how far the search is."""
        if self._is_searching:
            self._show()

    # --- what is shown ---

    @property
    def _line(self) -> _Line | None:
        return self._lines[self.rows.cursor] if self.rows.cursor < len(self._lines) else None

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        line = self._lines[index]
        return [
            formatting.row(
                self._groups[line.place],
                self._members[line.contact_id],
                width,
                is_first=line.is_first,
                is_dismissed=line.place in self._dismissed,
            )
        ]

    def _show(self) -> None:
        """Show the state of the search, and the group under the cursor."""
        self.set_class(not self._lines, "-empty")
        if self._is_searching:
            self.rows.empty_text = formatting.searching(*self._progress, self.key("back"))
        elif not self._lines:
            self.rows.empty_text = formatting.NONE_FOUND.format(back=self.key("back"))
        self.rows.refresh()
        is_loading = self.backend.snapshot.progress is not None
        counted = formatting.summary(self._total, len(self._groups), is_loading=is_loading)
        self.heading.update_text(
            f"{formatting.TITLE}: {counted}" if self._lines else formatting.TITLE, "bold"
        )
        self._show_group()

    def on_resize(self) -> None:
        """Write the contacts side by side for another width."""
        self._show_group()

    @on(VirtualList.Moved)
    def _show_group(self) -> None:
        line = self._line
        if line is None:
            self.key_bar.set_actions(("back", "Cancel" if self._is_searching else "Back"))
            return
        group = self._groups[line.place]
        members = [self._members[key] for key in group.keys if key in self._members]
        width = max(0, self.size.width - 2)
        current = self._members[line.contact_id]
        self.query_one("#about", Details).show(
            formatting.side_by_side(group, members, current, width, self.local_now())
        )
        urls = [self.backend.contacts.url(member.contact.contact_id) for member in members]
        self.query_one("#merge", Details).show(formatting.merge_lines(urls, self.key("open_group"), width))
        is_dismissed = line.place in self._dismissed
        self.key_bar.set_actions(
            "archive",
            ("not_duplicates", "Duplicates again" if is_dismissed else "Not duplicates"),
            "open_in_xero",
            "open_group",
            "copy_group",
            "back",
        )

    # --- keys ---

    def action_archive(self) -> None:
        """Archive the contact under the cursor."""
        if (line := self._line) is not None:
            self.changes.confirm(Action.ARCHIVE, [line.contact_id])
        else:
            self.flash(formatting.NOTHING_HERE)

    def action_not_duplicates(self) -> None:
        """Mark the contacts of the group as not duplicates of each other, or take that back."""
        line = self._line
        if line is None:
            self.flash(formatting.NOTHING_HERE)
            return
        self._dismissed ^= {line.place}
        is_dismissed = line.place in self._dismissed
        self._show()
        self.start(partial(self._dismiss, line.place, on=is_dismissed), "dismiss")

    async def _dismiss(self, place: int, *, on: bool) -> None:
        keys = self._groups[place].keys
        pairs = [pair_of(one, other) for index, one in enumerate(keys) for other in keys[index + 1 :]]
        try:
            await self.backend.duplicates.dismiss(pairs, on=on)
        except ReshelveError:
            # Shown before it was saved.
            self._dismissed ^= {place}
            self._show()
            raise
        key = self.key("not_duplicates")
        self.flash(formatting.DISMISSED.format(key=key) if on else formatting.RESTORED)

    @on(VirtualList.RowOpened)
    def _open(self) -> None:
        """Show the contact's page."""
        if (line := self._line) is not None:
            self.open_screen(navigation.ContactScreen(self.backend, line.contact_id))
        else:
            self.flash(formatting.NOTHING_HERE)

    def action_open_in_xero(self) -> None:
        """Open the contact under the cursor in Xero."""
        if (line := self._line) is not None:
            self.open_page(line.contact_id)
        else:
            self.flash(formatting.NOTHING_HERE)

    def action_open_group(self) -> None:
        """Open all contacts of the group in Xero, where they can be merged."""
        if links := self._links():
            self.start(partial(self._open_pages, links), "browser")

    async def _open_pages(self, links: Sequence[str]) -> None:
        for link in links:
            if not await self.open_in_browser(link):
                key = self.key("copy_group")
                self.flash(formatting.NO_BROWSER.format(key=key), is_problem=True)
                return
        self.flash(self.opened(len(links)))

    def action_copy(self) -> None:
        """Copy the link to the contact under the cursor."""
        if (line := self._line) is not None:
            self.copy_link(line.contact_id)
        else:
            self.flash(formatting.NOTHING_HERE)

    def action_copy_group(self) -> None:
        """Copy the links to all contacts of the group, one per line."""
        if links := self._links():
            self.app.copy_to_clipboard("\n".join(links))
            self.flash(formatting.COPIED.format(links=pluralize(len(links), "link")))

    def _links(self) -> Sequence[str]:
        """Return the links to the contacts of the group under the cursor; say so if there is none."""
        line = self._line
        if line is None:
            self.flash(formatting.NOTHING_HERE)
            return ()
        keys = self._groups[line.place].keys
        return [self.backend.contacts.url(key) for key in keys if key in self._members]

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_retry_contact(self) -> None:
        """Retry what Xero refused of the request just made."""
        self.changes.retry(None)

    def action_connect(self) -> None:
        """Connect to Xero again."""
        self.post_message(ConnectRequested())

    def action_back(self) -> None:
        """Cancel the search, or go back."""
        self.dismiss()
