"""Names and values of schema versions 1 to 6, mapped to the current ones; no other module knows the old ones.

Migration 7 renames by these mappings, and every reader of a file that hasn't been migrated goes through
`old_files`, which uses them too. They never change: they describe files that exist.

Within a column, no value is both an old and a current one, so mapping a value twice is harmless.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.store.schema import MIGRATIONS, migrate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


#: Current table names by the old ones.
TABLES: Final[Mapping[str, str]] = {
    "change_events": "transitions",
    "pick_ups": "sync_records",
    "batch_wishes": "batch_targets",
    "tellings": "user_reports",
    "group_marks": "tenant_group_marks",
    "cursors": "sync_state",
    "told": "full_sync_seen",
    "absences": "missing_contacts",
    "tallies": "row_counts",
}
#: Current column names by the old ones, for each table by its current name.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "changes": {
        "words": "message",
        "picked_up_ms": "synced_ms",
        "told_ms": "checked_ms",
        "wish_id": "reverses_change_id",
        "retries": "retry_of_id",
        "base_ms": "sent_when_updated_ms",
    },
    "transitions": {"event_id": "transition_id", "event": "transition"},
    "sync_records": {"pick_up_id": "sync_record_id", "picked_up_ms": "synced_ms", "run": "run_id"},
    "batches": {"of_batch": "target_batch_id"},
    "batch_targets": {"action": "wanted_action"},
    "user_reports": {"told_ms": "reported_ms"},
    "tenant_group_marks": {"told_ms": "reported_ms"},
}

_STATES: Final = {"unclear": "unknown", "handoff": "awaiting_user"}
_STATUSES: Final = {"GONE": "DELETED"}
#: Current values by the old ones, for each table and column by its current name.
VALUES: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "changes": {"state": _STATES, "origin": {"here": "reshelve"}},
    "transitions": {
        "state": _STATES,
        "transition": {
            "lose": "reply_lost",
            "hand_off": "await_user",
            "request": "requested",
            "seen": "detected",
            "picked_up": "synced",
            "told": "checked",
            "noted": "note",
        },
    },
    "sync_records": {"status": _STATUSES},
    "user_reports": {"kind": {"seen": "checked"}, "status": _STATUSES},
    "contacts": {"status": _STATUSES},
    "missing_contacts": {"status": _STATUSES},
    "sync_state": {
        "name": {
            "pull.since": "contacts.refreshed_until",
            "pull.full_done_at": "contacts.full_sync_ended_at",
            "pull.full_since": "contacts.full_sync_started_at",
            "pull.full_page": "contacts.full_sync_page",
            "pull.full_count": "contacts.full_sync_count",
            "pull.unreadable": "contacts.unreadable",
            "pull.fold": "contacts.fold_version",
            "push.paused_at": "outbox.paused_at",
            "budget.peak": "quota.high_water_mark",
            "feed.clean_sync_told": "feed.clean_sync_reported",
            "feed.shown": "feed.shared_status",
            "released.last_file": "comparison.last_file",
        }
    },
}

#: Entries of `sync_state` that describe the stored contacts, by their new or old name. They are worthless
#: without these contacts, so backups and repairs leave them out.
IS_ABOUT_CONTACTS: Final = "(name LIKE 'contacts.%' OR name LIKE 'pull.%')"

# `detail` is a JSON object that was always written with this key first, so the key can be replaced in the
# text, which keeps the rest byte for byte: SQLite's JSON functions would cut a message at an escaped NUL.
# They are used only for objects in another order; anything that isn't a JSON object is kept.
_OLD_KEY: Final = '{"words": '
_NEW_KEY: Final = '{"message": '
_DETAIL: Final = f"""
    CASE
        WHEN typeof(SOURCE) <> 'text' THEN SOURCE
        WHEN instr(SOURCE, '"words"') = 0 THEN SOURCE
        WHEN NOT json_valid(SOURCE) THEN SOURCE
        WHEN substr(SOURCE, 1, {len(_OLD_KEY)}) = '{_OLD_KEY}'
            THEN '{_NEW_KEY}' || CAST(substr(CAST(SOURCE AS BLOB), {len(_OLD_KEY) + 1}) AS TEXT)
        WHEN json_type(SOURCE, '$.words') = 'text' AND json_type(SOURCE, '$.message') IS NULL
            THEN json_set(json_remove(SOURCE, '$.words'), '$.message', json_extract(SOURCE, '$.words'))
        ELSE SOURCE
    END
