"""SQL conditions for how far a change has got with Re-Leased.

The partial indexes are built from these texts (migration 7) and the queries must use the same ones: SQLite
only uses an index whose condition is repeated literally. To change one, add a migration that rebuilds the
index, and copy the old text into migration 7.
"""

from __future__ import annotations

from typing import Final

#: The earliest time at which a sync could have brought the change to Re-Leased.
PENDING_SINCE: Final = "max(confirmed_ms, coalesce(relinked_ms, 0))"
#: Confirmed by Xero, not seen in Re-Leased, not reversed, and its contact isn't unlinked.
PENDING: Final = (
    "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NULL AND unlinked_ms IS NULL"
    " AND superseded = 0"
)
#: When the change was synced or checked, or its contact unlinked; NULL for none of these.
SYNCED_AT: Final = "coalesce(synced_ms, checked_ms, unlinked_ms)"
