"""Undo, redo, retry and cancel: each plans and writes within one transaction."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from tui.model.change import LogEvent, Origin, State, Transition
from tui.model.change_list import BatchKind, PlanLine, UndoOutcome, UndoPlan, limit_to_shown, plan_line
from tui.model.contact import ineligible_reason
from tui.model.errors import ReshelveError
from tui.model.reasons import ChangeReason, Notice, UndoReason
from tui.store.change_log import changes as change_table
from tui.store.change_log.batches import insert_batch, read_stacks, read_targets, record_targets
from tui.store.change_log.entries import write_entry
from tui.store.contacts import contacts_in
from tui.store.tenancy import warnings_in
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.change import Change

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
                connection, contact, change.action, batch_id, now, retry_of_id=change.change_id
            )
        )
        connection.execute("UPDATE changes SET superseded = 1 WHERE change_id = ?", (change.change_id,))
        write_entry(
            connection, to_ms(now), change.change_id, LogEvent.RETRIED, change.state.value, batch=batch_id
        )
    return [change_table.get(connection, change_id) for change_id in added]


def cancel_queued(connection: sqlite3.Connection, change_ids: Sequence[int], now: datetime) -> list[Change]:
    """Cancel the changes that are still queued. Returns them."""
    queued = (change_table.get(connection, change_id) for change_id in change_ids)
    requests = [
        change_table.TransitionRequest(change.change_id, Transition.CANCEL)
        for change in queued
        if change.state is State.QUEUED
    ]
    updated = (change_table.apply_transition(connection, request, now) for request in requests)
    return [change for change in updated if change is not None]


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
