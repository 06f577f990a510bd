"""Named values that persist between runs: how far syncs and feeds were read, and what was learnt from them.

A name states what the value is about. Names that start with `contacts.` describe the stored contacts: backups
and repairs leave them out along with the contacts (`schema.old_names.IS_ABOUT_CONTACTS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store import values

if TYPE_CHECKING:
    import sqlite3

    from tui.store.database import Database

#: The columns of the contact list and its sort, as the user chose them.
LIST_LAYOUT: Final = "list.layout"
#: The time, by Xero's clock, up to which stored contacts are current. The next incremental sync starts there.
REFRESHED_UNTIL: Final = "contacts.refreshed_until"
#: The organisation's own currency, such as NZD.
BASE_CURRENCY: Final = "organisation.base_currency"
#: When the last full sync ended: balances are from then.
FULL_SYNC_ENDED_AT: Final = "contacts.full_sync_ended_at"
#: The next page of an unfinished full sync.
FULL_SYNC_PAGE: Final = "contacts.full_sync_page"
#: When that full sync began, by Xero's clock.
FULL_SYNC_STARTED_AT: Final = "contacts.full_sync_started_at"
#: The number of contacts when the previous page was read.
FULL_SYNC_COUNT: Final = "contacts.full_sync_count"
#: The time, by Xero's clock, up to which all transactions were read.
ACTIVITY_READ_UNTIL: Final = "contacts.activity_read_until"
#: How far a read of transactions has got, as JSON; missing between two reads.
ACTIVITY_CURSOR: Final = "contacts.activity_cursor"
#: The most calls ever seen left of a day's quota.
QUOTA_HIGH_WATER_MARK: Final = "quota.high_water_mark"
#: How many calls Xero had left for the day at the last refresh.
QUOTA_CALLS_LEFT: Final = "quota.calls_left"
#: How many seconds this computer's clock is ahead of Xero's.
CLOCK_AHEAD: Final = "clock.ahead"


def read_sync_state(database: Database, name: str) -> str | None:
    """Read a value; None if it was never set."""
    rows = database.rows(values.SELECT_SYNC_STATE, (name,))
    return values.text(rows[0][0]) if rows else None


def sync_state_in(connection: sqlite3.Connection, name: str) -> str | None:
    """Read a value within a transaction; None if it was never set."""
    row = connection.execute(values.SELECT_SYNC_STATE, (name,)).fetchone()
    return values.text(row[0]) if row else None


def write_sync_state(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    """Set a value, or delete it with None."""
    if value is None:
        connection.execute("DELETE FROM sync_state WHERE name = ?", (name,))
    else:
        connection.execute(
            "INSERT INTO sync_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
            (name, value, value),
        )
