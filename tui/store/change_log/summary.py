"""A year of the change log, added up in the database: one pass for the months, two for the medians."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tui.model.change import Action, Origin
from tui.model.change_summary import MONTHS, MonthSummary, YearSummary, month_starts
from tui.store import values
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

# Until the first evidence. Clocks may differ, so it may be negative, which counts as zero.
_WAIT: Final = "coalesce(min(synced_ms, checked_ms), synced_ms, checked_ms) - confirmed_ms"
_OF_YEAR: Final = "state = 'confirmed' AND confirmed_ms >= :start AND confirmed_ms < :stop"
# The month of a change, by comparing it with the start of each: SQLite's date functions take longer. Earlier
# changes are in month 0, later ones in the 13th.
_MONTH: Final = (
    f"CASE {' '.join(f'WHEN confirmed_ms < :m{n} THEN {n}' for n in range(MONTHS + 1))} ELSE 13 END"
)
# One number to group by, which is sorted faster than three values.
_GROUP: Final = f"{_MONTH} * 4 + (action = '{Action.RESTORE.value}') * 2 + (origin = '{Origin.XERO.value}')"
# `name` is that of the row with the longest wait: SQLite's documented rule for max().
_MONTHS: Final = f"""
    SELECT kind / 4, kind % 4, count(*), count(wait), max(wait), name FROM (
        SELECT {_GROUP} AS kind, {_WAIT} AS wait, name FROM changes
        WHERE state = 'confirmed' AND confirmed_ms IS NOT NULL
    ) GROUP BY kind
"""  # noqa: S608 - constants
# The middle one, or the two in the middle, of each month.
_MONTHS_MIDDLES: Final = f"""
    SELECT month, avg(max(wait, 0)) FROM (
        SELECT month, wait, row_number() OVER (PARTITION BY month ORDER BY wait) AS place,
            count(*) OVER (PARTITION BY month) AS known
        FROM (
            SELECT {_MONTH} AS month, {_WAIT} AS wait FROM changes
            WHERE {_OF_YEAR} AND coalesce(synced_ms, checked_ms) IS NOT NULL
        )
    ) WHERE place IN ((known + 1) / 2, (known + 2) / 2) GROUP BY month
"""  # noqa: S608 - constants
_MIDDLE: Final = f"""
    SELECT avg(max(wait, 0)) FROM (
        SELECT {_WAIT} AS wait FROM changes
        WHERE {_OF_YEAR} AND coalesce(synced_ms, checked_ms) IS NOT NULL
        ORDER BY wait LIMIT 2 - :known % 2 OFFSET (:known - 1) / 2
    )
"""  # noqa: S608 - constants


def summarize_year(connection: sqlite3.Connection, year: int) -> YearSummary:
    """Add up a year of the user's time zone."""
    starts = [to_ms(start) for start in month_starts(year)]
    bounds = {"start": starts[0], "stop": starts[-1]}
    numbered = {f"m{n}": ms for n, ms in enumerate(starts)}
    found = connection.execute(_MONTHS, numbered).fetchall()
    rows = [row for row in found if 1 <= row[0] <= MONTHS]
    medians = dict(connection.execute(_MONTHS_MIDDLES, {**numbered, **bounds}))
    months = tuple(_month(number, rows, medians.get(number)) for number in range(1, MONTHS + 1))
    known = sum(month.known for month in months)
    median = longest = None
    longest_name = ""
    if known:
        [wait] = connection.execute(_MIDDLE, {**bounds, "known": known}).fetchone()
        median = timedelta(milliseconds=wait)
        longest_ms, longest_name = max((row[4], values.text(row[5])) for row in rows if row[4] is not None)
        longest = timedelta(milliseconds=max(longest_ms, 0))
    found_months = {row[0] for row in found}
    return YearSummary(
        year,
        months,
        median,
        longest,
        longest_name,
        has_earlier=0 in found_months,
        has_later=MONTHS + 1 in found_months,
    )


def _month(number: int, rows: Sequence[tuple[Any, ...]], median_ms: float | None) -> MonthSummary:
    of_month = [row for row in rows if row[0] == number]
    counts = {row[1]: int(row[2]) for row in of_month}
    waits = [row[4] for row in of_month if row[4] is not None]
    return MonthSummary(
        number,
        counts.get(0, 0),
        counts.get(1, 0),
        counts.get(2, 0),
        counts.get(3, 0),
        sum(int(row[3]) for row in of_month),
        None if median_ms is None else timedelta(milliseconds=median_ms),
        timedelta(milliseconds=max(0, *waits)) if waits else None,
    )
