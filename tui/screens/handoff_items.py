"""What the hand-off list knows of each restore that it has shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from tui.model.change import State
from tui.widgets import clock
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.backend import Backend
    from tui.model.change import Change

_ENDS = {
    State.CONFIRMED: ("✓", "restored", "$text-success"),
    State.REFUSED: ("✗", "refused", "$text-error"),
    State.DISMISSED: ("·", "no longer waited for", "$text-muted"),
}
_WAITING = ("↗", "waiting for Restore in Xero", "$text-accent")
_MAYBE = "Xero will refuse if an active contact has the same name."


@dataclass(frozen=True, slots=True)
class Item:
    """One restore, its link, and what was said when Restore was pressed from here."""

    change: Change
    url: str
    said: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether somebody still has to press Restore."""
        return self.change.state is State.HANDOFF

    def text(self, now: datetime) -> Content:
        """Write the restore as the list shows it."""
        symbol, words, style = _ENDS.get(self.change.state, _WAITING)
        since = f" since {clock.short(self.change.updated_at, now)}" if self.is_waiting else ""
        head = Content.assemble(
            (symbol, style), " ", content(self.change.name, "bold"), "  ", (f"{words}{since}", style)
        )
        lines = [head]
        if self.is_waiting:
            lines.append(content(self.url, "$text-muted"))
        refusal = self.change.words if self.change.state is State.REFUSED else self.said
        if refusal:
            lines.append(content(refusal, "$text-error"))
        elif self.is_waiting:
            lines.append(content(_MAYBE, "$text-muted"))
        return Content("\n").join(lines)


async def look(backend: Backend, known: Sequence[Item]) -> tuple[Item, ...]:
    """Read what waits now, and how those ended that waited before."""
    waiting = {one.change.change_id: one.change for one in await backend.handoffs()}
    items = []
    for item in known:
        change = waiting.pop(item.change.change_id, None)
        if change is None and item.is_waiting:
            change = await _ended(backend, item.change)
        items.append(Item(change or item.change, item.url, item.said if change and _waits(change) else ""))
    items += (Item(change, backend.contact_url(change.contact_id)) for change in waiting.values())
    return tuple(items)


def _waits(change: Change) -> bool:
    return change.state is State.HANDOFF


async def _ended(backend: Backend, change: Change) -> Change:
    page = await backend.page(change.contact_id)
    for view in page.changes:
        if view.change.change_id == change.change_id:
            return view.change
    return change
