"""Textual's widgets that are moved in with the keys of every list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.message import Message

from tui.compat.textual import SafeOptionList
from tui.widgets.movement import MoveResolver, move_bindings

if TYPE_CHECKING:
    from textual.binding import BindingType


class Choices(SafeOptionList):
    """An option list; its bindings have the IDs of the contact table's, so that custom keys apply."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *move_bindings(),
        Binding("enter", "select", "Choose", id="table.open", show=False),
    ]

    class NothingToChoose(Message):
        """The user wants to choose an option, and there is none."""

    def __init__(self, *content: Any, **options: Any) -> None:
        self._moves = MoveResolver()
        super().__init__(*content, **options)

    def action_move(self, where: str) -> None:
        """Move the highlight."""
        if not self.option_count:
            self.post_message(self.NothingToChoose())
        elif where in {"page_up", "page_down"}:
            # Options may take several lines.
            getattr(self, f"action_{where}")()
        else:
            count, cursor = self.option_count, self.highlighted or 0
            target = self._moves.target(where, cursor, count, self.visible_options)
            self.highlighted = max(0, min(target, count - 1))

    def action_select(self) -> None:
        """Choose the highlighted option."""
        if self.highlighted is None:
            self.post_message(self.NothingToChoose())
        else:
            super().action_select()


class ScrollingText(VerticalScroll):
    """A text that is scrolled with the keys that move the cursor of a list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in move_bindings() if binding.id not in {"table.top", "table.bottom"}
    ]

    def __init__(self, *children: Any, **options: Any) -> None:
        self._moves = MoveResolver()
        super().__init__(*children, **options)

    def action_move(self, where: str) -> None:
        """Scroll."""
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        lines = int(self.max_scroll_y) + 1
        self.scroll_to(y=self._moves.target(where, top, lines, (top, top + height - 1)), animate=False)
