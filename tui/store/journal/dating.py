"""When a status changed, by what Xero says of its contact: never earlier than is known.

A change that is dated too early would be taken for synced by what happened before it. So Xero's
`UpdatedDateUTC` is believed only where it can be the moment of the change; otherwise the moment at which the
change was learnt of counts, which is later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tui.model import moments
from tui.store.cursors import PULLED_UP_TO, cursor_in

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

# Clocks differ a little, and reads of Xero may lag its writes.
_MARGIN: Final = timedelta(minutes=5)


def changed_at(
    connection: sqlite3.Connection,
    updated_at: datetime,
    learnt_at: datetime,
    *,
    known: datetime | None,
    after: datetime | None = None,
) -> datetime:
    """Return when a contact's status changed, which it did since it was last read.

    `updated_at` is its `UpdatedDateUTC` with the new status and `known` the one with the old status;
    `after` is a moment at which it hadn't changed yet, such as when the change was asked for.
    """
    latest = learnt_at + moments.MOST_AHEAD
    pulled_up_to = _pulled_up_to(connection)
    if pulled_up_to is not None and pulled_up_to > latest:
        pulled_up_to = None
    floor = max((each for each in (pulled_up_to, after) if each is not None), default=None)
    has_moved = known is None or updated_at > known
    is_in_time = floor is None or updated_at >= floor - _MARGIN
    if has_moved and is_in_time and updated_at <= latest:
        return updated_at if after is None else max(updated_at, after)
    return learnt_at if pulled_up_to is None else max(learnt_at, pulled_up_to)


def _pulled_up_to(connection: sqlite3.Connection) -> datetime | None:
    return moments.of_text(cursor_in(connection, PULLED_UP_TO))
