"""The data of the practice services: one SQLite file.

Calls are synchronous and run on the event loop: a page of a thousand contacts takes a few milliseconds, and
as requests are processed one at a time, none sees another half done.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_SPELLED: Final = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE
)
_ENCLOSED: Final = {"{": "}", "(": ")"}


def parse_guid(text: str) -> str | None:
    """Return an id as it is stored, with hyphens and in lower case; `None` if it is invalid."""
    bare = text.strip()
    end = _ENCLOSED.get(bare[:1])
    if end is not None and bare.endswith(end):
        bare = bare[1:-1]
    return str(uuid.UUID(bare)) if bare.isascii() and _SPELLED.fullmatch(bare) else None


# What a sync has to pick up (`released_…`) is in the contact's row, so that the differences are a partial
# index: its cost depends on what has changed, not on what is stored. What Re-Leased shows meanwhile is in
# `re_leased_contacts`.
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE organisations (
    org INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    short_code TEXT NOT NULL UNIQUE, created INTEGER NOT NULL
);
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    contact_id TEXT NOT NULL,
    status TEXT NOT NULL,
    active INTEGER GENERATED ALWAYS AS (status = 'ACTIVE') STORED,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    first_name TEXT, last_name TEXT,
    email TEXT COLLATE NOCASE,
    account_number TEXT, contact_number TEXT, company_number TEXT,
    updated INTEGER NOT NULL,
    created INTEGER NOT NULL,
    merged_to TEXT,
    repeating INTEGER NOT NULL DEFAULT 0,
    released_active INTEGER,
    released_linked INTEGER NOT NULL DEFAULT 1,
    released_changed INTEGER NOT NULL DEFAULT 0,
    search TEXT NOT NULL,
    document BLOB NOT NULL
);
CREATE TABLE groups (
    group_id TEXT PRIMARY KEY, org INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE group_members (
    group_id TEXT NOT NULL, contact INTEGER NOT NULL, PRIMARY KEY (group_id, contact)
) WITHOUT ROWID;
CREATE TABLE history (
    id INTEGER PRIMARY KEY, contact INTEGER NOT NULL, at INTEGER NOT NULL,
    changes TEXT NOT NULL, user TEXT NOT NULL, details TEXT NOT NULL
);
CREATE TABLE idempotency (
    org INTEGER NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL, at INTEGER NOT NULL,
    status INTEGER NOT NULL, content_type TEXT, body BLOB NOT NULL, PRIMARY KEY (org, key)
) WITHOUT ROWID;
CREATE TABLE connections (
    id TEXT PRIMARY KEY, org INTEGER NOT NULL UNIQUE, auth_event_id TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tokens (
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, grant_id TEXT NOT NULL, scope TEXT NOT NULL,
    org INTEGER, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE companies (
    org INTEGER PRIMARY KEY, state TEXT NOT NULL, next_sync INTEGER, runs INTEGER NOT NULL DEFAULT 0,
    last_run INTEGER, last_started INTEGER, last_finished INTEGER, last_outcome TEXT
);
CREATE TABLE re_leased_contacts (
    id INTEGER PRIMARY KEY, org INTEGER NOT NULL, contact INTEGER UNIQUE, shared_id INTEGER,
    active INTEGER NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, first_name TEXT, last_name TEXT,
    email TEXT, account_number TEXT, is_customer INTEGER NOT NULL, is_supplier INTEGER NOT NULL,
    currency TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    xero_id TEXT, status_told TEXT NOT NULL
);
CREATE TABLE feed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, org INTEGER NOT NULL, contact_id TEXT NOT NULL,
    state TEXT NOT NULL, picked_up INTEGER NOT NULL, run INTEGER NOT NULL, started INTEGER NOT NULL
);
"""

