"""The event log: append-only, one entry for everything that happened to a change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model.change import Action, State, Transition
from tui.store import values

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from tui.store.database import Database

# Entries that are no step of the lifecycle, beside the names of `Transition`.
REQUESTED: Final = "request"
DETECTED: Final = "seen"
SYNCED: Final = "picked_up"
CHECKED: Final = "told"
RETRIED: Final = "retried"
RENAMED: Final = "renamed"
NOTE: Final = "noted"


class ChangeLogEntry(Struct, frozen=True):
    """One entry of the event log.

    `transition` is the value of an `Transition`, or `request` (asked for here), `seen` (found done in Xero by
    somebody else), `picked_up` (evidence of Re-Leased; `at` is then the time of the evidence), `told`
    (a person saw it there; likewise), `retried` (refused, and asked for again), `renamed` (in Xero, while it
    was open) or `noted` (by the words).
    `state` is the change's state after it.
    """

    at: datetime
    change_id: int
    action: Action
    transition: str
    state: State
    message: str


def write_entry(
    connection: sqlite3.Connection,
    at_ms: int,
    change_id: int,
    transition: str,
    state: str,
    **detail: str,
) -> None:
    """Add an entry; empty details are left out."""
    details = {key: value for key, value in detail.items() if value}
    connection.execute(
        "INSERT INTO change_events (at_ms, change_id, event, state, detail) VALUES (?, ?, ?, ?, ?)",
        (at_ms, change_id, transition, state, json.dumps(details, ensure_ascii=False)),
    )


def read_entries_of(database: Database, contact_id: str) -> list[ChangeLogEntry]:
    """Read what happened to a contact's changes, newest first."""
    rows = database.rows(
        """
        SELECT e.at_ms, e.change_id, c.action, e.event, e.state, e.detail
        FROM changes AS c JOIN change_events AS e ON e.change_id = c.change_id
        WHERE c.contact_id = ? ORDER BY e.event_id DESC
        """,
        (contact_id,),
    )
    return values.read_rows(_entry, rows)


def read_entries_of_change(database: Database, change_id: int) -> list[ChangeLogEntry]:
    """Read what happened to one change, oldest first."""
    rows = database.rows(
        """
        SELECT e.at_ms, e.change_id, c.action, e.event, e.state, e.detail
        FROM changes AS c JOIN change_events AS e ON e.change_id = c.change_id
        WHERE c.change_id = ? ORDER BY e.event_id
        """,
        (change_id,),
    )
    return values.read_rows(_entry, rows)


def unconfirmed_calls(connection: sqlite3.Connection, change_id: int) -> list[tuple[int, int]]:
    """Read when each call for a change was sent whose reply didn't confirm it, and when that was recorded.

    In milliseconds. A reply with an error is such a reply: Xero may have carried the call out all the same.
    """
    rows = connection.execute(
        "SELECT at_ms, event FROM change_events WHERE change_id = ? AND event IN (?, ?) ORDER BY event_id",
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


def _entry(row: tuple[Any, ...]) -> ChangeLogEntry:
    at, change_id, action, transition, state, detail = row
    details = values.fields(detail)
    return ChangeLogEntry(
        values.timestamp(at),
        change_id,
        values.enum_member(Action, action),
        values.text(transition),
        values.enum_member(State, state),
        _message(details),
    )


def _message(details: dict[str, str]) -> str:
    return ", ".join(details[key] for key in ("words", "detail") if key in details)
