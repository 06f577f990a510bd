"""Stores as version 6 of the schema wrote them: every table, every stored value, and damaged values."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

from tui.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = 6
STATES = ["queued", "sending", "unclear", "handoff", "confirmed", "refused", "cancelled", "dismissed"]
EVENTS = [
    "send", "confirm", "refuse", "hand_off", "lose", "requeue", "cancel", "dismiss",
    "request", "seen", "picked_up", "told", "retried", "renamed", "noted",
]  # fmt: skip
STATUSES = ["ACTIVE", "ARCHIVED", "GDPRREQUEST", "GONE"]
KINDS = ["sync started", "sync clean", "sync failed", "state", "seen", "unlinked", "linked"]
CURSORS = [
    "pull.since", "pull.full_done_at", "pull.full_since", "pull.full_page", "pull.full_count",
    "pull.unreadable", "pull.fold", "push.paused_at", "budget.peak", "clock.ahead", "feed.cursor",
    "feed.clean_sync_started_at", "feed.clean_sync_told", "feed.shown", "restore.refused_at",
    "released.last_file", "of nobody",
]  # fmt: skip
DETAILS = [
    "{}",
    '{"words": "Xero’s \\"own\\" words\\u0000, all of them"}',
    '{"words": "It said \\"words\\": no.", "detail": "timed out", "idempotency_key": "key-1"}',
    '{"detail": "the \\"words\\" of somebody", "batch": "b"}',
    '{"detail": "in another order", "words": "é"}',
    '{"words": 7}',
    '{"words": "and", "message": "both"}',
]
BROKEN = ['{"words": "torn', '["words"]', '"words"', '{"words": "a"} and more', "", "7", "null"]
# No column should hold these, but any can.
ODD: list[Any] = [
    -1, 2**62, 1.5, float("inf"), "", "x", "{", "unknown", "awaiting_user", "DELETED", "\x00", b"",
    b"\xff\xfe", b"GONE", b"unclear", b'{"words": "a"}',
]  # fmt: skip

TABLES: dict[str, dict[str, Any]] = {
    "contacts": {
        "rowid": 1, "contact_id": "id", "name": "Alma", "status": "ACTIVE", "updated_ms": 1_700_000_000_000,
        "first_name": "", "last_name": "", "email": "", "account_number": "", "contact_number": "",
        "phone": "", "is_customer": 0, "is_supplier": 1, "group_names": "[]", "merged_to": "",
        "receivable": 1, "receivable_overdue": 0, "payable": 0, "payable_overdue": 0, "sort_key": "alma",
        "search": "alma",
    },
    "contact_documents": {"contact_rowid": 1, "raw": b"{}", "balances_ms": 1_700_000_000_000},
    "changes": {
        "change_id": 1, "batch_id": "b", "contact_id": "id", "name": "Alma", "action": "archive",
        "origin": "here", "state": "queued", "requested_ms": 1_700_000_000_000,
        "updated_ms": 1_700_000_000_001, "confirmed_ms": None, "idempotency_key": "", "words": "",
        "picked_up_ms": None, "superseded": 0, "wish_id": None, "retries": None, "base_ms": None,
        "told_ms": None, "unlinked_ms": None, "relinked_ms": None,
    },
    "change_events": {
        "event_id": 1, "at_ms": 1_700_000_000_000, "change_id": 1, "event": "send", "state": "sending",
        "detail": "{}",
    },
    "pick_ups": {
        "pick_up_id": 1, "contact_id": "id", "status": "ARCHIVED", "sync_started_ms": 1_700_000_000_000,
        "picked_up_ms": 1_700_000_000_002, "run": "run-1",
    },
    "batches": {
        "number": 1, "batch_id": "b", "kind": "request", "of_batch": "", "at_ms": 1_700_000_000_000,
    },
    "batch_wishes": {"number": 1, "batch_id": "b", "change_id": 1, "action": "restore"},
    "tellings": {
        "number": 1, "told_ms": 1_700_000_000_000, "at_ms": 1_700_000_000_001, "kind": "seen",
        "contact_id": "id", "status": "ARCHIVED", "state": "",
    },
    "group_marks": {
        "number": 1, "told_ms": 1_700_000_000_000, "group_name": "Tenants", "is_tenants": 1,
    },
    "cursors": {"name": "a", "value": "b"},
    "told": {"contact_rowid": 1},
    "absences": {"contact_id": "id", "since_ms": 1_700_000_000_000, "status": ""},
}  # fmt: skip
# Columns with unique values.
UNIQUE = {"contacts": "contact_id", "batches": "batch_id", "cursors": "name", "absences": "contact_id"}


def create(file: Path, version: int = VERSION) -> None:
    """Run the migrations of an older version, statement by statement."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in (part for step in MIGRATIONS[:version] for part in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")


