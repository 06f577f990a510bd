"""Text for the page of a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui import messages
from tui.actions.registry import default_key
from tui.messages import formats
from tui.messages.formats import money
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.screens.changes.formatting import entry_text, entry_time
from tui.screens.tenancy.formatting import format_groups
from tui.widgets.status_badge import badge_for, refusal_advice
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tui.model.contact import Contact, ContactDetails, HistoryEntry

_LABEL = 17
_WHEN = 22
_PAST = {Action.ARCHIVE: "Archived", Action.RESTORE: "Restored"}
_NOUNS = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
# Reasons recorded on the way don't matter once a change is done; the timeline still shows them.
_STATES_WITH_REASON = frozenset({State.REFUSED, State.AWAITING_USER})
_STATUS = {
    ContactStatus.ACTIVE: ("Active", "$text-success"),
    ContactStatus.ARCHIVED: ("Archived", "$text-warning"),
    ContactStatus.GDPRREQUEST: ("Privacy request", "$text-error"),
    ContactStatus.DELETED: ("No longer in Xero", "$text-error"),
}


def heading(contact: Contact) -> Content:
    """Format the name and status."""
    words, style = _STATUS[contact.status]
    merged = ("  merged into another contact", "$text-muted") if contact.merged_to else ""
    return Content.assemble(content(contact.name, "bold"), "   ", (words, style), merged)


def details(page: ContactDetails) -> Content:
    """Format the contact's details; empty fields are left out."""
    contact = page.contact
    kinds = (("Customer", contact.is_customer), ("Supplier", contact.is_supplier))
    pairs = (
        ("Person", f"{contact.first_name} {contact.last_name}".strip()),
        ("E-mail", contact.email),
        ("Phone", contact.phone),
        ("Account number", contact.account_number),
        ("Contact number", contact.contact_number),
        ("Kind", ", ".join(word for word, applies in kinds if applies)),
        ("Groups", ", ".join(contact.groups)),
    )
    lines = [_pair(label, value) for label, value in pairs if value]
    if page.tenant_groups:
        noun = "Tenant group" if len(page.tenant_groups) == 1 else "Tenant groups"
        lines.append(_pair("", f"! {noun}: {format_groups(page.tenant_groups)}", "$text-warning"))
    return _section("Details", lines)


def balances(contact: Contact, now: datetime) -> Content:
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


def changes(page: ContactDetails, now: datetime, key: Callable[[str], str] = default_key) -> Content:
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
        if change.state in _STATES_WITH_REASON and (why := messages.why(change)):
            yield content(why, "$text-muted")
        to_do = refusal_advice(change, key=key)
        if to_do:
            yield content(to_do, "$text-warning")


def timeline(page: ContactDetails) -> Content:
    """Format the change log of this contact."""
    lines = [
        Content.assemble((entry_time(entry).ljust(_WHEN), "$text-muted"), content(entry_text(entry)))
        for entry in page.timeline
    ]
    return _section("Timeline", lines) if lines else Content("")


def history(lines: Sequence[HistoryEntry]) -> Content:
    """Format Xero's own history."""
    shown = [_history_line(line) for line in lines]
    return _section("History in Xero", shown or [Content.styled("No history in Xero.", "$text-muted")])


def history_state(words: str, style: str = "$text-muted") -> Content:
    """Format why no history is shown."""
    return _section("History in Xero", [content(words, style)])


def _history_line(line: HistoryEntry) -> Content:
    when = formats.date_and_time(line.when) if line.when else formats.NO_VALUE
    head = Content.assemble((when.ljust(_WHEN), "$text-muted"), content(line.event, "bold"))
    by = content(f"  by {line.user}", "$text-muted") if line.user else Content("")
    details = Content.assemble("\n", content(line.details, "$text-muted")) if line.details else Content("")
    return Content.assemble(head, by, details)


def _pair(label: str, value: str, style: str = "") -> Content:
    return Content.assemble((label.ljust(_LABEL), "$text-muted"), content(value, style))


def _section(title: str, lines: Sequence[Content]) -> Content:
    return Content("\n").join([Content.styled(title, "bold $text-primary"), *lines])
