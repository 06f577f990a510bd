"""What a file of contacts exported from Re-Leased proves, and what explains that it differs.

A file that was exported at a time shows in which tab Re-Leased had each contact just then: a state, not a
sync. So an agreeing line is evidence for the last change that Xero had confirmed by that time and that made
the contact what the line says it is; for nothing that was confirmed later, and for nothing that the line
contradicts. The evidence is kept as a `SyncRecord` whose `sync_started_at` is the file's date, the moment up
to which confirmed changes can be in it. A date that is too late claims too much, one that is too early only
too little: a date is therefore never later than the file's last change nor than now, and of two readings of
it the earlier one counts. What no file can show is a sync that was under way when it was exported, and that
undoes what it shows.

A differing line proves nothing, and is recorded nowhere: it may only be older than the change, or the
change may still be waiting. Contacts without a change that could be proved leave no evidence either.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from tui.model.change import State
from tui.model.evidence import SyncRecord, proves

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import ContactStatus
    from tui.model.contact_file import FileSource


class MismatchReason(StrEnum):
    """What is known here of the reason for a difference."""

    #: A change asked for here has yet to be confirmed by Xero.
    IN_PROGRESS = "under way"
    #: Xero has confirmed a change since the file was exported: a newer file may agree.
    CHANGED_SINCE = "changed since"
    #: Xero had confirmed the last change before, and nothing shows that Re-Leased has picked it up.
    PENDING = "waiting"
    #: Somebody said that the contact is unlinked there: Re-Leased's syncs leave it out.
    NOT_LINKED = "unlinked"
    #: Nothing here explains it.
    UNKNOWN = "unknown"


def sync_record_of(change: Change, source: FileSource) -> SyncRecord:
    """Return what a file that shows this change's outcome proves."""
    return SyncRecord(
        change.contact_id, change.action.target_status, source.exported_at, source.exported_at, source.run_id
    )


def mismatch_reason(changes: Iterable[Change], exported_at: datetime) -> MismatchReason:
    """Say what explains that a contact differs from a file of that date."""
    changes = tuple(changes)
    if any(change.state.is_open for change in changes):
        return MismatchReason.IN_PROGRESS
    last = _last_confirmed(changes)
    if last is None or last.confirmed_at is None:
        return MismatchReason.UNKNOWN
    if last.confirmed_at > exported_at:
        return MismatchReason.CHANGED_SINCE
    if last.unlinked_at is not None:
        return MismatchReason.NOT_LINKED
    has_arrived = last.synced_at is not None or last.checked_at is not None
    return MismatchReason.UNKNOWN if has_arrived or last.superseded else MismatchReason.PENDING


def newly_synced_change(
    changes: Iterable[Change], status: ContactStatus, source: FileSource
) -> Change | None:
    """Return the change of a contact, of this status on both sides, for which that is new evidence."""
    last = _last_confirmed(changes, by=source.exported_at)
    if last is None or last.synced_at is not None or last.action.target_status is not status:
        return None
    return last if proves(sync_record_of(last, source), last) else None


def _last_confirmed(changes: Iterable[Change], by: datetime | None = None) -> Change | None:
    last: tuple[datetime, int, Change] | None = None
    for change in changes:
        at = change.confirmed_at
        if change.state is not State.CONFIRMED or at is None or (by is not None and at > by):
            continue
        if last is None or (at, change.change_id) > last[:2]:
            last = at, change.change_id, change
    return None if last is None else last[2]
