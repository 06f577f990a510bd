"""The page of one contact."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui import messages
from tui.actions import bindings, default_key, error_advice
from tui.messages import formats
from tui.messages.formats import money
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.errors import ReshelveError
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import (
    ChangeController,
    ResultController,
    UndoController,
    blocked_reason,
    can_retry,
)
from tui.screens.changes.formatting import entry_text, entry_time
from tui.screens.re_leased.manual_sync_controller import ContactReportController
from tui.screens.tenancy.formatting import format_groups
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar
from tui.widgets.moving import ScrollingText
from tui.widgets.status_badge import advice_after_sync, badge_for, read_note, refusal_advice
from tui.widgets.text import content, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.contact import Contact, ContactDetails, HistoryEntry
    from tui.model.services import Backend


_LABEL = 17
_WHEN = 22
_PAST = {Action.ARCHIVE: "Archived", Action.RESTORE: "Restored"}
_NOUNS = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
# Reasons recorded on the way don't matter once a change is done; the timeline still shows them.
_STATES_WITH_REASON = frozenset({State.REFUSED, State.AWAITING_USER})
_LOADING = "This contact is still loading."
_STATUS = {
    ContactStatus.ACTIVE: ("Active", "$text-success"),
    ContactStatus.ARCHIVED: ("Archived", "$text-warning"),
    ContactStatus.GDPRREQUEST: ("Privacy request", "$text-error"),
    ContactStatus.DELETED: ("No longer in Xero", "$text-error"),
}


def _format_heading(contact: Contact) -> Content:
    """Format the name and status."""
    words, style = _STATUS[contact.status]
    merged = ("  merged into another contact", "$text-muted") if contact.merged_to else ""
    return Content.assemble(content(contact.name, "bold"), "   ", (words, style), merged)


def _format_details(page: ContactDetails) -> Content:
    """Format the contact's details; empty fields are left out."""
    contact = page.contact
    kinds = (("Customer", contact.is_customer), ("Supplier", contact.is_supplier))
    pairs = (*_fields(page), ("Kind", ", ".join(word for word, applies in kinds if applies)))
    lines = [_pair(label, value) for label, value in pairs if value]
    if page.tenant_groups:
        noun = "Tenant group" if len(page.tenant_groups) == 1 else "Tenant groups"
        lines.append(_pair("", f"! {noun}: {format_groups(page.tenant_groups)}", "$text-warning"))
    return _section("Details", lines)


def _fields(page: ContactDetails) -> Iterator[tuple[str, str]]:
    """Yield the labels and texts of the contact's fields, which can also be copied."""
    contact, record = page.contact, page.record
    yield "Person", f"{contact.first_name} {contact.last_name}".strip()
    for person in record.people:
        yield "Also", person
    yield "E-mail", contact.email
    yield from record.phones or (("Phone", contact.phone),)
    yield from record.addresses
    yield "Account number", contact.account_number
    yield "Contact number", contact.contact_number
    yield "Tax number", record.tax_number
    yield "Company number", record.company_number
    yield "Currency", record.currency
    yield "Website", record.website
    yield "Groups", ", ".join(contact.groups)
    yield "Merged into", page.survivor


def _format_balances(contact: Contact, now: datetime) -> Content:
    """Format the balances and their age, since Xero doesn't report balance changes."""
    known = contact.balances
    if known is None:
        return _section("Balances", [Content.styled("No balance available.", "$text-muted")])
    lines = [
        _amount("They owe", known.receivable, known.receivable_overdue),
        _amount("You owe", known.payable, known.payable_overdue),
    ]
    if known.read_at is not None:
        lines.append(Content.styled(f"Loaded from Xero {formats.ago(known.read_at, now)}.", "$text-muted"))
    return _section("Balances", lines)


def _amount(label: str, outstanding: int, overdue: int) -> Content:
    late = (f"  {money(overdue)} overdue", "$text-warning") if overdue else ""
    return Content.assemble((label.ljust(_LABEL), "$text-muted"), money(outstanding), late)


def _format_changes(page: ContactDetails, now: datetime, key: Callable[[str], str] = default_key) -> Content:
    """Format the changes requested in Reshelve or found in Xero, newest first."""
    how = f" Archive with {key('archive')}, restore with {key('restore')}." if key("archive") else ""
    lines = list(_changes(page, now, key)) or [Content.styled(f"None yet.{how}", "$text-muted")]
    return _section("Changes", lines)


def _changes(page: ContactDetails, now: datetime, key: Callable[[str], str]) -> Iterator[Content]:
    for view in page.changes:
        badge, change = badge_for(view, now.astimezone()), view.change
        style = f"$text-{badge.style}" if badge.style else ""
        where = "in Xero" if change.origin == "xero" else "in Reshelve"
        what = (
            _PAST[change.action] if change.state is State.CONFIRMED else f"{_NOUNS[change.action]} requested"
        )
        yield Content.assemble(
            (badge.symbol or "·", style), f" {what} {where}, ",
            formats.short_time(change.requested_at, now), "  ", (badge.label or change.state.value, style),
        )  # fmt: skip
        if note := read_note(view):
            yield content(note, "$text-muted")
        if view is page.changes[0] and (to_do := advice_after_sync(view)):
            yield content(to_do, "$text-muted")
        if change.state in _STATES_WITH_REASON and (why := messages.why(change)):
            yield content(why, "$text-muted")
        to_do = refusal_advice(change, key=key)
        if to_do:
            yield content(to_do, "$text-warning")


