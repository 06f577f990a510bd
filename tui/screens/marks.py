"""Keep and protect: marks that the user sets on contacts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.messages.formats import pluralize
from tui.model.marks import MarkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.screens.base_screen import EngineScreen

_EFFECTS: Final = {
    (MarkKind.KEPT, True): "{what} marked as kept: Tidy up doesn't suggest {it}.",
    (MarkKind.KEPT, False): "{what} no longer kept: Tidy up can suggest {it}.",
    (MarkKind.PROTECTED, True): "{what} protected: archiving {it} asks twice.",
    (MarkKind.PROTECTED, False): "{what} no longer protected: archiving {it} asks once.",
}


def marked_message(kind: MarkKind, count: int, *, on: bool) -> str:
    """Describe the effect of a mark."""
    what = "Contact" if count == 1 else pluralize(count, "contact")
    return _EFFECTS[kind, on].format(what=what, it="it" if count == 1 else "them")


class MarkController:
    """Set or remove marks for a screen; `on_marked` is called with the contacts once that is saved."""

    def __init__(
        self, screen: EngineScreen[Any], on_marked: Callable[[Sequence[str]], None] = lambda _: None
    ) -> None:
        self._screen = screen
        self._on_marked = on_marked

    def toggle(self, kind: MarkKind, contact_ids: Sequence[str]) -> None:
        """Mark these contacts, or remove the mark if all of them have it."""
        self._screen.start(partial(self._toggle, kind, tuple(contact_ids)), "mark")

    async def _toggle(self, kind: MarkKind, contact_ids: Sequence[str]) -> None:
        service = self._screen.backend.marks
        marks = await service.all()
        marked = marks.kept if kind is MarkKind.KEPT else marks.protected
        on = not marked.issuperset(contact_ids)
        await service.mark_contacts(kind, contact_ids, on=on)
        self._screen.flash(marked_message(kind, len(contact_ids), on=on))
        self._on_marked(contact_ids)
