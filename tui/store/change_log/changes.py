"""The change log: every change and everything that happened to it, kept forever."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model.change import (
    Action,
    Change,
    LogEvent,
    NoteState,
    Origin,
    ReadResult,
    State,
    Transition,
    next_state,
)
from tui.model.reasons import ChangeReason, Notice
from tui.model.timestamps import from_milliseconds
from tui.store import values
from tui.store.change_log.entries import changed_at, unconfirmed_calls, write_entry
from tui.store.change_log.evidence import mark_foreign_currency, update_sync_status
from tui.store.schema.fragments import UNSYNCED
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from tui.model.contact import Contact
    from tui.store.database import Database

CHANGE_COLUMNS: Final = (
    "change_id", "batch_id", "contact_id", "name", "action", "origin", "state", "requested_ms", "updated_ms",
    "confirmed_ms", "idempotency_key", "message", "synced_ms", "superseded", "reverses_change_id",
    "retry_of_id", "sent_when_updated_ms", "checked_ms", "unlinked_ms", "relinked_ms",
    "reason", "reason_params", "read_ms", "read_result", "foreign_currency_ms",
    "note", "note_in_xero",
)  # fmt: skip
_SELECT: Final = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes"  # noqa: S608 - our own column names

# How many milliseconds after a call was abandoned Xero may still carry it out, and how far its clock may lag.
_CARRIED_OUT_LATE_MS: Final = 60_000
_CLOCKS_DIFFER_MS: Final = 5_000
# States of a change that Xero certainly hasn't applied.
_NOT_CARRIED_OUT: Final = frozenset({State.QUEUED, State.AWAITING_USER, State.REFUSED})
# States that store the message and reason of the last attempt, and states that clear those of earlier ones.
_WITH_REASON: Final = frozenset({State.UNKNOWN, State.AWAITING_USER, State.REFUSED})
_WITHOUT_REASON: Final = frozenset({State.QUEUED, State.CONFIRMED})


class TransitionRequest(Struct, frozen=True):
    """A request to move one change to its next state.

    `confirmed_at` belongs to `Transition.CONFIRM`, by Xero's clock where Xero gave the time.
    `message` is Xero's own words, `notice` our reason: both are logged, and stored with a change that is
    refused, awaits the user or has an unknown result. `idempotency_key` is stored with the change; `batch`,
    the undo, redo or request that this step belongs to, only in the log.
    """

    change_id: int
    transition: Transition
    message: str = ""
    confirmed_at: datetime | None = None
    idempotency_key: str = ""
    batch: str = ""
    notice: Notice | None = None


def change_of(row: tuple[Any, ...]) -> Change:
    """Convert a row of `CHANGE_COLUMNS` to a change.

    Raises `UnreadableRowError` if the action, origin or state isn't valid, or the id is missing.
    """
    change_id = values.integer(row[0])
    if change_id is None:
        raise values.UnreadableRowError("change_id")
    return Change(
        change_id=change_id,
        batch_id=values.text(row[1]),
        contact_id=values.text(row[2]),
        name=values.text(row[3]),
        action=values.enum_member(Action, row[4]),
        origin=values.enum_member(Origin, row[5]),
        state=values.enum_member(State, row[6]),
        requested_at=values.timestamp(row[7], row[8]),
        updated_at=values.timestamp(row[8], row[7]),
        confirmed_at=from_milliseconds(row[9]),
        idempotency_key=values.text(row[10]),
        message=values.text(row[11]),
        synced_at=from_milliseconds(row[12]),
        superseded=values.flag(row[13]),
        reverses_change_id=values.integer(row[14]),
        retry_of_id=values.integer(row[15]),
        sent_when_updated_at=from_milliseconds(row[16]),
        checked_at=from_milliseconds(row[17]),
        unlinked_at=from_milliseconds(row[18]),
        relinked_at=from_milliseconds(row[19]),
        notice=values.notice(row[20], row[21]),
        read_at=from_milliseconds(row[22]),
        read_result=values.optional_member(ReadResult, row[23]),
        foreign_currency_at=from_milliseconds(row[24]),
        note=values.text(row[25]),
        note_in_xero=values.optional_member(NoteState, row[26]),
    )


# --- within a transaction ---------------------------------------------------------------------------


def insert(
    connection: sqlite3.Connection,
    contact: Contact | Change,
    action: Action,
    batch_id: str,
    now: datetime,
    *,
    confirmed_at: datetime | None = None,
    reverses_change_id: int | None = None,
    retry_of_id: int | None = None,
    note: str = "",
    note_in_xero: NoteState | None = None,
) -> int:
    """Add a change: queued, or confirmed in Xero if `confirmed_at` is given. Returns its id.

    `note` is what the user wrote about the request, `note_in_xero` whether it is for Xero as well.
    """
    is_done = confirmed_at is not None
    state = State.CONFIRMED if is_done else State.QUEUED
    change_id = connection.execute(
        """
        INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms, updated_ms,
            confirmed_ms, idempotency_key, message, superseded, reverses_change_id, retry_of_id, note,
            note_in_xero)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?, ?, ?, ?)
        """,
        (
            batch_id, contact.contact_id, contact.name, action.value,
            (Origin.XERO if is_done else Origin.RESHELVE).value, state.value,
            to_ms(now), to_ms(now), to_ms(confirmed_at) if confirmed_at else None,
            reverses_change_id, retry_of_id, note or None,
            note_in_xero,
        ),
    ).lastrowid  # fmt: skip
    if change_id is None:
        raise AssertionError("SQLite gave an inserted row no id")
    if is_done:
        write_entry(connection, to_ms(now), change_id, LogEvent.DETECTED, state.value)
        _on_confirmed(connection, get(connection, change_id))
    else:
        write_entry(connection, to_ms(now), change_id, LogEvent.REQUESTED, state.value)
    return change_id


def apply_transition(connection: sqlite3.Connection, move: TransitionRequest, now: datetime) -> Change | None:
    """Move a change to its next state and log the transition. Returns the updated change.

    Returns None, without doing anything, if the change isn't open any more: a refresh, the outbox or the user
    can have completed it. Raises `IllegalTransitionError` for a step that the lifecycle doesn't have, and
    `LookupError` for an unknown id.
    """
    change = get(connection, move.change_id)
    if not change.state.is_open:
        return None
    state = next_state(change.state, move.transition)
    confirmed_at = _confirmed_at(connection, change, move, now) if state is State.CONFIRMED else None
    connection.execute(
        "UPDATE changes SET state = ?, updated_ms = ?, confirmed_ms = ?, idempotency_key = ?"
        " WHERE change_id = ?",
        (
            state.value, to_ms(now), to_ms(confirmed_at) if confirmed_at else None,
            move.idempotency_key or change.idempotency_key, change.change_id,
        ),
    )  # fmt: skip
    write_reason(connection, change.change_id, state, move.message, move.notice)
    detail = {"message": move.message, "idempotency_key": move.idempotency_key, "batch": move.batch}
    if move.confirmed_at is not None and confirmed_at is not None:
        detail["confirmed_at"] = confirmed_at.isoformat()
    transition, notice = move.transition.value, move.notice
    write_entry(connection, to_ms(now), change.change_id, transition, state.value, notice=notice, **detail)
    if state is State.SENDING:
        connection.execute(
            "UPDATE changes SET sent_when_updated_ms = (SELECT updated_ms FROM contacts WHERE contact_id = ?)"
            " WHERE change_id = ?",
            (change.contact_id, change.change_id),
        )
    after = get(connection, change.change_id)
    if state is State.CONFIRMED:
        _on_confirmed(connection, after)
    elif state in _NOT_CARRIED_OUT:
        _cancel_dependents(connection, after, now)
    return get(connection, change.change_id)


def write_reason(
    connection: sqlite3.Connection, change_id: int, state: str, message: str, notice: Notice | None
) -> None:
    """Store why a change got into a state, or clear it; otherwise the change keeps what it has."""
    if state in _WITHOUT_REASON:
        message, notice = "", None
    elif state not in _WITH_REASON or not (message or notice):
        return
    reason = (
        (None, None)
        if notice is None
        else (notice.reason, json.dumps(dict(notice.params), ensure_ascii=False))
    )
    connection.execute(
        "UPDATE changes SET message = ?, reason = ?, reason_params = ? WHERE change_id = ?",
        (message, *reason, change_id),
    )


_NOTE_STATES: Final = {
    LogEvent.NOTE_SENT: NoteState.SENDING,
    LogEvent.NOTE_WRITTEN: NoteState.WRITTEN,
    LogEvent.NOTE_REFUSED: NoteState.REFUSED,
}


def record_note(
    connection: sqlite3.Connection,
    change: Change,
    event: LogEvent,
    now: datetime,
    *,
    idempotency_key: str = "",
    message: str = "",
    notice: Notice | None = None,
) -> None:
    """Log what happened to the note of a change on its way to Xero."""
    state = get(connection, change.change_id).state
    connection.execute(
        "UPDATE changes SET note_in_xero = ? WHERE change_id = ?",
        (_NOTE_STATES[event].value, change.change_id),
    )
    write_entry(
        connection,
        to_ms(now),
        change.change_id,
        event.value,
        state.value,
        notice=notice,
        idempotency_key=idempotency_key,
        message=message,
    )


def _confirmed_at(
    connection: sqlite3.Connection, change: Change, move: TransitionRequest, now: datetime
) -> datetime:
    if move.confirmed_at is None:
        return now
    is_ours = change.state in {State.SENDING, State.UNKNOWN}
    # It can't be earlier than the request, nor, for a reply to a call, earlier than the call.
    after = {State.SENDING: change.updated_at, State.UNKNOWN: change.requested_at}.get(change.state)
    old_updated_at = change.sent_when_updated_at if is_ours else None
    return changed_at(connection, move.confirmed_at, now, old_updated_at=old_updated_at, after=after)


def find_unconfirmed(connection: sqlite3.Connection, contact: Contact, action: Action) -> Change | None:
    """Find an abandoned change whose unconfirmed call did change the contact after all.

    Xero dates a contact's update within the time in which the call was in progress.
    """
    rows = connection.execute(
        f"{_SELECT} WHERE contact_id = ? AND action = ? AND origin = ? AND state IN (?, ?, ?)"
        " AND idempotency_key <> '' ORDER BY change_id DESC",
        (
            contact.contact_id, action.value, Origin.RESHELVE.value,
            State.REFUSED.value, State.CANCELLED.value, State.DISMISSED.value,
        ),
    ).fetchall()  # fmt: skip
    at_ms = to_ms(contact.updated_at)
    for change in values.read_rows(change_of, rows):
        if action is Action.RESTORE and contact.updated_at <= (
            change.sent_when_updated_at or contact.updated_at
        ):
            # Restored on Xero's pages, which may not update the contact's date (unproven).
            continue
        for sent_ms, given_up_ms in unconfirmed_calls(connection, change.change_id):
            if sent_ms - _CLOCKS_DIFFER_MS <= at_ms <= given_up_ms + _CARRIED_OUT_LATE_MS:
                return change
    return None


def confirm_late(
    connection: sqlite3.Connection, change: Change, confirmed_at: datetime, now: datetime
) -> Change:
    """Confirm a change that had been given up although our call succeeded. Returns the updated change.

    This isn't a transition, as final states have none: it corrects the record.
    """
    state = State.CONFIRMED
    connection.execute(
        "UPDATE changes SET state = ?, updated_ms = ?, confirmed_ms = ?, superseded = 0 WHERE change_id = ?",
        (state.value, to_ms(now), to_ms(confirmed_at), change.change_id),
    )
    write_reason(connection, change.change_id, state, "", None)
    write_entry(
        connection,
        to_ms(now),
        change.change_id,
        Transition.CONFIRM.value,
        state.value,
        notice=Notice(ChangeReason.CONFIRMED_LATE),
        confirmed_at=confirmed_at.isoformat(),
    )
    _on_confirmed(connection, get(connection, change.change_id))
    return get(connection, change.change_id)


def get(connection: sqlite3.Connection, change_id: int) -> Change:
    """Read one change. Raises `LookupError` for an unknown id or an unreadable row."""
    rows = connection.execute(f"{_SELECT} WHERE change_id = ?", (change_id,))
    for change in values.read_rows(change_of, rows):
        return change
    raise LookupError(f"there is no change {change_id}")


def read_all(connection: sqlite3.Connection, change_ids: Iterable[int]) -> list[Change]:
    """Read changes by their ids, oldest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE change_id IN (SELECT value FROM json_each(?)) ORDER BY change_id",  # noqa: S608 - our own column names
        (json.dumps(list(change_ids)),),
    )
    return values.read_rows(change_of, rows)


