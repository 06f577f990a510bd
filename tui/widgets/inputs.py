"""Input widgets for a choice of answers and for checkboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import Checkbox

from tui.widgets.labels import StaticLine
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType


class ChoiceField(StaticLine, can_focus=True):
    """A label with the current answer. `answers` maps IDs to labels; the first is the default."""

    DEFAULT_CSS = """
    ChoiceField {
        height: 1; width: 1fr; padding: 0 1 0 0; text-wrap: nowrap; text-overflow: ellipsis;
        &:focus { background: $primary 20%; text-style: bold; }
        &:ansi:focus { background: transparent; text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space,right", "pick", show=False)]
    LABEL_WIDTH: ClassVar[int] = 14

    class Wanted(Message):
        """The user wants to choose another answer."""

        def __init__(self, field: ChoiceField) -> None:
            super().__init__()
            self.picker = field

    def __init__(self, label: str, answers: Mapping[str, str], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.label = label
        self.answers = answers
        self.value = next(iter(answers))

    def on_mount(self) -> None:
        """Show the current answer."""
        self.rewrite()

    def set_answers(self, answers: Mapping[str, str]) -> None:
        """Replace the answers; the current one is kept if possible, otherwise the first is used."""
        self.answers = answers
        self.set_value(self.value if self.value in answers else next(iter(answers)))

    def set_value(self, value: str) -> None:
        """Set the current answer."""
        self.value = value
        self.rewrite()

    def rewrite(self) -> None:
        """Format label and answer."""
        label = Content.styled(self.label.ljust(self.LABEL_WIDTH), "$text-muted")
        answer, mark = content(self.answers[self.value]), Content.styled(" ▾", "$text-muted")
        room = self.content_size.width - label.cell_length - mark.cell_length
        if 0 < room < answer.cell_length:
            answer = answer.truncate(room, ellipsis=True)
        self.show(Content.assemble(label, answer, mark))

    def action_pick(self) -> None:
        """Ask for another answer."""
        self.post_message(self.Wanted(self))

    def on_click(self) -> None:
        """Ask for another answer."""
        self.action_pick()


class TickBox(Checkbox):
    """A checkbox that is empty while off, as in lists; Textual's own differs by colour only."""

    DEFAULT_CSS = """
    TickBox {
        background: transparent;
        & > .toggle--button { background: transparent; color: $text-muted; }
        &.-on > .toggle--button { background: transparent; color: $text-success; text-style: bold; }
    }
    """

    BUTTON_LEFT = BUTTON_RIGHT = ""
    BUTTON_INNER = "[ ]"

    def watch_value(self) -> None:
        """Show or hide the tick."""
        self.BUTTON_INNER = "[✓]" if self.value else "[ ]"
        super().watch_value()