def _format_timeline(page: ContactDetails) -> Content:
    """Format the change log of this contact."""
    lines = [
        Content.assemble((entry_time(entry).ljust(_WHEN), "$text-muted"), content(entry_text(entry)))
        for entry in page.timeline
    ]
    return _section("Timeline", lines) if lines else Content("")


def _format_history(lines: Sequence[HistoryEntry]) -> Content:
    """Format Xero's own history."""
    shown = [_history_line(line) for line in lines]
    return _section("History in Xero", shown or [Content.styled("No history in Xero.", "$text-muted")])


def _format_history_state(words: str, style: str = "$text-muted") -> Content:
    """Format why no history is shown."""
    return _section("History in Xero", [content(words, style)])


def _history_line(line: HistoryEntry) -> Content:
    when = formats.date_and_time(line.when) if line.when else formats.NO_VALUE
    head = Content.assemble((when.ljust(_WHEN), "$text-muted"), content(line.event, "bold"))
    by = content(f"  by {line.user}", "$text-muted") if line.user else Content("")
    details = Content.assemble("\n", content(line.details, "$text-muted")) if line.details else Content("")
    return Content.assemble(head, by, details)


def _copyable(page: ContactDetails) -> Iterator[tuple[str, str]]:
    yield "Name", page.contact.name
    yield from ((label, text) for label, text in _fields(page) if text)
    yield "Contact ID", page.contact.contact_id


def _pair(label: str, value: str, style: str = "") -> Content:
    return Content.assemble((label.ljust(_LABEL), "$text-muted"), content(value, style))


def _section(title: str, lines: Sequence[Content]) -> Content:
    return Content("\n").join([Content.styled(title, "bold $text-primary"), *lines])


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
        *bindings("tenant_groups"),
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

    def compose(self) -> ComposeResult:
        """Lay out the contact on the left, its changes and history on the right (or below)."""
        yield Static(id="heading", markup=False)
        yield PausedBanner()
        with ScrollingText(id="page"), Container(id="columns"):
            with Vertical(classes="column"):
                yield Static(id="details", classes="section")
                yield Static(id="balances", classes="section")
            with Vertical(classes="column"):
                yield Static(id="changes", classes="section")
                yield Static(id="timeline", classes="section")
                yield Static(id="history", classes="section")
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

    def _update(self) -> None:
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        last = self._page.changes[0] if self._page is not None and self._page.changes else None
        again = ["retry_contact"] if can_retry(last) else []
        waits = last is not None and last.change.state is State.CONFIRMED
        seen = ["mark_checked"] if waits else []
        offers = (
            "archive",
            "restore",
            "open_in_xero",
            "copy",
            "undo",
            "refresh",
            *seen,
            *(["open_survivor"] if self._page is not None and self._page.survivor else []),
            "mark_not_linked",
            *(["next_contact"] if self._neighbour is not None else []),
            "copy_field",
            "copy_contact_id",
            "back",
        )
        self.key_bar.set_actions(*again, *offers)

    @work(exclusive=True, group="page", exit_on_error=False)
    async def _load_page(self) -> None:
        self.post_message(_PageLoaded(await self.backend.contacts.details(self._contact_id)))

    @work(exclusive=True, group="freshen", exit_on_error=False)
    async def _refresh_contact(self) -> None:
        # Xero doesn't report balance changes. If the refresh fails, the page shows the age of the balances.
        with suppress(ReshelveError):
            await self.backend.contacts.refresh_one(self._contact_id)

    def _load_history(self) -> None:
        self._update_section("#history", _format_history_state("Loading from Xero…"))
        self._fetch_history()

    @work(exclusive=True, group="history", exit_on_error=False)
    async def _fetch_history(self) -> None:
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
        now = self.now()
        self._update_section("#heading", _format_heading(page.contact))
        self._update_section("#details", _format_details(page))
        self._update_section("#balances", _format_balances(page.contact, now))
        self._update_section(
            "#changes",
            _format_changes(page, now, self.key),
        )
        timeline = _format_timeline(page)
        self._update_section("#timeline", timeline)
        self.query_one("#timeline").display = bool(timeline.plain)
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

    def _update_section(self, selector: str, text: Content) -> None:
        self.query_one(selector, Static).update(text)

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
            self.flash("This contact wasn't merged into another one.")
        elif not page.survivor:
            self.flash("The contact it was merged into isn't loaded.")
        else:
            self._show_contact(page.contact.merged_to)

    def _show_contact(self, contact_id: str) -> None:
        self._contact_id = contact_id
        self._page = None
        self.query_one("#page").scroll_home(animate=False)
        self._reload()

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
