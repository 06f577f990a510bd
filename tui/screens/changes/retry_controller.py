"""Retry all changes that Xero refused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.messages.formats import format_number, pluralize
from tui.model.change import Action
from tui.model.change_list import ChangeGroup, ChangeQuery
from tui.screens.dialogs.ask import AskScreen
from tui.screens.events import RestoreRequested
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.change import Change
    from tui.screens.base_screen import EngineScreen

_MOST_NAMED: Final = 5
_NOTHING: Final = "Nothing to retry: no refused changes."
_LEFT_OUT: Final = (
    "Skipped: no change is needed, the contact can't be changed, or another change is in progress."
)
_WHY: Final = "Xero will refuse again if the reason still applies. Retrying changes nothing else."


class RetryController:
    """Retry, for a screen, every change that Xero refused."""

    def __init__(self, screen: EngineScreen[Any]) -> None:
        self._screen = screen

    def retry_all(self) -> None:
        """Ask whether to retry the refused changes."""
        self._screen.start(self._ask, "retry", exclusive=True)

    async def _ask(self) -> None:
        change_log, refused = self._screen.backend.change_log, ChangeQuery(ChangeGroup.REFUSED)
        total = (await change_log.page(refused, 0, 1)).total
        changes = [view.change for view in (await change_log.page(refused, 0, total)).changes]
        if not changes:
            self._screen.flash(_NOTHING)
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self._screen.start(partial(self._retry, changes), "retry")

        names = [f"• {change.action.value.capitalize()} {safe(change.name)}" for change in changes]
        more = len(names) - _MOST_NAMED
        shown = [*names[:_MOST_NAMED], *([f"• and {format_number(more)} more"] if more > 0 else [])]
        question = f"Retry {pluralize(len(changes), 'refused change')}?"
        self._screen.open_screen(AskScreen(question, (*shown, _WHY), yes="Retry"), answered)

    async def _retry(self, changes: Sequence[Change]) -> None:
        count = await self._screen.backend.changes.retry(changes)
        restores = tuple(change.contact_id for change in changes if change.action is Action.RESTORE)
        if count and restores:
            self._screen.post_message(RestoreRequested(restores))
        tried = f"Retrying {pluralize(count, 'change')}." if count else "Nothing was retried."
        self._screen.flash(tried if count == len(changes) else f"{tried} {_LEFT_OUT}")
