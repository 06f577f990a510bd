"""What the hand-off list knows of each restore that it has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from textual.content import Content

from tui.model.change import State
from tui.widgets import clock
from tui.widgets.text import cells, content, safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.services import Backend

_OUTCOMES = {
    State.CONFIRMED: ("✓", "restored", "$text-success"),
    State.REFUSED: ("✗", "refused by Xero", "$text-error"),
    State.DISMISSED: ("·", "no longer waited for", "$text-muted"),
}
_WIDE = 80
_WAITING = ("↗", "waiting for Restore in Xero", "$text-accent")
_OPENED = ("↗", "opened: press Restore there", "$text-accent")


class RestoreItem(Struct, frozen=True):
    """One restore, its link, why it may fail, and what was said when Restore was pressed from here."""

    change: Change
    url: str
    may_fail: str = ""
    refusal: str = ""
    is_opened: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether somebody still has to press Restore."""
        return self.change.state is State.AWAITING_USER

    def lines(self, width: int, now: datetime) -> list[Content]:
        """Write the restore as the list shows it: name, link, and a line for what is to be known."""
        symbol, words, style = _OUTCOMES.get(self.change.state, _OPENED if self.is_opened else _WAITING)
        if self.is_waiting and not self.is_opened:
            since = f"since {clock.short_time(self.change.updated_at, now)}"
            words = f"{words} {since}" if width >= _WIDE else f"waiting {since}"
        head = Content.assemble((symbol, style), " ", content(self.change.name, "bold"), "  ", (words, style))
        link = link_lines(self.url, width) if self.is_waiting else []
        is_refusal = self.change.state is State.REFUSED or bool(self.refusal)
        note = content(self.note, "$text-error" if is_refusal else "$text-warning")
        return [head, *link, *(note.wrap(max(1, width)) if self.note else [])]

    @property
    def note(self) -> str:
        """What is to be known: Xero's refusal, else why it may refuse."""
        if self.change.state is State.REFUSED:
            return self.change.message
        return (self.refusal or self.may_fail) if self.is_waiting else ""


def row_height(items: Sequence[RestoreItem], width: int) -> int:
    """Return how many lines every restore gets, so that each link and reason can be read in full.

    Links of one organisation are of one length; a reason's lines are told from its length, as wrapping
    hundreds would take long.
    """
    link = len(link_lines(items[0].url, width)) if items else 1
    # Words seldom fill a line to its end.
    room = max(1, width * 4 // 5)
    longest = max((cells(item.note) for item in items), default=0)
    return 1 + link + max(1, -(-longest // room) if longest > width else 1)


def link_lines(url: str, width: int) -> list[Content]:
    """Break a link into lines, so that all of it can be read and copied where there is no browser."""
    text, width = safe(url), max(1, width)
    return [
        Content.styled(text[start : start + width], "$text-muted") for start in range(0, len(text), width)
    ]


async def load_items(backend: Backend, known: Sequence[RestoreItem]) -> tuple[RestoreItem, ...]:
    """Read what waits now, and how those ended that waited before."""
    waiting = {restore.change.change_id: restore for restore in await backend.manual_restores.pending()}
    items = []
    for item in known:
        found = waiting.pop(item.change.change_id, None)
        if found is not None:
            items.append(RestoreItem(found.change, item.url, found.expected_refusal))
        else:
            change = await _load_change(backend, item.change) if item.is_waiting else item.change
            items.append(RestoreItem(change, item.url))
    items += (
        RestoreItem(restore.change, backend.contacts.url(restore.change.contact_id), restore.expected_refusal)
        for restore in waiting.values()
    )
    return tuple(items)


async def _load_change(backend: Backend, change: Change) -> Change:
    page = await backend.contacts.details(change.contact_id)
    for view in page.changes:
        if view.change.change_id == change.change_id:
            return view.change
    return change
