"""The names of the engine's bookmarks in the store."""

from __future__ import annotations

from typing import Final

from tui.store.sync_state import REFRESHED_UNTIL

#: When the last read of all contacts ended: all balances are as old as that.
FULL_SYNC_ENDED_AT: Final = "pull.full_done_at"
#: From when on to ask for what has changed, by Xero's clock.
MODIFIED_SINCE: Final = REFRESHED_UNTIL
#: The page that an unfinished read of all contacts goes on with.
FULL_SYNC_PAGE: Final = "pull.full_page"
#: When that read began, by Xero's clock.
FULL_SYNC_STARTED_AT: Final = "pull.full_since"
#: How many contacts there were when the page before was read.
FULL_SYNC_COUNT: Final = "pull.full_count"
#: The most calls that were left of a day's.
QUOTA_HIGH_WATER_MARK: Final = "budget.peak"
#: How many seconds this machine's clock is ahead of Xero's, as Xero last told.
CLOCK_AHEAD: Final = "clock.ahead"