"""


def current_table(name: str) -> str:
    """Return the current name of a table."""
    return TABLES.get(name, name)


def old_table(name: str) -> str:
    """Return the old name of a current table."""
    return _OLD_TABLES.get(name, name)


def current_column(table: str, column: str) -> str:
    """Return the current name of a column; `table` is the current name of its table."""
    return COLUMNS.get(table, {}).get(column, column)


def current_value(table: str, column: str, source: str) -> str:
    """Return an SQL expression that converts stored values, old or current, to current ones.

    `source` is the SQL that reads them; `table` and `column` are current names.
    """
    if (table, column) == ("transitions", "detail"):
        return _DETAIL.strip().replace("SOURCE", source)
    values = VALUES.get(table, {}).get(column)
    if values is None:
        return source
    cases = " ".join(f"WHEN '{old}' THEN '{new}'" for old, new in values.items())
    return f"CASE {source} {cases} ELSE {source} END"


def has_old_value(table: str) -> str:
    """Return an SQL condition that finds rows with an old value; `table` is a current name."""
    conditions = [
        f"{column} IN ({', '.join(map(repr, values))})" for column, values in VALUES.get(table, {}).items()
    ]
    if table == "transitions":
        conditions.append("instr(detail, '\"words\"')")
    return " OR ".join(conditions)


_OLD_TABLES: Final = {new: old for old, new in TABLES.items()}


class StoredTable(Struct, frozen=True):
    """A table as stored in a file.

    `name` is its name in the file. `columns` maps each current column that the file has to the SQL expression
    that reads it with its current values.
    """

    name: str
    columns: Mapping[str, str]

    def select(self, columns: Iterable[str]) -> str:
        """Return the expressions that read these columns, with NULL for those that the file doesn't have."""
        return ", ".join(f"{self.columns.get(column, 'NULL')} AS {column}" for column in columns)


def stored_table(connection: sqlite3.Connection, table: str, schema: str = "main") -> StoredTable | None:
    """Find a table by its current name in a file; None if the file doesn't have it."""
    is_old = has_old_names(connection, schema)
    name = old_table(table) if is_old else table
    columns = [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({name})")]
    if not columns:
        return None
    if not is_old:
        return StoredTable(name, {column: column for column in columns})
    named = ((current_column(table, column), column) for column in columns)
    return StoredTable(name, {new: current_value(table, new, column) for new, column in named})


def has_old_names(connection: sqlite3.Connection, schema: str = "main") -> bool:
    """Return whether a file was written before tables and columns had their current names."""
    names = {name for (name,) in connection.execute(f"SELECT name FROM {schema}.sqlite_master")}  # noqa: S608 - "main", or our own
    return not names.isdisjoint(TABLES)


def use_current_names(connection: sqlite3.Connection) -> None:
    """Make queries with current names and values work on a file that an older Reshelve wrote.

    Temporary views take the place of its tables; tables that the file doesn't have are empty, and columns
    NULL. The file itself isn't changed, and may be open for reading only.
    """
    if not has_old_names(connection):
        return
    for table, columns in names_of_version(len(MIGRATIONS)).items():
        if not columns or table.startswith("sqlite_"):
            continue
        stored = stored_table(connection, table)
        selected = (stored or StoredTable("", {})).select(columns)
        source = f"FROM main.{stored.name}" if stored else "WHERE 0"
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT {selected} {source}")


@cache
def names_of_version(version: int) -> Mapping[str, tuple[str, ...]]:
    """Return the tables, indexes and triggers of a schema version, each with its columns.

    For an unknown version, returns those of the current one.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, version if 0 < version < len(MIGRATIONS) else len(MIGRATIONS))
        names = [name for (name,) in fresh.execute("SELECT name FROM sqlite_master")]
        return {name: _columns(fresh, name) for name in names}


def _columns(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    return tuple(row[1] for row in connection.execute(f"PRAGMA table_info({name})"))
