"""The journal: every change, and everything that happened to it, for ever."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model.change import Action, Change, Origin, State, Transition, next_state
from tui.model.timestamps import from_milliseconds
from tui.store import values
from tui.store.change_log.dating import changed_at
from tui.store.change_log.entries import DETECTED, REQUESTED, ChangeLogEntry, unconfirmed_calls, write_entry
from tui.store.evidence import update_sync_status
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from tui.model.contact import Contact
    from tui.store.database import Database

__all__ = ["ChangeLogEntry", "TransitionRequest"]

CHANGE_COLUMNS: Final = (
    "change_id", "batch_id", "contact_id", "name", "action", "origin", "state", "requested_ms", "updated_ms",
    "confirmed_ms", "idempotency_key", "words", "picked_up_ms", "superseded", "wish_id", "retries", "base_ms",
    "told_ms", "unlinked_ms", "relinked_ms",
)  # fmt: skip
_SELECT: Final = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes"  # noqa: S608 - our own column names
# What a later confirmed change puts an end to; one of an unlinked contact as well.
_UNSYNCED: Final = "state = 'confirmed' AND picked_up_ms IS NULL AND told_ms IS NULL AND superseded = 0"

DETECTED_IN_XERO: Final = "seen in Xero"
CONFIRMED_LATE: Final = "an earlier request, which Xero hadn't confirmed, was carried out after all"
# How long after its answer was given up Xero may still have carried out a call, in milliseconds; and how far
# its clock may be behind.
_CARRIED_OUT_LATE_MS: Final = 60_000
_CLOCKS_DIFFER_MS: Final = 5_000
_NOTHING_TO_UNDO: Final = "what it was to undo was never carried out"
_UNDONE: Final = "undone before it was carried out"
# Where a change stands once it is certain that Xero hasn't carried it out.
_NOT_CARRIED_OUT: Final = frozenset({State.QUEUED, State.AWAITING_USER, State.REFUSED})


class TransitionRequest(Struct, frozen=True):
    """One step of one change.

    `confirmed_at` goes with `Transition.CONFIRM`: by Xero's clock where Xero said it. `idempotency_key` is
    stored with the change, `message` too (Xero's own); `detail` are free words for the event log alone, and
    `batch` there names the undo, redo or request that this step is a part of.
    """

    change_id: int
    transition: Transition
    message: str = ""
    confirmed_at: datetime | None = None
    idempotency_key: str = ""
    detail: str = ""
    batch: str = ""


def change_of(row: tuple[Any, ...]) -> Change:
    """Read a change from a row of `CHANGE_COLUMNS`.

    Raises `UnreadableRowError` for one whose action, origin or state isn't known, or that has no id.
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
) -> int:
    """Begin a change: queued here, or, with `confirmed_at`, done in Xero already. Returns its id."""
    is_done = confirmed_at is not None
    state = State.CONFIRMED if is_done else State.QUEUED
    change_id = connection.execute(
        """
        INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms, updated_ms,
            confirmed_ms, idempotency_key, words, superseded, wish_id, retries)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?, ?)
        """,
        (
            batch_id, contact.contact_id, contact.name, action.value,
            (Origin.XERO if is_done else Origin.RESHELVE).value, state.value,
            to_ms(now), to_ms(now), to_ms(confirmed_at) if confirmed_at else None,
            reverses_change_id, retry_of_id,
        ),
    ).lastrowid  # fmt: skip
    if change_id is None:
        raise AssertionError("SQLite gave an inserted row no id")
    if is_done:
        write_entry(connection, to_ms(now), change_id, DETECTED, state.value, detail=DETECTED_IN_XERO)
    else:
        write_entry(connection, to_ms(now), change_id, REQUESTED, state.value)
    if is_done:
        _on_confirmed(connection, get(connection, change_id))
    return change_id


