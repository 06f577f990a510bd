"""Batches: changes that were requested together, in the order in which they are undone and redone."""

from __future__ import annotations

import json
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from msgspec import Struct

from tui.model.change import Action, Change, LogEvent, NoteState, Origin, State, Transition
from tui.model.change_list import (
    Batch,
    BatchKind,
    PlanLine,
    RequestResult,
    UndoOutcome,
    UndoPlan,
    UndoTarget,
    limit_to_shown,
    plan_line,
    reverse,
)
from tui.model.contact import ineligible_reason
from tui.model.errors import ReshelveError
from tui.model.reasons import ChangeReason, Notice, UndoReason
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.change_log.entries import write_entry
from tui.store.contacts import contacts_in
from tui.store.tenancy import warnings_in
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime


_of_contact = attrgetter("contact_id")


class UndoStacks(Struct, frozen=True):
    """Batches that can be undone or redone; the next one is last.

    `last_reversals` maps the id of a batch to its latest undo or redo.
    """

    undoable: tuple[Batch, ...]
    redoable: tuple[Batch, ...]
    last_reversals: dict[str, Batch]

    @classmethod
    def of(cls, batches: Iterable[Batch]) -> UndoStacks:
        """Replay the batches in order; a new request clears the redo stack."""
        done: dict[str, Batch] = {}
        undone: dict[str, Batch] = {}
        latest: dict[str, Batch] = {}
        for batch in batches:
            if batch.kind.is_new_request:
                done[batch.batch_id] = batch
                undone.clear()
                continue
            latest[batch.target_batch_id] = batch
            source, target = (done, undone) if batch.kind is BatchKind.UNDO else (undone, done)
            batch_moved = source.pop(batch.target_batch_id, None)
            if batch_moved is not None:
                target[batch_moved.batch_id] = batch_moved
        return cls(tuple(done.values()), tuple(undone.values()), latest)


def read_stacks(connection: sqlite3.Connection) -> UndoStacks:
    """Read which batches can be undone and redone."""
    rows = connection.execute("SELECT batch_id, kind, at_ms, target_batch_id FROM batches ORDER BY number")
    return UndoStacks.of(values.read_rows(_batch, rows))


def _batch(row: tuple[Any, ...]) -> Batch:
    batch_id, kind, at, target_batch_id = row
    return Batch(
        values.text(batch_id),
        values.enum_member(BatchKind, kind),
        values.timestamp(at),
        values.text(target_batch_id),
    )


def insert_batch(
    connection: sqlite3.Connection, kind: BatchKind, now: datetime, *, batch_id: str = "", of_batch: str = ""
) -> str:
    """Add a batch, with a new id unless one is given, and return its id."""
    batch_id = batch_id or uuid4().hex
    connection.execute(
        "INSERT INTO batches (batch_id, kind, target_batch_id, at_ms) VALUES (?, ?, ?, ?)",
        (batch_id, kind.value, of_batch, to_ms(now)),
    )
    return batch_id


def record_targets(
    connection: sqlite3.Connection, batch_id: str, targets: Iterable[tuple[int, Action]]
) -> None:
    """Record which changes of other batches a batch was about, and the action it wanted for each."""
    connection.executemany(
        "INSERT INTO batch_targets (batch_id, change_id, wanted_action) VALUES (?, ?, ?)",
        ((batch_id, change_id, action.value) for change_id, action in targets),
    )


def read_targets(connection: sqlite3.Connection, stacks: UndoStacks, batch: Batch) -> list[UndoTarget]:
    """Read everything needed to plan the reversal of a batch, or of its latest undo or redo."""
    latest = stacks.last_reversals.get(batch.batch_id, batch)
    wanted = {
        change_id: reverse(action) for change_id, action in _recorded_targets(connection, [latest.batch_id])
    }
    if latest is batch:
        rows = connection.execute(
            "SELECT change_id, action FROM changes WHERE batch_id = ? ORDER BY change_id", (batch.batch_id,)
        )
        wanted |= {change_id: reverse(action) for change_id, action in values.read_rows(_target, rows)}
    by_contact = _changes_of_contacts(connection, list(wanted))
    contacts = contacts_in(connection, list(by_contact))
    undone = _undone_ids(connection, stacks)
    targets = []
    for contact_id, changes in by_contact.items():
        for change in changes:
            if change.change_id in wanted:
                chain = tuple(candidate for candidate in changes if _is_in_chain(candidate, change, undone))
                others = tuple(
                    candidate for candidate in changes if not _is_in_chain(candidate, change, undone)
                )
                targets.append(
                    UndoTarget(change, wanted[change.change_id], chain, others, contacts.get(contact_id))
                )
    return sorted(targets, key=lambda target: target.change.change_id)


