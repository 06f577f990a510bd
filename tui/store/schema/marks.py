"""The migration that adds what the user marked as kept or protected."""

from __future__ import annotations

from typing import Final

from tui.store.schema.fragments import append_only

MARKS: Final = (
    """
    CREATE TABLE marks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        marked_ms INTEGER NOT NULL,     -- by Xero's clock as far as it was known
        kind TEXT NOT NULL,             -- kept or protected
        contact_id TEXT NOT NULL,       -- empty for a group's
        group_name TEXT NOT NULL,       -- empty for a contact's
        is_on INTEGER NOT NULL          -- 1 from then on, 0 no longer; the last row of a target holds
    )
    """,
    "CREATE INDEX marks_of_contact ON marks (contact_id)",
    *append_only("marks"),
)
