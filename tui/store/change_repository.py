"""Requests, sends, undoes and lists the changes of an organisation.

The list of all changes is counted, searched, and read one window at a time.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from tui.model.change_list import BatchKind, ChangeGroup, UndoPlan
from tui.model.query import fold
from tui.store import contact_ingest, sync_state, values
from tui.store.change_log import batches
from tui.store.change_log import changes as change_table
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.change_log.entries import (
    NoteCalls,
    iter_entries,
    read_entries_of_change,
    read_entries_of_contact,
    read_note_calls,
)
from tui.store.schema.fragments import PENDING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Action, Change, ChangeLogEntry, LogEvent, State
    from tui.model.change_list import ChangeQuery, RequestResult
    from tui.model.change_summary import YearSummary
    from tui.model.contact import Contact
    from tui.model.reasons import Notice, Reason
    from tui.store.database import Database


# Stored, so that other instances and the next start see it.
_PAUSED: Final = "outbox.paused_at"


class ChangeRepository:
    """Request, undo, redo, retry, pause and list changes.

    Reads without a search return at once on the event loop's thread; writes are durable when they return.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        action: Action,
        contacts: Sequence[Contact],
        now: datetime,
        *,
        note: str = "",
        is_note_for_xero: bool = False,
    ) -> list[Change]:
        """Queue the action for the contacts as one batch; durable when this returns.

        Contacts with an open change of the same action are left out; if the opposite action is still queued,
        that is cancelled instead. `note` is kept with each new change; `is_note_for_xero` means that it is
        also to be written to the contacts' history in Xero. Returns the new changes.
        """
        return await self._database.write(
            lambda connection: contact_ingest.add(
                connection, action, contacts, now, note=note, is_note_for_xero=is_note_for_xero
            )
        )

    async def plan_undo(self, kind: BatchKind = BatchKind.UNDO) -> UndoPlan | None:
        """Plan the next undo or redo; None if there is no batch for it."""
        return await self._database.read(lambda connection: batches.plan(connection, kind))

    async def undo(self, plan: UndoPlan, now: datetime) -> UndoPlan:
        """Undo or redo as planned, in full or not at all. Returns what was done. Raises `ReshelveError`."""
        return await self._database.write(lambda connection: batches.execute(connection, plan, now))

    async def last_request(self) -> RequestResult | None:
        """Return what has become of the newest request so far; None if there is none."""
        return await self._database.read(batches.last_request)

    async def retry(self, changes: Sequence[Change], now: datetime) -> list[Change]:
        """Retry refused changes as one batch. Returns the new changes."""
        ids = [change.change_id for change in changes]
        return await self._database.write(lambda connection: batches.retry(connection, ids, now))

    @property
    def is_paused(self) -> bool:
        """Whether the user has paused sending."""
        return sync_state.read_sync_state(self._database, _PAUSED) is not None

    async def pause(self, now: datetime, *, on: bool) -> None:
        """Pause or resume sending."""
        value = now.isoformat() if on else None
        await self._database.write(lambda connection: sync_state.write_sync_state(connection, _PAUSED, value))

    async def page(self, query: ChangeQuery, start: int, stop: int) -> tuple[int, list[Change]]:
        """Count the matching changes, and read those from start up to, not including, stop; newest first."""
        return await self._database.read(
            lambda connection: (
                count(connection, query),
                window(connection, query, start, stop),
            )
        )

    async def summarize_year(self, year: int) -> YearSummary:
        """Add up the confirmed changes of a year."""
        # Few users need it.
        from tui.store.change_log.summary import summarize_year

        return await self._database.read(lambda connection: summarize_year(connection, year))

    def iter_all(self, query: ChangeQuery) -> Iterator[Change]:
        """Read all matching changes, newest first. Must be called in a thread."""
        with self._database.read_connection() as connection:
            yield from iter_all(connection, query)

    def iter_entries(self) -> Iterator[ChangeLogEntry]:
        """Read what happened to all changes, oldest first."""
        with self._database.read_connection() as connection:
            yield from iter_entries(connection)

    def in_states(self, *states: State, limit: int | None = None) -> list[Change]:
        """Return the changes in these states, oldest first."""
        return change_table.read_in_states(self._database, states, limit)

    def recent(self, *states: State, limit: int) -> list[Change]:
        """Return the changes in these states, newest first."""
        return change_table.read_in_states(self._database, states, limit, newest_first=True)

    def get(self, change_id: int) -> Change | None:
        """Return a change; None for an unknown id."""
        return change_table.read_change(self._database, change_id)

    async def record_note(
        self,
        change: Change,
        event: LogEvent,
        now: datetime,
        *,
        idempotency_key: str = "",
        message: str = "",
        notice: Notice | None = None,
    ) -> None:
        """Log what happened to the note of a change on its way to Xero; durable when this returns."""
        await self._database.write(
            lambda connection: change_table.record_note(
                connection,
                change,
                event,
                now,
                idempotency_key=idempotency_key,
                message=message,
                notice=notice,
            )
        )

    async def note_calls(self, change: Change) -> NoteCalls | None:
        """Return the calls that were to write the change's note; None if there are none."""
        return await self._database.read(lambda connection: read_note_calls(connection, change.change_id))

    async def read(self, change_ids: Sequence[int]) -> list[Change]:
        """Return changes, oldest first, without those that don't exist."""
        return await self._database.read(lambda connection: change_table.read_all(connection, change_ids))

    async def newest(self, contact_ids: Sequence[str]) -> dict[str, Change]:
        """Return the newest change of each contact that has one, by contact id."""
        return await self._database.read(lambda connection: change_table.newest(connection, contact_ids))

    def of_contact(self, contact_id: str) -> list[Change]:
        """Return the changes of a contact, newest first."""
        return change_table.read_changes_of(self._database, contact_id)

    def entries_of_contact(self, contact_id: str) -> list[ChangeLogEntry]:
        """Return what happened to a contact's changes, newest first."""
        return read_entries_of_contact(self._database, contact_id)

    def entries_of_change(self, change_id: int) -> list[ChangeLogEntry]:
        """Return what happened to one change, oldest first."""
        return read_entries_of_change(self._database, change_id)

    def totals(self) -> Mapping[State, int]:
        """Return how many changes are in each state."""
        return change_table.read_totals(self._database)

    def refused(self, limit: int) -> list[Change]:
        """Return changes that were refused and not retried, newest first."""
        return change_table.read_refused(self._database, limit)

    def refused_total(self) -> int:
        """Return how many changes were refused and not retried."""
        return change_table.read_refused_total(self._database)


