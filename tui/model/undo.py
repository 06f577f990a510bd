"""Undo and redo: what taking back a batch will do to each of its contacts, and that in words.

Planned from the changes as they stand at that moment. The last batch is undone first, then the one before;
what was undone can be redone until something new is asked for.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import Action, Change, Origin, State
from tui.model.eligibility import UNKNOWN, out_of_reach
from tui.model.tenancy import NO_CARE, TenancyWarnings, tenants_among

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui.model.contact import Contact


class BatchKind(StrEnum):
    """Why a batch of changes was made."""

    REQUEST = "request"
    RETRY = "retry"
    UNDO = "undo"
    REDO = "redo"

    @property
    def is_wish(self) -> bool:
        """Whether a person asked for something new with it; undo and redo only go back and forth."""
        return self in {BatchKind.REQUEST, BatchKind.RETRY}


class Batch(Struct, frozen=True):
    """Changes that were asked for together; `of_batch` is the one that an undo or redo is about."""

    batch_id: str
    kind: BatchKind
    at: datetime
    of_batch: str = ""


class UndoOutcome(StrEnum):
    """What becomes of one contact: the first four do something, the last two don't."""

    CANCEL = "cancel"
    DISMISS = "dismiss"
    ARCHIVE = "archive"
    RESTORE = "restore"
    NOTHING = "nothing"
    LEFT = "left"

    @property
    def is_step(self) -> bool:
        """Whether anything is done."""
        return self not in {UndoOutcome.NOTHING, UndoOutcome.LEFT}


class UndoTarget(Struct, frozen=True):
    """One contact's part in a batch, with all that bears on taking it back.

    `wanted` is the action that undoing (or redoing) comes down to. `chain` are the changes of the contact
    that follow from this wish, in order: the wish, what undo and redo have made of it, and those of later
    batches that were undone themselves. `others` are all the contact's other changes.
    """

    change: Change
    wanted: Action
    chain: tuple[Change, ...]
    others: tuple[Change, ...] = ()
    contact: Contact | None = None


class PlanLine(Struct, frozen=True):
    """What becomes of one contact.

    `change` is the one that is cancelled, dismissed or reversed, None where a new one stands for itself.
    `waits` says that the new change stays behind one whose answer from Xero is still out, and goes only if
    that was carried out. `reason` says why nothing is done.
    """

    target: UndoTarget
    outcome: UndoOutcome
    change: Change | None = None
    waits: bool = False
    reason: str = ""

    def tenants(self, marked: frozenset[str]) -> tuple[str, ...]:
        """Return the groups of tenants that the contact is in, where this archives it."""
        contact = self.target.contact
        if self.outcome is not UndoOutcome.ARCHIVE or contact is None:
            return ()
        return tenants_among(contact.groups, marked)


class UndoPlan(Struct, frozen=True):
    """What undoing, or redoing, one batch will do; `of` is the batch, `kind` UNDO or REDO.

    `care` is what to keep in mind where contacts are archived by it.
    """

    kind: BatchKind
    of: Batch
    lines: tuple[PlanLine, ...]
    tenancy: TenancyWarnings = NO_CARE

    @property
    def steps(self) -> tuple[PlanLine, ...]:
        """The lines that do something."""
        return tuple(line for line in self.lines if line.outcome.is_step)

    @property
    def words(self) -> str:
        """Say exactly what it will do: "3 are cancelled before they leave; 9 become restores, …"."""
        return say(self.lines)


LIVE: Final = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN, State.AWAITING_USER, State.CONFIRMED})
CHANGED_AGAIN: Final = "it was changed again since"
CHANGED_IN_XERO: Final = "somebody has changed it in Xero since"
NOT_AS_LEFT: Final = "it is no longer as it was left"
CAME_TO_NOTHING: Final = "it was refused or taken back"
SO_ALREADY: Final = "it is so already"


def reverse(action: Action) -> Action:
    """Return the action that takes this one back."""
    return Action.RESTORE if action is Action.ARCHIVE else Action.ARCHIVE


def plan_line(wish: UndoTarget) -> PlanLine:
    """Decide what becomes of one contact."""
    last = next((change for change in reversed(wish.chain) if change.state in LIVE), None)
    since = last.change_id if last is not None else wish.change.change_id
    for other in reversed(wish.others):
        if other.change_id > since and other.state in LIVE:
            in_xero = other.origin is Origin.XERO
            return PlanLine(wish, UndoOutcome.LEFT, reason=CHANGED_IN_XERO if in_xero else CHANGED_AGAIN)
    return _anew(wish) if last is None else _take_back(wish, last)


