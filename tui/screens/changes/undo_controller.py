"""Undo, redo, and pausing of sending, available from several screens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.model.change_list import BatchKind, UndoOutcome
from tui.screens.changes import formatting
from tui.screens.dialogs.ask import AskScreen
from tui.screens.events import RestoreRequested

if TYPE_CHECKING:
    from tui.model.change_list import UndoPlan
    from tui.screens.base_screen import EngineScreen

_PAUSED: Final = "Sending paused. Queued changes stay on this computer until you resume."
_RESUMED: Final = "Sending resumed."


class UndoController:
    """Undo, redo and pause for a screen."""

    def __init__(self, screen: EngineScreen[Any]) -> None:
        self._screen = screen

    def undo(self) -> None:
        """Undo the last request, after the user has confirmed the plan."""
        self._screen.start(partial(self._plan, BatchKind.UNDO), "undo", exclusive=True)

    def redo(self) -> None:
        """Redo the last undone request, after the user has confirmed the plan."""
        self._screen.start(partial(self._plan, BatchKind.REDO), "undo", exclusive=True)

    def toggle_pause(self) -> None:
        """Pause or resume sending to Xero."""
        is_paused = not self._screen.backend.snapshot.is_paused
        self._screen.start(partial(self._pause, is_paused), "pause", exclusive=True)

    async def _plan(self, kind: BatchKind) -> None:
        screen, undo = self._screen, self._screen.backend.undo
        plan = await (undo.plan_undo() if kind is BatchKind.UNDO else undo.plan_redo())
        # A second key press may find the first one's question already open.
        if not screen.is_current:
            return
        if plan is None or not plan.steps:
            screen.flash(formatting.nothing_to_do(kind, plan))
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                screen.start(partial(self._apply, plan), "undo")

        question = formatting.question(plan)
        details = formatting.explanation(plan, screen.now())
        screen.open_screen(AskScreen(question, details, yes=formatting.VERBS[plan.kind]), answered)

    async def _apply(self, plan: UndoPlan) -> None:
        done = await self._screen.backend.undo.apply(plan)
        self._screen.flash(formatting.done_message(done))
        restored = [
            line.target.change.contact_id for line in done.steps if line.outcome is UndoOutcome.RESTORE
        ]
        if restored:
            self._screen.post_message(RestoreRequested(tuple(restored)))

    async def _pause(self, is_paused: bool) -> None:  # noqa: FBT001 - passed positionally to a worker
        await self._screen.backend.changes.pause_sending(on=is_paused)
        self._screen.flash(_PAUSED if is_paused else _RESUMED)
