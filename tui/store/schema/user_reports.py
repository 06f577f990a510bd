"""The fourth migration: what users report about Re-Leased, and what that means for each change."""

from __future__ import annotations

from typing import Final

# Part of the migration and never changed; the current conditions are in `sync_conditions`.
# The earliest time at which a sync could have brought the change to Re-Leased.
_PENDING_SINCE: Final = "max(confirmed_ms, coalesce(relinked_ms, 0))"
# Confirmed by Xero, not seen in Re-Leased, not reversed, and its contact isn't unlinked.
_PENDING: Final = (
    "state = 'confirmed' AND picked_up_ms IS NULL AND told_ms IS NULL AND unlinked_ms IS NULL"
    " AND superseded = 0"
)
# When the change was synced or checked, or its contact unlinked.
_SYNCED_AT: Final = "coalesce(picked_up_ms, told_ms, unlinked_ms)"

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
    # Derived from the evidence, and stored with the change so that rows can be shown without reading it.
    "ALTER TABLE changes ADD COLUMN told_ms INTEGER",
    "ALTER TABLE changes ADD COLUMN unlinked_ms INTEGER",
    "ALTER TABLE changes ADD COLUMN relinked_ms INTEGER",
    "DROP INDEX changes_waiting",
    f"CREATE INDEX changes_waiting ON changes ({_PENDING_SINCE}) WHERE {_PENDING}",
    "DROP INDEX changes_settled",
    f"CREATE INDEX changes_settled ON changes ({_SYNCED_AT}) WHERE {_SYNCED_AT} IS NOT NULL",
)
