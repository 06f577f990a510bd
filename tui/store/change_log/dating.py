"""When a status changed, by what Xero says of its contact: never earlier than is known.

A change that is dated too early would be taken for synced by what happened before it. So Xero's
`UpdatedDateUTC` is believed only where it can be the moment of the change; otherwise the moment at which the
change was learnt of counts, which is later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tui.model import timestamps
from tui.store.sync_state import REFRESHED_UNTIL, sync_state_in

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

# Clocks differ a little, and reads of Xero may lag its writes.
_MARGIN: Final = timedelta(minutes=5)


def changed_at(
    connection: sqlite3.Connection,
    updated_at: datetime,
    detected_at: datetime,
    *,
    old_updated_at: datetime | None,
    after: datetime | None = None,
) -> datetime:
    """Return when a contact's status changed, which it did since it was last read.

    `updated_at` is its `UpdatedDateUTC` with the new status and `old_updated_at` the one with the old status;
    `after` is a moment at which it hadn't changed yet, such as when the change was asked for.
    """
    latest = detected_at + timestamps.MOST_AHEAD
    refreshed_until = _refreshed_until(connection)
    if refreshed_until is not None and refreshed_until > latest:
        refreshed_until = None
    earliest = max((each for each in (refreshed_until, after) if each is not None), default=None)
    has_moved = old_updated_at is None or updated_at > old_updated_at
    is_in_time = earliest is None or updated_at >= earliest - _MARGIN
    if has_moved and is_in_time and updated_at <= latest:
        return updated_at if after is None else max(updated_at, after)
    return detected_at if refreshed_until is None else max(detected_at, refreshed_until)


def _refreshed_until(connection: sqlite3.Connection) -> datetime | None:
    return timestamps.from_iso_text(sync_state_in(connection, REFRESHED_UNTIL))
