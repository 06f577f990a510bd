"""The log of transitions: append-only, one entry for everything that happened to a change."""

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

# Entries beside those for a `Transition`, which don't change the state.
REQUESTED: Final = "requested"
DETECTED: Final = "detected"
SYNCED: Final = "synced"
CHECKED: Final = "checked"
RETRIED: Final = "retried"
RENAMED: Final = "renamed"
NOTE: Final = "note"


class ChangeLogEntry(Struct, frozen=True):
    """One entry of the log.

    `transition` is the value of a `Transition`, or one of these: `requested` (in Reshelve), `detected`
    (someone made the change in Xero), `synced` (Re-Leased has it; `at` is the time of the evidence),
    `checked` (the user saw it in Re-Leased at that time), `retried` (refused, and requested again),
    `renamed` (the contact, in Xero, while the change was open) or `note` (see `message`).
    `state` is the change's state afterwards.
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
    """Add an entry, leaving out empty details."""
    details = {key: value for key, value in detail.items() if value}
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
    return ", ".join(details[key] for key in ("message", "detail") if key in details)
