"""Batches: what was asked for together, in the order in which it is undone and redone."""

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
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_of_contact = attrgetter("contact_id")


class UndoStacks(Struct, frozen=True):
    """The batches that can be undone and redone, the next in turn last.

    `latest` names, by batch, the undo or redo that was the last word about it.
    """

    undoable: tuple[Batch, ...]
    redoable: tuple[Batch, ...]
    last_reversals: dict[str, Batch]

    @classmethod
    def of(cls, batches: Iterable[Batch]) -> UndoStacks:
        """Follow the batches from the first on; something new ends what could be redone."""
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
    """Read what can be undone and redone."""
    rows = connection.execute("SELECT batch_id, kind, at_ms, of_batch FROM batches ORDER BY number")
    return UndoStacks.of(values.read_rows(_batch, rows))


def _batch(row: tuple[Any, ...]) -> Batch:
    batch_id, kind, at, of = row
    return Batch(
        values.text(batch_id), values.enum_member(BatchKind, kind), values.timestamp(at), values.text(of)
    )


def insert_batch(
    connection: sqlite3.Connection, kind: BatchKind, now: datetime, *, batch_id: str = "", of_batch: str = ""
) -> str:
    """Note a batch, under a new id unless one is given; returns its id."""
    batch_id = batch_id or uuid4().hex
    connection.execute(
        "INSERT INTO batches (batch_id, kind, of_batch, at_ms) VALUES (?, ?, ?, ?)",
        (batch_id, kind.value, of_batch, to_ms(now)),
    )
    return batch_id


def record_targets(
    connection: sqlite3.Connection, batch_id: str, targets: Iterable[tuple[int, Action]]
) -> None:
    """Note what a batch did about changes of other batches, by their ids: the action it went for."""
    connection.executemany(
        "INSERT INTO batch_wishes (batch_id, change_id, action) VALUES (?, ?, ?)",
        ((batch_id, change_id, action.value) for change_id, action in targets),
    )


def read_targets(connection: sqlite3.Connection, stacks: UndoStacks, batch: Batch) -> list[UndoTarget]:
    """Gather all that bears on taking back what a batch, or the last undo or redo of it, went for."""
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
                chain = tuple(each for each in changes if _is_in_chain(each, change, undone))
                others = tuple(each for each in changes if not _is_in_chain(each, change, undone))
                targets.append(
                    UndoTarget(change, wanted[change.change_id], chain, others, contacts.get(contact_id))
                )
    return sorted(targets, key=lambda target: target.change.change_id)


def _is_in_chain(each: Change, change: Change, undone: frozenset[int]) -> bool:
    """Say whether a change follows from a wish, or from a later one that was itself undone."""
    original_id = _original_id(each)
    return original_id == change.change_id or (original_id in undone and each.change_id > change.change_id)


def _original_id(change: Change) -> int:
    return change.change_id if change.reverses_change_id is None else change.reverses_change_id


def _undone_ids(connection: sqlite3.Connection, stacks: UndoStacks) -> frozenset[int]:
    undos = [batch.batch_id for batch in stacks.last_reversals.values() if batch.kind is BatchKind.UNDO]
    return frozenset(change_id for change_id, _ in _recorded_targets(connection, undos))


def _recorded_targets(connection: sqlite3.Connection, batch_ids: Sequence[str]) -> list[tuple[int, Action]]:
    rows = connection.execute(
        "SELECT change_id, action FROM batch_wishes"
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
    """Read all changes of the contacts that these changes are of, by contact, in order."""
    rows = connection.execute(
        f"SELECT {', '.join(change_table.CHANGE_COLUMNS)} FROM changes WHERE contact_id IN"  # noqa: S608 - our own column names
        " (SELECT contact_id FROM changes WHERE change_id IN (SELECT value FROM json_each(?)))"
        " ORDER BY contact_id, change_id",
        (json.dumps(list(change_ids)),),
    )
    changes = values.read_rows(change_table.change_of, rows)
    return {contact_id: list(some) for contact_id, some in groupby(changes, _of_contact)}
