"""Names and values of schema versions 1 to 6, mapped to the current ones; no other module knows the old ones.

Migration 7 renames by these mappings, and every reader of a file that hasn't been migrated goes through
`old_files`, which uses them too. They never change: they describe files that exist.

Within a column, no value is both an old and a current one, so mapping a value twice is harmless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.store.schema.fragments import PENDING_SINCE, append_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


# Current table names.
_APPEND_ONLY: Final = ("transitions", "sync_records", "batch_targets", "user_reports", "tenant_group_marks")
_COUNTED: Final = ("contacts", "changes")
_VERBS: Final = ("insert", "delete", "update")
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


_OLD_INDEXES: Final = (
    "changes_waiting",
    "changes_settled",
    "events_of_change",
    "wishes_of_batch",
    "tellings_of_contact",
)
# Part of the migration and never changed; the current conditions are in `fragments`.
_PENDING: Final = (
    "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NULL AND unlinked_ms IS NULL"
    " AND superseded = 0"
)
_SYNCED_AT: Final = "coalesce(synced_ms, checked_ms, unlinked_ms)"
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


def count_triggers(table: str, column: str, also: tuple[str, str] | None = None) -> Iterator[str]:
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
    f"CREATE INDEX changes_pending ON changes ({PENDING_SINCE}) WHERE {_PENDING}",
    f"CREATE INDEX changes_synced ON changes ({_SYNCED_AT}) WHERE {_SYNCED_AT} IS NOT NULL",
    "CREATE INDEX transitions_of_change ON transitions (change_id)",
    "CREATE INDEX batch_targets_of_batch ON batch_targets (batch_id)",
    "CREATE INDEX user_reports_of_contact ON user_reports (contact_id)",
    "DELETE FROM row_counts",
    # OR IGNORE: in a damaged file, these can be NULL.
    "INSERT OR IGNORE INTO row_counts SELECT 'contacts:' || status, count(*) FROM contacts GROUP BY 1",
    "INSERT OR IGNORE INTO row_counts SELECT 'changes:' || state, count(*) FROM changes GROUP BY 1",
    f"INSERT INTO row_counts SELECT 'pending_changes', count(*) FROM changes WHERE {_PENDING} GROUP BY 1",  # noqa: S608 - constant SQL
    *count_triggers("contacts", "status"),
    *count_triggers("changes", "state", ("pending_changes", _PENDING_OF_ROW)),
    *(statement for table in _APPEND_ONLY for statement in append_only(table)),
)
