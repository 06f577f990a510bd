"""What a fresh read of a contact means for a change whose fate was in doubt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.engine.preconditions import ineligible_reason
from tui.model import timestamps
from tui.model.change import Action, Transition
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Store

CHANGED_SINCE = (
    "Xero's answer was lost, and somebody has changed the contact since: it may have been archived and "
    "restored. Look at it in Xero, then try again if it is still to be archived."
)
# A read may lag a write. What it shows so long after a call got no answer shows what came of the call.
_READ_LAG = timedelta(minutes=1)
_REFUSAL_VALID_FOR = timedelta(days=30)
_REFUSED_AT = "restore.refused_at"


class Resolution(Struct, frozen=True):
    """The journal's next moves, and the contacts as they were just read."""

    requests: tuple[TransitionRequest, ...]
    contacts: tuple[Contact, ...] = ()


def resolve(
    changes: Sequence[Change],
    contacts: Sequence[Contact],
    words: Mapping[str, str],
    *,
    is_not_applied: bool = False,
    recent: Collection[int] = (),
) -> Resolution:
    """Judge each change by its contact's status as just read, never by the wording of an error.

    A contact that wasn't read judges nothing: its change has no move. `words` are what Xero said of a
    contact, by contact id. Where it said nothing and nothing has changed, the change never arrived and is
    queued again. `is_not_applied` says that Xero certainly did nothing. `recent` are the changes, by id, of
    which an earlier call got no answer so recently that a read may not show yet what it did: they aren't
    refused.
    """
    read = {contact.contact_id: contact for contact in contacts}
    requests = (
        _transition_request(change, contact, words.get(change.contact_id, ""), is_not_applied=is_not_applied)
        for change in changes
        if (contact := read.get(change.contact_id))
    )
    kept = (
        request
        for request in requests
        if not (request.transition is Transition.REFUSE and request.change_id in recent)
    )
    return Resolution(tuple(kept), tuple(contacts))


def is_recent(change: Change, now: datetime) -> bool:
    """Say whether the change became unknown so recently that a read may not show yet what its call did."""
    # A clock that was set back must not make it early for ever.
    return abs(now - change.updated_at) < _READ_LAG


def as_manual_restores(changes: Sequence[Change], contacts: Sequence[Contact]) -> Resolution:
    """Hand restores to a person, but for those that nobody can restore, and those restored already."""
    known = {contact.contact_id: contact for contact in contacts}
    return Resolution(tuple(_as_manual_restore(change, known.get(change.contact_id)) for change in changes))


def _as_manual_restore(change: Change, contact: Contact | None) -> TransitionRequest:
    if contact is None:
        # Such as when all contacts are read again.
        return TransitionRequest(change.change_id, Transition.AWAIT_USER)
    if contact.status is change.action.target_status:
        # Its status won't be seen to move, so that a hand-off would wait for ever.
        return TransitionRequest(change.change_id, Transition.CONFIRM)
    reason = ineligible_reason(contact)
    return TransitionRequest(
        change.change_id, Transition.REFUSE if reason else Transition.AWAIT_USER, message=reason
    )


def _transition_request(
    change: Change, contact: Contact, words: str, *, is_not_applied: bool
) -> TransitionRequest:
    if contact.status is change.action.target_status:
        # A restore by hand may not move UpdatedDateUTC (unproven): then now, which is later, is honest.
        confirmed_at = contact.updated_at if change.action is Action.ARCHIVE else None
        return TransitionRequest(
            change.change_id, Transition.CONFIRM, confirmed_at=confirmed_at, detail=words
        )
    reason = ineligible_reason(contact)
    if reason:
        return TransitionRequest(change.change_id, Transition.REFUSE, message=words or reason)
    if not words and not is_not_applied and _may_have_been_reversed(change, contact):
        return TransitionRequest(change.change_id, Transition.REFUSE, message=CHANGED_SINCE)
    if not words:
        return TransitionRequest(
            change.change_id, Transition.REQUEUE, detail="read again: Xero hasn't carried it out"
        )
    transition = Transition.AWAIT_USER if change.action is Action.RESTORE else Transition.REFUSE
    return TransitionRequest(change.change_id, transition, message=words)


def _may_have_been_reversed(change: Change, contact: Contact) -> bool:
    """Say whether an archive may have arrived and been undone by somebody since.

    Archiving moves `UpdatedDateUTC`, so that one which is as it was known before says that nothing arrived.
    """
    moved = change.sent_when_updated_at is not None and contact.updated_at > change.sent_when_updated_at
    return moved and change.action is Action.ARCHIVE


class RestoreCapability:
    """Whether this organisation's API was seen to refuse a restore.

    Xero's message says "currently", so it is believed for 30 days and then tried again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_refused(self, now: datetime) -> bool:
        """Say whether trying again would be of no use yet."""
        refused_at = timestamps.from_iso_text(self._store.sync_state(_REFUSED_AT))
        return refused_at is not None and abs(now - refused_at) < _REFUSAL_VALID_FOR

    async def record(self, now: datetime) -> None:
        """Note that the API refused just now."""
        await self._store.set_sync_state(_REFUSED_AT, now.isoformat())
