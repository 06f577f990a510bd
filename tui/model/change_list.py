"""The list of all changes: what of it is asked for, and what is shown."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ineligible_reason
from tui.model.query import fold
from tui.model.reasons import ContactReason, UndoReason
from tui.model.tenancy import NO_WARNINGS, TenancyWarnings, tenant_groups_among

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
        """Whether a person asked for something new with it; undo and redo only go back and forth."""
        return self in {BatchKind.REQUEST, BatchKind.RETRY}


class Batch(Struct, frozen=True):
    """Changes that were asked for together; `target_batch_id` is the one that an undo or redo is about."""

    batch_id: str
    kind: BatchKind
    at: datetime
    target_batch_id: str = ""


class UndoOutcome(StrEnum):
    """What becomes of one contact: the first four do something, the last two don't."""

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
    """One contact's part in a batch, with all that bears on taking it back.

    `wanted_action` is the action that undoing (or redoing) comes down to. `chain` are the changes of the
    contact that follow from this wish, in order: the wish, what undo and redo have made of it, and those of
    later batches that were undone themselves. `others` are all the contact's other changes.
    """

    change: Change
    wanted_action: Action
    chain: tuple[Change, ...]
    others: tuple[Change, ...] = ()
    contact: Contact | None = None


class PlanLine(Struct, frozen=True):
    """What becomes of one contact.

    `change` is the one that is cancelled, dismissed or reversed, None where a new one stands for itself.
    `waits_for_reply` says that the new change stays behind one whose reply from Xero is still out, and goes
    only if that was carried out. `reason` is why nothing is done.
    """

    target: UndoTarget
    outcome: UndoOutcome
    change: Change | None = None
    waits_for_reply: bool = False
    reason: ContactReason | UndoReason | None = None

    def tenant_groups(self, tenant_groups: frozenset[str]) -> tuple[str, ...]:
        """Return the groups of tenants that the contact is in, where this archives it."""
        contact = self.target.contact
        if self.outcome is not UndoOutcome.ARCHIVE or contact is None:
            return ()
        return tenant_groups_among(contact.groups, tenant_groups)


class UndoPlan(Struct, frozen=True):
    """What undoing, or redoing, one batch will do; `batch` is the batch, `kind` UNDO or REDO.

    `tenancy_warnings` are what to keep in mind where contacts are archived by it.
    """

    kind: BatchKind
    batch: Batch
    lines: tuple[PlanLine, ...]
    tenancy_warnings: TenancyWarnings = NO_WARNINGS

    @property
    def steps(self) -> tuple[PlanLine, ...]:
        """The lines that do something."""
        return tuple(line for line in self.lines if line.outcome.has_effect)


EFFECTIVE_STATES: Final = frozenset(
    {State.QUEUED, State.SENDING, State.UNKNOWN, State.AWAITING_USER, State.CONFIRMED}
)


def reverse(action: Action) -> Action:
    """Return the action that takes this one back."""
    return Action.RESTORE if action is Action.ARCHIVE else Action.ARCHIVE


def plan_line(target: UndoTarget) -> PlanLine:
    """Decide what becomes of one contact."""
    last = next((change for change in reversed(target.chain) if change.state in EFFECTIVE_STATES), None)
    since = last.change_id if last is not None else target.change.change_id
    for other in reversed(target.others):
        if other.change_id > since and other.state in EFFECTIVE_STATES:
            is_in_xero = other.origin is Origin.XERO
            reason = UndoReason.CHANGED_IN_XERO if is_in_xero else UndoReason.CHANGED_AGAIN
            return PlanLine(target, UndoOutcome.SKIPPED, reason=reason)
    return _plan_new_request(target) if last is None else _plan_reversal(target, last)


def limit_to_shown(shown: UndoPlan, fresh: Iterable[PlanLine]) -> tuple[PlanLine, ...]:
    """Hold what would be done now against what was shown, and leave out what nobody has agreed to.

    A queued change may have left in the meantime, so that it becomes a hand-off instead of being cancelled:
    that is the same wish, and a person still presses. An archive that wasn't shown is never made.
    """
    agreed = {line.target.change.change_id: line.outcome for line in shown.lines}

    def is_agreed(line: PlanLine) -> bool:
        was = agreed.get(line.target.change.change_id)
        return (
            was is not None
            and was.has_effect
            and (line.outcome is was or line.outcome is not UndoOutcome.ARCHIVE)
        )

    return tuple(
        line
        if not line.outcome.has_effect or is_agreed(line)
        else PlanLine(line.target, UndoOutcome.SKIPPED, reason=UndoReason.STATUS_DIFFERS)
        for line in fresh
    )


def _plan_new_request(target: UndoTarget) -> PlanLine:
    """Decide for a wish of which nothing is left: only one that was itself undone is asked for again."""
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
    """Where changes stand, as a person thinks of it. Every change is in one group beside all."""

    ALL = "all"
    OPEN = "open"
    REFUSED = "refused"
    PENDING = "pending"
    DONE = "done"

    def contains(self, change: Change) -> bool:
        """Say whether a change belongs to it."""
        return self is ChangeGroup.ALL or self is group_of(change)


def group_of(change: Change) -> ChangeGroup:
    """Return where a change stands.

    Something is still to happen here or in Xero (open), Xero refused it and nobody tried again (refused),
    Xero has it and Re-Leased isn't seen to have it (waiting), or nothing more is to happen (done): Re-Leased
    leaves out the contact, for one.
    """
    if change.state.is_open:
        return ChangeGroup.OPEN
    if change.superseded:
        return ChangeGroup.DONE
    if change.state is State.REFUSED:
        return ChangeGroup.REFUSED
    arrived = change.synced_at or change.checked_at or change.unlinked_at
    is_waiting = change.state is State.CONFIRMED and arrived is None
    return ChangeGroup.PENDING if is_waiting else ChangeGroup.DONE


class ChangeQuery(Struct, frozen=True):
    """A group and the folded words that must all be found in a change: its contact's name, or why.

    `reasons` are, for each word, those whose sentences contain it.
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
    """A window of the changes found, newest first, and how many there are in all."""

    total: int
    changes: tuple[ChangeView, ...]


class ManualRestore(Struct, frozen=True):
    """A restore that waits for the user in Xero.

    `expected_refusal` is why Xero will refuse it, as far as saved data shows.
    """

    change: Change
    expected_refusal: Notice | None = None
