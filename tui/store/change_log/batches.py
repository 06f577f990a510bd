"""Batches: changes that were requested together, in the order in which they are undone and redone."""

from __future__ import annotations

import json
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from msgspec import Struct

from tui.model.change import Action, Change
from tui.model.change_list import Batch, BatchKind, UndoTarget, reverse
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.contacts import contacts_in
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
