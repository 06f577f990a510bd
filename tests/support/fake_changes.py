"""The journal's part of the engine in memory: undo, the queue's control, and the list of all changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tui import messages
from tui.model.change import Action, Change, ChangeLogEntry, LogEvent, Origin, State
from tui.model.change_list import (
    Batch,
    BatchKind,
    ChangeQuery,
    ChangeSearchResult,
    PlanLine,
    UndoOutcome,
    UndoPlan,
    UndoTarget,
    reverse,
)
from tui.model.query import fold
from tui.model.reasons import UndoReason
from tui.model.tenancy import NO_WARNINGS, TenancyWarnings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import Contact
    from tui.model.snapshot import ChangeView

_BECOMES = {UndoOutcome.CANCEL: State.CANCELLED, UndoOutcome.DISMISS: State.DISMISSED}


@dataclass(eq=False, kw_only=True)
class FakeChanges:
    """Undoes what the test has planned with `plan`, and lists what lies in `changes`."""

    known: dict[str, Contact]
    changes_made: list[Change] = field(default_factory=list)
    next_undo: UndoPlan | None = None
    next_redo: UndoPlan | None = None
    happened: UndoPlan | None = None
    windows: list[tuple[int, int]] = field(default_factory=list)
    undo_care: TenancyWarnings = NO_WARNINGS

    def plan(
        self, *fates: tuple[Change, UndoOutcome], at: datetime, kind: BatchKind = BatchKind.UNDO
    ) -> UndoPlan:
        """Let undo, or redo, do this with these changes."""
        lines = tuple(
            PlanLine(self._wish(change), fate, change, reason=reason)
            for change, fate in fates
            for reason in [None if fate.has_effect else UndoReason.CHANGED_AGAIN]
        )
        planned = UndoPlan(kind, Batch("batch", BatchKind.REQUEST, at), lines, self.undo_care)
        if kind is BatchKind.UNDO:
            self.next_undo = planned
        else:
            self.next_redo = planned
        return planned

    def _wish(self, change: Change) -> UndoTarget:
        return UndoTarget(
            change, reverse(change.action), (change,), contact=self.known.get(change.contact_id)
        )

    # What the screens ask of it.

    async def cancel(self, change: Change) -> None:
        self._called("cancel", change.contact_id)
        self.move(change, State.CANCELLED)
        self.publish_changes()

    async def dismiss(self, change: Change) -> None:
        self._called("dismiss", change.contact_id)
        self.move(change, State.DISMISSED)
        self.publish_changes()

    async def cancel_many(self, changes: Sequence[Change]) -> int:
        self._called("cancel_many", tuple(change.contact_id for change in changes))
        queued = [change for change in changes if change.state is State.QUEUED]
        for change in queued:
            self.move(change, State.CANCELLED)
        self.publish_changes()
        return len(queued)

    async def retry(self, changes: Sequence[Change]) -> int:
        self._called("retry", tuple(change.contact_id for change in changes))
        refused = [change for change in changes if change.state is State.REFUSED and not change.superseded]
        for change in refused:
            self.move(change, State.REFUSED, superseded=True)
            self.add(replace(change, state=State.QUEUED, message="", retry_of_id=change.change_id))
        self.publish_changes()
        return len(refused)

    async def pause_sending(self, *, on: bool) -> None:
        self._called("pause_sending", on)
        self.publish(is_paused=on)

    async def plan_undo(self) -> UndoPlan | None:
        self._called("plan_undo")
        return self.next_undo

    async def plan_redo(self) -> UndoPlan | None:
        self._called("plan_redo")
        return self.next_redo

    async def apply(self, plan: UndoPlan) -> UndoPlan:
        self._called("apply", plan)
        for line in plan.steps:
            assert line.change is not None
            if line.outcome in _BECOMES:
                self.move(line.change, _BECOMES[line.outcome])
            else:
                state = State.AWAITING_USER if line.outcome is UndoOutcome.RESTORE else State.QUEUED
                self.add(
                    replace(line.change, action=Action(line.outcome.value), state=state, confirmed_at=None)
                )
        self.publish_changes()
        return self.happened or plan

    async def page(self, query: ChangeQuery, start: int, stop: int) -> ChangeSearchResult:
        self._called("page", query)
        self.windows.append((start, stop))
        found = [
            change
            for change in reversed(self.changes_made)
            if query.group.contains(change)
            and all(word in fold(f"{change.name} {messages.why(change)}") for word in query.words)
        ]
        return ChangeSearchResult(len(found), tuple(self.view(change) for change in found[start:stop]))

    async def timeline(self, change: Change) -> Sequence[ChangeLogEntry]:
        self._called("timeline", change.contact_id)
        asked = ChangeLogEntry(
            change.requested_at, change.change_id, change.action, LogEvent.REQUESTED, State.QUEUED
        )
        return (asked, ChangeLogEntry(change.updated_at, change.change_id, change.action, "", change.state))

    async def export(self, query: ChangeQuery, file: Path, why: Callable[[Change], str]) -> int:
        self._called("export", query, file, [why(change) for change in self.changes_made])
        return (await self.page(query, 0, 0)).total

    # What the rest of the engine does.

    def add(self, change: Change) -> Change:
        """Put one more change into the journal."""
        added = replace(change, change_id=len(self.changes_made) + 1, origin=Origin.RESHELVE)
        self.changes_made.append(added)
        return added

    def move(self, change: Change, state: State, **parts: Any) -> Change:
        raise NotImplementedError

    def publish(self, **parts: Any) -> None:
        raise NotImplementedError

    def publish_changes(self, **parts: Any) -> None:
        raise NotImplementedError

    def view(self, change: Change) -> ChangeView:
        raise NotImplementedError

    def _called(self, call: str, *arguments: Any) -> None:
        raise NotImplementedError
