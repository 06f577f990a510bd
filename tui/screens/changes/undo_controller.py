"""Undo, redo, and the pause of sending: what the person can do about changes wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from textual import on, work
from textual.message import Message
from textual.screen import ScreenResultType

from tui.model.undo import BatchKind, UndoOutcome
from tui.screens.changes import undo_format as words
from tui.screens.dialogs.ask import AskScreen
from tui.screens.engine_screen import EngineScreen
from tui.screens.messages import RestoreRequested

if TYPE_CHECKING:
    from tui.model.undo import UndoPlan

_PAUSED: Final = "Sending is paused: what is queued stays here until you go on."
_GOES_ON: Final = "Sending goes on."


@dataclass
class Planned(Message, bubble=False):
    """What undoing or redoing would do; None where there is nothing."""

    kind: BatchKind
    plan: UndoPlan | None


@dataclass
class Undone(Message, bubble=False):
    """What was really done."""

    done: UndoPlan


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
        plan = await (backend.undo_plan() if kind is BatchKind.UNDO else backend.redo_plan())
        self.post_message(Planned(kind, plan))

    @on(Planned)
    def _planned(self, message: Planned) -> None:
        plan = message.plan
        # A second press may have overtaken the first, whose question stands there already.
        if not self.is_current:
            return
        if plan is None or not plan.steps:
            self.flash(words.nothing(message.kind, plan))
            return

        def answered(may: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if may:
                self._undo(plan)

        question = words.question(plan)
        said = words.explanation(plan, self.now())
        self.open_screen(AskScreen(question, said, yes=words.VERBS[plan.kind]), answered)

    @work(group="undo", exit_on_error=False)
    async def _undo(self, plan: UndoPlan) -> None:
        self.post_message(Undone(await self.backend.undo(plan)))

    @on(Undone)
    def _undone(self, message: Undone) -> None:
        self.flash(words.done(message.done))
        restored = [
            line.target.change.contact_id
            for line in message.done.steps
            if line.outcome is UndoOutcome.RESTORE
        ]
        if restored:
            self.post_message(RestoreRequested(tuple(restored)))

    def action_pause(self) -> None:
        """Pause the sending of changes, or go on with it."""
        self._pause(on=not self.backend.snapshot.is_paused)

    @work(exclusive=True, group="pause", exit_on_error=False)
    async def _pause(self, *, on: bool) -> None:
        await self.backend.pause(on=on)
        self.flash(_PAUSED if on else _GOES_ON)
