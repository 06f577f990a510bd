"""The contact page: one contact with everything the journal knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.backend import ContactDetails, TimelineEntry
from tui.model.change import State
from tui.model.errors import StoreError
from tui.model.snapshot import ChangeView
from tui.model.tenancy import tenant_groups_among
from tui.store.change_log.entries import CHECKED, DETECTED, NOTE, RENAMED, REQUESTED, RETRIED, SYNCED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.change import Change
    from tui.model.evidence import StatusSince
    from tui.store import ChangeLogEntry, Store

_STATE_TEXT = {
    State.QUEUED: "queued",
    State.SENDING: "sent to Xero",
    State.UNKNOWN: "in doubt, so it is read again",
    State.AWAITING_USER: "handed to a person, to be pressed in Xero",
    State.CONFIRMED: "confirmed by Xero",
    State.REFUSED: "refused",
    State.CANCELLED: "taken back before it left",
    State.DISMISSED: "no longer waited for",
}
_TRANSITION_TEXT = {
    REQUESTED: "asked for here",
    DETECTED: "done in Xero by somebody else",
    SYNCED: "seen in Re-Leased",
    CHECKED: "seen in Re-Leased by a person",
    RETRIED: "asked for once more, as a new change",
    RENAMED: "goes on under another name",
    NOTE: "goes on",
}


def build_contact_page(
    store: Store, grade: Callable[[Change], StatusSince | None], contact_id: str
) -> ContactDetails:
    """Gather a contact's page from the local copy. Raises `StoreError` if the contact isn't there."""
    contact = store.contact(contact_id)
    if contact is None:
        raise StoreError("This contact is not in the local copy.", action="refresh")
    changes = tuple(ChangeView(change, grade(change)) for change in store.changes_of(contact_id))
    timeline = tuple(_timeline_line(entry) for entry in store.entries_of(contact_id))
    tenants = tenant_groups_among(contact.groups, store.tenant_groups())
    return ContactDetails(contact, changes, timeline, tenants)


def timeline(store: Store, change: Change) -> tuple[TimelineEntry, ...]:
    """Tell what happened to one change, oldest first."""
    return tuple(_timeline_line(entry) for entry in store.entries_of_change(change.change_id))


def _timeline_line(entry: ChangeLogEntry) -> TimelineEntry:
    when = entry.at.astimezone().strftime("%d %b %Y %H:%M:%S")
    description = _TRANSITION_TEXT.get(entry.transition) or _STATE_TEXT[entry.state]
    text = f"{entry.action.value.capitalize()} {description}"
    return TimelineEntry(when, f"{text}: {entry.message}" if entry.message else text)
