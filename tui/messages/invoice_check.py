"""Texts about a contact whose invoice fails: its status, and the steps until its Drafts can be approved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui import messages
from tui.messages.contacts import STATE_LABELS, SYNC_LABELS
from tui.messages.formats import short_day_and_time
from tui.model.change import Action, Origin
from tui.model.contact import ContactStatus
from tui.model.query import sync_filter_of
from tui.model.reasons import ContactReason, Notice
from tui.model.tables import TableColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui.model.invoice_check import ContactFinding, OrganisationFindings
    from tui.model.tables import Cell

_STATUS_WORDS: Final = {
    ContactStatus.ACTIVE: "Active",
    ContactStatus.ARCHIVED: "Archived",
    ContactStatus.GDPRREQUEST: "Locked for a privacy request (GDPR)",
    ContactStatus.DELETED: "No longer in Xero",
}
_DONE: Final = {Action.ARCHIVE: "archived", Action.RESTORE: "restored"}
_NOT_KNOWN: Final = "Since when and by whom isn't in the change log; the contact's history in Xero shows it."
_CHANGE_CONTACT: Final = "In Re-Leased, change the tenancy's Xero Invoice contact"
_APPROVE: Final = "Approve the failed Drafts again in Re-Leased"
COLUMNS: Final = (
    TableColumn("organisation", "Organisation"),
    TableColumn("name", "Contact"),
    TableColumn("contact_id", "Xero ContactID"),
    TableColumn("status", "Status"),
    TableColumn("since", "Since (UTC)"),
    TableColumn("by", "By"),
    TableColumn("in_progress", "In progress"),
    TableColumn("merged_into", "Merged into"),
    TableColumn("merged_into_id", "Merged into (ContactID)"),
    TableColumn("namesake", "Active contact of that name"),
    TableColumn("namesake_id", "Active contact of that name (ContactID)"),
    TableColumn("sync_status", "Sync status"),
    TableColumn("drafts_approved_at", "Drafts approved again (UTC)"),
)


class InvoiceStep(Struct, frozen=True):
    """One thing to do; `is_done` is None where Reshelve can't see it. `note` is what it knows of it."""

    text: str
    is_done: bool | None
    note: str = ""

    @property
    def mark(self) -> str:
        """A mark that is read without colour."""
        return {True: "[x]", False: "[ ]", None: "[?]"}[self.is_done]


def status_words(finding: ContactFinding) -> str:
    """Return the status in a few words."""
    if finding.survivor is not None:
        return f"Merged into {_survivor(finding)}"
    return _STATUS_WORDS[finding.status]


def status_sentence(finding: ContactFinding, now: datetime) -> str:
    """Return the status, since when and by whom, as far as that is known."""
    words = status_words(finding)
    last = finding.last
    if last is None or last.change.confirmed_at is None:
        is_plain = finding.status is ContactStatus.ACTIVE
        return f"{words}." if is_plain else f"{words}. {_NOT_KNOWN}"
    at = short_day_and_time(last.change.confirmed_at, now)
    verb = _DONE[last.change.action]
    if last.change.origin is Origin.RESHELVE:
        return f"{words} since {at} ({verb} in Reshelve)."
    return f"{words} since {at} ({verb} in Xero). The contact's history in Xero shows by whom."


def problems(finding: ContactFinding) -> Iterator[str]:
    """Yield what is in the way of a restore, or already under way."""
    if finding.open_change is not None:
        yield f"In progress: {finding.open_change.action.value} ({STATE_LABELS[finding.open_change.state]})."
    if finding.survivor is not None:
        yield "A merge can't be undone."
    elif finding.status is ContactStatus.GDPRREQUEST:
        yield messages.message(Notice(ContactReason.GDPR))
    elif finding.status is ContactStatus.DELETED:
        yield messages.message(Notice(ContactReason.DELETED))
    if finding.namesake is not None:
        yield messages.in_full(Notice(ContactReason.NAME_TAKEN, {"name": finding.namesake.name}))


def steps(finding: ContactFinding, now: datetime) -> tuple[InvoiceStep, ...]:
    """Return what to do until invoices to this contact go through, with what is done."""
    approved = "" if finding.approved_at is None else f"you, {short_day_and_time(finding.approved_at, now)}"
    is_lost = finding.survivor is not None or finding.status in {
        ContactStatus.GDPRREQUEST,
        ContactStatus.DELETED,
    }
    last = InvoiceStep(_APPROVE, finding.is_approved, approved if finding.is_approved else "")
    if is_lost:
        to = "" if finding.survivor is None else f" to {_survivor(finding)}"
        return InvoiceStep(f"{_CHANGE_CONTACT}{to}", None, "Reshelve can't see this"), last
    is_active = finding.status is ContactStatus.ACTIVE
    first = InvoiceStep(
        "Restore the contact in Xero" if (is_active and finding.was_restored) or not is_active
        else "The contact is active in Xero",
        is_active,
        "" if is_active else f"or: {_CHANGE_CONTACT[0].lower()}{_CHANGE_CONTACT[1:]}",
    )  # fmt: skip
    return first, InvoiceStep("Wait until Re-Leased has synced it", *_synced(finding)), last


def _synced(finding: ContactFinding) -> tuple[bool | None, str]:
    if finding.status is ContactStatus.ARCHIVED:
        return False, ""
    if finding.is_synced is None or finding.last is None or finding.last.sync is None:
        return None, "Reshelve can't tell: it has no change to look for"
    return finding.is_synced, SYNC_LABELS[finding.last.sync.status]


def finding_cells(found: OrganisationFindings, finding: ContactFinding) -> Sequence[Cell]:
    """Return the cells of `COLUMNS`."""
    last, survivor, namesake = finding.last, finding.survivor, finding.namesake
    return (
        found.organisation.name,
        finding.name,
        finding.contact_id,
        "merged" if survivor is not None else finding.status.value.lower(),
        None if last is None else last.change.confirmed_at,
        None if last is None else last.change.origin.value,
        None if finding.open_change is None else finding.open_change.state.value,
        None if survivor is None else survivor.name,
        None if survivor is None else survivor.contact_id,
        None if namesake is None else namesake.name,
        None if namesake is None else namesake.contact_id,
        None if last is None or last.sync is None else sync_filter_of(last).value,
        finding.approved_at if finding.is_approved else None,
    )


def _survivor(finding: ContactFinding) -> str:
    survivor = finding.survivor
    return "another contact" if survivor is None or not survivor.name else f"“{survivor.name}”"
