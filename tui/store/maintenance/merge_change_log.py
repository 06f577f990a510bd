"""Merges what a damaged journal still tells into a sound one that is older."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model.change import Action, State, Transition
from tui.model.change_list import BatchKind
from tui.model.contact import ContactStatus
from tui.model.evidence import ReportKind
from tui.store.change_log import changes as change_table
from tui.store.change_log.entries import NOTE, write_entry
from tui.store.connection import Connection
from tui.store.maintenance.file_ops import columns_of
from tui.store.maintenance.integrity import CHANGE_LOG_TABLES, connect_read_only
from tui.store.maintenance.recover_rows import RecoveredRows, recover_sync_state, recover_table
from tui.store.maintenance.value_checks import sanitise_rows
from tui.store.schema import migrate, version_of
from tui.store.timestamps import to_ms
from tui.store.values import UnreadableRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

_RESTORED_FROM_BACKUP: Final = "put back from a backup, so that it is read again"
_REPAIRED: Final = "put back by a repair"


# The columns that say what a row is about, and the words they may hold.
_ALLOWED_VALUES: Final[tuple[tuple[str, str, frozenset[str]], ...]] = (
    ("pick_ups", "status", frozenset(ContactStatus)),
    ("batches", "kind", frozenset(BatchKind)),
    ("batch_wishes", "action", frozenset(Action)),
    ("tellings", "kind", frozenset(ReportKind)),
    ("tellings", "status", frozenset(["", *ContactStatus])),
)


class MergeResult(Struct):
    """How many entries came from the damaged file, whether all could be read, and what is in doubt."""

    recovered: int = 0
    is_complete: bool = True
    unknown: int = 0


def merge(damaged: Path, sound: Path, now: datetime) -> MergeResult:
    """Bring the sound file, an empty one or a backup, up to what can be read of the damaged one.

    Events are append-only and told apart by their numbers. Where neither a change nor all events can be read,
    it may have gone further than the backup tells: one that was still to be sent is doubted, so that it is
    read again from Xero.
    """
    merged = MergeResult()
    with closing(sqlite3.connect(sound, isolation_level=None, factory=Connection)) as connection:
        migrate(connection)
        before = _total(connection)
        fresh, changes = _read_all(
            damaged, {table: columns_of(connection, table) for table in CHANGE_LOG_TABLES}
        )
        merged.is_complete = all(each.is_complete for each in fresh.values())
        connection.execute("BEGIN IMMEDIATE")
        for table, found in fresh.items():
            if table != "changes":
                _insert(connection, table, found.rows)
        read = _upsert_changes(connection, changes)
        _restore_sync_state(connection, damaged)
        merged.recovered = _total(connection) - before
        _replay_entries(connection, read, now)
        if not fresh["change_events"].is_complete:
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
                # An empty file is a whole one to SQLite.
                return found, []
            for table, key in CHANGE_LOG_TABLES.items():
                existing = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
                # An older Reshelve wrote fewer columns, and fewer tables.
                wanted = [name if name in existing else f"NULL AS {name}" for name in columns[table]]
                found[table] = (
                    recover_table(connection, table, key, wanted)
                    if existing
                    else RecoveredRows([], is_complete=True)
                )
    except sqlite3.DatabaseError:
        # Not even the list of its tables can be read: the backup is all there is.
        return found, []
    for table, each in found.items():
        rows = sanitise_rows(table, columns[table], each.rows)
        each.is_complete = each.is_complete and rows == each.rows
        each.rows = rows
    events = _valid_rows(found["change_events"], columns["change_events"], _is_event)
    found["change_events"].rows = events
    rows = _with_states(found["changes"].rows, columns["changes"], events, columns)
    found["changes"].is_complete = found["changes"].is_complete and rows == found["changes"].rows
    found["changes"].rows = rows
    changes = _valid_rows(found["changes"], columns["changes"], _is_change)
    for table, name, words in _ALLOWED_VALUES:
        position = columns[table].index(name)
        rows = [row for row in found[table].rows if row[position] in words]
        found[table].is_complete = found[table].is_complete and len(rows) == len(found[table].rows)
        found[table].rows = rows
    return found, changes


def _with_states(
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    events: Sequence[tuple[Any, ...]],
    all_columns: dict[str, list[str]],
) -> list[tuple[Any, ...]]:
    """Take the state of a change from its last event where the change's own makes no sense."""
    of_change, after = (all_columns["change_events"].index(name) for name in ("change_id", "state"))
    last = {event[of_change]: event[after] for event in events}
    position, key, known = columns.index("state"), columns.index("change_id"), set(State)
    return [
        row
        if row[position] in known
        else (*row[:position], last.get(row[key], row[position]), *row[position + 1 :])
        for row in rows
    ]


