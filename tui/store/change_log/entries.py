"""The log of transitions: append-only, one entry for everything that happened to a change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tui.model.change import Action, ChangeLogEntry, State, Transition
from tui.store import values

if TYPE_CHECKING:
    import sqlite3

    from tui.model.reasons import Notice
    from tui.store.database import Database


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
