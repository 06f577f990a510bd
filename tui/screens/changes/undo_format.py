"""What is said before and after undoing or redoing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.change import Action
from tui.model.undo import BatchKind, UndoOutcome
from tui.screens.tenancy import tenancy_format as tenancy
from tui.widgets import clock
from tui.widgets.formatting import counted, number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui.model.undo import PlanLine, UndoPlan

VERBS: Final = {BatchKind.UNDO: "Undo", BatchKind.REDO: "Redo"}
_NAMED: Final = 12
_DOING: Final = {Action.ARCHIVE: "archive", Action.RESTORE: "restore"}
_FATES: Final = {
    UndoOutcome.CANCEL: "cancelled before it leaves",
    UndoOutcome.DISMISS: "no longer waited for",
    UndoOutcome.RESTORE: "restored, with your press in Xero",
    UndoOutcome.ARCHIVE: "archived",
}


def question(plan: UndoPlan) -> str:
    """Ask about the whole: "Undo 12 archives?"."""
    actions = {line.target.change.action for line in plan.lines}
    noun = _DOING[actions.pop()] if len(actions) == 1 else "change"
    return f"{VERBS[plan.kind]} {counted(len(plan.lines), noun)}?"


def explanation(plan: UndoPlan, now: datetime) -> tuple[str, ...]:
    """Say what was asked for when, what will be done, and to whom."""
    said = clock.short(plan.of.at, now)
    asked = f"Asked for {'on' if ' ' in said else 'at'} {said}."
    # Those first of whom there is something to be said; sorting leaves the others in their order.
    marked = plan.tenancy.marked
    lines = sorted(plan.lines, key=lambda line: not line.tenants(marked))
    listed = [f"• {line.target.change.name}: {_fate(line, marked)}" for line in lines[:_NAMED]]
    more = len(lines) - _NAMED
    and_more = [f"and {number(more)} more"] if more > 0 else []
    return (asked, f"{plan.words}.", *_tenancies(plan), *listed, *and_more, *_at_first(plan))


def _tenancies(plan: UndoPlan) -> Iterator[str]:
    """Warn of the contacts marked as tenants that it archives."""
    concerned = [groups for line in plan.lines if (groups := line.tenants(plan.tenancy.marked))]
    if len(concerned) == 1:
        yield f"! {tenancy.warning(concerned[0])}"
    elif concerned:
        yield f"! {tenancy.summary(concerned, len(plan.lines))}"


def _at_first(plan: UndoPlan) -> Iterator[str]:
    """Explain an archive where it is the first that is made here."""
    count = sum(1 for line in plan.lines if line.outcome is UndoOutcome.ARCHIVE)
    if count and plan.tenancy.is_first:
        yield from (words for _, words in tenancy.in_full(count))


def _fate(line: PlanLine, marked: frozenset[str]) -> str:
    if not line.outcome.is_step:
        return f"left alone, {line.reason}" if line.reason else "left alone"
    groups = line.tenants(marked)
    said = _FATES[line.outcome] + (" once Xero has answered" if line.waits else "")
    return f"{said}, in {tenancy.named(groups)}" if groups else said


def nothing(kind: BatchKind, plan: UndoPlan | None) -> str:
    """Say why there is nothing to do."""
    if plan is None:
        return f"There is nothing to {VERBS[kind].lower()}."
    return f"Nothing can be {VERBS[kind].lower()}ne: {plan.words[:1].lower()}{plan.words[1:]}."


def done(plan: UndoPlan) -> str:
    """Say what was really done."""
    return f"{VERBS[plan.kind]}ne: {plan.words}."