def settle_for(shown: UndoPlan, fresh: Iterable[PlanLine]) -> tuple[PlanLine, ...]:
    """Hold what would be done now against what was shown, and leave out what nobody has agreed to.

    A queued change may have left in the meantime, so that it becomes a hand-off instead of being cancelled:
    that is the same wish, and a person still presses. An archive that wasn't shown is never made.
    """
    agreed = {line.target.change.change_id: line.outcome for line in shown.lines}

    def is_agreed(line: PlanLine) -> bool:
        was = agreed.get(line.target.change.change_id)
        return (
            was is not None
            and was.is_step
            and (line.outcome is was or line.outcome is not UndoOutcome.ARCHIVE)
        )

    return tuple(
        line
        if not line.outcome.is_step or is_agreed(line)
        else PlanLine(line.target, UndoOutcome.LEFT, reason=NOT_AS_LEFT)
        for line in fresh
    )


def say(lines: Sequence[PlanLine]) -> str:
    """Put what becomes of the contacts into one sentence without a full stop."""
    counted = Counter((line.outcome, line.waits) for line in lines if line.outcome.is_step)
    said = [
        _STEP_WORDS[key][0 if n == 1 else 1].format(n=f"{n:,}") for key in _STEP_WORDS if (n := counted[key])
    ]
    left = Counter(line.reason for line in lines if line.outcome is UndoOutcome.LEFT)
    said += [f"{n:,} {'is' if n == 1 else 'are'} left alone: {_plain(reason)}" for reason, n in left.items()]
    nothing = Counter(line.reason for line in lines if line.outcome is UndoOutcome.NOTHING)
    said += [
        f"{n:,} {'needs' if n == 1 else 'need'} nothing: {_plain(reason)}" for reason, n in nothing.items()
    ]
    return "; ".join(said) or "There is nothing to do"


_STEP_WORDS: Final[dict[tuple[UndoOutcome, bool], tuple[str, str]]] = {
    (UndoOutcome.CANCEL, False): ("{n} is cancelled before it leaves", "{n} are cancelled before they leave"),
    (UndoOutcome.DISMISS, False): (
        "{n} hand-off is no longer waited for",
        "{n} hand-offs are no longer waited for",
    ),
    (UndoOutcome.RESTORE, False): (
        "{n} becomes a restore, which you press in Xero",
        "{n} become restores, which you press in Xero",
    ),
    (UndoOutcome.RESTORE, True): (
        "{n} becomes a restore once Xero has answered",
        "{n} become restores once Xero has answered",
    ),
    (UndoOutcome.ARCHIVE, False): ("{n} becomes an archive", "{n} become archives"),
    (UndoOutcome.ARCHIVE, True): (
        "{n} becomes an archive once Xero has answered",
        "{n} become archives once Xero has answered",
    ),
}


def _anew(wish: UndoTarget) -> PlanLine:
    """Decide for a wish of which nothing is left: only one that was itself undone is asked for again."""
    if wish.wanted is not wish.change.action:
        return PlanLine(wish, UndoOutcome.NOTHING, reason=CAME_TO_NOTHING)
    if wish.contact is not None and wish.contact.status is wish.wanted.target:
        return PlanLine(wish, UndoOutcome.NOTHING, reason=SO_ALREADY)
    reason = _why_not(wish, as_left=reverse(wish.wanted))
    return PlanLine(wish, UndoOutcome.LEFT, reason=reason) if reason else _become(wish, None)


def _take_back(wish: UndoTarget, last: Change) -> PlanLine:
    if last.action is wish.wanted:
        return PlanLine(wish, UndoOutcome.NOTHING, reason=SO_ALREADY)
    if last.state is State.QUEUED:
        return PlanLine(wish, UndoOutcome.CANCEL, last)
    if last.state is State.AWAITING_USER:
        return PlanLine(wish, UndoOutcome.DISMISS, last)
    if last.state is not State.CONFIRMED:
        return _become(wish, last, waits=True)
    reason = _why_not(wish, as_left=last.action)
    return PlanLine(wish, UndoOutcome.LEFT, reason=reason) if reason else _become(wish, last)


def _become(wish: UndoTarget, last: Change | None, *, waits: bool = False) -> PlanLine:
    return PlanLine(wish, UndoOutcome(wish.wanted.value), last, waits=waits)


def _why_not(wish: UndoTarget, *, as_left: Action) -> str:
    if wish.contact is None:
        return UNKNOWN
    return out_of_reach(wish.contact) or ("" if wish.contact.status is as_left.target else NOT_AS_LEFT)


def _plain(reason: str) -> str:
    """Fit a sentence of its own behind a colon."""
    return (
        reason[:1].lower() + reason[1:].rstrip(".") if not reason.startswith("Xero") else reason.rstrip(".")
    )
