"""Text for comparisons of a Re-Leased export, on screen and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.comparison import Finding, MismatchReason
from tui.model.contact import ContactStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.comparison import ComparisonRow

REASONS: Final = {
    MismatchReason.IN_PROGRESS: "a change made in Reshelve is in progress",
    MismatchReason.CHANGED_SINCE: "changed in Xero after the file was exported",
    MismatchReason.PENDING: "Re-Leased hadn't synced the last change yet",
    MismatchReason.NOT_LINKED: "recorded as not linked in Re-Leased",
    MismatchReason.FOREIGN_CURRENCY: "in a foreign currency: Re-Leased leaves these contacts out",
    MismatchReason.UNKNOWN: "cause unknown",
}
STATUSES: Final[Mapping[ContactStatus | None, str]] = {
    None: "without a status",
    ContactStatus.ACTIVE: "active",
    ContactStatus.ARCHIVED: "archived",
    ContactStatus.GDPRREQUEST: "under a GDPR request",
    ContactStatus.DELETED: "gone",
}
FINDINGS: Final[Mapping[Finding, str]] = {
    Finding.DIFFERENT: "different",
    Finding.NEEDS_REVIEW: "needs review",
    Finding.MATCH: "match",
    Finding.ONLY_IN_RE_LEASED: "only in Re-Leased",
    Finding.ONLY_IN_XERO: "only in Xero",
    Finding.WITHOUT_STATUS: "no status in Re-Leased",
}
#: The columns of an exported comparison.
EXPORT_COLUMNS: Final = (
    "Finding", "Reason", "Name in Xero", "Name in Re-Leased", "Status in Xero", "Status in Re-Leased",
    "E-mail in Xero", "E-mail in Re-Leased", "Xero ContactID", "Line",
)  # fmt: skip
_NEW_EVIDENCE: Final = "Re-Leased has the last change"


def export_cells(row: ComparisonRow) -> tuple[str, ...]:
    """Return the cells of a row in an exported comparison; empty on a side that doesn't have the contact.

    If a line could mean several contacts, Xero's cells have one of each, separated by semicolons.
    """
    contacts = row.candidates if row.contact is None else (row.contact,)
    listed = row.listed
    return (
        FINDINGS[row.finding],
        _reason(row),
        "; ".join(contact.name for contact in contacts),
        "" if listed is None else listed.name,
        "; ".join(STATUSES[contact.status] for contact in contacts),
        "" if listed is None else STATUSES[listed.status],
        "; ".join(contact.email for contact in contacts),
        "" if listed is None else listed.email,
        "; ".join(contact.contact_id for contact in contacts),
        "" if listed is None else str(listed.line),
    )


def _reason(row: ComparisonRow) -> str:
    if row.reason is not None:
        return REASONS[row.reason]
    if row.is_newly_synced:
        return _NEW_EVIDENCE
    if row.finding is Finding.NEEDS_REVIEW:
        return "possible match" if len(row.candidates) == 1 else "several possible matches"
    return ""