def _is_in_chain(candidate: Change, change: Change, undone: frozenset[int]) -> bool:
    """Return whether a change is this one, reverses it, or belongs to a later one that was undone."""
    original_id = _original_id(candidate)
    return original_id == change.change_id or (
        original_id in undone and candidate.change_id > change.change_id
    )


def _original_id(change: Change) -> int:
    return change.change_id if change.reverses_change_id is None else change.reverses_change_id


def _undone_ids(connection: sqlite3.Connection, stacks: UndoStacks) -> frozenset[int]:
    undos = [batch.batch_id for batch in stacks.last_reversals.values() if batch.kind is BatchKind.UNDO]
    return frozenset(change_id for change_id, _ in _recorded_targets(connection, undos))


def _recorded_targets(connection: sqlite3.Connection, batch_ids: Sequence[str]) -> list[tuple[int, Action]]:
    rows = connection.execute(
        "SELECT change_id, wanted_action FROM batch_targets"
        " WHERE batch_id IN (SELECT value FROM json_each(?)) ORDER BY number",
        (json.dumps(list(batch_ids)),),
    )
    return values.read_rows(_target, rows)


def _target(row: tuple[Any, ...]) -> tuple[int, Action]:
    change_id = values.integer(row[0])
    if change_id is None:
        raise values.UnreadableRowError("change_id")
    return change_id, values.enum_member(Action, row[1])


def _changes_of_contacts(
    connection: sqlite3.Connection, change_ids: Sequence[int]
) -> dict[str, list[Change]]:
    """Read all changes of the contacts of these changes, by contact, oldest first."""
    rows = connection.execute(
        f"SELECT {', '.join(change_table.CHANGE_COLUMNS)} FROM changes WHERE contact_id IN"  # noqa: S608 - our own column names
        " (SELECT contact_id FROM changes WHERE change_id IN (SELECT value FROM json_each(?)))"
        " ORDER BY contact_id, change_id",
        (json.dumps(list(change_ids)),),
    )
    changes = values.read_rows(change_table.change_of, rows)
    return {contact_id: list(group) for contact_id, group in groupby(changes, _of_contact)}


def last_request(connection: sqlite3.Connection) -> RequestResult | None:
    """Read what has become of the newest request, or retry, that changes contacts; None if there is none."""
    newest = connection.execute(
        "SELECT batch_id FROM batches WHERE kind IN (?, ?)"
        " AND EXISTS (SELECT 1 FROM changes WHERE changes.batch_id = batches.batch_id)"
        " ORDER BY number DESC LIMIT 1",
        (BatchKind.REQUEST.value, BatchKind.RETRY.value),
    ).fetchone()
    if newest is None:
        return None
    rows = connection.execute(
        "SELECT action, state, count(*) FROM changes WHERE batch_id = ? GROUP BY action, state", newest
    )
    counts = values.read_rows(_state_count, rows)
    refused = connection.execute(
        f"SELECT {', '.join(change_table.CHANGE_COLUMNS)} FROM changes"  # noqa: S608 - our own column names
        " WHERE batch_id = ? AND state = 'refused' ORDER BY change_id LIMIT 1",
        newest,
    )
    first_refused = next(iter(values.read_rows(change_table.change_of, refused)), None)
    if not counts:
        return None
    # A retry may have changes of both actions, which are counted together under the first one.
    totals: dict[State, int] = {}
    for _, state, count in counts:
        totals[state] = totals.get(state, 0) + count
    return RequestResult(values.text(newest[0]), counts[0][0], totals, first_refused)


def _state_count(row: tuple[Any, ...]) -> tuple[Action, State, int]:
    return (
        values.enum_member(Action, row[0]),
        values.enum_member(State, row[1]),
        values.integer(row[2]) or 0,
    )


