"""Undo, redo and trying again: each is one transaction, planned within it from what stands there."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from tui.model.change import Origin, State, Transition
from tui.model.eligibility import out_of_reach
from tui.model.errors import ReshelveError
from tui.model.undo import BatchKind, PlanLine, UndoOutcome, UndoPlan, plan_line, settle_for
from tui.store.change_log import changes as journal
from tui.store.change_log.batches import begin, note_wishes, read_stacks, read_wishes
from tui.store.change_log.entries import RETRIED, write_event
from tui.store.contacts import contacts_in
from tui.store.tenancy import care_in
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.change import Change

# Each costs a look at its changes.
_MOST_PASSED_OVER: Final = 50
_EVENTS: Final = {UndoOutcome.CANCEL: Transition.CANCEL, UndoOutcome.DISMISS: Transition.DISMISS}


def plan(connection: sqlite3.Connection, kind: BatchKind) -> UndoPlan | None:
    """Plan the next undo or redo; the newest batch's plan, without steps, where nothing can be done.

    None when there is no batch to undo or redo.
    """
    stacks, care = read_stacks(connection), care_in(connection)
    fallback = None
    in_turn = reversed(stacks.done if kind is BatchKind.UNDO else stacks.undone)
    for batch in islice(in_turn, _MOST_PASSED_OVER):
        lines = tuple(plan_line(wish) for wish in read_wishes(connection, stacks, batch))
        found = UndoPlan(kind, batch, lines, care)
        if found.steps:
            return found
        fallback = fallback or found
    return fallback


def carry_out(connection: sqlite3.Connection, shown: UndoPlan, now: datetime) -> UndoPlan:
    """Do what was shown, as things stand now; returns what was done.

    Raises `ReshelveError` when it isn't that batch's turn any more, or nothing is left to do.
    """
    fresh = plan(connection, shown.kind)
    if fresh is None or fresh.of.batch_id != shown.of.batch_id:
        raise ReshelveError(
            f"Things have moved on, so that nothing was {_DONE[shown.kind]}.", "Look again, then decide."
        )
    done = UndoPlan(shown.kind, fresh.of, settle_for(shown, fresh.lines), fresh.tenancy)
    if not done.steps:
        raise ReshelveError(f"There is nothing left to be {_DONE[shown.kind]}.", f"{done.words}.")
    batch_id = begin(connection, shown.kind, now, of_batch=fresh.of.batch_id)
    for line in done.steps:
        _step(connection, line, batch_id, shown.kind, now)
    note_wishes(
        connection, batch_id, ((line.target.change.change_id, line.target.wanted) for line in done.steps)
    )
    return done


def retry(connection: sqlite3.Connection, change_ids: Sequence[int], now: datetime) -> list[Change]:
    """Ask again for what was refused, as one batch; returns the new changes."""
    refused = [
        change for change in (journal.get(connection, each) for each in change_ids) if _can_retry(change)
    ]
    contacts = contacts_in(connection, [change.contact_id for change in refused])
    added: list[int] = []
    batch_id = ""
    for change in refused:
        contact = contacts.get(change.contact_id)
        if contact is None or out_of_reach(contact) or contact.status is change.action.target:
            continue
        if journal.open_changes(connection, change.contact_id):
            continue
        batch_id = batch_id or begin(connection, BatchKind.RETRY, now)
        added.append(
            journal.insert(connection, contact, change.action, batch_id, now, retries=change.change_id)
        )
        connection.execute("UPDATE changes SET superseded = 1 WHERE change_id = ?", (change.change_id,))
        write_event(connection, to_ms(now), change.change_id, RETRIED, change.state.value, batch=batch_id)
    return [journal.get(connection, change_id) for change_id in added]


def cancel_queued(connection: sqlite3.Connection, change_ids: Sequence[int], now: datetime) -> list[Change]:
    """Take back those that are still queued; returns them."""
    queued = (journal.get(connection, each) for each in change_ids)
    moves = [
        journal.TransitionRequest(each.change_id, Transition.CANCEL)
        for each in queued
        if each.state is State.QUEUED
    ]
    moved = (journal.move(connection, move, now) for move in moves)
    return [change for change in moved if change is not None]


def _step(
    connection: sqlite3.Connection, line: PlanLine, batch_id: str, kind: BatchKind, now: datetime
) -> None:
    event = _EVENTS.get(line.outcome)
    if event is None:
        wish = line.target
        journal.insert(
            connection,
            wish.contact or wish.change,
            wish.wanted,
            batch_id,
            now,
            wish_id=wish.change.change_id,
        )
    elif line.change is not None:
        move = journal.TransitionRequest(line.change.change_id, event, detail=_DONE[kind], batch=batch_id)
        journal.move(connection, move, now)


def _can_retry(change: Change) -> bool:
    return change.state is State.REFUSED and not change.superseded and change.origin is Origin.HERE


_DONE: Final = {BatchKind.UNDO: "undone", BatchKind.REDO: "redone"}