def _valid_rows(
    found: RecoveredRows, columns: Sequence[str], makes_sense: Callable[[dict[str, Any]], bool]
) -> list[tuple[Any, ...]]:
    rows = [row for row in found.rows if makes_sense(dict(zip(columns, row, strict=True)))]
    if len(rows) < len(found.rows):
        found.is_complete = False
    return rows


def _is_change(row: dict[str, Any]) -> bool:
    try:
        change_table.change_of(tuple(row[column] for column in change_table.CHANGE_COLUMNS))
    except UnreadableRowError:
        return False
    return True


def _is_event(row: dict[str, Any]) -> bool:
    try:
        State(row["state"])
        return isinstance(json.loads(row["detail"]), dict)
    except (ValueError, TypeError, RecursionError):
        return False


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns_of(connection, table)))
    # What the backup has is the same, and what breaks a rule of the table was damaged.
    connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own names


def _upsert_changes(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> frozenset[int]:
    """Write the changes over those of the backup, which is older; returns their numbers."""
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
    connection.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", rows)
    # There are no contacts here: all of them are read again.
    connection.execute("DELETE FROM cursors WHERE name LIKE 'pull.%'")


def _is_text(*stored: object) -> bool:
    return all(isinstance(each, str) for each in stored)


def _replay_entries(connection: sqlite3.Connection, read: frozenset[int], now: datetime) -> None:
    """Let every change and its log agree: by the log where the change is older, else with a note."""
    rows = connection.execute(
        """
        SELECT c.change_id, c.state, e.state, e.at_ms, e.detail FROM changes AS c
        LEFT JOIN change_events AS e ON e.event_id = (
            SELECT max(event_id) FROM change_events WHERE change_id = c.change_id
        ) WHERE e.state IS NOT c.state
        """
    ).fetchall()
    for change_id, state, logged, at_ms, detail in rows:
        if change_id in read or logged is None:
            write_entry(connection, to_ms(now), change_id, NOTE, state, detail=_REPAIRED)
            continue
        details = json.loads(detail)
        confirmed_ms = at_ms if logged == State.CONFIRMED.value else None
        connection.execute(
            "UPDATE changes SET state = ?, updated_ms = ?, confirmed_ms = coalesce(confirmed_ms, ?),"
            " words = coalesce(nullif(?, ''), words) WHERE change_id = ?",
            (logged, at_ms, confirmed_ms, details.get("words", ""), change_id),
        )


def _mark_unknown(connection: sqlite3.Connection, read: frozenset[int], now: datetime) -> int:
    """Doubt what was still to be sent when the backup was made; returns how many those are."""
    rows = connection.execute("SELECT change_id, state FROM changes WHERE state IN ('queued', 'sending')")
    unknown = [(change_id, State(state)) for change_id, state in rows.fetchall() if change_id not in read]
    for change_id, state in unknown:
        if state is State.QUEUED:
            change_table.apply_transition(
                connection,
                change_table.TransitionRequest(change_id, Transition.SEND, detail=_RESTORED_FROM_BACKUP),
                now,
            )
        change_table.apply_transition(
            connection,
            change_table.TransitionRequest(change_id, Transition.REPLY_LOST, detail=_RESTORED_FROM_BACKUP),
            now,
        )
    return len(unknown)


def _total(connection: sqlite3.Connection) -> int:
    return sum(
        int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names
        for table in CHANGE_LOG_TABLES
    )