def apply_transition(connection: sqlite3.Connection, move: TransitionRequest, now: datetime) -> Change | None:
    """Take one step, with its event in the log. Returns the change as it now is.

    Nothing is done, and None returned, where the change is settled already: a pull, a sender and a person
    can all reach for it. Raises `IllegalTransitionError` where the lifecycle has no such step, and
    `LookupError` for an unknown id.
    """
    change = get(connection, move.change_id)
    if not change.state.is_open:
        return None
    state = next_state(change.state, move.transition)
    confirmed_at = _confirmed_at(connection, change, move, now) if state is State.CONFIRMED else None
    # What Xero said of an attempt says nothing about the next one, or about what was done in the end.
    keeps_message = state not in {State.QUEUED, State.CONFIRMED}
    connection.execute(
        "UPDATE changes SET state = ?, updated_ms = ?, confirmed_ms = ?, idempotency_key = ?, words = ?"
        " WHERE change_id = ?",
        (
            state.value, to_ms(now), to_ms(confirmed_at) if confirmed_at else None,
            move.idempotency_key or change.idempotency_key,
            move.message or (change.message if keeps_message else ""), change.change_id,
        ),
    )  # fmt: skip
    detail = {"words": move.message, "detail": move.detail, "idempotency_key": move.idempotency_key}
    detail["batch"] = move.batch
    if move.confirmed_at is not None and confirmed_at is not None:
        detail["confirmed_at"] = confirmed_at.isoformat()
    write_entry(connection, to_ms(now), change.change_id, move.transition.value, state.value, **detail)
    if state is State.SENDING:
        connection.execute(
            "UPDATE changes SET base_ms = (SELECT updated_ms FROM contacts WHERE contact_id = ?)"
            " WHERE change_id = ?",
            (change.contact_id, change.change_id),
        )
    after = get(connection, change.change_id)
    if state is State.CONFIRMED:
        _on_confirmed(connection, after)
    elif state in _NOT_CARRIED_OUT:
        _cancel_dependents(connection, after, now)
    return get(connection, change.change_id)


def _confirmed_at(
    connection: sqlite3.Connection, change: Change, move: TransitionRequest, now: datetime
) -> datetime:
    if move.confirmed_at is None:
        return now
    is_ours = change.state in {State.SENDING, State.UNKNOWN}
    # It can't have been done before it was asked for, nor, where Xero just answered, before it was sent.
    after = {State.SENDING: change.updated_at, State.UNKNOWN: change.requested_at}.get(change.state)
    old_updated_at = change.sent_when_updated_at if is_ours else None
    return changed_at(connection, move.confirmed_at, now, old_updated_at=old_updated_at, after=after)


def find_unconfirmed(connection: sqlite3.Connection, contact: Contact, action: Action) -> Change | None:
    """Find the change that was given up after a call that wasn't confirmed, and by whose call this came.

    Xero dates what a call did within the time in which the call was under way.
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
            # Restored in Xero's pages, which may leave the date of the archiving as it was (unproven).
            continue
        for sent_ms, given_up_ms in unconfirmed_calls(connection, change.change_id):
            if sent_ms - _CLOCKS_DIFFER_MS <= at_ms <= given_up_ms + _CARRIED_OUT_LATE_MS:
                return change
    return None


def confirm_late(
    connection: sqlite3.Connection, change: Change, confirmed_at: datetime, now: datetime
) -> Change:
    """Confirm a change that had been given up: it was done, and by us. Returns it as it now is.

    No step of the lifecycle, whose ends are final, but a correction of what was recorded.
    """
    state = State.CONFIRMED
    connection.execute(
        "UPDATE changes SET state = ?, updated_ms = ?, confirmed_ms = ?, words = '', superseded = 0"
        " WHERE change_id = ?",
        (state.value, to_ms(now), to_ms(confirmed_at), change.change_id),
    )
    detail = {"detail": CONFIRMED_LATE, "confirmed_at": confirmed_at.isoformat()}
    write_entry(connection, to_ms(now), change.change_id, Transition.CONFIRM.value, state.value, **detail)
    _on_confirmed(connection, get(connection, change.change_id))
    return get(connection, change.change_id)


def get(connection: sqlite3.Connection, change_id: int) -> Change:
    """Read one change. Raises `LookupError` for an unknown id, and for a change that can't be read."""
    rows = connection.execute(f"{_SELECT} WHERE change_id = ?", (change_id,))
    for change in values.read_rows(change_of, rows):
        return change
    raise LookupError(f"there is no change {change_id}")


