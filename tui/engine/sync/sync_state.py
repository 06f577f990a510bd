"""The engine's sync state keys in the store."""

from __future__ import annotations

from typing import Final

from tui.store.sync_state import REFRESHED_UNTIL

#: When the last full sync ended: balances are from then.
FULL_SYNC_ENDED_AT: Final = "contacts.full_sync_ended_at"
#: The start of the next incremental sync, by Xero's clock.
MODIFIED_SINCE: Final = REFRESHED_UNTIL
#: The next page of an unfinished full sync.
FULL_SYNC_PAGE: Final = "contacts.full_sync_page"
#: When that full sync began, by Xero's clock.
FULL_SYNC_STARTED_AT: Final = "contacts.full_sync_started_at"
#: The number of contacts when the previous page was read.
FULL_SYNC_COUNT: Final = "contacts.full_sync_count"
#: The most calls ever seen left of a day's quota.
QUOTA_HIGH_WATER_MARK: Final = "quota.high_water_mark"
#: How many seconds this computer's clock is ahead of Xero's.
CLOCK_AHEAD: Final = "clock.ahead"
