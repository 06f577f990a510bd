"""The migration for pairs of contacts that the user has seen and that are no duplicates."""

from __future__ import annotations

from typing import Final

from tui.store.schema.fragments import append_only

DUPLICATE_MARKS: Final = (
    """
    CREATE TABLE duplicate_marks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        reported_ms INTEGER NOT NULL,   -- when, by Xero's clock as far as it was known
        contact_id TEXT NOT NULL,
        other_id TEXT NOT NULL,         -- sorts after the first one
        is_dismissed INTEGER NOT NULL   -- 1 from then on, 0 no longer; the last row of a pair holds
    )
    """,
    *append_only("duplicate_marks"),
)
