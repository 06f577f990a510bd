"""Undo, redo, and the pause of sending: what the person can do about changes wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from textual import on, work
from textual.message import Message
from textual.screen import ScreenResultType

from tui.model.undo import BatchKind, UndoOutcome
from tui.screens.changes import undo_format
from tui.screens.dialogs.ask import AskScreen
from tui.screens.engine_screen import EngineScreen
from tui.screens.messages import RestoreRequested

if TYPE_CHECKING:
    from tui.model.undo import UndoPlan

_PAUSED: Final = "Sending is paused: what is queued stays here until you go on."
_RESUMED: Final = "Sending goes on."


@dataclass
class UndoPlanned(Message, bubble=False):
    """What undoing or redoing would do; None where there is nothing."""

    kind: BatchKind
    plan: UndoPlan | None


@dataclass
class Undone(Message, bubble=False):
    """What was really done."""

    plan: UndoPlan


class UndoController(EngineScreen[ScreenResultType], Generic[ScreenResultType]):
    """The part of a screen that undoes, redoes, and pauses."""

    def action_undo(self) -> None:
        """Undo the last request, once the person has seen what that will do."""
        self._plan(BatchKind.UNDO)

    def action_redo(self) -> None:
        """Redo what was undone last, once the person has seen what that will do."""
        self._plan(BatchKind.REDO)

    @work(exclusive=True, group="undo", exit_on_error=False)
    async def _plan(self, kind: BatchKind) -> None:
        backend = self.backend
        plan = await (backend.undo.plan_undo() if kind is BatchKind.UNDO else backend.undo.plan_redo())
        self.post_message(UndoPlanned(kind, plan))

    @on(UndoPlanned)
    def _planned(self, message: UndoPlanned) -> None:
        plan = message.plan
        # A second press may have overtaken the first, whose question stands there already.
        if not self.is_current:
            return
        if plan is None or not plan.steps:
            self.flash(undo_format.nothing_to_do(message.kind, plan))
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if is_confirmed:
                self._undo(plan)

        question = undo_format.question(plan)
        details = undo_format.explanation(plan, self.now())
        self.open_screen(AskScreen(question, details, yes=undo_format.VERBS[plan.kind]), answered)

    @work(group="undo", exit_on_error=False)
    async def _undo(self, plan: UndoPlan) -> None:
        self.post_message(Undone(await self.backend.undo.apply(plan)))

    @on(Undone)
    def _undone(self, message: Undone) -> None:
        self.flash(undo_format.done_message(message.plan))
        restored = [
            line.target.change.contact_id
            for line in message.plan.steps
            if line.outcome is UndoOutcome.RESTORE
        ]
        if restored:
            self.post_message(RestoreRequested(tuple(restored)))

    def action_pause(self) -> None:
        """Pause the sending of changes, or go on with it."""
        self._pause(on=not self.backend.snapshot.is_paused)

    @work(exclusive=True, group="pause", exit_on_error=False)
    async def _pause(self, *, on: bool) -> None:
        await self.backend.changes.pause_sending(on=on)
        self.flash(_PAUSED if on else _RESUMED)