def open_changes(connection: sqlite3.Connection, contact_id: str) -> list[Change]:
    """Read the changes of a contact to which something is still to happen."""
    rows = connection.execute(f"{_SELECT} WHERE contact_id = ? ORDER BY change_id", (contact_id,))
    return [change for change in values.read_rows(change_of, rows) if change.state.is_open]


def _cancel_dependents(connection: sqlite3.Connection, change: Change, now: datetime) -> None:
    """Take back what was to undo this change: it wasn't carried out, so that there is nothing to undo."""
    dependents = [
        other
        for other in open_changes(connection, change.contact_id)
        if other.reverses_change_id is not None
        and other.change_id > change.change_id
        and other.state is State.QUEUED
        and other.action is not change.action
    ]
    for other in dependents:
        apply_transition(
            connection, TransitionRequest(other.change_id, Transition.CANCEL, detail=_NOTHING_TO_UNDO), now
        )
    if dependents and change.state is not State.REFUSED:
        transition = Transition.DISMISS if change.state is State.AWAITING_USER else Transition.CANCEL
        apply_transition(connection, TransitionRequest(change.change_id, transition, detail=_UNDONE), now)


def _on_confirmed(connection: sqlite3.Connection, change: Change) -> None:
    # What was confirmed before and never seen in Re-Leased is history now: nothing to wait for.
    connection.execute(
        f"UPDATE changes SET superseded = 1 WHERE contact_id = ? AND change_id <> ? AND {_UNSYNCED}",  # noqa: S608 - our own words
        (change.contact_id, change.change_id),
    )
    # Evidence can be older than our own knowledge of what it proves.
    update_sync_status(connection, change.contact_id)


# --- reads for the screen and the engine -------------------------------------------------------------


def read_change(database: Database, change_id: int) -> Change | None:
    """Read one change, None if there is none of that id."""
    return next(iter(_changes(database, "WHERE change_id = ?", change_id)), None)


def read_changes_of(database: Database, contact_id: str) -> list[Change]:
    """Read the changes of a contact, newest first."""
    return _changes(database, "WHERE contact_id = ? ORDER BY change_id DESC", contact_id)


def read_in_states(
    database: Database, states: Iterable[State], limit: int | None, *, newest_first: bool = False
) -> list[Change]:
    """Read the changes in some states, in the order of their requests."""
    names = json.dumps([state.value for state in states])
    order = "DESC" if newest_first else "ASC"
    return _changes(
        database,
        f"WHERE state IN (SELECT value FROM json_each(?)) ORDER BY change_id {order} LIMIT ?",  # noqa: S608 - our own words
        names,
        -1 if limit is None else limit,
    )


def read_refused(database: Database, limit: int) -> list[Change]:
    """Read what was refused and not tried again, newest first."""
    return _changes(
        database, "WHERE state = 'refused' AND superseded = 0 ORDER BY change_id DESC LIMIT ?", limit
    )


def read_refused_total(database: Database) -> int:
    """Count what was refused and not tried again."""
    sql = "SELECT count(*) FROM changes WHERE state = 'refused' AND superseded = 0"
    return int(database.rows(sql)[0][0])


def read_totals(database: Database) -> dict[State, int]:
    """Read how many changes are in each state; costs the same for any number of them."""
    rows = database.rows("SELECT name, total FROM tallies WHERE name LIKE 'waiting:%'")
    totals = {name: max(values.integer(total) or 0, 0) for name, total in rows}
    return {state: totals.get(f"waiting:{state}", 0) for state in State}


def _changes(database: Database, rest: str, *parameters: object) -> list[Change]:
    return values.read_rows(change_of, database.rows(f"{_SELECT} {rest}", parameters))
