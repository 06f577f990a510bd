"""The sixth migration: contacts that Xero's answers lacked."""

from __future__ import annotations

from typing import Final

# `status` is what the contact was before it was marked as gone, empty while that hasn't been done.
ABSENCES: Final = (
    """
    CREATE TABLE absences (
        contact_id TEXT PRIMARY KEY,
        since_ms INTEGER NOT NULL,      -- when an answer first lacked it
        status TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)
