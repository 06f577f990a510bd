"""The fifth migration: which contact groups the user has marked as tenants."""

from __future__ import annotations

from typing import Final

# Not another kind of user report: an older Reshelve should refuse the file with a message instead of failing
# on an unknown kind.
TENANCY: Final = (
    """
    CREATE TABLE group_marks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        told_ms INTEGER NOT NULL,       -- when it was told, by Xero's clock as far as it was known
        group_name TEXT NOT NULL,
        is_tenants INTEGER NOT NULL     -- 1 from then on, 0 no longer; the last row of a name holds
    )
    """,
)
