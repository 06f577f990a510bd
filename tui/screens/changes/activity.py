"""Every change, newest first, and what happened to the one under the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.actions.registry import bindings
from tui.model.change import State
from tui.screens.changes import activity_format
from tui.screens.changes.change_controller import can_retry
from tui.screens.changes.change_list_screen import ChangeListScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.file_name import FileNameScreen
from tui.screens.messages import SnapshotChanged
from tui.widgets.change_groups import ChangeGroupBar
from tui.widgets.formatting import pluralize
from tui.widgets.key_bar import KeyBar
from tui.widgets.paused_banner import PausedBanner
from tui.widgets.search_box import SearchBox
from tui.widgets.static_line import StaticLine
from tui.widgets.text import content
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.change import Change
    from tui.model.contact_details import TimelineEntry
    from tui.model.services import Backend
    from tui.model.snapshot import ChangeView

_CANCELLABLE = frozenset({State.QUEUED, State.AWAITING_USER})
_SEARCH_KEYS = (("open", "To the list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))


@dataclass
class _TimelineLoaded(Message, bubble=False):
    view: ChangeView
    lines: Sequence[TimelineEntry]


class ActivityScreen(ChangeListScreen):
    """The journal, to be looked through; what isn't finished can be taken back or tried again."""

    CSS_PATH = "activity.tcss"
    AUTO_FOCUS = "#rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("group_all", "group_open", "group_refused", "group_waiting", "group_done"),
        *bindings("take_back", "retry", "export", "undo", "redo", "pause", "handoffs"),
        *bindings("search", "clear", "back"),
    ]

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend

    def compose(self) -> ComposeResult:
        """Put the list above, or beside, what happened to one of them."""
        yield StaticLine(id="heading")
        yield ChangeGroupBar()
        yield SearchBox("#rows", id="search")
        yield PausedBanner()
        with Container(id="body"):
            yield VirtualList(self.format_row, id="rows")
            with VerticalScroll(id="story", can_focus=False):
                yield Static(id="told", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the newest."""
        self.rows.empty_text = activity_format.READING
        self.show_total(0)
        self._update()
        self.find()

    def show_total(self, total: int) -> None:
        """Write whose changes these are, and how many were found."""
        name = content(self.backend.snapshot.organisation.name, "bold")
        heading = Content.assemble(
            ("Changes", "bold $text-primary"), "  ", name, "  ", pluralize(total, "change")
        )
        self.query_one("#heading", StaticLine).show(heading)

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self._update()
        self.reload()

    def _update(self) -> None:
        snapshot = self.backend.snapshot
        self.groups.update_from(snapshot.summary)
        self.query_one(PausedBanner).update_from(snapshot)
        self._update_key_bar()

    def on_descendant_focus(self) -> None:
        """Name the keys that work where the person is."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self.search.has_focus_within:
            self.key_bar.set_actions(*_SEARCH_KEYS)
            return
        view = self.current
        state = view.change.state if view is not None else None
        back = {State.QUEUED: ("take_back", "Cancel"), State.AWAITING_USER: ("take_back", "Stop waiting")}
        self.key_bar.set_actions(
            *([back[state]] if state in _CANCELLABLE else []),
            *(["retry"] if can_retry(view) else []),
            *([("open", "Open contact")] if view is not None else []),
            "search",
            "undo",
            "export",
            ("pause", "Go on sending") if self.backend.snapshot.is_paused else "pause",
            "help",
            "back",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the search key to the box; esc clears before it leaves."""
        if action == "search":
            return not self.search.has_focus_within
        if action == "clear":
            return bool(self.search.text)
        return super().check_action(action, parameters)

    # --- the one under the cursor ---

    def cursor_moved(self) -> None:
        """Tell of the change under the cursor."""
        self._update_key_bar()
        if self.current is None:
            self.query_one("#told", Static).update("")
        else:
            self._load_timeline(self.current)

    @work(exclusive=True, group="story", exit_on_error=False)
    async def _load_timeline(self, view: ChangeView) -> None:
        self.post_message(_TimelineLoaded(view, await self.backend.change_log.timeline(view.change)))

    @on(_TimelineLoaded)
    def _show_details(self, message: _TimelineLoaded) -> None:
        if message.view == self.current:
            details = activity_format.details(message.view, message.lines, self.now(), self.key)
            self.query_one("#told", Static).update(details)

    @on(VirtualList.Opened)
    def _open(self) -> None:
        if self.current is not None:
            from tui.screens.contact.contact import ContactScreen  # noqa: PLC0415 - only once one is opened

            self.open_screen(ContactScreen(self.backend, self.current.change.contact_id))

    def action_retry(self) -> None:
        """Try again what Xero refused."""
        self.rows.reveal_cursor()
        self.retry_change(self.current)

    def action_take_back(self) -> None:
        """Cancel what hasn't left, or stop waiting for a restore, if the person means it."""
        view = self.current
        if view is None:
            return
        self.rows.reveal_cursor()
        change = view.change
        if change.state not in _CANCELLABLE:
            self.flash(activity_format.not_cancellable_reason(change, self.key("undo")))
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if is_confirmed:
                self._cancel_change(change)

        is_manual_restore = change.state is State.AWAITING_USER
        question, yes = (
            ("Stop waiting?", "Stop waiting") if is_manual_restore else ("Take it back?", "Take back")
        )
        self.open_screen(
            AskScreen(question, activity_format.cancel_explanation(change), yes=yes, no="Keep"), answered
        )

    @work(group="take-back", exit_on_error=False)
    async def _cancel_change(self, change: Change) -> None:
        if change.state is State.AWAITING_USER:
            await self.backend.manual_restores.dismiss(change)
            self.flash("No longer waited for. Xero stays as it is.")
        else:
            await self.backend.changes.cancel(change)
            self.flash("Cancelled before it left. Xero stays as it is.")

    # --- all of them ---

    def action_export(self) -> None:
        """Write the changes found to a file whose name the person chooses."""
        if not self.window.total:
            self.flash("There is nothing here to export.")
            return

        def file_chosen(file: Path | None) -> None:
            if file is not None:
                self._export(file)

        suggestion = Path.home() / f"reshelve-changes-{self.local_now():%Y-%m-%d}.csv"
        found = pluralize(self.window.total, "change")
        self.open_screen(FileNameScreen(f"Export {found}", suggestion), file_chosen)

    @work(group="export", exit_on_error=False)
    async def _export(self, file: Path) -> None:
        count = await self.backend.change_log.export(self.query_shown, file)
        self.flash(f"{pluralize(count, 'change')} written to {file}")

    def action_handoffs(self) -> None:
        """Show the restores that wait for a press in Xero."""
        from tui.screens.manual_restores.manual_restores import ManualRestoresScreen  # noqa: PLC0415 - only once it is wanted

        self.open_screen(ManualRestoresScreen(self.backend))

    def action_back(self) -> None:
        """Go back to the contacts."""
        self.dismiss()