def insert(file: Path, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows, each given by its differences from an ordinary one, with consecutive numbers."""
    first = next(iter(TABLES[table]))
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        [start] = connection.execute(f"SELECT count(*) + 1 FROM {table}").fetchone()  # noqa: S608 - our own names
        for number, row in zip(count(start), rows, strict=False):
            fields = TABLES[table] | row
            if isinstance(TABLES[table][first], int) and first not in row:
                fields[first] = number
            if table in UNIQUE and UNIQUE[table] not in row:
                fields[UNIQUE[table]] = f"{UNIQUE[table]}-{number}"
            marks = ", ".join("?" * len(fields))
            sql = f"INSERT INTO {table} ({', '.join(fields)}) VALUES ({marks})"  # noqa: S608 - our own names
            connection.execute(sql, tuple(fields.values()))
        connection.execute("COMMIT")


def fill(file: Path) -> None:
    """Put every value that version 6 could write into every table."""
    at = 1_700_000_000_000
    insert(file, "contacts", ({"status": status} for status in STATUSES))
    insert(file, "contact_documents", ({} for _ in STATUSES))
    insert(file, "told", ({} for _ in STATUSES))
    moments = ("picked_up_ms", "told_ms", "unlinked_ms", "relinked_ms")
    insert(
        file,
        "changes",
        [
            *(
                {"state": state, "origin": origin, "confirmed_ms": at if state == "confirmed" else None}
                for state in STATES
                for origin in ("here", "xero")
            ),
            *({"action": "restore", "wish_id": 1, "retries": 2, "base_ms": at} for _ in range(2)),
            *({"state": "confirmed", "confirmed_ms": at, name: at + 5} for name in moments),
            *({"state": "confirmed", "confirmed_ms": at + each} for each in range(3)),
            {"state": "confirmed", "confirmed_ms": at, "superseded": 1},
            {"state": "refused", "words": "Xero’s own"},
        ],
    )
    insert(
        file,
        "change_events",
        [
            *({"event": event, "state": state} for event in EVENTS for state in STATES),
            *({"event": "lose", "state": "unclear", "detail": detail} for detail in DETAILS),
        ],
    )
    insert(file, "pick_ups", ({"status": status, "run": status} for status in STATUSES))
    insert(file, "batches", ({"kind": kind} for kind in ("request", "retry", "undo", "redo")))
    insert(file, "batch_wishes", ({"action": action} for action in ("archive", "restore")))
    insert(
        file,
        "tellings",
        [
            *({"kind": kind} for kind in KINDS),
            *({"status": status} for status in ("", *STATUSES)),
            {"kind": "state", "contact_id": "", "state": "Sync has errors"},
        ],
    )
    insert(file, "group_marks", ({"is_tenants": each} for each in (0, 1)))
    insert(file, "cursors", ({"name": name, "value": name.upper()} for name in CURSORS))
    insert(file, "absences", ({"status": status} for status in ("", *STATUSES)))


def damage(file: Path) -> None:
    """Add a row for each odd value in each column of every table, in which SQLite takes it."""
    for table, ordinary in TABLES.items():
        for column in ordinary:
            for odd in ODD:
                try:
                    insert(file, table, [{column: odd}])
                except sqlite3.IntegrityError:
                    continue
    insert(file, "change_events", ({"detail": detail} for detail in BROKEN))


def rows_of(file: Path, table: str) -> list[dict[str, Any]]:
    """Read all rows as stored, texts as bytes."""
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = lambda text: ("text", text)
        columns = [str(row[1][1], "utf-8") for row in connection.execute(f"PRAGMA table_info({table})")]
        sql = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - our own names
        return [dict(zip(columns, row, strict=True)) for row in connection.execute(sql)]
