"""The migration that adds the contacts' transactions, and their totals for each contact."""

from __future__ import annotations

from typing import Final

# The totals of a contact are kept, as lists of 100,000 contacts are sorted and filtered by them. A million
# transactions are stored with short keys: an id as 16 bytes, the contact as the number of its totals.
ACTIVITY: Final = (
    """
    CREATE TABLE contact_activity (
        number INTEGER PRIMARY KEY,
        contact_id TEXT NOT NULL UNIQUE,
        last_day INTEGER,               -- days since 1970; NULL if no transaction counts
        last_kind INTEGER,
        posted INTEGER NOT NULL,
        drafts INTEGER NOT NULL,
        repeating INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE contact_transactions (
        transaction_id BLOB PRIMARY KEY,
        contact_number INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        state INTEGER NOT NULL,
        day INTEGER
    ) WITHOUT ROWID
    """,
    "CREATE INDEX repeating_transactions ON contact_transactions (state) WHERE state = 3",
    "CREATE INDEX transactions_of_contact ON contact_transactions (contact_number, state, day, kind)",
)
