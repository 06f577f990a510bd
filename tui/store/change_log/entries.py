"""The log of transitions: append-only, one entry for everything that happened to a change."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model import timestamps
from tui.model.change import Action, ChangeLogEntry, LogEvent, State, Transition
from tui.store import values
from tui.store.sync_state import REFRESHED_UNTIL, sync_state_in

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import datetime

    from tui.model.reasons import Notice
    from tui.store.database import Database


# Clocks differ a little, and reads of Xero may lag its writes.
_MARGIN: Final = timedelta(minutes=5)
_AT_ONCE: Final = 1_000


def changed_at(
    connection: sqlite3.Connection,
    updated_at: datetime,
    detected_at: datetime,
    *,
    old_updated_at: datetime | None,
    after: datetime | None = None,
) -> datetime:
    """Return when a contact's status changed, given that it changed since the last read.

    `updated_at` is the contact's `UpdatedDateUTC` with the new status, `old_updated_at` the one with the old
    status. `after` is a time at which the status hadn't changed yet, such as the time of the request.
    """
    latest = detected_at + timestamps.MOST_AHEAD
    refreshed_until = _refreshed_until(connection)
    if refreshed_until is not None and refreshed_until > latest:
        refreshed_until = None
    earliest = max((bound for bound in (refreshed_until, after) if bound is not None), default=None)
    has_moved = old_updated_at is None or updated_at > old_updated_at
    is_in_time = earliest is None or updated_at >= earliest - _MARGIN
    if has_moved and is_in_time and updated_at <= latest:
        return updated_at if after is None else max(updated_at, after)
    return detected_at if refreshed_until is None else max(detected_at, refreshed_until)


def _refreshed_until(connection: sqlite3.Connection) -> datetime | None:
    return timestamps.from_iso_text(sync_state_in(connection, REFRESHED_UNTIL))


def write_entry(
    connection: sqlite3.Connection,
    at_ms: int,
    change_id: int,
    transition: str,
    state: str,
    *,
    notice: Notice | None = None,
    **detail: str,
) -> None:
    """Add an entry, leaving out empty details. Parameters of the notice must be strings or numbers."""
    reason = {} if notice is None else {"reason": notice.reason, "params": dict(notice.params)}
    details = {key: value for key, value in {**detail, **reason}.items() if value}
    connection.execute(
        "INSERT INTO transitions (at_ms, change_id, transition, state, detail) VALUES (?, ?, ?, ?, ?)",
        (at_ms, change_id, transition, state, json.dumps(details, ensure_ascii=False)),
    )


def read_entries_of_contact(database: Database, contact_id: str) -> list[ChangeLogEntry]:
    """Read what happened to a contact's changes, newest first."""
    rows = database.rows(
        """
        SELECT t.at_ms, t.change_id, c.action, t.transition, t.state, t.detail
        FROM changes AS c JOIN transitions AS t ON t.change_id = c.change_id
        WHERE c.contact_id = ? ORDER BY t.transition_id DESC
        """,
        (contact_id,),
    )
    return values.read_rows(_entry, rows)


def read_entries_of_change(database: Database, change_id: int) -> list[ChangeLogEntry]:
    """Read what happened to one change, oldest first."""
    rows = database.rows(
        """
        SELECT t.at_ms, t.change_id, c.action, t.transition, t.state, t.detail
        FROM changes AS c JOIN transitions AS t ON t.change_id = c.change_id
        WHERE c.change_id = ? ORDER BY t.transition_id
        """,
        (change_id,),
    )
    return values.read_rows(_entry, rows)


def iter_entries(connection: sqlite3.Connection) -> Iterator[ChangeLogEntry]:
    """Read what happened to all changes, oldest first, in small batches."""
    cursor = connection.execute(
        """
        SELECT t.at_ms, t.change_id, c.action, t.transition, t.state, t.detail
        FROM transitions AS t JOIN changes AS c ON t.change_id = c.change_id ORDER BY t.transition_id
        """
    )
    while rows := cursor.fetchmany(_AT_ONCE):
        yield from values.read_rows(_entry, rows)


def unconfirmed_calls(connection: sqlite3.Connection, change_id: int) -> list[tuple[int, int]]:
    """Read, in milliseconds, when each unconfirmed call for a change was sent and when that was recorded.

    A call that Xero answered with an error is unconfirmed too: Xero may still have made the change.
    """
    rows = connection.execute(
        "SELECT at_ms, transition FROM transitions WHERE change_id = ? AND transition IN (?, ?)"
        " ORDER BY transition_id",
        (change_id, Transition.SEND.value, Transition.REPLY_LOST.value),
    )
    calls, sent_ms = [], None
    for at_ms, transition in rows:
        known_ms = values.integer(at_ms)
        if transition == Transition.SEND.value:
            sent_ms = known_ms
        elif sent_ms is not None and known_ms is not None:
            calls.append((sent_ms, known_ms))
    return calls


class NoteCalls(Struct, frozen=True):
    """The calls that were to write the note of a change: when, and the idempotency key of the last one."""

    first_at: datetime
    last_at: datetime
    last_key: str


def read_note_calls(connection: sqlite3.Connection, change_id: int) -> NoteCalls | None:
    """Read the calls that were to write a change's note; None if there are none."""
    rows = connection.execute(
        "SELECT detail, at_ms FROM transitions WHERE change_id = ? AND transition = ? ORDER BY transition_id",
        (change_id, LogEvent.NOTE_SENT.value),
    ).fetchall()
    if not rows:
        return None
    key = values.text(values.json_object(rows[-1][0]).get("idempotency_key"))
    return NoteCalls(values.timestamp(rows[0][1]), values.timestamp(rows[-1][1]), key)


def _entry(row: tuple[Any, ...]) -> ChangeLogEntry:
    at, change_id, action, transition, state, detail = row
    details = values.json_object(detail)
    return ChangeLogEntry(
        values.timestamp(at),
        change_id,
        values.enum_member(Action, action),
        values.text(transition),
        values.enum_member(State, state),
        # Before reasons were stored as codes, `detail` was a sentence.
        ", ".join(filter(None, (values.text(details.get(key)) for key in ("message", "detail")))),
        values.notice(details.get("reason"), details.get("params")),
    )
