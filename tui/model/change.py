"""A change: one contact's archive or restore, and its way to Xero as a state machine."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Action(StrEnum):
    """What is asked of Xero."""

    ARCHIVE = "archive"
    RESTORE = "restore"

    @property
    def target_status(self) -> ContactStatus:
        """The status that shows this has happened."""
        return ContactStatus.ARCHIVED if self is Action.ARCHIVE else ContactStatus.ACTIVE


class Origin(StrEnum):
    """Who made the change: a person here, or somebody in Xero, noticed by a pull."""

    RESHELVE = "here"
    XERO = "xero"


class State(StrEnum):
    """Where a change stands with Xero."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unclear"
    AWAITING_USER = "handoff"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    DISMISSED = "dismissed"

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self in OPEN_STATES


OPEN_STATES: Final = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN, State.AWAITING_USER})


class Transition(StrEnum):
    """What can happen to a change."""

    SEND = "send"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    AWAIT_USER = "hand_off"
    REPLY_LOST = "lose"
    REQUEUE = "requeue"
    CANCEL = "cancel"
    DISMISS = "dismiss"


_TRANSITIONS: Final[dict[tuple[State, Transition], State]] = {
    (State.QUEUED, Transition.SEND): State.SENDING,
    (State.QUEUED, Transition.AWAIT_USER): State.AWAITING_USER,
    (State.QUEUED, Transition.CANCEL): State.CANCELLED,
    # A fresh read can show that somebody in Xero was faster, or that it can never be done.
    (State.QUEUED, Transition.CONFIRM): State.CONFIRMED,
    (State.QUEUED, Transition.REFUSE): State.REFUSED,
    (State.SENDING, Transition.CONFIRM): State.CONFIRMED,
    (State.SENDING, Transition.REFUSE): State.REFUSED,
    (State.SENDING, Transition.AWAIT_USER): State.AWAITING_USER,
    (State.SENDING, Transition.REPLY_LOST): State.UNKNOWN,
    # Only when it is certain that Xero carried nothing out (a 429, no connection).
    (State.SENDING, Transition.REQUEUE): State.QUEUED,
    (State.UNKNOWN, Transition.CONFIRM): State.CONFIRMED,
    (State.UNKNOWN, Transition.REFUSE): State.REFUSED,
    (State.UNKNOWN, Transition.AWAIT_USER): State.AWAITING_USER,
    (State.UNKNOWN, Transition.REQUEUE): State.QUEUED,
    (State.AWAITING_USER, Transition.CONFIRM): State.CONFIRMED,
    (State.AWAITING_USER, Transition.REFUSE): State.REFUSED,
    (State.AWAITING_USER, Transition.DISMISS): State.DISMISSED,
}


class IllegalTransitionError(ValueError):
    """An event that can't happen in this state: a mistake in the program, never in the data."""


def next_state(state: State, transition: Transition) -> State:
    """Return the state that follows. Raises `IllegalTransitionError` where the lifecycle has no such step."""
    try:
        return _TRANSITIONS[state, transition]
    except KeyError:
        raise IllegalTransitionError(f"{transition} can't happen to a change that is {state}") from None


class Change(Struct, frozen=True):
    """One row of the journal.

    `confirmed_at` is by Xero's clock (the contact's `UpdatedDateUTC`) where Xero said it, so that it can be
    held against the start of a Re-Leased sync. `message` are Xero's own when it refused. `synced_at` is when
    Re-Leased was seen to have it, by evidence alone; `superseded` says that a later change reversed it before
    any pick-up was seen, so that there is nothing left to wait for, or that one which was refused was tried
    again. `reverses_change_id` is the change that this one undoes or redoes, `retry_of_id` the refused one
    that it tries again, by their ids. `sent_when_updated_at` is the contact's `UpdatedDateUTC` as it was
    known when the change was sent: a later one says that something has happened to the contact since.
    `checked_at` is when a person saw it in the right tab of Re-Leased; `unlinked_at` since when the contact
    is told to be unlinked there, and `relinked_at` when it was last linked again, while the change waits.
    """

    change_id: int
    batch_id: str
    contact_id: str
    name: str
    action: Action
    origin: Origin
    state: State
    requested_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None = None
    idempotency_key: str = ""
    message: str = ""
    synced_at: datetime | None = None
    superseded: bool = False
    reverses_change_id: int | None = None
    retry_of_id: int | None = None
    sent_when_updated_at: datetime | None = None
    checked_at: datetime | None = None
    unlinked_at: datetime | None = None
    relinked_at: datetime | None = None


def last_confirmed(changes: Iterable[Change]) -> Change | None:
    """Return the one of a contact's changes that Xero confirmed last; None where it confirmed none."""
    confirmed = [
        (change.confirmed_at, change.change_id, change)
        for change in changes
        if change.state is State.CONFIRMED and change.confirmed_at is not None
    ]
    return max(confirmed, key=lambda one: one[:2], default=(None, 0, None))[2]
