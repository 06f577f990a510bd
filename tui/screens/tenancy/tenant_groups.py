"""Choose which contact groups are tenants."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.worker import WorkerFailed

from tui.actions import bindings
from tui.model.errors import ReshelveError
from tui.screens.base_screen import EngineScreen, SnapshotChanged
from tui.screens.tenancy import formatting
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from tui.model.contact import ContactGroup
    from tui.model.services import Backend


@dataclass
class _GroupsLoaded(Message, bubble=False):
    groups: Sequence[ContactGroup]


class TickList(VirtualList):
    """Rows that toggle with one click, like checkboxes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "open", "Choose", id="table.select", show=False)
    ]

    def on_click(self, event: events.Click) -> None:
        """Toggle the clicked row."""
        event.prevent_default()
        offset = event.get_content_offset(self)
        index = None if offset is None else int(self.scroll_offset.y) + offset.y
        if index is not None and index < self.count:
            event.stop()
            self.put_cursor(index)
            self.action_open()


class TenantGroupsScreen(ModalScreen[frozenset[str]], EngineScreen[frozenset[str]]):
    """List the groups with a checkbox for tenants; the result is the names chosen.

    The order stays while the dialog is open, so that rows don't move from under the cursor.
    """

    CSS_PATH: ClassVar = ["../dialogs/dialog.tcss", "tenant_groups.tcss"]
    AUTO_FOCUS = "#groups"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("back", "protect")]

    rows = getters.query_one(TickList)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self._groups: list[ContactGroup] = []
        self._was_loading = backend.snapshot.progress is not None

    def compose(self) -> ComposeResult:
        """Lay out the explanation above the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = formatting.TITLE
            yield SafeLabel(formatting.EXPLANATION, classes="paragraph")
            yield TickList(self._format_row, id="groups")
            yield SafeLabel(id="empty", classes="paragraph")
            yield SafeLabel(id="hint", classes="paragraph")
        yield KeyBar(("back", "Close"))

    def on_mount(self) -> None:
        """Load the groups."""
        self._load_groups()

    @on(SnapshotChanged)
    def _snapshot_changed(self, message: SnapshotChanged) -> None:
        # Every page loaded may add groups; reload only once all contacts are loaded.
        is_reading = message.snapshot.progress is not None
        if self._was_loading and not is_reading:
            self._load_groups()
        self._was_loading = is_reading

    @work(exclusive=True, group="groups", exit_on_error=False)
    async def _load_groups(self) -> None:
        self.post_message(_GroupsLoaded(await self.backend.tenancy.groups()))

    @on(_GroupsLoaded)
    def _groups_loaded(self, message: _GroupsLoaded) -> None:
        before = {group.name for group in self._groups}
        found = {group.name: group for group in message.groups}
        kept = [found.pop(group.name) for group in self._groups if group.name in found]
        self._groups = [*kept, *found.values()] if before else list(message.groups)
        empty = formatting.STILL_READING if self._was_loading else formatting.NO_GROUPS
        self.query_one("#empty", SafeLabel).update_text(empty)
        self.set_class(not self._groups, "-empty")
        self._show()
        self._fit_list_height()
        if self._groups:
            self.rows.focus()

    def _show(self) -> None:
        self.rows.show(len(self._groups), self.rows.cursor)
        hint = self.query_one("#hint", SafeLabel)
        # Keep the hint's height, so that rows don't move from under the mouse when it gets shorter.
        hint.styles.min_height = hint.size.height
        hint.update_text(formatting.hint(self._groups))
        self._update_key_bar()

    def on_resize(self) -> None:
        """Fit the list to the screen."""
        self._fit_list_height()

    def _fit_list_height(self) -> None:
        # A scrolling list has no natural height for the dialog to follow.
        share = self.size.height * (30 if self.has_class("-short") else 40) // 100
        self.rows.styles.height = max(1, min(len(self._groups), share))

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        return (formatting.row(self._groups[index], width),)

    @on(VirtualList.Moved)
    def _update_key_bar(self) -> None:
        if not self._groups:
            self.key_bar.set_actions(("back", "Close"))
            return
        group = self._groups[self.rows.cursor]
        self.key_bar.set_actions(
            ("select", "Remove" if group.is_tenants else "Choose"),
            ("protect", "Don't protect" if group.is_protected else "Protect"),
            ("back", "Close"),
        )

    @on(VirtualList.RowOpened)
    def _toggle(self) -> None:
        if not self._groups:
            self.flash("No groups to choose from.")
            return
        # Show the change before it is saved, so that a second press in the meantime reverts it.
        group = self._groups[self.rows.cursor]
        toggled = self._groups[self.rows.cursor] = replace(group, is_tenants=not group.is_tenants)
        self._show()
        self._mark(toggled)

    @work(group="mark", exit_on_error=False)
    async def _mark(self, group: ContactGroup) -> None:
        try:
            await self.backend.tenancy.mark_tenants(group.name, on=group.is_tenants)
        except ReshelveError:
            self._load_groups()
            raise
        self.flash(formatting.marked_message(group))

    def action_protect(self) -> None:
        """Protect the contacts of the group under the cursor, or no longer."""
        if not self._groups:
            self.flash("No groups to choose from.")
            return
        group = self._groups[self.rows.cursor]
        toggled = self._groups[self.rows.cursor] = replace(group, is_protected=not group.is_protected)
        self._show()
        self._protect(toggled)

    @work(group="mark", exit_on_error=False)
    async def _protect(self, group: ContactGroup) -> None:
        try:
            await self.backend.marks.protect_group(group.name, on=group.is_protected)
        except ReshelveError:
            self._load_groups()
            raise
        self.flash(formatting.protected_message(group))

    async def action_back(self) -> None:
        """Close the dialog once all changes are saved."""
        marking = [worker for worker in self.workers if worker.node is self and worker.group == "mark"]
        for worker in marking:
            with suppress(WorkerFailed):
                await worker.wait()
        self.dismiss(frozenset(group.name for group in self._groups if group.is_tenants))