_COLUMNS: Final = ", ".join(CHANGE_COLUMNS)
_AT_ONCE: Final = 1_000
# The groups of `model.change_list.group_of`; the conditions for refused and pending are those of the indexes.
_OPEN: Final = "state IN ('queued', 'sending', 'unknown', 'awaiting_user')"
# As bytes: SQLite can't pass text that isn't UTF-8 to a Python function. A reason's own text is shown only
# without a message from Xero; its parameters are always searched.
_TEXTS: Final = (
    "CAST(name || ' ' || action || ' ' || message || ' ' || coalesce(reason_params, '') || ' '"
    " || coalesce(note, '') AS BLOB)"
)
_CONTAINS: Final = (
    f"(instr(folded({_TEXTS}), ?) > 0 OR message = '' AND reason IN (SELECT value FROM json_each(?)))"  # noqa: S608 - constant SQL
)
_REFUSED: Final = "state = 'refused' AND superseded = 0"
_IN: Final = {
    ChangeGroup.ALL: "1",
    ChangeGroup.OPEN: _OPEN,
    ChangeGroup.REFUSED: _REFUSED,
    ChangeGroup.PENDING: PENDING,
    ChangeGroup.DONE: f"NOT ({_OPEN}) AND NOT ({_REFUSED}) AND NOT ({PENDING})",
}


def count(connection: sqlite3.Connection, query: ChangeQuery) -> int:
    """Count the matching changes."""
    condition, parameters = _condition(connection, query)
    sql = f"SELECT count(*) FROM changes WHERE {condition}"  # noqa: S608 - our own conditions
    return int(connection.execute(sql, parameters).fetchone()[0])


def window(connection: sqlite3.Connection, query: ChangeQuery, start: int, stop: int) -> list[Change]:
    """Read the matching changes from start up to, not including, stop; newest first."""
    condition, parameters = _condition(connection, query)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE {condition} ORDER BY change_id DESC LIMIT ? OFFSET ?",  # noqa: S608 - constant SQL
        (*parameters, max(stop - start, 0), start),
    )
    return values.read_rows(change_of, rows)


def iter_all(connection: sqlite3.Connection, query: ChangeQuery) -> Iterator[Change]:
    """Read all matching changes, newest first, in small batches."""
    condition, parameters = _condition(connection, query)
    cursor = connection.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE {condition} ORDER BY change_id DESC",  # noqa: S608 - as above
        parameters,
    )
    while rows := cursor.fetchmany(_AT_ONCE):
        yield from values.read_rows(change_of, rows)


def _folded(text: object) -> str:
    return fold(values.text(text))


def _condition(connection: sqlite3.Connection, query: ChangeQuery) -> tuple[str, tuple[object, ...]]:
    conditions, parameters = [_IN[query.group]], []
    if query.words:
        # Folded while searching: there are far fewer changes than contacts, and typing doesn't wait for it.
        connection.create_function("folded", 1, _folded, deterministic=True)
    no_reasons: tuple[Reason, ...] = ()
    for word, reasons in zip_longest(query.words, query.reasons, fillvalue=no_reasons):
        conditions.append(_CONTAINS)
        parameters += [word, json.dumps(reasons)]
    return " AND ".join(conditions), tuple(parameters)
