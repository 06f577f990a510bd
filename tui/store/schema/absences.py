"""The sixth migration: contacts that were missing from Xero's replies."""

from __future__ import annotations

from typing import Final

# `status` is the contact's status before it was marked as deleted, empty until then.
ABSENCES: Final = (
    """
    CREATE TABLE absences (
        contact_id TEXT PRIMARY KEY,
        since_ms INTEGER NOT NULL,      -- when an answer first lacked it
        status TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)
