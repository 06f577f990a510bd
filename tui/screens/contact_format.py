"""A contact as text: the lines that its page and its preview share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from textual.content import Content

from tui import messages
from tui.actions import default_key
from tui.messages import formats
from tui.messages.activity import last_activity, unknown_value
from tui.messages.formats import money
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.screens.tenancy.formatting import format_groups
from tui.widgets.status_badge import advice_after_sync, badge_for, read_note, refusal_advice
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tui.model.activity import ActivityStatus
    from tui.model.contact import Contact, ContactDetails
    from tui.model.snapshot import ChangeView


#: A line, and the cells that its label takes: the rest of its value is wrapped below its beginning.
Line: TypeAlias = tuple[int, Content]

_LABEL: Final = 17
_PAST = {Action.ARCHIVE: "Archived", Action.RESTORE: "Restored"}
_NOUNS = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
# Reasons recorded on the way don't matter once a change is done; the timeline still shows them.
_STATES_WITH_REASON = frozenset({State.REFUSED, State.AWAITING_USER})
#: How each status is shown: words and their style.
STATUS: Final = {
    ContactStatus.ACTIVE: ("Active", "$text-success"),
    ContactStatus.ARCHIVED: ("Archived", "$text-warning"),
    ContactStatus.GDPRREQUEST: ("Privacy request", "$text-error"),
    ContactStatus.DELETED: ("No longer in Xero", "$text-error"),
}


def format_heading(contact: Contact) -> Content:
    """Format the name and status."""
    words, style = STATUS[contact.status]
    merged = ("  merged into another contact", "$text-muted") if contact.merged_to else ""
    return Content.assemble(content(contact.name, "bold"), "   ", (words, style), merged)


def format_details(page: ContactDetails, reading: ActivityStatus) -> list[Line]:
    """Format the contact's details; `reading` says why its last activity isn't known."""
    lines = [labelled(*detail) for detail in details(page)]
    if page.activity is None and (why := unknown_value(reading)):
        lines.append(labelled("Last activity", why, "$text-muted"))
    return section("Details", lines)


def labelled(label: str, value: str, style: str = "", label_width: int = _LABEL) -> Line:
    """Format a value after its label."""
    text = Content.assemble((label.ljust(label_width), "$text-muted"), content(value, style))
    return max(label_width, len(label)), text


def details(page: ContactDetails) -> Iterator[tuple[str, str, str]]:
    """Yield the labels of a contact's details with their texts and styles; empty fields are left out."""
    contact = page.contact
    kinds = (("Customer", contact.is_customer), ("Supplier", contact.is_supplier))
    pairs = (*fields(page), ("Kind", ", ".join(word for word, applies in kinds if applies)))
    yield from ((label, value, "") for label, value in pairs if value)
    if page.tenant_groups:
        noun = "Tenant group" if len(page.tenant_groups) == 1 else "Tenant groups"
        yield "", f"! {noun}: {format_groups(page.tenant_groups)}", "$text-warning"
    if marks := ", ".join(_marks(page)):
        yield "Marked", marks, "$text-success"


def _marks(page: ContactDetails) -> Iterator[str]:
    if page.is_kept:
        yield "Kept"
    if page.protected_groups:
        yield f"Protected by {format_groups(page.protected_groups)}"
    elif page.is_protected:
        yield "Protected"


def fields(page: ContactDetails) -> Iterator[tuple[str, str]]:
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
    if page.activity is not None:
        yield "Last activity", last_activity(page.activity)


def format_balances(contact: Contact, now: datetime, label_width: int = _LABEL) -> list[Line]:
    """Format the balances and their age, since Xero doesn't report balance changes."""
    known = contact.balances
    if known is None:
        return section("Balances", [(0, Content.styled("No balance available.", "$text-muted"))])
    lines = [
        (label_width, _amount("They owe".ljust(label_width), known.receivable, known.receivable_overdue)),
        (label_width, _amount("You owe".ljust(label_width), known.payable, known.payable_overdue)),
    ]
    if known.read_at is not None:
        age = f"Loaded from Xero {formats.ago(known.read_at, now)}."
        lines.append((0, Content.styled(age, "$text-muted")))
    return section("Balances", lines)


def _amount(label: str, outstanding: int, overdue: int) -> Content:
    late = (f"  {money(overdue)} overdue", "$text-warning") if overdue else ""
    return Content.assemble((label, "$text-muted"), money(outstanding), late)


def format_changes(
    page: ContactDetails, now: datetime, key: Callable[[str], str] = default_key
) -> list[Line]:
    """Format the changes requested in Reshelve or found in Xero, newest first."""
    how = f" Archive with {key('archive')}, restore with {key('restore')}." if key("archive") else ""
    lines = list(_changes(page, now, key)) or [Content.styled(f"None yet.{how}", "$text-muted")]
    return section("Changes", [(0, line) for line in lines])


def _changes(page: ContactDetails, now: datetime, key: Callable[[str], str]) -> Iterator[Content]:
    for view in page.changes:
        change = view.change
        yield format_change(view, now)
        if note := read_note(view):
            yield content(note, "$text-muted")
        if view is page.changes[0] and (to_do := advice_after_sync(view)):
            yield content(to_do, "$text-muted")
        if change.state in _STATES_WITH_REASON and (why := messages.why(change)):
            yield content(why, "$text-muted")
        if change.note:
            yield content(f"Your note: {change.note}", "$text-muted")
        to_do = refusal_advice(change, key=key)
        if to_do:
            yield content(to_do, "$text-warning")


def format_change(view: ChangeView, now: datetime, *, has_status: bool = True) -> Content:
    """Format what was done where and when, with or without the words of its status."""
    badge, change = badge_for(view, now.astimezone()), view.change
    style = f"$text-{badge.style}" if badge.style else ""
    where = "in Xero" if change.origin == "xero" else "in Reshelve"
    what = _PAST[change.action] if change.state is State.CONFIRMED else f"{_NOUNS[change.action]} requested"
    return Content.assemble(
        (badge.symbol or "·", style),
        f" {what} {where}, ",
        formats.short_time(change.requested_at, now),
        *(("  ", (badge.label or change.state.value, style)) if has_status else ()),
    )


def section(title: str, lines: Sequence[Line]) -> list[Line]:
    """Put lines below a title."""
    return [(0, Content.styled(title, "bold $text-primary")), *lines]
