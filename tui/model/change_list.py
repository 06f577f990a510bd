"""The list of all changes: queries, results, and plans to undo and redo."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import NO_WARNINGS, TenancyWarnings, ineligible_reason, tenant_groups_among
from tui.model.query import fold
from tui.model.reasons import ContactReason, UndoReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tui.model.contact import Contact
    from tui.model.reasons import Notice, Reason
    from tui.model.snapshot import ChangeView


class BatchKind(StrEnum):
    """Why a batch of changes was made."""

    REQUEST = "request"
    RETRY = "retry"
    UNDO = "undo"
    REDO = "redo"

    @property
    def is_new_request(self) -> bool:
        """Whether the user requested something new; undo and redo only go back and forth."""
        return self in {BatchKind.REQUEST, BatchKind.RETRY}


class Batch(Struct, frozen=True):
    """Changes that were requested together; `target_batch_id` is the batch that an undo or redo is about."""

    batch_id: str
    kind: BatchKind
    at: datetime
    target_batch_id: str = ""


class RequestResult(Struct, frozen=True):
    """What has become of the changes of a request so far.

    `totals` counts them by state. `refused` is the first that Xero refused, if any.
    """

    batch_id: str
    action: Action
    totals: dict[State, int]
    refused: Change | None = None

    @property
    def in_progress_total(self) -> int:
        """How many changes are queued, being sent or unknown."""
        return sum(self.totals.get(state, 0) for state in (State.QUEUED, State.SENDING, State.UNKNOWN))


class UndoOutcome(StrEnum):
    """What happens to a contact: the first four do something, the last two don't."""

    CANCEL = "cancel"
    DISMISS = "dismiss"
    ARCHIVE = "archive"
    RESTORE = "restore"
    NO_CHANGE = "nothing"
    SKIPPED = "left"

    @property
    def has_effect(self) -> bool:
        """Whether anything is done."""
        return self not in {UndoOutcome.NO_CHANGE, UndoOutcome.SKIPPED}


class UndoTarget(Struct, frozen=True):
    """One contact's part in a batch, with everything that affects undoing it.

    `wanted_action` is the action that undoing (or redoing) requires. `chain` are the contact's changes that
    follow from this request, in order: the request, what undo and redo made of it, and those of later batches
    that were undone themselves. `others` are all other changes of the contact.
    """

    change: Change
    wanted_action: Action
    chain: tuple[Change, ...]
    others: tuple[Change, ...] = ()
    contact: Contact | None = None


class PlanLine(Struct, frozen=True):
    """What happens to one contact.

    `change` is the change that is cancelled, dismissed or reversed; None if a new change doesn't reverse any.
    `waits_for_reply` means that the new change waits for Xero's reply to an earlier one, and is sent only if
    that one was made. `reason` is why nothing is done.
    """

    target: UndoTarget
    outcome: UndoOutcome
    change: Change | None = None
    waits_for_reply: bool = False
    reason: ContactReason | UndoReason | None = None

    def tenant_groups(self, tenant_groups: frozenset[str]) -> tuple[str, ...]:
        """Return the tenant groups that the contact is in, if this archives it."""
        contact = self.target.contact
        if self.outcome is not UndoOutcome.ARCHIVE or contact is None:
            return ()
        return tenant_groups_among(contact.groups, tenant_groups)


class UndoPlan(Struct, frozen=True):
    """What undoing or redoing one batch will do; `kind` is UNDO or REDO.

    `tenancy_warnings` are the warnings to show if it archives contacts.
    """

    kind: BatchKind
    batch: Batch
    lines: tuple[PlanLine, ...]
    tenancy_warnings: TenancyWarnings = NO_WARNINGS

    @property
    def steps(self) -> tuple[PlanLine, ...]:
        """The lines that have an effect."""
        return tuple(line for line in self.lines if line.outcome.has_effect)

    @property
    def archived_ids(self) -> tuple[str, ...]:
        """The contacts that it archives."""
        return tuple(
            line.target.change.contact_id for line in self.lines if line.outcome is UndoOutcome.ARCHIVE
        )


EFFECTIVE_STATES: Final = frozenset(
    {State.QUEUED, State.SENDING, State.UNKNOWN, State.AWAITING_USER, State.CONFIRMED}
)


def reverse(action: Action) -> Action:
    """Return the opposite action."""
    return Action.RESTORE if action is Action.ARCHIVE else Action.ARCHIVE


def plan_line(target: UndoTarget) -> PlanLine:
    """Plan what happens to one contact."""
    last = next((change for change in reversed(target.chain) if change.state in EFFECTIVE_STATES), None)
    since = last.change_id if last is not None else target.change.change_id
    for other in reversed(target.others):
        if other.change_id > since and other.state in EFFECTIVE_STATES:
            is_in_xero = other.origin is Origin.XERO
            reason = UndoReason.CHANGED_IN_XERO if is_in_xero else UndoReason.CHANGED_AGAIN
            return PlanLine(target, UndoOutcome.SKIPPED, reason=reason)
    return _plan_new_request(target) if last is None else _plan_reversal(target, last)


