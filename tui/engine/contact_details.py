"""The contact page: one contact with everything the journal knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.backend import ContactPage, TimelineLine
from tui.model.change import State
from tui.model.errors import StoreError
from tui.model.snapshot import ChangeView
from tui.model.tenancy import tenants_among

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.change import Change
    from tui.model.evidence import StatusSince
    from tui.store import ChangeLogEntry, Store

_WORDS = {
    State.QUEUED: "queued",
    State.SENDING: "sent to Xero",
    State.UNKNOWN: "in doubt, so it is read again",
    State.AWAITING_USER: "handed to a person, to be pressed in Xero",
    State.CONFIRMED: "confirmed by Xero",
    State.REFUSED: "refused",
    State.CANCELLED: "taken back before it left",
    State.DISMISSED: "no longer waited for",
}
_BY_EVENT = {
    "request": "asked for here",
    "seen": "done in Xero by somebody else",
    "picked_up": "seen in Re-Leased",
    "told": "seen in Re-Leased by a person",
    "retried": "asked for once more, as a new change",
    "renamed": "goes on under another name",
    "noted": "goes on",
}


def contact_page(store: Store, grade: Callable[[Change], StatusSince | None], contact_id: str) -> ContactPage:
    """Gather a contact's page from the local copy. Raises `StoreError` if the contact isn't there."""
    contact = store.contact(contact_id)
    if contact is None:
        raise StoreError("This contact is not in the local copy.", action="refresh")
    changes = tuple(ChangeView(change, grade(change)) for change in store.changes_of(contact_id))
    timeline = tuple(_line(event) for event in store.entries_of(contact_id))
    tenants = tenants_among(contact.groups, store.marked_groups())
    return ContactPage(contact, changes, timeline, tenants)


def timeline(store: Store, change: Change) -> tuple[TimelineLine, ...]:
    """Tell what happened to one change, oldest first."""
    return tuple(_line(event) for event in store.entries_of_change(change.change_id))


def _line(event: ChangeLogEntry) -> TimelineLine:
    when = event.at.astimezone().strftime("%d %b %Y %H:%M:%S")
    happened = _BY_EVENT.get(event.transition) or _WORDS[event.state]
    what = f"{event.action.value.capitalize()} {happened}"
    return TimelineLine(when, f"{what}: {event.message}" if event.message else what)
