"""What undo plans and decides, without a store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tui.model.change import Action, Change, Origin, State
from tui.model.change_list import (
    Batch,
    BatchKind,
    PlanLine,
    UndoOutcome,
    UndoPlan,
    UndoTarget,
    limit_to_shown,
    plan_line,
    reverse,
)
from tui.model.contact import Contact, ContactStatus
from tui.model.reasons import ContactReason, Reason, UndoReason

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
ARCHIVE, RESTORE = Action.ARCHIVE, Action.RESTORE


def change(
    state: State, action: Action = ARCHIVE, change_id: int = 1, origin: Origin = Origin.RESHELVE
) -> Change:
    return Change(change_id, "b", "c", "Club", action, origin, state, NOW, NOW)


def contact(status: ContactStatus = ARCHIVED, merged_to: str = "") -> Contact:
    return Contact("c", "Club", status, NOW, merged_to=merged_to)


def wish(
    last: Change, *others: Change, now: Contact | None = None, wanted: Action | None = None
) -> UndoTarget:
    return UndoTarget(last, wanted or reverse(last.action), (last,), others, now)


@pytest.mark.parametrize(
    ("state", "action", "now", "fate", "waits"),
    [
        (State.QUEUED, ARCHIVE, ACTIVE, UndoOutcome.CANCEL, False),
        (State.SENDING, ARCHIVE, ACTIVE, UndoOutcome.RESTORE, True),
        (State.UNKNOWN, ARCHIVE, ACTIVE, UndoOutcome.RESTORE, True),
        (State.CONFIRMED, ARCHIVE, ARCHIVED, UndoOutcome.RESTORE, False),
        (State.CONFIRMED, RESTORE, ACTIVE, UndoOutcome.ARCHIVE, False),
        (State.UNKNOWN, RESTORE, ARCHIVED, UndoOutcome.ARCHIVE, True),
        (State.AWAITING_USER, RESTORE, ARCHIVED, UndoOutcome.DISMISS, False),
        (State.REFUSED, ARCHIVE, ACTIVE, UndoOutcome.NO_CHANGE, False),
        (State.CANCELLED, ARCHIVE, ACTIVE, UndoOutcome.NO_CHANGE, False),
        (State.DISMISSED, RESTORE, ARCHIVED, UndoOutcome.NO_CHANGE, False),
    ],
)
def test_each_state_has_its_undo_outcome(
    *, state: State, action: Action, now: ContactStatus, fate: UndoOutcome, waits: bool
) -> None:
    line = plan_line(wish(change(state, action), now=contact(now)))
    assert (line.outcome, line.waits_for_reply) == (fate, waits)
    assert line.reason is (UndoReason.NOT_CARRIED_OUT if fate is UndoOutcome.NO_CHANGE else None)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (None, ContactReason.NOT_LOADED),
        (contact(ACTIVE), UndoReason.STATUS_DIFFERS),
        (contact(merged_to="other"), ContactReason.MERGED),
        (contact(ContactStatus.GDPRREQUEST), ContactReason.GDPR),
    ],
)
def test_undo_skips_contacts_that_changed_since(now: Contact | None, reason: Reason) -> None:
    line = plan_line(wish(change(State.CONFIRMED), now=now))
    assert (line.outcome, line.reason) == (UndoOutcome.SKIPPED, reason)


@pytest.mark.parametrize(
    ("later", "fate", "reason"),
    [
        (change(State.QUEUED, RESTORE, 2), UndoOutcome.SKIPPED, UndoReason.CHANGED_AGAIN),
        (change(State.CONFIRMED, RESTORE, 2, Origin.XERO), UndoOutcome.SKIPPED, UndoReason.CHANGED_IN_XERO),
        (change(State.CANCELLED, RESTORE, 2), UndoOutcome.RESTORE, None),
        (change(State.CONFIRMED, RESTORE, 0), UndoOutcome.RESTORE, None),
    ],
)
def test_a_later_change_prevents_undo_unless_it_had_no_effect(
    later: Change, fate: UndoOutcome, reason: Reason | None
) -> None:
    line = plan_line(wish(change(State.CONFIRMED), later, now=contact()))
    assert (line.outcome, line.reason) == (fate, reason)


def test_undo_of_what_is_already_so_needs_no_change() -> None:
    assert (
        plan_line(wish(change(State.CONFIRMED), now=contact(), wanted=ARCHIVE)).reason
        is UndoReason.NO_CHANGE_NEEDED
    )
    gone = wish(change(State.CANCELLED), now=contact(), wanted=ARCHIVE)
    assert plan_line(gone).reason is UndoReason.NO_CHANGE_NEEDED
    assert plan_line(replace(gone, contact=contact(ACTIVE))).outcome is UndoOutcome.ARCHIVE


def test_only_the_shown_undo_is_carried_out_and_no_unshown_archive() -> None:
    batch = Batch("b", BatchKind.REQUEST, NOW)
    handoff, queued = change(State.AWAITING_USER, RESTORE), change(State.QUEUED, ARCHIVE, 2)
    shown = UndoPlan(
        BatchKind.UNDO,
        batch,
        (PlanLine(wish(handoff), UndoOutcome.DISMISS), PlanLine(wish(queued), UndoOutcome.CANCEL)),
    )
    fresh = [PlanLine(wish(handoff), UndoOutcome.ARCHIVE), PlanLine(wish(queued), UndoOutcome.RESTORE)]
    assert [line.outcome for line in limit_to_shown(shown, fresh)] == [
        UndoOutcome.SKIPPED,
        UndoOutcome.RESTORE,
    ]
    stranger = PlanLine(wish(change(State.QUEUED, ARCHIVE, 3)), UndoOutcome.CANCEL)
    assert [line.outcome for line in limit_to_shown(shown, [stranger])] == [UndoOutcome.SKIPPED]
