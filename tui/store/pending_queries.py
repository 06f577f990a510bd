"""What waits for Re-Leased, and what has arrived: read and counted for the status pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.schema.user_reports import PENDING, PENDING_SINCE, SYNCED_AT
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.change import Change
    from tui.store.database import Database

_SELECT: Final = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes INDEXED BY"  # noqa: S608 - our own column names
# Said to SQLite, which would look through all that was ever confirmed.
_BETWEEN: Final = f"changes_waiting WHERE {PENDING} AND {PENDING_SINCE} > ? AND {PENDING_SINCE} <= ?"
_LATEST_MS: Final = 1 << 62


def read_pending(
    database: Database, limit: int | None, after: datetime | None, until: datetime | None
) -> list[Change]:
    """Read what waits from after one moment until another and at it, newest first; None is no bound."""
    rows = database.rows(
        f"{_SELECT} {_BETWEEN} ORDER BY {PENDING_SINCE} DESC, change_id DESC LIMIT ?",
        (*_bounds(after, until), -1 if limit is None else limit),
    )
    return values.read_rows(change_of, rows)


def read_pending_total(database: Database) -> int:
    """Read how many changes wait for Re-Leased; costs the same for any number of them."""
    rows = database.rows("SELECT total FROM tallies WHERE name = 'waiting'")
    return max(values.integer(rows[0][0]) or 0, 0) if rows else 0


def read_pending_between(database: Database, after: datetime | None, until: datetime | None) -> int:
    """Count what waits from after one moment, until another and at it; None is no bound.

    Costs what it counts: to be asked for a night's worth, not for all there ever was.
    """
    sql = f"SELECT count(*) FROM changes INDEXED BY {_BETWEEN}"  # noqa: S608 - our own words
    return int(database.rows(sql, _bounds(after, until))[0][0])


def read_synced(database: Database, limit: int) -> list[Change]:
    """Read what was seen in Re-Leased, or is left out of its syncs, newest first."""
    rows = database.rows(
        f"{_SELECT} changes_settled WHERE {SYNCED_AT} IS NOT NULL"
        f" ORDER BY {SYNCED_AT} DESC, change_id DESC LIMIT ?",
        (limit,),
    )
    return values.read_rows(change_of, rows)


def read_synced_total(database: Database) -> int:
    """Count what was seen in Re-Leased, or is left out of its syncs."""
    sql = f"SELECT count(*) FROM changes INDEXED BY changes_settled WHERE {SYNCED_AT} IS NOT NULL"  # noqa: S608 - our own words
    return int(database.rows(sql)[0][0])


def _bounds(after: datetime | None, until: datetime | None) -> tuple[int, int]:
    return -1 if after is None else to_ms(after), _LATEST_MS if until is None else to_ms(until)
