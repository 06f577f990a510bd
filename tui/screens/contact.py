"""The page of one contact."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui import messages
from tui.actions import bindings, error_advice
from tui.messages import formats
from tui.model.change import Action, State
from tui.model.errors import ReshelveError
from tui.model.marks import MarkKind
from tui.screens import navigation
from tui.screens.base_screen import NOT_MERGED, SURVIVOR_NOT_LOADED, EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import (
    ChangeController,
    ResultController,
    UndoController,
    blocked_reason,
    can_retry,
)
from tui.screens.changes.formatting import entry_text, entry_time
from tui.screens.contact_format import (
    fields,
    format_balances,
    format_changes,
    format_details,
    format_heading,
    labelled,
    section,
)
from tui.screens.re_leased.manual_sync_controller import ContactReportController
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import HangingText
from tui.widgets.moving import ScrollingText
from tui.widgets.text import content, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.contact import ContactDetails, HistoryEntry
    from tui.model.services import Backend
    from tui.screens.contact_format import Line


#: Seconds for which a contact is shown before Xero is asked about it, while the user goes through a list.
REST_SECONDS = 0.3
_WHEN = 22
_LOADING = "This contact is still loading."
_MINUTE = timedelta(minutes=1)


def _format_timeline(page: ContactDetails) -> list[Line]:
    """Format the change log of this contact."""
    lines = [labelled(entry_time(entry), entry_text(entry), label_width=_WHEN) for entry in page.timeline]
    return section("Timeline", lines) if lines else []


def _format_history(lines: Sequence[HistoryEntry]) -> list[Line]:
    """Format Xero's own history."""
    if not lines:
        return _format_history_state("No history in Xero.")
    return section("History in Xero", [part for line in lines for part in _history_lines(line)])


def _format_history_state(words: str, style: str = "$text-muted") -> list[Line]:
    """Format why no history is shown."""
    return section("History in Xero", [(0, content(words, style))])


def _history_lines(line: HistoryEntry) -> Iterator[Line]:
    when = formats.date_and_time(line.when) if line.when else formats.NO_VALUE
    indent, head = labelled(when, line.event, "bold", _WHEN)
    by = content(f"  by {line.user}", "$text-muted") if line.user else Content("")
    yield indent, head + by
    if line.details:
        yield 0, content(line.details, "$text-muted")


def _copyable(page: ContactDetails) -> Iterator[tuple[str, str]]:
    yield "Name", page.contact.name
    yield from ((label, text) for label, text in fields(page) if text)
    yield "Contact ID", page.contact.contact_id


@dataclass
class _PageLoaded(Message, bubble=False):
    page: ContactDetails


@dataclass
class _HistoryLoaded(Message, bubble=False):
    contact_id: str
    lines: Sequence[HistoryEntry]


@dataclass
class _HistoryFailed(Message, bubble=False):
    contact_id: str
    error: ReshelveError


