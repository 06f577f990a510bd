"""Merges what can be read of a damaged change log into an undamaged, older one."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model.change import Action, LogEvent, State, Transition
from tui.model.change_list import BatchKind
from tui.model.contact import ContactStatus
from tui.model.evidence import ReportKind
from tui.model.marks import MarkKind
from tui.model.reasons import ChangeReason, Notice
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.change_log.entries import write_entry
from tui.store.database import Connection
from tui.store.maintenance.file_ops import columns_of
from tui.store.maintenance.integrity import CHANGE_LOG_TABLES, connect_read_only, sanitise_rows
from tui.store.schema import migrate, version_of
from tui.store.schema.old_files import stored_table
from tui.store.schema.old_names import IS_ABOUT_CONTACTS
from tui.store.values import to_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path


# An unreadable page hides some forty rows, each of which is found by halving. A table without a readable root
# never returns anything, so the attempts are limited.
_MOST_FAILURES: Final = 5_000
_HIGHEST: Final = 1 << 32


class RecoveredRows(Struct):
    """The rows that could be read, and whether those are all there were."""

    rows: list[tuple[Any, ...]]
    is_complete: bool


def recover_table(
    connection: sqlite3.Connection, table: str, key: str, columns: Sequence[str]
) -> RecoveredRows:
    """Read the rows of a table by their keys, halving each range that can't be read.

    Table, key and columns are named as now; the file may be of an older Reshelve, which wrote fewer of them.
    """
    stored = stored_table(connection, table)
    if stored is None:
        return RecoveredRows([], is_complete=True)
    found = RecoveredRows([], is_complete=True)
    # The key by its name in the file; a damaged one isn't found.
    key = stored.columns.get(key, key)
    selected = stored.select(columns)
    sql = f"SELECT {selected} FROM {stored.name} NOT INDEXED WHERE {key} BETWEEN ? AND ? ORDER BY {key}"  # noqa: S608 - our own names
    ranges = [(1, _highest(connection, stored.name, key))]
    failures = 0
    while ranges and failures < _MOST_FAILURES:
        low, high = ranges.pop()
        try:
            found.rows += connection.execute(sql, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            found.is_complete = False
            failures += 1
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
    return found


def recover_sync_state(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Read the sync state up to the first unreadable entry: losing one only means downloading again."""
    rows: list[tuple[str, str]] = []
    try:
        stored = stored_table(connection, "sync_state")
        if stored is None:
            return rows
        sql = f"SELECT {stored.select(('name', 'value'))} FROM {stored.name}"  # noqa: S608 - our own names
        for name, value in connection.execute(sql):
            rows.append((name, value))
    except sqlite3.DatabaseError:
        return rows
    return rows


def _highest(connection: sqlite3.Connection, table: str, key: str) -> int:
    for sql in (
        f"SELECT max({key}) FROM {table}",  # noqa: S608 - our own names
        f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'",  # noqa: S608 - as above
    ):
        try:
            row = connection.execute(sql).fetchone()
        except sqlite3.DatabaseError:
            continue
        if row is not None and row[0] is not None:
            return int(row[0])
        return 0
    return _HIGHEST


_FROM_BACKUP: Final = Notice(ChangeReason.FROM_BACKUP)
_REPAIRED: Final = Notice(ChangeReason.REPAIRED)

# Columns without which a row is useless, and the values they may have.
_ALLOWED_VALUES: Final[tuple[tuple[str, str, frozenset[str]], ...]] = (
    ("sync_records", "status", frozenset(ContactStatus)),
    ("batches", "kind", frozenset(BatchKind)),
    ("batch_targets", "wanted_action", frozenset(Action)),
    ("user_reports", "kind", frozenset(ReportKind)),
    ("marks", "kind", frozenset(MarkKind)),
    ("user_reports", "status", frozenset(["", *ContactStatus])),
)


class MergeResult(Struct):
    """How many entries were recovered, whether all could be read, and how many changes are unknown now."""

    recovered: int = 0
    is_complete: bool = True
    unknown: int = 0


def merge(damaged: Path, sound: Path, now: datetime) -> MergeResult:
    """Add what can be read of the damaged file to the undamaged one, which is empty or a backup.

    Transitions are append-only and identified by their ids. If a change can't be read, and not all
    transitions can, it may have got further than the backup shows: if it was still to be sent, it becomes
    unknown and is checked with Xero.
    """
    merged = MergeResult()
    with closing(sqlite3.connect(sound, isolation_level=None, factory=Connection)) as connection:
        migrate(connection)
        before = _total(connection)
        fresh, changes = _read_all(
            damaged, {table: columns_of(connection, table) for table in CHANGE_LOG_TABLES}
        )
        merged.is_complete = all(table_rows.is_complete for table_rows in fresh.values())
        connection.execute("BEGIN IMMEDIATE")
        for table, found in fresh.items():
            if table != "changes":
                _insert(connection, table, found.rows)
        read = _upsert_changes(connection, changes)
        _restore_sync_state(connection, damaged)
        merged.recovered = _total(connection) - before
        _replay_entries(connection, read, now)
        if not fresh["transitions"].is_complete:
            merged.unknown = _mark_unknown(connection, read, now)
        connection.execute("COMMIT")
    return merged


