"""The third migration: batches that can be undone, and the links between changes."""

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
    # The changes of other batches that a batch was about: a request that cancelled queued changes, and every
    # undo and redo. `action` is what it wanted for each, which a redo needs.
    """
    CREATE TABLE batch_wishes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        batch_id TEXT NOT NULL,
        change_id INTEGER NOT NULL,
        action TEXT NOT NULL
    )
    """,
    "CREATE INDEX wishes_of_batch ON batch_wishes (batch_id)",
    # The change that this one undoes or redoes; the refused one that it retries; and the contact's
    # `UpdatedDateUTC` when it was sent, which shows whether the contact has been updated since.
    "ALTER TABLE changes ADD COLUMN wish_id INTEGER",
    "ALTER TABLE changes ADD COLUMN retries INTEGER",
    "ALTER TABLE changes ADD COLUMN base_ms INTEGER",
    "CREATE INDEX changes_of_batch ON changes (batch_id)",
    "CREATE INDEX changes_refused ON changes (change_id) WHERE state = 'refused' AND superseded = 0",
    # Requests from before there were batches can be undone as well.
    """
    INSERT INTO batches (batch_id, kind, of_batch, at_ms)
    SELECT batch_id, 'request', '', min(requested_ms) FROM changes WHERE origin = 'here'
    GROUP BY batch_id ORDER BY min(change_id)
    """,
)
