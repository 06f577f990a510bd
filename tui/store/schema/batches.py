"""The third migration: batches that can be undone, and what ties one change to another."""

from __future__ import annotations

from typing import Final

BATCHES: Final = (
    """
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        batch_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,             -- request, retry, undo or redo
        of_batch TEXT NOT NULL,         -- what an undo or redo is about, else empty
        at_ms INTEGER NOT NULL
    )
    """,
    # What a batch did about changes of other batches: a request that took back what was still queued, and
    # every undo and redo. `action` is what it went for. Without it nobody could tell what to redo.
    """
    CREATE TABLE batch_wishes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        batch_id TEXT NOT NULL,
        change_id INTEGER NOT NULL,
        action TEXT NOT NULL
    )
    """,
    "CREATE INDEX wishes_of_batch ON batch_wishes (batch_id)",
    # The change that this one undoes or redoes; the refused one that it tries again; and the contact's
    # `UpdatedDateUTC` as known when it was sent, which tells whether anything has happened since.
    "ALTER TABLE changes ADD COLUMN wish_id INTEGER",
    "ALTER TABLE changes ADD COLUMN retries INTEGER",
    "ALTER TABLE changes ADD COLUMN base_ms INTEGER",
    "CREATE INDEX changes_of_batch ON changes (batch_id)",
    "CREATE INDEX changes_refused ON changes (change_id) WHERE state = 'refused' AND superseded = 0",
    # What was asked for before batches were kept can be undone as well.
    """
    INSERT INTO batches (batch_id, kind, of_batch, at_ms)
    SELECT batch_id, 'request', '', min(requested_ms) FROM changes WHERE origin = 'here'
    GROUP BY batch_id ORDER BY min(change_id)
    """,
)
