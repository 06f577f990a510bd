"""When somebody works in Xero on a contact that has a change under way here.

| Under way here            | Somebody in Xero | What becomes of it                                          |
|---------------------------|------------------|-------------------------------------------------------------|
| archive, queued           | archives it      | confirmed as read; never sent                               |
| archive, queued           | merges it        | confirmed as read, for a merge archives; never sent         |
| archive, queued           | restores it      | the later word holds: refused if that was the restore       |
| archive, sent, unanswered | archives it      | confirmed as read                                           |
| archive, sent, unanswered | changes anything | refused: it may have been archived and restored meanwhile   |
| restore, queued, hand-off | restores it      | confirmed as read                                           |
| restore, queued, hand-off | merges it        | refused: nobody can restore it                              |
| any, queued, hand-off     | GDPR request     | refused: nobody can change it                               |
| any, queued, hand-off     | renames it       | goes on, under the new name; the log tells both             |
| any, being sent           | anything         | its sender decides, who has the answer or reads again       |

What was sent and got no answer is judged by `engine.sync.resolution`. Times are Xero's for what happened
there, this machine's for what was asked for here; at the same moment, Xero's holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tui.model.change import Action, Change, State, Transition
from tui.model.contact import ineligible_reason
from tui.store import values
from tui.store.change_log import changes as change_table
from tui.store.change_log.entries import NOTE, RENAMED, write_entry
from tui.store.contacts import contacts_in
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from datetime import datetime

    from tui.model.contact import Contact

ARCHIVED_FIRST: Final = "somebody archived it in Xero first, so that it wasn't sent"
MERGED_AWAY: Final = "somebody merged it into another contact in Xero, which archives it"
RESTORED_SINCE: Final = (
    "Somebody restored it in Xero after this was asked for, so that it was left active. "
    "Try again if it is still to be archived."
)
RESTORED_BEFORE: Final = "it had been restored in Xero before this was asked for"

_OPEN: Final = f"""
    SELECT {", ".join(change_table.CHANGE_COLUMNS)} FROM changes
    WHERE contact_id IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'handoff')
    ORDER BY change_id
"""  # noqa: S608 - our own column names


def confirmation_detail(connection: sqlite3.Connection, change: Change, contact: Contact) -> str:
    """Say how an open change came to be done in Xero, for its log."""
    if change.action is Action.ARCHIVE and contact.merged_to:
        return MERGED_AWAY
    if change_table.find_unconfirmed(connection, contact, change.action) is not None:
        return change_table.CONFIRMED_LATE
    # One that was sent before may be what archived it, although a read hadn't shown that yet.
    was_first = _is_queued(change, Action.ARCHIVE) and not change.idempotency_key
    return ARCHIVED_FIRST if was_first else change_table.DETECTED_IN_XERO


def resolve_restore_conflict(
    connection: sqlite3.Connection, contact_id: str, restored_at: datetime, seen_at: datetime
) -> None:
    """Let the later word hold between a restore in Xero and an archive that waits here."""
    for change in change_table.open_changes(connection, contact_id):
        if not _is_queued(change, Action.ARCHIVE):
            continue
        if restored_at >= change.requested_at:
            refuse = change_table.TransitionRequest(
                change.change_id, Transition.REFUSE, message=RESTORED_SINCE
            )
            change_table.apply_transition(connection, refuse, seen_at)
        else:
            write_entry(
                connection,
                to_ms(seen_at),
                change.change_id,
                NOTE,
                change.state.value,
                detail=RESTORED_BEFORE,
            )


def update_open_changes(
    connection: sqlite3.Connection,
    contact_ids: Collection[str],
    seen_at: datetime,
    handled: frozenset[int],
) -> None:
    """Refuse what waits for a contact that nobody can change any more, and note new names."""
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
            change_table.apply_transition(
                connection,
                change_table.TransitionRequest(change.change_id, Transition.REFUSE, message=reason),
                seen_at,
            )
        elif contact.name != change.name:
            _rename(connection, change, contact.name, seen_at)


def _rename(connection: sqlite3.Connection, change: Change, name: str, seen_at: datetime) -> None:
    connection.execute("UPDATE changes SET name = ? WHERE change_id = ?", (name, change.change_id))
    message = f"“{change.name}” is now called “{name}” in Xero"
    write_entry(connection, to_ms(seen_at), change.change_id, RENAMED, change.state.value, detail=message)


def _is_queued(change: Change, action: Action) -> bool:
    return change.action is action and change.state is State.QUEUED