def newest(connection: sqlite3.Connection, contact_ids: Iterable[str]) -> dict[str, Change]:
    """Read the newest change of each of these contacts, by contact id."""
    rows = connection.execute(
        f"{_SELECT} WHERE contact_id IN (SELECT value FROM json_each(?)) ORDER BY change_id",  # noqa: S608 - as above
        (json.dumps(list(contact_ids)),),
    )
    return {change.contact_id: change for change in values.read_rows(change_of, rows)}


def open_changes(connection: sqlite3.Connection, contact_id: str) -> list[Change]:
    """Read a contact's open changes, oldest first."""
    rows = connection.execute(f"{_SELECT} WHERE contact_id = ? ORDER BY change_id", (contact_id,))
    return [change for change in values.read_rows(change_of, rows) if change.state.is_open]


def _cancel_dependents(connection: sqlite3.Connection, change: Change, now: datetime) -> None:
    """Cancel queued changes that would reverse this one: Xero never made it, so there is nothing to undo."""
    dependents = [
        other
        for other in open_changes(connection, change.contact_id)
        if other.reverses_change_id is not None
        and other.change_id > change.change_id
        and other.state is State.QUEUED
        and other.action is not change.action
    ]
    for other in dependents:
        notice = Notice(ChangeReason.NOTHING_TO_UNDO)
        apply_transition(
            connection, TransitionRequest(other.change_id, Transition.CANCEL, notice=notice), now
        )
    if dependents and change.state is not State.REFUSED:
        transition = Transition.DISMISS if change.state is State.AWAITING_USER else Transition.CANCEL
        notice = Notice(ChangeReason.UNDONE_FIRST)
        apply_transition(connection, TransitionRequest(change.change_id, transition, notice=notice), now)


