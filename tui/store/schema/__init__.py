"""The tables of one organisation's store, as numbered migrations on `user_version`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import Final

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.schema.activity import ACTIVITY
from tui.store.schema.duplicate_marks import DUPLICATE_MARKS
from tui.store.schema.fragments import PENDING, PENDING_SINCE, SYNCED_AT, append_only
from tui.store.schema.marks import MARKS
from tui.store.schema.old_names import RENAMES, count_triggers

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


# Both are NULL if there is no reason of our own.
REASONS: Final = (
    "ALTER TABLE changes ADD COLUMN reason TEXT",
    "ALTER TABLE changes ADD COLUMN reason_params TEXT",  # a JSON object
)


# What the last read of Re-Leased's contacts showed about a change, and when that read began.
READ_RESULTS: Final = (
    "ALTER TABLE changes ADD COLUMN read_ms INTEGER",
    "ALTER TABLE changes ADD COLUMN read_result TEXT",
    "CREATE INDEX changes_missed ON changes (change_id) WHERE read_result = 'missed'",
)


# What the user wrote about a request, and how far it has got into the contact's history in Xero. NULL if
# nothing was written, or if it isn't meant for Xero.
NOTES: Final = (
    "ALTER TABLE changes ADD COLUMN note TEXT",
    "ALTER TABLE changes ADD COLUMN note_in_xero TEXT",
)


# As `fragments.PENDING`; part of the migration and never changed.
_PENDING_OF_ROW: Final = (
    "{row}.state = 'confirmed' AND {row}.synced_ms IS NULL AND {row}.checked_ms IS NULL"
    " AND {row}.unlinked_ms IS NULL AND {row}.foreign_currency_ms IS NULL AND {row}.superseded = 0"
)
# Since when the contact of a change that Re-Leased may still lack is known to be in another currency than the
# organisation's: Re-Leased leaves it out.
FOREIGN_CURRENCY: Final = (
    "ALTER TABLE changes ADD COLUMN foreign_currency_ms INTEGER",
    "DROP INDEX changes_pending",
    f"CREATE INDEX changes_pending ON changes ({PENDING_SINCE}) WHERE {PENDING}",
    "DROP INDEX changes_synced",
    f"CREATE INDEX changes_synced ON changes ({SYNCED_AT}) WHERE {SYNCED_AT} IS NOT NULL",
    *(f"DROP TRIGGER changes_count_{verb}" for verb in ("insert", "delete", "update")),
    *count_triggers("changes", "state", ("pending_changes", _PENDING_OF_ROW)),
)


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


_CONTACTS = (
    """
    CREATE TABLE contacts (
        rowid INTEGER PRIMARY KEY,
        contact_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        updated_ms INTEGER NOT NULL,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        email TEXT NOT NULL,
        account_number TEXT NOT NULL,
        contact_number TEXT NOT NULL,
        phone TEXT NOT NULL,
        is_customer INTEGER NOT NULL,
        is_supplier INTEGER NOT NULL,
        group_names TEXT NOT NULL,      -- a JSON array
        merged_to TEXT NOT NULL,
        receivable INTEGER,             -- hundredths; all four are NULL where nothing is known
        receivable_overdue INTEGER,
        payable INTEGER,
        payable_overdue INTEGER,
        sort_key TEXT NOT NULL,
        search TEXT NOT NULL
    )
    """,
    # In a separate table, so that scanning all contacts stays cheap.
    """
    CREATE TABLE contact_documents (
        contact_rowid INTEGER PRIMARY KEY,
        raw BLOB NOT NULL,
        balances_ms INTEGER             -- when Xero last told the balances
    )
    """,
    # The order of each tab; the first screen is read from one of these indexes.
    "CREATE INDEX contacts_in_order ON contacts (sort_key)",
    "CREATE INDEX contacts_active ON contacts (sort_key) WHERE status = 'ACTIVE'",
    "CREATE INDEX contacts_archived ON contacts (sort_key) WHERE status = 'ARCHIVED'",
)

_CHANGE_LOG = (
    """
    CREATE TABLE changes (
        change_id INTEGER PRIMARY KEY AUTOINCREMENT,
        batch_id TEXT NOT NULL,
        contact_id TEXT NOT NULL,
        name TEXT NOT NULL,
        action TEXT NOT NULL,
        origin TEXT NOT NULL,
        state TEXT NOT NULL,
        requested_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        confirmed_ms INTEGER,
        idempotency_key TEXT NOT NULL,
        words TEXT NOT NULL,
        picked_up_ms INTEGER,
        superseded INTEGER NOT NULL
    )
    """,
    "CREATE INDEX changes_of_contact ON changes (contact_id)",
    "CREATE INDEX changes_in_state ON changes (state)",
    """
    CREATE INDEX changes_waiting ON changes (confirmed_ms)
    WHERE state = 'confirmed' AND picked_up_ms IS NULL AND superseded = 0
    """,
    "CREATE INDEX changes_settled ON changes (picked_up_ms) WHERE picked_up_ms IS NOT NULL",
    """
    CREATE TABLE change_events (
        event_id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        change_id INTEGER NOT NULL REFERENCES changes (change_id),
        event TEXT NOT NULL,
        state TEXT NOT NULL,            -- after the event
        detail TEXT NOT NULL            -- a JSON object
    )
    """,
    "CREATE INDEX events_of_change ON change_events (change_id)",
)

_EVIDENCE = (
    """
    CREATE TABLE pick_ups (
        pick_up_id INTEGER PRIMARY KEY AUTOINCREMENT,
        contact_id TEXT NOT NULL,
        status TEXT NOT NULL,
        sync_started_ms INTEGER NOT NULL,
        picked_up_ms INTEGER NOT NULL,
        run TEXT NOT NULL,
        UNIQUE (contact_id, sync_started_ms, status, run)
    )
    """,
    "CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)


def _tally_triggers(table: str, column: str, kind: str, also: str = "") -> tuple[str, ...]:
    """Keep the number of rows for each value of a column: `count(*)` takes longer the larger a table is.

    `also` is a condition on `{row}` under which a row also counts under the bare name of the kind.
    """
    change = (
        "INSERT INTO tallies VALUES ({name}, {by}) ON CONFLICT (name) DO UPDATE SET total = total + {by};"
    )

    def move(row: str, by: int) -> str:
        named = change.format(name=f"'{kind}:' || {row}.{column}", by=by)
        if not also:
            return named
        counted = f"INSERT INTO tallies SELECT '{kind}', {by} WHERE {also.format(row=row)}"
        return f"{named} {counted} ON CONFLICT (name) DO UPDATE SET total = total + {by};"

    prefix = f"CREATE TRIGGER {table}_tally"
    return (
        f"{prefix}_insert AFTER INSERT ON {table} BEGIN {move('new', 1)} END",
        f"{prefix}_delete AFTER DELETE ON {table} BEGIN {move('old', -1)} END",
        f"{prefix}_update AFTER UPDATE ON {table} BEGIN {move('old', -1)} {move('new', 1)} END",
    )


def _replace_tally_triggers(table: str, column: str, kind: str, also: str) -> tuple[str, ...]:
    """Replace the triggers in a later migration that changes what counts."""
    drops = (f"DROP TRIGGER {table}_tally_{verb}" for verb in ("insert", "delete", "update"))
    return (*drops, *_tally_triggers(table, column, kind, also=also))


_TALLIES = (
    "CREATE TABLE tallies (name TEXT PRIMARY KEY, total INTEGER NOT NULL) WITHOUT ROWID",
    *_tally_triggers("contacts", "status", "contacts"),
    *_tally_triggers(
        "changes",
        "state",
        "waiting",
        also="{row}.state = 'confirmed' AND {row}.picked_up_ms IS NULL AND {row}.superseded = 0",
    ),
)

# The contacts that the full sync in progress has seen; empty between full syncs. A separate, small table, as
# the search for missing contacts mustn't read every document.
_FULL_SYNC_SEEN = ("CREATE TABLE told (contact_rowid INTEGER PRIMARY KEY)",)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        *_CONTACTS,
        *_CHANGE_LOG,
        *_EVIDENCE,
        *_TALLIES,
        *append_only("change_events"),
        *append_only("pick_ups"),
    ),
    _FULL_SYNC_SEEN,
    (*BATCHES, *append_only("batches"), *append_only("batch_wishes")),
    (
        *USER_REPORTS,
        *append_only("tellings"),
        *_replace_tally_triggers(
            "changes",
            "state",
            "waiting",
            also="{row}.state = 'confirmed' AND {row}.picked_up_ms IS NULL AND {row}.told_ms IS NULL"
            " AND {row}.unlinked_ms IS NULL AND {row}.superseded = 0",
        ),
    ),
    (*TENANCY, *append_only("group_marks")),
    ABSENCES,
    RENAMES,
    REASONS,
    READ_RESULTS,
    FOREIGN_CURRENCY,
    NOTES,
    ACTIVITY,
    DUPLICATE_MARKS,
    MARKS,
)


def migrate(connection: sqlite3.Connection, to: int = len(MIGRATIONS)) -> None:
    """Bring the tables up to a version, by default the current one, in one transaction.

    Raises `StoreError` if a newer Reshelve wrote the file: this one could damage it.
    """
    if version_of(connection) == to:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock: another process may have migrated in between.
        version = version_of(connection)
        refuse_newer(max(version, to))
        for statement in _statements(version, to):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, to)}")
        connection.execute("COMMIT")
    except BaseException:
        # After a full disk or an I/O error, SQLite may have rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@cache
def _statements(version: int, to: int) -> tuple[str, ...]:
    """Return the SQL that brings a version to a later one.

    A new file gets the result of all migrations at once, which is ten times faster than running them.
    """
    statements = tuple(statement for step in MIGRATIONS[version:to] for statement in step)
    if version > 0:
        return statements
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        for statement in statements:
            scratch.execute(statement)
        created = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'"
        return tuple(sql for (sql,) in scratch.execute(f"{created} ORDER BY rowid"))


def refuse_newer(version: int) -> None:
    """Raise `StoreError` if a newer Reshelve wrote the tables: this one could damage them."""
    if version > len(MIGRATIONS):
        raise StoreError(StoreReason.NEWER_VERSION)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 if there are none."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
