"""What is said before and after undoing or redoing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.change import Action
from tui.model.undo import BatchKind, UndoOutcome
from tui.screens.tenancy import tenancy_format as tenancy
from tui.widgets import clock
from tui.widgets.formatting import format_number, pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui.model.undo import PlanLine, UndoPlan

VERBS: Final = {BatchKind.UNDO: "Undo", BatchKind.REDO: "Redo"}
_NAMED: Final = 12
_DOING: Final = {Action.ARCHIVE: "archive", Action.RESTORE: "restore"}
_OUTCOMES: Final = {
    UndoOutcome.CANCEL: "cancelled before it leaves",
    UndoOutcome.DISMISS: "no longer waited for",
    UndoOutcome.RESTORE: "restored, with your press in Xero",
    UndoOutcome.ARCHIVE: "archived",
}


def question(plan: UndoPlan) -> str:
    """Ask about the whole: "Undo 12 archives?"."""
    actions = {line.target.change.action for line in plan.lines}
    noun = _DOING[actions.pop()] if len(actions) == 1 else "change"
    return f"{VERBS[plan.kind]} {pluralize(len(plan.lines), noun)}?"


def explanation(plan: UndoPlan, now: datetime) -> tuple[str, ...]:
    """Say what was asked for when, what will be done, and to whom."""
    text = clock.short_time(plan.batch.at, now)
    requested = f"Asked for {'on' if ' ' in text else 'at'} {text}."
    # Those first of whom there is something to be said; sorting leaves the others in their order.
    marked = plan.tenancy_warnings.tenant_groups
    lines = sorted(plan.lines, key=lambda line: not line.tenant_groups(marked))
    listed = [f"• {line.target.change.name}: {_format_outcome(line, marked)}" for line in lines[:_NAMED]]
    more = len(lines) - _NAMED
    and_more = [f"and {format_number(more)} more"] if more > 0 else []
    return (
        requested,
        f"{plan.summary}.",
        *_tenancy_warnings(plan),
        *listed,
        *and_more,
        *_first_archive_explanation(plan),
    )


def _tenancy_warnings(plan: UndoPlan) -> Iterator[str]:
    """Warn of the contacts marked as tenants that it archives."""
    affected = [
        groups for line in plan.lines if (groups := line.tenant_groups(plan.tenancy_warnings.tenant_groups))
    ]
    if len(affected) == 1:
        yield f"! {tenancy.warning(affected[0])}"
    elif affected:
        yield f"! {tenancy.summary(affected, len(plan.lines))}"


def _first_archive_explanation(plan: UndoPlan) -> Iterator[str]:
    """Explain an archive where it is the first that is made here."""
    count = sum(1 for line in plan.lines if line.outcome is UndoOutcome.ARCHIVE)
    if count and plan.tenancy_warnings.is_first_archive:
        yield from (words for _, words in tenancy.full_explanation(count))


def _format_outcome(line: PlanLine, marked: frozenset[str]) -> str:
    if not line.outcome.has_effect:
        return f"left alone, {line.reason}" if line.reason else "left alone"
    groups = line.tenant_groups(marked)
    text = _OUTCOMES[line.outcome] + (" once Xero has answered" if line.waits_for_reply else "")
    return f"{text}, in {tenancy.format_groups(groups)}" if groups else text


def nothing_to_do(kind: BatchKind, plan: UndoPlan | None) -> str:
    """Say why there is nothing to do."""
    if plan is None:
        return f"There is nothing to {VERBS[kind].lower()}."
    return f"Nothing can be {VERBS[kind].lower()}ne: {plan.summary[:1].lower()}{plan.summary[1:]}."


def done_message(plan: UndoPlan) -> str:
    """Say what was really done."""
    return f"{VERBS[plan.kind]}ne: {plan.summary}."
