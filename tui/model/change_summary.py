"""A year of the change log: what was archived and restored each month, and how long Re-Leased took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

MONTHS = 12


class MonthSummary(Struct, frozen=True):
    """The confirmed changes of one month, in the user's time zone.

    `known` counts those whose sync has evidence, `median` and `longest` are the waits among them.
    """

    month: int
    archived_here: int = 0
    archived_in_xero: int = 0
    restored_here: int = 0
    restored_in_xero: int = 0
    known: int = 0
    median: timedelta | None = None
    longest: timedelta | None = None

    @property
    def archived(self) -> int:
        """All archives, wherever they were made."""
        return self.archived_here + self.archived_in_xero

    @property
    def restored(self) -> int:
        """All restores, wherever they were made."""
        return self.restored_here + self.restored_in_xero


class YearSummary(Struct, frozen=True):
    """The confirmed changes of a year.

    A wait is the time from Xero's confirmation until Re-Leased's own data, or the user who looked there,
    showed the change; others aren't counted. `longest_name` is the contact of the longest wait. `has_earlier`
    and `has_later` are whether changes were confirmed before the year, or after it.
    """

    year: int
    months: tuple[MonthSummary, ...]
    median: timedelta | None = None
    longest: timedelta | None = None
    longest_name: str = ""
    has_earlier: bool = False
    has_later: bool = False

    @property
    def total(self) -> int:
        """How many changes were confirmed."""
        return sum(month.archived + month.restored for month in self.months)

    @property
    def known(self) -> int:
        """How many of them have evidence of their sync."""
        return sum(month.known for month in self.months)


def month_starts(year: int) -> tuple[datetime, ...]:
    """Return when each month of a year starts in the user's time zone, and when the next year does."""
    firsts = [(year + number // MONTHS, number % MONTHS + 1) for number in range(MONTHS + 1)]
    return tuple(datetime(each, month, 1).astimezone(UTC) for each, month in firsts)