def _read_all(
    damaged: Path, columns: dict[str, list[str]]
) -> tuple[dict[str, RecoveredRows], list[tuple[Any, ...]]]:
    found = {table: RecoveredRows([], is_complete=False) for table in CHANGE_LOG_TABLES}
    try:
        with closing(connect_read_only(damaged)) as connection:
            if not version_of(connection):
                # For SQLite, an empty file is undamaged.
                return found, []
            for table, key in CHANGE_LOG_TABLES.items():
                found[table] = recover_table(connection, table, key, columns[table])
    except sqlite3.DatabaseError:
        # Not even the list of tables can be read: the backup is all there is.
        return found, []
    for table, recovered in found.items():
        rows = sanitise_rows(table, columns[table], recovered.rows)
        recovered.is_complete = recovered.is_complete and rows == recovered.rows
        recovered.rows = rows
    transitions = _valid_rows(found["transitions"], columns["transitions"], _is_transition)
    found["transitions"].rows = transitions
    rows = _with_states(found["changes"].rows, columns["changes"], transitions, columns)
    found["changes"].is_complete = found["changes"].is_complete and rows == found["changes"].rows
    found["changes"].rows = rows
    changes = _valid_rows(found["changes"], columns["changes"], _is_change)
    for table, name, allowed in _ALLOWED_VALUES:
        position = columns[table].index(name)
        rows = [row for row in found[table].rows if row[position] in allowed]
        found[table].is_complete = found[table].is_complete and len(rows) == len(found[table].rows)
        found[table].rows = rows
    return found, changes


def _with_states(
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    transitions: Sequence[tuple[Any, ...]],
    all_columns: dict[str, list[str]],
) -> list[tuple[Any, ...]]:
    """Replace invalid states of changes by the state after their last transition."""
    of_change, after = (all_columns["transitions"].index(name) for name in ("change_id", "state"))
    last = {transition[of_change]: transition[after] for transition in transitions}
    position, key, known = columns.index("state"), columns.index("change_id"), set(State)
    return [
        row
        if row[position] in known
        else (*row[:position], last.get(row[key], row[position]), *row[position + 1 :])
        for row in rows
    ]


def _valid_rows(
    found: RecoveredRows, columns: Sequence[str], is_valid: Callable[[dict[str, Any]], bool]
) -> list[tuple[Any, ...]]:
    rows = [row for row in found.rows if is_valid(dict(zip(columns, row, strict=True)))]
    if len(rows) < len(found.rows):
        found.is_complete = False
    return rows


def _is_change(row: dict[str, Any]) -> bool:
    try:
        change_table.change_of(tuple(row[column] for column in change_table.CHANGE_COLUMNS))
    except values.UnreadableRowError:
        return False
    return True


def _is_transition(row: dict[str, Any]) -> bool:
    try:
        State(row["state"])
        return isinstance(json.loads(row["detail"]), dict)
    except (ValueError, TypeError, RecursionError):
        return False


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns_of(connection, table)))
    # A row that the backup has is the same; one that violates a constraint is damaged.
    connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own names


def _upsert_changes(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> frozenset[int]:
    """Overwrite the changes of the backup, which is older. Returns the ids of those written."""
    columns = columns_of(connection, "changes")
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO changes VALUES ({marks}) ON CONFLICT (change_id) DO UPDATE SET {updates}",  # noqa: S608 - our own names
        rows,
    )
    return frozenset(row[0] for row in rows)


def _restore_sync_state(connection: sqlite3.Connection, damaged: Path) -> None:
    try:
        with closing(connect_read_only(damaged)) as source:
            rows = [(name, value) for name, value in recover_sync_state(source) if _is_text(name, value)]
    except sqlite3.DatabaseError:
        rows = []
    connection.executemany("INSERT OR REPLACE INTO sync_state VALUES (?, ?)", rows)
    # There are no contacts in this file: all of them are downloaded again.
    connection.execute(f"DELETE FROM sync_state WHERE {IS_ABOUT_CONTACTS}")  # noqa: S608 - constant SQL


def _is_text(*stored: object) -> bool:
    return all(isinstance(value, str) for value in stored)


def _replay_entries(connection: sqlite3.Connection, read: frozenset[int], now: datetime) -> None:
    """Make each change and its log agree: update the change if it is older, otherwise add a note."""
    rows = connection.execute(
        """
        SELECT c.change_id, c.state, t.state, t.at_ms, t.detail FROM changes AS c
        LEFT JOIN transitions AS t ON t.transition_id = (
            SELECT max(transition_id) FROM transitions WHERE change_id = c.change_id
        ) WHERE t.state IS NOT c.state
        """
    ).fetchall()
    for change_id, state, logged, at_ms, detail in rows:
        if change_id in read or logged is None:
            write_entry(connection, to_ms(now), change_id, LogEvent.NOTE, state, notice=_REPAIRED)
            continue
        confirmed_ms = at_ms if logged == State.CONFIRMED.value else None
        connection.execute(
            "UPDATE changes SET state = ?, updated_ms = ?, confirmed_ms = coalesce(confirmed_ms, ?)"
            " WHERE change_id = ?",
            (logged, at_ms, confirmed_ms, change_id),
        )
        details = values.json_object(detail)
        notice = values.notice(details.get("reason"), details.get("params"))
        change_table.write_reason(connection, change_id, logged, values.text(details.get("message")), notice)


def _mark_unknown(connection: sqlite3.Connection, read: frozenset[int], now: datetime) -> int:
    """Mark changes as unknown that were still to be sent when the backup was made. Returns how many."""
    rows = connection.execute("SELECT change_id, state FROM changes WHERE state IN ('queued', 'sending')")
    unknown = [(change_id, State(state)) for change_id, state in rows.fetchall() if change_id not in read]
    for change_id, state in unknown:
        if state is State.QUEUED:
            send = change_table.TransitionRequest(change_id, Transition.SEND, notice=_FROM_BACKUP)
            change_table.apply_transition(connection, send, now)
        lost = change_table.TransitionRequest(change_id, Transition.REPLY_LOST, notice=_FROM_BACKUP)
        change_table.apply_transition(connection, lost, now)
    return len(unknown)


def _total(connection: sqlite3.Connection) -> int:
    return sum(
        int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names
        for table in CHANGE_LOG_TABLES
    )
