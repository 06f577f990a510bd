"""The fourth migration: what people tell of Re-Leased, and what that means for each change."""

from __future__ import annotations

from typing import Final

# The moment from which on a sync can have brought a change to Re-Leased.
PENDING_SINCE: Final = "max(confirmed_ms, coalesce(relinked_ms, 0))"
# Confirmed, neither seen in Re-Leased nor reversed, and not left out of its syncs.
PENDING: Final = (
    "state = 'confirmed' AND picked_up_ms IS NULL AND told_ms IS NULL AND unlinked_ms IS NULL"
    " AND superseded = 0"
)
# When a change was last seen to have arrived, or said to be left out.
SYNCED_AT: Final = "coalesce(picked_up_ms, told_ms, unlinked_ms)"

USER_REPORTS: Final = (
    """
    CREATE TABLE tellings (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        told_ms INTEGER NOT NULL,       -- when it was told, by this machine's clock
        at_ms INTEGER NOT NULL,         -- when it was so
        kind TEXT NOT NULL,
        contact_id TEXT NOT NULL,       -- empty where it is about the company
        status TEXT NOT NULL,           -- the tab in which the contact was seen, else empty
        state TEXT NOT NULL             -- of the company, else empty
    )
    """,
    "CREATE INDEX tellings_of_contact ON tellings (contact_id)",
    # Worked out from the evidence, and kept with the change so that a row costs no look at it.
    "ALTER TABLE changes ADD COLUMN told_ms INTEGER",
    "ALTER TABLE changes ADD COLUMN unlinked_ms INTEGER",
    "ALTER TABLE changes ADD COLUMN relinked_ms INTEGER",
    "DROP INDEX changes_waiting",
    f"CREATE INDEX changes_waiting ON changes ({PENDING_SINCE}) WHERE {PENDING}",
    "DROP INDEX changes_settled",
    f"CREATE INDEX changes_settled ON changes ({SYNCED_AT}) WHERE {SYNCED_AT} IS NOT NULL",
)
