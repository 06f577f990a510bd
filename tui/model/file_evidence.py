"""What a contacts file exported from Re-Leased proves, and what explains mismatches.

An export shows in which tab Re-Leased had each contact at that time: a state, not a sync. So a matching line
is evidence for the last change that Xero had confirmed by that time and that gave the contact this status;
not for anything confirmed later, nor for anything that the line contradicts. The evidence is stored as a
`SyncRecord` whose `sync_started_at` is the file's date, the time up to which confirmed changes can be in it.
A date that is too late claims too much, one that is too early only too little: a date is therefore never
later than the file's modification time or now, and of two readings the earlier one counts. No file can show a
sync that was running during the export and reverses what it shows.

A mismatch proves nothing and isn't recorded: the file may just be older than the change, or the change may
still be pending. Contacts without a change that could be proved leave no evidence either.
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
    """The reason for a mismatch, as far as it is known."""

    #: Xero hasn't confirmed a change yet that was requested in Reshelve.
    IN_PROGRESS = "under way"
    #: Xero has confirmed a change since the export: a newer file may match.
    CHANGED_SINCE = "changed since"
    #: Xero had confirmed the last change before, and nothing shows that Re-Leased has synced it.
    PENDING = "waiting"
    #: The user reported the contact as unlinked: Re-Leased's syncs leave it out.
    NOT_LINKED = "unlinked"
    #: No known reason.
    UNKNOWN = "unknown"


def sync_record_of(change: Change, source: FileSource) -> SyncRecord:
    """Return the evidence of a file that shows this change's result."""
    return SyncRecord(
        change.contact_id, change.action.target_status, source.exported_at, source.exported_at, source.run_id
    )


def mismatch_reason(changes: Iterable[Change], exported_at: datetime) -> MismatchReason:
    """Return why a contact differs from a file of that date."""
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
    """Return the change that is newly proved by a contact with this status on both sides; None if none is."""
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
