"""Texts of a year of the change log: for the screen, the command line, and as a table."""

from __future__ import annotations

from calendar import month_abbr
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tui.messages.formats import duration, format_number, iso_month, pluralize
from tui.model.tables import TableColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.change_summary import MonthSummary, YearSummary
    from tui.model.tables import Cell

COLUMNS: Final = (
    TableColumn("month", "Month"),
    TableColumn("archived", "Archived"),
    TableColumn("archived_in_reshelve", "Archived in Reshelve"),
    TableColumn("archived_in_xero", "Archived in Xero"),
    TableColumn("restored", "Restored"),
    TableColumn("restored_in_reshelve", "Restored in Reshelve"),
    TableColumn("restored_in_xero", "Restored in Xero"),
    TableColumn("waits_known", "Waits known"),
    TableColumn("median_wait_hours", "Median wait (hours)"),
    TableColumn("longest_wait_hours", "Longest wait (hours)"),
)
#: How bars show who made a change; they differ without colours.
BY_RESHELVE: Final = "█"
BY_XERO: Final = "░"
LEGEND: Final = f"{BY_RESHELVE} in Reshelve  {BY_XERO} in Xero (by whom: see the contact's history there)"
_SECOND: Final = timedelta(seconds=1)
_NO_EVIDENCE: Final = "How long changes waited isn't known: none has evidence that Re-Leased synced it."


def month_cells(summary: YearSummary, month: MonthSummary) -> Sequence[Cell]:
    """Return the cells of `COLUMNS`."""
    counts = (
        month.archived,
        month.archived_here,
        month.archived_in_xero,
        month.restored,
        month.restored_here,
        month.restored_in_xero,
        month.known,
    )
    return (
        iso_month(summary.year, month.month),
        *map(Decimal, counts),
        _hours(month.median),
        _hours(month.longest),
    )


def _hours(wait: timedelta | None) -> Decimal | None:
    return None if wait is None else round(Decimal(int(wait / _SECOND)) / 3600, 1)


def median_wait(month: MonthSummary) -> str:
    """Return the month's median wait; empty if none is known."""
    return "" if month.median is None else duration(month.median)


def month_name(month: MonthSummary) -> str:
    """Return the short name of a month."""
    return month_abbr[month.month]


def bar(here: int, in_xero: int, most: int, width: int) -> str:
    """Draw two numbers as one bar; `most` fills the width. Any number but zero is visible."""
    if not most or width < 1:
        return ""
    total = max(int(here + in_xero > 0), round((here + in_xero) * width / most))
    # Where there is room, each part that isn't zero has a cell.
    part = round(here * width / most)
    part = min(max(part, int(here > 0)), total - int(in_xero > 0 and total > 1))
    return BY_RESHELVE * part + BY_XERO * (total - part)


def totals(summary: YearSummary) -> Iterator[str]:
    """Yield what the year adds up to, sentence by sentence."""
    if not summary.total:
        yield f"No changes were confirmed in {summary.year}."
        return
    months = summary.months
    for label, here, in_xero in (
        (
            "Archived",
            sum(each.archived_here for each in months),
            sum(each.archived_in_xero for each in months),
        ),
        (
            "Restored",
            sum(each.restored_here for each in months),
            sum(each.restored_in_xero for each in months),
        ),
    ):
        yield (
            f"{label}: {format_number(here + in_xero)}"
            f" ({format_number(here)} in Reshelve, {format_number(in_xero)} in Xero)."
        )
    yield waits(summary)


def waits(summary: YearSummary) -> str:
    """Return how long changes waited until they were synced, and for how many that is known."""
    if summary.median is None or summary.longest is None:
        return _NO_EVIDENCE
    known = f"{format_number(summary.known)} of {pluralize(summary.total, 'change')}"
    return (
        f"Wait until synced: median {duration(summary.median)}, longest {duration(summary.longest)}"
        f" ({summary.longest_name}). Known for {known}; the others have no evidence."
        if summary.known < summary.total
        else f"Wait until synced: median {duration(summary.median)}, longest {duration(summary.longest)}"
        f" ({summary.longest_name}). Known for all {pluralize(summary.total, 'change')}."
    )