def limit_to_shown(shown: UndoPlan, fresh: Iterable[PlanLine]) -> tuple[PlanLine, ...]:
    """Limit the current plan to what the user has agreed to in the plan that was shown.

    A queued change may have been sent in the meantime, so that it becomes a manual restore instead of being
    cancelled: that is the same request, and the user still has to click Restore. An archive that wasn't shown
    is never made.
    """
    shown_outcomes = {line.target.change.change_id: line.outcome for line in shown.lines}

    def is_agreed(line: PlanLine) -> bool:
        shown_outcome = shown_outcomes.get(line.target.change.change_id)
        return (
            shown_outcome is not None
            and shown_outcome.has_effect
            and (line.outcome is shown_outcome or line.outcome is not UndoOutcome.ARCHIVE)
        )

    return tuple(
        line
        if not line.outcome.has_effect or is_agreed(line)
        else PlanLine(line.target, UndoOutcome.SKIPPED, reason=UndoReason.STATUS_DIFFERS)
        for line in fresh
    )


def _plan_new_request(target: UndoTarget) -> PlanLine:
    """Plan a request of which nothing is left: only one that was itself undone is requested again."""
    if target.wanted_action is not target.change.action:
        return PlanLine(target, UndoOutcome.NO_CHANGE, reason=UndoReason.NOT_CARRIED_OUT)
    if target.contact is not None and target.contact.status is target.wanted_action.target_status:
        return PlanLine(target, UndoOutcome.NO_CHANGE, reason=UndoReason.NO_CHANGE_NEEDED)
    reason = _ineligible_reason(target, as_left=reverse(target.wanted_action))
    return PlanLine(target, UndoOutcome.SKIPPED, reason=reason) if reason else _plan_new_change(target, None)


def _plan_reversal(target: UndoTarget, last: Change) -> PlanLine:
    if last.action is target.wanted_action:
        return PlanLine(target, UndoOutcome.NO_CHANGE, reason=UndoReason.NO_CHANGE_NEEDED)
    if last.state is State.QUEUED:
        return PlanLine(target, UndoOutcome.CANCEL, last)
    if last.state is State.AWAITING_USER:
        return PlanLine(target, UndoOutcome.DISMISS, last)
    if last.state is not State.CONFIRMED:
        return _plan_new_change(target, last, waits=True)
    reason = _ineligible_reason(target, as_left=last.action)
    return PlanLine(target, UndoOutcome.SKIPPED, reason=reason) if reason else _plan_new_change(target, last)


def _plan_new_change(target: UndoTarget, last: Change | None, *, waits: bool = False) -> PlanLine:
    return PlanLine(target, UndoOutcome(target.wanted_action.value), last, waits_for_reply=waits)


def _ineligible_reason(target: UndoTarget, *, as_left: Action) -> ContactReason | UndoReason | None:
    if target.contact is None:
        return ContactReason.NOT_LOADED
    return ineligible_reason(target.contact) or (
        None if target.contact.status is as_left.target_status else UndoReason.STATUS_DIFFERS
    )


class ChangeGroup(StrEnum):
    """The groups of changes that users see. Besides ALL, every change is in exactly one group."""

    ALL = "all"
    OPEN = "open"
    REFUSED = "refused"
    PENDING = "pending"
    DONE = "done"

    def contains(self, change: Change) -> bool:
        """Return whether a change belongs to the group."""
        return self is ChangeGroup.ALL or self is group_of(change)


def group_of(change: Change) -> ChangeGroup:
    """Return the group of a change.

    - OPEN: not finished in Reshelve or Xero yet.
    - REFUSED: refused by Xero and not retried.
    - PENDING: in Xero, but not seen in Re-Leased.
    - DONE: nothing more will happen, for example because Re-Leased leaves out the contact.
    """
    if change.state.is_open:
        return ChangeGroup.OPEN
    if change.superseded:
        return ChangeGroup.DONE
    if change.state is State.REFUSED:
        return ChangeGroup.REFUSED
    arrived = change.synced_at or change.checked_at or change.unlinked_at or change.foreign_currency_at
    is_waiting = change.state is State.CONFIRMED and arrived is None
    return ChangeGroup.PENDING if is_waiting else ChangeGroup.DONE


class ChangeQuery(Struct, frozen=True):
    """A group, and folded words that must all occur in a change: in its contact's name, or in its reason.

    `reasons` are, for each word, the reasons whose sentences contain it.
    """

    group: ChangeGroup = ChangeGroup.ALL
    words: tuple[str, ...] = ()
    reasons: tuple[tuple[Reason, ...], ...] = ()

    @classmethod
    def parse(
        cls, group: ChangeGroup, text: str, reasons_with: Callable[[str], tuple[Reason, ...]]
    ) -> ChangeQuery:
        """Parse the text of the search box; `reasons_with` finds the reasons for a word."""
        words = tuple(dict.fromkeys(fold(text).split()))
        return cls(group, words, tuple(map(reasons_with, words)))


class ChangeSearchResult(Struct, frozen=True):
    """A window of the matching changes, newest first, and how many there are in total."""

    total: int
    changes: tuple[ChangeView, ...]


class ManualRestore(Struct, frozen=True):
    """A restore that waits for the user in Xero.

    `expected_refusal` is why Xero will refuse it, as far as saved data shows.
    """

    change: Change
    expected_refusal: Notice | None = None
