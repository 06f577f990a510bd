"""Date a status change by Xero's `UpdatedDateUTC`, but never earlier than is certain.

A change dated too early would count as synced because of an earlier sync. `UpdatedDateUTC` is therefore used
only if it can be the time of the change; otherwise the time of detection is used, which is later.
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
    """Return when a contact's status changed, given that it changed since the last read.

    `updated_at` is the contact's `UpdatedDateUTC` with the new status, `old_updated_at` the one with the old
    status. `after` is a time at which the status hadn't changed yet, such as the time of the request.
    """
    latest = detected_at + timestamps.MOST_AHEAD
    refreshed_until = _refreshed_until(connection)
    if refreshed_until is not None and refreshed_until > latest:
        refreshed_until = None
    earliest = max((bound for bound in (refreshed_until, after) if bound is not None), default=None)
    has_moved = old_updated_at is None or updated_at > old_updated_at
    is_in_time = earliest is None or updated_at >= earliest - _MARGIN
    if has_moved and is_in_time and updated_at <= latest:
        return updated_at if after is None else max(updated_at, after)
    return detected_at if refreshed_until is None else max(detected_at, refreshed_until)


def _refreshed_until(connection: sqlite3.Connection) -> datetime | None:
    return timestamps.from_iso_text(sync_state_in(connection, REFRESHED_UNTIL))