# With `active` at the end of an index, active contacts can be counted without reading rows. With `id` and
# `org`, a page far down a sorted list is found in the index alone.
INDEXES = """
CREATE INDEX contacts_by_id ON contacts (org, contact_id, active);
CREATE INDEX contacts_by_name ON contacts (org, name_key, contact_id, active);
CREATE INDEX contacts_by_updated ON contacts (org, updated, contact_id, active);
CREATE INDEX contacts_by_search ON contacts (org, search);
CREATE INDEX contacts_by_email ON contacts (org, email) WHERE email IS NOT NULL;
CREATE INDEX contacts_by_account ON contacts (org, account_number) WHERE account_number IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_number ON contacts (org, contact_number) WHERE contact_number IS NOT NULL;
CREATE INDEX contacts_to_pick_up ON contacts (org) WHERE released_linked AND released_active IS NOT active;
CREATE INDEX contacts_changed ON contacts (org) WHERE released_linked AND released_changed;
CREATE INDEX contacts_unlinked ON contacts (org, name_key) WHERE NOT released_linked;
CREATE INDEX re_leased_by_name ON re_leased_contacts (name_key, id, org);
CREATE INDEX re_leased_by_updated ON re_leased_contacts (updated, id, org);
CREATE INDEX re_leased_by_created ON re_leased_contacts (created, id, org);
CREATE INDEX re_leased_shared ON re_leased_contacts (shared_id) WHERE shared_id IS NOT NULL;
CREATE INDEX history_by_contact ON history (contact, at);
CREATE INDEX feed_by_company ON feed (org, seq);
CREATE INDEX tokens_by_grant ON tokens (grant_id);
"""

_CACHE_KIB = 32_000


class SandboxDatabase:
    """The open file. `kill -9` loses no confirmed write: the WAL is written before a response is sent."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # SQLite's own functions only support ASCII.
        self._connection.create_function("unicode_lower", 1, _lower, deterministic=True)
        self._connection.create_function("unicode_upper", 1, _upper, deterministic=True)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        self.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, tuple(parameters))

    def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> None:
        """Run one statement for every row."""
        self._connection.executemany(sql, (tuple(row) for row in rows))

    def all(self, sql: str, parameters: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Read all rows."""
        return self.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Iterable[Any] = ()) -> sqlite3.Row | None:
        """Read the first row, or `None`."""
        row: sqlite3.Row | None = self.execute(sql, parameters).fetchone()
        return row

    def value(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        """Read the first column of the first row, or `None`."""
        row = self.one(sql, parameters)
        return None if row is None else row[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction; inside another transaction, it is part of that one."""
        if self._connection.in_transaction:
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a savepoint, which can fail without ending the transaction it is in."""
        with self.transaction():
            self.execute("SAVEPOINT part")
            try:
                yield
            except BaseException:
                self.execute("ROLLBACK TO part")
                self.execute("RELEASE part")
                raise
            self.execute("RELEASE part")

    @property
    def writes(self) -> int:
        """Rows changed since the start, to detect stale caches."""
        return self._connection.total_changes

    def set_meta(self, key: str, value: str) -> None:
        """Store a value for the next start."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def get_meta(self, key: str) -> str | None:
        """Return a stored value."""
        value: str | None = self.value("SELECT value FROM meta WHERE key = ?", (key,))
        return value

    def close(self) -> None:
        """Checkpoint the write-ahead log and close the file."""
        self._connection.close()


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def remove(file: Path) -> None:
    """Delete a database and its SQLite side files."""
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{file}{end}").unlink(missing_ok=True)


@contextmanager
def build_database(file: Path) -> Iterator[sqlite3.Connection]:
    """Build a new database beside its path and move it there in one step; a crash leaves no partial file."""
    draft = file.with_name(f"{file.name}.seeding")
    remove(draft)
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.executescript(
            f"PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {TABLES}"
        )
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        connection.executescript(INDEXES)
        # Without statistics, a filter by name would scan the index of the requested order instead.
        connection.executescript("PRAGMA analysis_limit = 400; ANALYZE;")
    except BaseException:
        connection.close()
        remove(draft)
        raise
    connection.close()
    draft.replace(file)
