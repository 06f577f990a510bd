"""Trying again, all at once, what Xero has refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from textual import on, work
from textual.message import Message
from textual.screen import ScreenResultType

from tui.model.change import Action
from tui.model.change_list import ChangeGroup, ChangeQuery
from tui.screens.dialogs.ask import AskScreen
from tui.screens.engine_screen import EngineScreen
from tui.screens.messages import RestoreRequested
from tui.widgets.formatting import format_number, pluralize
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.change import Change

_MOST_NAMED: Final = 5
_NOTHING: Final = "Xero refused nothing that is still open."
_LEFT_OUT: Final = "Left out: what is so already, out of reach, or has another change under way."
_WHY: Final = (
    "Xero will refuse again what it refused for a reason that still stands. Nothing else changes by asking."
)


@dataclass
class _RefusedLoaded(Message, bubble=False):
    changes: Sequence[Change]


class RetryController(EngineScreen[ScreenResultType], Generic[ScreenResultType]):
    """The part of a screen that asks Xero again for everything it refused."""

    def action_retry(self) -> None:
        """Ask whether to try again what Xero refused."""
        self._load_refused()

    @work(exclusive=True, group="retry", exit_on_error=False)
    async def _load_refused(self) -> None:
        refused = ChangeQuery(ChangeGroup.REFUSED)
        total = (await self.backend.change_log.page(refused, 0, 1)).total
        found = await self.backend.change_log.page(refused, 0, total)
        self.post_message(_RefusedLoaded([view.change for view in found.changes]))

    @on(_RefusedLoaded)
    def _ask(self, message: _RefusedLoaded) -> None:
        changes = message.changes
        if not changes:
            self.flash(_NOTHING)
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if is_confirmed:
                self._retry(changes)

        names = [f"• {change.action.value.capitalize()} {safe(change.name)}" for change in changes]
        more = len(names) - _MOST_NAMED
        shown = [*names[:_MOST_NAMED], *([f"• and {format_number(more)} more"] if more > 0 else [])]
        question = f"Try {pluralize(len(changes), 'refused change')} again?"
        self.open_screen(AskScreen(question, (*shown, _WHY), yes="Try again"), answered)

    @work(group="retry", exit_on_error=False)
    async def _retry(self, changes: Sequence[Change]) -> None:
        count = await self.backend.changes.retry(changes)
        restores = tuple(change.contact_id for change in changes if change.action is Action.RESTORE)
        if count and restores:
            self.post_message(RestoreRequested(restores))
        tried = f"Trying {pluralize(count, 'change')} again." if count else "Nothing was tried again."
        self.flash(tried if count == len(changes) else f"{tried} {_LEFT_OUT}")
