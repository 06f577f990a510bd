"""The seventh migration: tables, columns, values, indexes and triggers get the names that the code uses.

Data is kept: tables and columns are renamed in place, values by `old_names`. Counts are derived data and are
counted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store.schema.fragments import PENDING, PENDING_SINCE, SYNCED_AT, append_only
from tui.store.schema.old_names import COLUMNS, TABLES, VALUES, current_value, has_old_value

if TYPE_CHECKING:
    from collections.abc import Iterator

# Current table names.
_APPEND_ONLY: Final = ("transitions", "sync_records", "batch_targets", "user_reports", "tenant_group_marks")
_COUNTED: Final = ("contacts", "changes")
_VERBS: Final = ("insert", "delete", "update")
_OLD_INDEXES: Final = (
    "changes_waiting",
    "changes_settled",
    "events_of_change",
    "wishes_of_batch",
    "tellings_of_contact",
)
_PENDING_OF_ROW: Final = (
    "{row}.state = 'confirmed' AND {row}.synced_ms IS NULL AND {row}.checked_ms IS NULL"
    " AND {row}.unlinked_ms IS NULL AND {row}.superseded = 0"
)


def _drop_old() -> Iterator[str]:
    # Without IF EXISTS: if one is missing, the file is damaged, and the start repairs it.
    for old, new in TABLES.items():
        if new in _APPEND_ONLY:
            yield f"DROP TRIGGER {old}_no_update"
            yield f"DROP TRIGGER {old}_no_delete"
    for table in _COUNTED:
        for verb in _VERBS:
            yield f"DROP TRIGGER {table}_tally_{verb}"
    for index in _OLD_INDEXES:
        yield f"DROP INDEX {index}"


def _rename() -> Iterator[str]:
    for old, new in TABLES.items():
        yield f"ALTER TABLE {old} RENAME TO {new}"
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            yield f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}"


def _convert_values() -> Iterator[str]:
    for table, columns in VALUES.items():
        names = [*columns, *(["detail"] if table == "transitions" else [])]
        updates = ", ".join(f"{name} = {current_value(table, name, name)}" for name in names)
        # OR IGNORE: in a damaged file, a row with the new value may be in the way of a unique one.
        yield f"UPDATE OR IGNORE {table} SET {updates} WHERE {has_old_value(table)}"  # noqa: S608 - our own names


def _count_triggers(table: str, column: str, also: tuple[str, str] | None = None) -> Iterator[str]:
    """Keep the number of rows for each value of a column: `count(*)` takes longer the larger a table is.

    `also` is a further name and the condition on `{row}` under which a row counts for it.
    """

    def add(row: str, by: int) -> str:
        upsert = f"ON CONFLICT (name) DO UPDATE SET total = total + {by};"
        counted = f"INSERT INTO row_counts VALUES ('{table}:' || {row}.{column}, {by}) {upsert}"  # noqa: S608 - our own names
        if also is None:
            return counted
        name, condition = also
        where = condition.format(row=row)
        return f"{counted} INSERT INTO row_counts SELECT '{name}', {by} WHERE {where} {upsert}"

    work = {"insert": add("new", 1), "delete": add("old", -1), "update": f"{add('old', -1)} {add('new', 1)}"}
    for verb in _VERBS:
        yield f"CREATE TRIGGER {table}_count_{verb} AFTER {verb.upper()} ON {table} BEGIN {work[verb]} END"


RENAMES: Final[tuple[str, ...]] = (
    *_drop_old(),
    *_rename(),
    *_convert_values(),
    f"CREATE INDEX changes_pending ON changes ({PENDING_SINCE}) WHERE {PENDING}",
    f"CREATE INDEX changes_synced ON changes ({SYNCED_AT}) WHERE {SYNCED_AT} IS NOT NULL",
    "CREATE INDEX transitions_of_change ON transitions (change_id)",
    "CREATE INDEX batch_targets_of_batch ON batch_targets (batch_id)",
    "CREATE INDEX user_reports_of_contact ON user_reports (contact_id)",
    "DELETE FROM row_counts",
    # OR IGNORE: in a damaged file, these can be NULL.
    "INSERT OR IGNORE INTO row_counts SELECT 'contacts:' || status, count(*) FROM contacts GROUP BY 1",
    "INSERT OR IGNORE INTO row_counts SELECT 'changes:' || state, count(*) FROM changes GROUP BY 1",
    f"INSERT INTO row_counts SELECT 'pending_changes', count(*) FROM changes WHERE {PENDING} GROUP BY 1",  # noqa: S608 - constant SQL
    *_count_triggers("contacts", "status"),
    *_count_triggers("changes", "state", ("pending_changes", _PENDING_OF_ROW)),
    *(statement for table in _APPEND_ONLY for statement in append_only(table)),
)
