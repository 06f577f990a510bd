"""What is said before and after undoing or redoing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.change import Action
from tui.model.undo import BatchKind, Fate
from tui.widgets import clock
from tui.widgets.words import counted, number

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.undo import PlanLine, UndoPlan

VERBS: Final = {BatchKind.UNDO: "Undo", BatchKind.REDO: "Redo"}
_NAMED: Final = 12
_DOING: Final = {Action.ARCHIVE: "archive", Action.RESTORE: "restore"}
_FATES: Final = {
    Fate.CANCEL: "cancelled before it leaves",
    Fate.DISMISS: "no longer waited for",
    Fate.RESTORE: "restored, with your press in Xero",
    Fate.ARCHIVE: "archived",
}


def question(plan: UndoPlan) -> str:
    """Ask about the whole: "Undo 12 archives?"."""
    actions = {line.wish.change.action for line in plan.lines}
    noun = _DOING[actions.pop()] if len(actions) == 1 else "change"
    return f"{VERBS[plan.kind]} {counted(len(plan.lines), noun)}?"


def explanation(plan: UndoPlan, now: datetime) -> tuple[str, ...]:
    """Say what was asked for when, what will be done, and to whom."""
    said = clock.short(plan.of.at, now)
    asked = f"Asked for {'on' if ' ' in said else 'at'} {said}."
    listed = [f"• {line.wish.change.name}: {_fate(line)}" for line in plan.lines[:_NAMED]]
    more = len(plan.lines) - _NAMED
    return (asked, f"{plan.words}.", *listed, *([f"and {number(more)} more"] if more > 0 else []))


def _fate(line: PlanLine) -> str:
    if not line.fate.is_step:
        return f"left alone, {line.reason}" if line.reason else "left alone"
    return _FATES[line.fate] + (" once Xero has answered" if line.waits else "")


def nothing(kind: BatchKind, plan: UndoPlan | None) -> str:
    """Say why there is nothing to do."""
    if plan is None:
        return f"There is nothing to {VERBS[kind].lower()}."
    return f"Nothing can be {VERBS[kind].lower()}ne: {plan.words[:1].lower()}{plan.words[1:]}."


def done(plan: UndoPlan) -> str:
    """Say what was really done."""
    return f"{VERBS[plan.kind]}ne: {plan.words}."