def _on_confirmed(connection: sqlite3.Connection, change: Change) -> None:
    # Earlier changes that Re-Leased never synced are outdated now and no longer pending.
    connection.execute(
        f"""
        UPDATE changes SET superseded = 1, foreign_currency_ms = NULL
        WHERE contact_id = ? AND change_id <> ? AND {UNSYNCED}
        """,  # noqa: S608 - constant SQL
        (change.contact_id, change.change_id),
    )
    mark_foreign_currency(connection, [change.contact_id])
    # Evidence for this change can already be stored.
    update_sync_status(connection, change.contact_id)


# --- reads for the screen and the engine -------------------------------------------------------------


def read_change(database: Database, change_id: int) -> Change | None:
    """Read one change; None for an unknown id."""
    return next(iter(_changes(database, "WHERE change_id = ?", change_id)), None)


def read_changes_of(database: Database, contact_id: str) -> list[Change]:
    """Read the changes of a contact, newest first."""
    return _changes(database, "WHERE contact_id = ? ORDER BY change_id DESC", contact_id)


def read_in_states(
    database: Database, states: Iterable[State], limit: int | None, *, newest_first: bool = False
) -> list[Change]:
    """Read the changes in these states, in the order of the requests."""
    names = json.dumps([state.value for state in states])
    order = "DESC" if newest_first else "ASC"
    return _changes(
        database,
        f"WHERE state IN (SELECT value FROM json_each(?)) ORDER BY change_id {order} LIMIT ?",  # noqa: S608 - constant SQL
        names,
        -1 if limit is None else limit,
    )


def read_refused(database: Database, limit: int) -> list[Change]:
    """Read the changes that were refused and not retried, newest first."""
    return _changes(
        database, "WHERE state = 'refused' AND superseded = 0 ORDER BY change_id DESC LIMIT ?", limit
    )


def read_refused_total(database: Database) -> int:
    """Count the changes that were refused and not retried."""
    sql = "SELECT count(*) FROM changes WHERE state = 'refused' AND superseded = 0"
    return int(database.rows(sql)[0][0])


def read_totals(database: Database) -> dict[State, int]:
    """Read how many changes are in each state; takes constant time."""
    rows = database.rows("SELECT name, total FROM row_counts WHERE name LIKE 'changes:%'")
    totals = {name: max(values.integer(total) or 0, 0) for name, total in rows}
    return {state: totals.get(f"changes:{state}", 0) for state in State}


def _changes(database: Database, rest: str, *parameters: object) -> list[Change]:
    return values.read_rows(change_of, database.rows(f"{_SELECT} {rest}", parameters))
