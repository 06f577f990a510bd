"""A change: the archive or restore of one contact, and the state machine it follows on its way to Xero.

Before it is confirmed, it is checked: see `Precheck`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui.model.contact import ContactStatus, tenant_groups_among
from tui.model.reasons import ContactReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui.model.contact import Contact
    from tui.model.reasons import Notice


class Action(StrEnum):
    """The action to perform in Xero."""

    ARCHIVE = "archive"
    RESTORE = "restore"

    @property
    def target_status(self) -> ContactStatus:
        """The status of a contact after the action."""
        return ContactStatus.ARCHIVED if self is Action.ARCHIVE else ContactStatus.ACTIVE


class Origin(StrEnum):
    """Where the change was made: in Reshelve, or in Xero, where a refresh detected it."""

    RESHELVE = "reshelve"
    XERO = "xero"


class State(StrEnum):
    """How far a change has got with Xero."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    AWAITING_USER = "awaiting_user"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    DISMISSED = "dismissed"

    @property
    def is_open(self) -> bool:
        """Whether the change isn't finished yet."""
        return self in OPEN_STATES


OPEN_STATES: Final = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN, State.AWAITING_USER})


class Transition(StrEnum):
    """What can happen to a change."""

    SEND = "send"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    AWAIT_USER = "await_user"
    REPLY_LOST = "reply_lost"
    REQUEUE = "requeue"
    CANCEL = "cancel"
    DISMISS = "dismiss"


class NoteState(StrEnum):
    """How far the note of a change has got into its contact's history in Xero, where it is meant for that.

    `SENDING` means that Xero may or may not have it.
    """

    WANTED = "wanted"
    SENDING = "sending"
    WRITTEN = "written"
    REFUSED = "refused"

    @property
    def is_open(self) -> bool:
        """Whether it is still to be written."""
        return self in {NoteState.WANTED, NoteState.SENDING}


class LogEvent(StrEnum):
    """Log entries about a change besides its `Transition`s; none of these changes its state.

    `SYNCED` and `CHECKED` are dated by their evidence. `RETRIED` is about a refused change. The last three
    are about its note in Xero.
    """

    REQUESTED = "requested"
    DETECTED = "detected"
    SYNCED = "synced"
    CHECKED = "checked"
    RETRIED = "retried"
    RENAMED = "renamed"
    NOTE = "note"
    NOTE_SENT = "note_sent"
    NOTE_WRITTEN = "note_written"
    NOTE_REFUSED = "note_refused"


_TRANSITIONS: Final[dict[tuple[State, Transition], State]] = {
    (State.QUEUED, Transition.SEND): State.SENDING,
    (State.QUEUED, Transition.AWAIT_USER): State.AWAITING_USER,
    (State.QUEUED, Transition.CANCEL): State.CANCELLED,
    # A refresh can show that someone made the change in Xero first, or that it is impossible.
    (State.QUEUED, Transition.CONFIRM): State.CONFIRMED,
    (State.QUEUED, Transition.REFUSE): State.REFUSED,
    (State.SENDING, Transition.CONFIRM): State.CONFIRMED,
    (State.SENDING, Transition.REFUSE): State.REFUSED,
    (State.SENDING, Transition.AWAIT_USER): State.AWAITING_USER,
    (State.SENDING, Transition.REPLY_LOST): State.UNKNOWN,
    # Only if it is certain that Xero changed nothing (HTTP 429, no connection).
    (State.SENDING, Transition.REQUEUE): State.QUEUED,
    (State.UNKNOWN, Transition.CONFIRM): State.CONFIRMED,
    (State.UNKNOWN, Transition.REFUSE): State.REFUSED,
    (State.UNKNOWN, Transition.AWAIT_USER): State.AWAITING_USER,
    (State.UNKNOWN, Transition.REQUEUE): State.QUEUED,
    (State.AWAITING_USER, Transition.CONFIRM): State.CONFIRMED,
    (State.AWAITING_USER, Transition.REFUSE): State.REFUSED,
    (State.AWAITING_USER, Transition.DISMISS): State.DISMISSED,
}


class ReadResult(StrEnum):
    """What the last read of Re-Leased's own contacts showed about a change that isn't known to be synced.

    `OTHER_STATUS` means that no sync was due yet; after one that was, it is `MISSED`.
    """

    OTHER_STATUS = "other_status"
    MISSED = "missed"
    NO_STATUS = "no_status"
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"


class IllegalTransitionError(ValueError):
    """A transition that this state doesn't have: a bug in the program, never in the data."""


def next_state(state: State, transition: Transition) -> State:
    """Return the next state. Raises `IllegalTransitionError` if the state doesn't have this transition."""
    try:
        return _TRANSITIONS[state, transition]
    except KeyError:
        raise IllegalTransitionError(f"{transition} can't happen to a change that is {state}") from None


