"""The names of the engine's values in the store's sync state."""

from __future__ import annotations

from typing import Final

from tui.store.sync_state import REFRESHED_UNTIL

#: When the last full sync ended: no balance is older than that.
FULL_SYNC_ENDED_AT: Final = "contacts.full_sync_ended_at"
#: From when on to request changed contacts, by Xero's clock.
MODIFIED_SINCE: Final = REFRESHED_UNTIL
#: The page that an unfinished full sync continues with.
FULL_SYNC_PAGE: Final = "contacts.full_sync_page"
#: When that full sync started, by Xero's clock.
FULL_SYNC_STARTED_AT: Final = "contacts.full_sync_started_at"
#: How many contacts there were when the previous page was read.
FULL_SYNC_COUNT: Final = "contacts.full_sync_count"
#: The most calls that were ever left of a day's quota.
QUOTA_HIGH_WATER_MARK: Final = "quota.high_water_mark"
#: How many seconds this machine's clock is ahead of Xero's, by Xero's last reply.
CLOCK_AHEAD: Final = "clock.ahead"
