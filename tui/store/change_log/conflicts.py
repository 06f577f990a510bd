"""Resolves conflicts: someone changes a contact in Xero while a change of it is open in Reshelve.

| Open in Reshelve              | In Xero, someone | Result                                                  |
|-------------------------------|------------------|---------------------------------------------------------|
| archive, queued               | archives it      | confirmed, never sent                                   |
| archive, queued               | merges it        | confirmed, never sent: a merge archives the contact     |
| archive, queued               | restores it      | the later one wins: refused if that was the restore     |
| archive, unknown              | archives it      | confirmed                                               |
| archive, unknown              | edits it         | refused: it may have been archived and restored since   |
| restore, queued/awaiting user | restores it      | confirmed                                               |
| restore, queued/awaiting user | merges it        | refused: a merged contact can't be restored             |
| any, queued/awaiting user     | requests erasure | refused: a contact with a GDPR request can't be changed |
| any, queued/awaiting user     | renames it       | continues with the new name; the log has both           |
| any, sending                  | anything         | left to the outbox, which has the reply or reads again  |

`engine.sync.resolution` decides about unknown changes. Changes in Xero are dated by Xero's clock, requests by
this machine's; if both are the same, Xero's wins.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.model.change import Action, Change, LogEvent, State, Transition
from tui.model.contact import ineligible_reason
from tui.model.reasons import ChangeReason, Notice
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.change_log.entries import write_entry
from tui.store.contacts import contacts_in
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime

    from tui.model.contact import Contact

_OPEN: Final = f"""
    SELECT {", ".join(change_table.CHANGE_COLUMNS)} FROM changes
    WHERE contact_id IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'awaiting_user')
    ORDER BY change_id
"""  # noqa: S608 - our own column names


def confirmation_reason(connection: sqlite3.Connection, change: Change, contact: Contact) -> ChangeReason:
    """Return, for the log, how an open change came to be made in Xero."""
    if change.action is Action.ARCHIVE and contact.merged_to:
        return ChangeReason.MERGED_AWAY
    if change_table.find_unconfirmed(connection, contact, change.action) is not None:
        return ChangeReason.CONFIRMED_LATE
    # If it was sent before, that call may have archived the contact without showing in a read yet.
    was_first = _is_queued(change, Action.ARCHIVE) and not change.idempotency_key
    return ChangeReason.ARCHIVED_FIRST if was_first else ChangeReason.DETECTED_IN_XERO


def resolve_restore_conflict(
    connection: sqlite3.Connection, contact_id: str, restored_at: datetime, seen_at: datetime
) -> None:
    """Resolve a restore in Xero against a queued archive: the later one wins."""
    for change in change_table.open_changes(connection, contact_id):
        if not _is_queued(change, Action.ARCHIVE):
            continue
        if restored_at >= change.requested_at:
            refuse = change_table.TransitionRequest(
                change.change_id, Transition.REFUSE, notice=Notice(ChangeReason.RESTORED_SINCE)
            )
            change_table.apply_transition(connection, refuse, seen_at)
        else:
            notice = Notice(ChangeReason.RESTORED_BEFORE)
            state = change.state.value
            write_entry(connection, to_ms(seen_at), change.change_id, LogEvent.NOTE, state, notice=notice)


def update_open_changes(
    connection: sqlite3.Connection,
    contact_ids: Collection[str],
    seen_at: datetime,
    handled: frozenset[int],
) -> None:
    """Refuse changes of contacts that can't be changed any more, and record new names."""
    rows = connection.execute(_OPEN, (json.dumps(list(contact_ids)),)).fetchall()
    open_changes = values.read_rows(change_table.change_of, rows)
    pending = [change for change in open_changes if change.change_id not in handled]
    if not pending:
        return
    contacts = contacts_in(connection, [change.contact_id for change in pending])
    for change in pending:
        contact = contacts.get(change.contact_id)
        if contact is None:
            continue
        reason = ineligible_reason(contact)
        if reason:
            refuse = change_table.TransitionRequest(
                change.change_id, Transition.REFUSE, notice=Notice(reason)
            )
            change_table.apply_transition(connection, refuse, seen_at)
        elif contact.name != change.name:
            _rename(connection, change, contact.name, seen_at)


def _rename(connection: sqlite3.Connection, change: Change, name: str, seen_at: datetime) -> None:
    connection.execute("UPDATE changes SET name = ? WHERE change_id = ?", (name, change.change_id))
    notice, state = Notice(ChangeReason.RENAMED, {"old": change.name, "new": name}), change.state.value
    write_entry(connection, to_ms(seen_at), change.change_id, LogEvent.RENAMED, state, notice=notice)


def _is_queued(change: Change, action: Action) -> bool:
    return change.action is action and change.state is State.QUEUED
