"""Tidy up: which active contacts are probably unused, and why the others are left out."""

from __future__ import annotations

from bisect import bisect_left
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.query import TimeSpan

if TYPE_CHECKING:
    from datetime import date, datetime

#: The months that are offered.
MONTHS: Final = (6, 12, 18, 24, 36, 60)
#: Days for which a contact is left out after it was archived or restored.
CHANGED_DAYS: Final = 90


class TidyReason(StrEnum):
    """Why a contact isn't suggested; the first that applies counts."""

    PROTECTED = "protected"
    KEPT = "kept"
    TENANT = "tenant"
    BALANCE = "balance"
    DRAFT = "draft"
    REPEATING = "repeating"
    CHANGED_HERE = "changed here"


class TidyCandidate(Struct, frozen=True):
    """A contact that nothing speaks for but the time since it was used.

    `idle_since` is when it was last used; of one that never was, or while that isn't known, when it was last
    changed in Xero. `last_used` is the date of its last transaction, None if there is none or isn't known.
    """

    contact_id: str
    name: str
    idle_since: datetime
    last_used: date | None = None


class TidySurvey(Struct, frozen=True):
    """What tidy up found among the active contacts.

    `candidates` are sorted by `idle_since`, and have no balance in either direction. `left_out` counts the
    others by reason. Without `knows_activity`, transactions haven't been read: drafts and repeating invoices
    aren't known either.
    """

    active: int = 0
    candidates: tuple[TidyCandidate, ...] = ()
    left_out: tuple[tuple[TidyReason, int], ...] = ()
    knows_activity: bool = False

    def idle(self, months: int, now: datetime) -> tuple[TidyCandidate, ...]:
        """Return the candidates that have been idle for so many months, the longest idle first."""
        since = TimeSpan(months, "m").before(now)
        return self.candidates[: bisect_left(self.candidates, since, key=lambda one: one.idle_since)]