class ContactScreen(EngineScreen[None]):
    """Details, balances, changes and Xero's history of one contact."""

    PLACE = "on a contact's page"
    CSS_PATH = "contact.tcss"
    AUTO_FOCUS = "#page"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "restore", "open_in_xero", "copy", "refresh", "back"),
        *bindings("undo", "redo", "pause", "retry_contact", "mark_checked", "mark_not_linked"),
        *bindings("copy_contact_id", "copy_field", "next_contact", "previous_contact", "open_survivor"),
        *bindings("tenant_groups", "keep", "protect"),
    ]

    result: ResultController

    def __init__(
        self, backend: Backend, contact_id: str, neighbour: Callable[[int], str | None] | None = None
    ) -> None:
        """Show a contact. `neighbour` moves so many rows down the list and returns the contact there."""
        super().__init__()
        self.backend = backend
        self.result = ResultController(self, is_contact=True)
        self.changes = ChangeController(self, self.result)
        self.undo = UndoController(self, self.result)
        self.reports = ContactReportController(self)
        self._contact_id = contact_id
        self._neighbour = neighbour
        self._page: ContactDetails | None = None
        self._shown_at: datetime | None = None

    def compose(self) -> ComposeResult:
        """Lay out the contact on the left, its changes and history on the right (or below)."""
        yield Static(id="heading", markup=False)
        yield PausedBanner()
        with ScrollingText(id="page"), Container(id="columns"):
            with Vertical(classes="column"):
                yield HangingText(id="details", classes="section")
                yield HangingText(id="balances", classes="section")
            with Vertical(classes="column"):
                yield HangingText(id="changes", classes="section")
                yield HangingText(id="timeline", classes="section")
                yield HangingText(id="history", classes="section")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show saved data at once, and load the history from Xero."""
        self._update()
        self._load_page()
        self._load_history()
        self._refresh_contact()

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self._update()
        self._load_page()
        self.result.reload()

    def tick(self) -> None:
        """Show how old the balances are, to the minute."""
        now = self.now()
        if self._page is None or self._shown_at is None or now - self._shown_at < _MINUTE:
            return
        self._shown_at = now
        self._update_section("#balances", format_balances(self._page.contact, now))

    def _update(self) -> None:
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        last = self._page.changes[0] if self._page is not None and self._page.changes else None
        again = ["retry_contact"] if can_retry(last) else []
        waits = last is not None and last.change.state is State.CONFIRMED
        seen = ["mark_checked"] if waits else []
        # By how often they are used, as a terminal seldom has room for all of them.
        self.key_bar.set_actions(
            *again,
            "archive",
            "restore",
            *seen,
            *(["open_survivor"] if self._page is not None and self._page.survivor else []),
            "open_in_xero",
            *(["next_contact"] if self._neighbour is not None else []),
            ("copy_field", "Copy…"),
            "undo",
            "mark_not_linked",
            "copy_contact_id",
            "copy",
            "keep",
            "protect",
            "refresh",
            "help",
            "back",
        )

    @work(exclusive=True, group="page", exit_on_error=False)
    async def _load_page(self) -> None:
        self.post_message(_PageLoaded(await self.backend.contacts.details(self._contact_id)))

    @work(exclusive=True, group="freshen", exit_on_error=False)
    async def _refresh_contact(self, after: float = 0) -> None:
        await asyncio.sleep(after)
        # Xero doesn't report balance changes. If the refresh fails, the page shows the age of the balances.
        with suppress(ReshelveError):
            await self.backend.contacts.refresh_one(self._contact_id)

    def _load_history(self, after: float = 0) -> None:
        self._update_section("#history", _format_history_state("Loading from Xero…"))
        self._fetch_history(after)

    @work(exclusive=True, group="history", exit_on_error=False)
    async def _fetch_history(self, after: float) -> None:
        await asyncio.sleep(after)
        contact_id = self._contact_id
        try:
            lines = await self.backend.contacts.history(contact_id)
            self.post_message(_HistoryLoaded(contact_id, lines))
        except ReshelveError as error:
            self.post_message(_HistoryFailed(contact_id, error))

    @on(_PageLoaded)
    def _show(self, message: _PageLoaded) -> None:
        if message.page.contact.contact_id != self._contact_id:
            return
        page = self._page = message.page
        now = self._shown_at = self.now()
        self.query_one("#heading", Static).update(format_heading(page.contact))
        self._update_section("#details", format_details(page, self.backend.snapshot.activity))
        self._update_section("#balances", format_balances(page.contact, now))
        self._update_section("#changes", format_changes(page, now, self.key))
        timeline = _format_timeline(page)
        self._update_section("#timeline", timeline)
        self.query_one("#timeline").display = bool(timeline)
        self._update_key_bar()

    @on(_HistoryLoaded)
    def _show_history(self, message: _HistoryLoaded) -> None:
        if message.contact_id == self._contact_id:
            self._update_section("#history", _format_history(message.lines))

    @on(_HistoryFailed)
    def _show_failure(self, message: _HistoryFailed) -> None:
        if message.contact_id != self._contact_id:
            return
        error = message.error
        again = f"Press {self.key('refresh')} to retry."
        text = f"{messages.message(error)} {error_advice(self.app, error) or again}"
        self._update_section("#history", _format_history_state(text, "$text-warning"))

    def _update_section(self, selector: str, lines: Sequence[Line]) -> None:
        self.query_one(selector, HangingText).show(lines)

    def action_archive(self) -> None:
        """Archive this contact."""
        self._start_change(Action.ARCHIVE)

    def action_restore(self) -> None:
        """Restore this contact."""
        self._start_change(Action.RESTORE)

    def _start_change(self, action: Action) -> None:
        page = self._page
        if page is None:
            self.flash(_LOADING)
            return
        last = page.changes[0] if page.changes else None
        contact = page.contact
        reason = blocked_reason(action, contact.status, last, is_merged=bool(contact.merged_to), key=self.key)
        if reason:
            self.flash(reason)
        else:
            self.changes.confirm(action, (self._contact_id,))

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_redo(self) -> None:
        """Redo the last undone request."""
        self.undo.redo()

    def action_pause(self) -> None:
        """Pause or resume sending to Xero."""
        self.undo.toggle_pause()

    def action_tenant_groups(self) -> None:
        """Choose tenant groups."""
        self.changes.mark_tenant_groups()

    def action_retry_contact(self) -> None:
        """Retry a change that Xero refused."""
        page = self._page
        if page is None:
            self.flash(_LOADING)
        else:
            self.changes.retry(page.changes[0].change if page.changes else None)

    def action_mark_checked(self) -> None:
        """Mark this contact as checked in Re-Leased."""
        if self._page is None:
            self.flash(_LOADING)
        else:
            self.reports.ask_checked(self._page)

    def action_mark_not_linked(self) -> None:
        """Mark this contact as not linked in Re-Leased, or linked again."""
        if self._page is None:
            self.flash(_LOADING)
        else:
            self.reports.ask_link(self._page)

    def action_keep(self) -> None:
        """Mark this contact as kept, or no longer."""
        navigation.MarkController(self).toggle(MarkKind.KEPT, (self._contact_id,))

    def action_protect(self) -> None:
        """Protect this contact, or no longer."""
        navigation.MarkController(self).toggle(MarkKind.PROTECTED, (self._contact_id,))

    def action_open_in_xero(self) -> None:
        """Open this contact in Xero."""
        self.open_page(self._contact_id)

    def action_copy(self) -> None:
        """Copy the link to this contact."""
        self.copy_link(self._contact_id)

    def action_copy_contact_id(self) -> None:
        """Copy Xero's ContactID of this contact."""
        self.copy_contact_id(self._contact_id)

    def action_copy_field(self) -> None:
        """Choose a field of this contact to copy."""
        page = self._page
        if page is None:
            self.flash(_LOADING)
            return
        fields = {f"{number}": (label, text) for number, (label, text) in enumerate(_copyable(page))}

        def chosen(number: str | None) -> None:
            if number is not None:
                label, text = fields[number]
                self.app.copy_to_clipboard(text)
                self.flash(f"{label} copied.")

        labels = {number: f"{label}: {safe(text)}" for number, (label, text) in fields.items()}
        self.open_screen(navigation.ChooseScreen("Copy", (), labels, first="0"), chosen)

    def action_next_contact(self) -> None:
        """Show the next contact of the list."""
        self._go(1)

    def action_previous_contact(self) -> None:
        """Show the previous contact of the list."""
        self._go(-1)

    def _go(self, steps: int) -> None:
        if self._neighbour is None:
            self.flash("Open a contact from the list of contacts to go through it.")
            return
        contact_id = self._neighbour(steps)
        if contact_id is None:
            self.flash("No more contacts in this direction.")
        else:
            self._show_contact(contact_id)

    def action_open_survivor(self) -> None:
        """Show the contact that this one was merged into."""
        page = self._page
        if page is None:
            self.flash(_LOADING)
        elif not page.contact.merged_to:
            self.flash(NOT_MERGED)
        elif not page.survivor:
            self.flash(SURVIVOR_NOT_LOADED)
        else:
            self._show_contact(page.contact.merged_to)

    def _show_contact(self, contact_id: str) -> None:
        self._contact_id = contact_id
        self._page = None
        self.query_one("#page").scroll_home(animate=False)
        self._load_page()
        self._load_history(after=REST_SECONDS)
        self._refresh_contact(after=REST_SECONDS)

    def action_refresh(self) -> None:
        """Reload everything."""
        self.flash_refreshing()
        self._reload()

    def _reload(self) -> None:
        self._load_page()
        self._load_history()
        self._refresh_contact()

    def action_back(self) -> None:
        """Go back to the contacts."""
        self.dismiss()
