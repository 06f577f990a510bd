"""Text for comparisons of a Re-Leased export, on screen and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.comparison import MismatchReason
from tui.model.contact import ContactStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

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
