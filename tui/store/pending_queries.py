"""Pending and synced changes, read and counted for the status pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.schema.sync_conditions import PENDING, PENDING_SINCE, SYNCED_AT
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.change import Change
    from tui.store.database import Database

_SELECT: Final = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes INDEXED BY"  # noqa: S608 - our own column names
# Without the index named, SQLite would scan every change that was ever confirmed.
_BETWEEN: Final = f"changes_pending WHERE {PENDING} AND {PENDING_SINCE} > ? AND {PENDING_SINCE} <= ?"
_LATEST_MS: Final = 1 << 62


def read_pending(
    database: Database, limit: int | None, after: datetime | None, until: datetime | None
) -> list[Change]:
    """Read the changes pending since later than `after` and no later than `until`, newest first.

    None means no limit.
    """
    rows = database.rows(
        f"{_SELECT} {_BETWEEN} ORDER BY {PENDING_SINCE} DESC, change_id DESC LIMIT ?",
        (*_bounds(after, until), -1 if limit is None else limit),
    )
    return values.read_rows(change_of, rows)


def read_pending_total(database: Database) -> int:
    """Read how many changes are pending; takes constant time."""
    rows = database.rows("SELECT total FROM row_counts WHERE name = 'pending_changes'")
    return max(values.integer(rows[0][0]) or 0, 0) if rows else 0


def read_pending_between(database: Database, after: datetime | None, until: datetime | None) -> int:
    """Count the changes pending since later than `after` and no later than `until`; None means no limit.

    Takes time in proportion to the result: use it for one night's changes, not for all.
    """
    sql = f"SELECT count(*) FROM changes INDEXED BY {_BETWEEN}"  # noqa: S608 - constant SQL
    return int(database.rows(sql, _bounds(after, until))[0][0])


def read_synced(database: Database, limit: int) -> list[Change]:
    """Read the changes that are synced, checked, or of an unlinked contact; newest first."""
    rows = database.rows(
        f"{_SELECT} changes_synced WHERE {SYNCED_AT} IS NOT NULL"
        f" ORDER BY {SYNCED_AT} DESC, change_id DESC LIMIT ?",
        (limit,),
    )
    return values.read_rows(change_of, rows)


def read_synced_total(database: Database) -> int:
    """Count the changes that are synced, checked, or of an unlinked contact."""
    sql = f"SELECT count(*) FROM changes INDEXED BY changes_synced WHERE {SYNCED_AT} IS NOT NULL"  # noqa: S608 - constant SQL
    return int(database.rows(sql)[0][0])


def _bounds(after: datetime | None, until: datetime | None) -> tuple[int, int]:
    return -1 if after is None else to_ms(after), _LATEST_MS if until is None else to_ms(until)