class Change(Struct, frozen=True):
    """One entry of the change log.

    `confirmed_at` is by Xero's clock (the contact's `UpdatedDateUTC`) where Xero gave it, so that it can be
    compared with the start of a Re-Leased sync. `message` is Xero's own words about the last attempt,
    `notice` our reason. `synced_at` is when Re-Leased's own data showed the change. `superseded` means that a
    later change reversed it before it was synced, or that it was refused and then retried.
    `reverses_change_id` is the change that this one undoes or redoes, `retry_of_id` the refused one that it
    retries. `sent_when_updated_at` is the contact's `UpdatedDateUTC` when the change was sent: a later one
    means that the contact has been updated since. `checked_at` is when the user saw the contact in the right
    tab of Re-Leased. `unlinked_at` is since when the contact is reported as unlinked there, `relinked_at`
    when it was last linked again while the change was pending. `read_result` is what the last read of
    Re-Leased's contacts showed, which began at `read_at`. `foreign_currency_at` is since when the contact is
    known to be in another currency than the organisation's while the change was pending: Re-Leased leaves it
    out. `note` is what the user wrote about the request;
    `note_in_xero` is None unless it is also for the contact's history in Xero.
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
    notice: Notice | None = None
    read_at: datetime | None = None
    read_result: ReadResult | None = None
    foreign_currency_at: datetime | None = None
    note: str = ""
    note_in_xero: NoteState | None = None


class ChangeLogEntry(Struct, frozen=True):
    """One entry of a change's log.

    `transition` is the value of a `Transition` or a `LogEvent`, `state` the change's state afterwards.
    `message` is Xero's own words, `notice` our reason.
    """

    at: datetime
    change_id: int
    action: Action
    transition: str
    state: State
    message: str = ""
    notice: Notice | None = None


def last_confirmed(changes: Iterable[Change], by: datetime | None = None) -> Change | None:
    """Return the change of a contact that Xero confirmed last, by a time if given; None if there is none."""
    confirmed = [
        (change.confirmed_at, change.change_id, change)
        for change in changes
        if change.state is State.CONFIRMED
        and change.confirmed_at is not None
        and (by is None or change.confirmed_at <= by)
    ]
    return max(confirmed, key=lambda item: item[:2], default=(None, 0, None))[2]


_BALANCES: Final = frozenset({ContactReason.THEY_OWE, ContactReason.YOU_OWE})


class PrecheckLine(Struct, frozen=True):
    """One contact that is about to be changed, and what the user should know about it.

    `blocked_reason` is why it would be left out; warnings never block. `tenant_groups` are those of its
    groups that the user marked as tenants, if it is about to be archived.
    """

    contact: Contact
    warnings: tuple[Notice, ...] = ()
    blocked_reason: ContactReason | None = None
    tenant_groups: tuple[str, ...] = ()

    def with_tenant_groups(self, tenant_groups: frozenset[str]) -> PrecheckLine:
        """Return a copy for other groups marked as tenants."""
        return replace(
            self,
            tenant_groups=()
            if self.blocked_reason
            else tenant_groups_among(self.contact.groups, tenant_groups),
        )

    @property
    def is_protected(self) -> bool:
        """Whether archiving this contact takes a second question."""
        return any(warning.reason is ContactReason.PROTECTED for warning in self.warnings)

    def has_warnings(self, action: Action) -> bool:
        """Whether there is anything against the change; what is owed isn't anything against a restore."""
        return bool(self.tenant_groups) or any(
            action is Action.ARCHIVE or warning.reason not in _BALANCES for warning in self.warnings
        )


class Precheck(Struct, frozen=True):
    """The contents of the confirmation dialog.

    `stale_reason` is why some lines are saved data, None if all were just read from Xero. `is_first_archive`
    means that none was requested here yet in this organisation.
    """

    action: Action
    lines: tuple[PrecheckLine, ...]
    stale_reason: Notice | None = None
    is_first_archive: bool = False

    @property
    def possible(self) -> tuple[PrecheckLine, ...]:
        """The lines that can be changed."""
        return tuple(line for line in self.lines if not line.blocked_reason)

    @property
    def protected(self) -> tuple[PrecheckLine, ...]:
        """The lines of protected contacts that would be archived."""
        return tuple(line for line in self.possible if line.is_protected)

    @property
    def with_warnings(self) -> tuple[PrecheckLine, ...]:
        """The lines that can be changed although there is something against it."""
        return tuple(line for line in self.possible if line.has_warnings(self.action))

    def without(self, lines: Sequence[PrecheckLine], reason: ContactReason) -> Precheck:
        """Return a copy in which these contacts are left out for this reason."""
        ids = {line.contact.contact_id for line in lines}
        return replace(
            self,
            lines=tuple(
                replace(line, blocked_reason=reason) if line.contact.contact_id in ids else line
                for line in self.lines
            ),
        )

    def with_tenant_groups(self, tenant_groups: frozenset[str]) -> Precheck:
        """Return a copy for other groups marked as tenants; only archiving affects tenancies."""
        if self.action is not Action.ARCHIVE:
            return self
        return replace(self, lines=tuple(line.with_tenant_groups(tenant_groups) for line in self.lines))