# Each requires reading its changes.
_MOST_PASSED_OVER: Final = 50
_TRANSITIONS: Final = {UndoOutcome.CANCEL: Transition.CANCEL, UndoOutcome.DISMISS: Transition.DISMISS}
_REASONS: Final = {BatchKind.UNDO: ChangeReason.UNDONE, BatchKind.REDO: ChangeReason.REDONE}


def plan(connection: sqlite3.Connection, kind: BatchKind) -> UndoPlan | None:
    """Plan the next undo or redo.

    Returns the newest batch's plan, without steps, if nothing can be done, and None if there is no batch.
    """
    stacks, tenancy_warnings = read_stacks(connection), warnings_in(connection)
    fallback = None
    in_turn = reversed(stacks.undoable if kind is BatchKind.UNDO else stacks.redoable)
    for batch in islice(in_turn, _MOST_PASSED_OVER):
        lines = tuple(plan_line(target) for target in read_targets(connection, stacks, batch))
        found = UndoPlan(kind, batch, lines, tenancy_warnings)
        if found.steps:
            return found
        fallback = fallback or found
    return fallback


def execute(connection: sqlite3.Connection, shown: UndoPlan, now: datetime) -> UndoPlan:
    """Execute the plan that was shown, as far as it still applies. Returns what was done.

    Without steps, nothing was left to do. Raises `ReshelveError` if another batch is next by now.
    """
    fresh = plan(connection, shown.kind)
    if fresh is None or fresh.batch.batch_id != shown.batch.batch_id:
        raise ReshelveError(UndoReason.PLAN_OUTDATED)
    done = UndoPlan(shown.kind, fresh.batch, limit_to_shown(shown, fresh.lines), fresh.tenancy_warnings)
    if not done.steps:
        return done
    batch_id = insert_batch(connection, shown.kind, now, of_batch=fresh.batch.batch_id)
    for line in done.steps:
        _execute_line(connection, line, batch_id, shown.kind, now)
    record_targets(
        connection,
        batch_id,
        ((line.target.change.change_id, line.target.wanted_action) for line in done.steps),
    )
    return done


def retry(connection: sqlite3.Connection, change_ids: Sequence[int], now: datetime) -> list[Change]:
    """Retry refused changes as one batch. Returns the new changes."""
    refused = [
        change
        for change in (change_table.get(connection, change_id) for change_id in change_ids)
        if _can_retry(change)
    ]
    contacts = contacts_in(connection, [change.contact_id for change in refused])
    added: list[int] = []
    batch_id = ""
    for change in refused:
        contact = contacts.get(change.contact_id)
        if contact is None or ineligible_reason(contact) or contact.status is change.action.target_status:
            continue
        if change_table.open_changes(connection, change.contact_id):
            continue
        batch_id = batch_id or insert_batch(connection, BatchKind.RETRY, now)
        added.append(
            change_table.insert(
                connection,
                contact,
                change.action,
                batch_id,
                now,
                retry_of_id=change.change_id,
                note=change.note,
                # Otherwise Xero has it, or didn't accept it.
                note_in_xero=NoteState.WANTED if change.note_in_xero is NoteState.WANTED else None,
            )
        )
        connection.execute("UPDATE changes SET superseded = 1 WHERE change_id = ?", (change.change_id,))
        write_entry(
            connection, to_ms(now), change.change_id, LogEvent.RETRIED, change.state.value, batch=batch_id
        )
    return [change_table.get(connection, change_id) for change_id in added]


def _execute_line(
    connection: sqlite3.Connection, line: PlanLine, batch_id: str, kind: BatchKind, now: datetime
) -> None:
    transition = _TRANSITIONS.get(line.outcome)
    if transition is None:
        target = line.target
        change_table.insert(
            connection,
            target.contact or target.change,
            target.wanted_action,
            batch_id,
            now,
            reverses_change_id=target.change.change_id,
        )
    elif line.change is not None:
        request = change_table.TransitionRequest(
            line.change.change_id, transition, notice=Notice(_REASONS[kind]), batch=batch_id
        )
        change_table.apply_transition(connection, request, now)


def _can_retry(change: Change) -> bool:
    return change.state is State.REFUSED and not change.superseded and change.origin is Origin.RESHELVE
