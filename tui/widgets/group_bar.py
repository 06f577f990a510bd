"""The groups of the list of changes, with how many need something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui.model.activity import Group
from tui.widgets.line import Line
from tui.widgets.words import number

if TYPE_CHECKING:
    from tui.model.snapshot import Pane

# In full, and where there is little room.
_NAMES: Final = {
    Group.ALL: ("All", "All"),
    Group.OPEN: ("Open", "Open"),
    Group.REFUSED: ("Refused", "Refused"),
    Group.WAITING: ("Waiting for Re-Leased", "Waiting"),
    Group.DONE: ("Done", "Done"),
}


class GroupBar(Line):
    """Shows the groups and tells by colour, weight and underline which is open; each can be clicked."""

    DEFAULT_CSS = """
    GroupBar { height: 1; padding: 0 1; }
    """

    group = Group.ALL
    _pane: Pane | None = None

    def open(self, group: Group) -> None:
        """Show this group as the open one."""
        self.group = group
        self.rewrite()

    def count(self, pane: Pane | None) -> None:
        """Show how many need something, as the pane has it."""
        self._pane = pane
        self.rewrite()

    def rewrite(self) -> None:
        """Write the groups, in short where there isn't room."""
        full = self._groups(0)
        self.show(full if full.cell_length <= self.content_size.width else self._groups(1))

    def _groups(self, which: int) -> Content:
        return Content(" ").join(self._one(group, _NAMES[group][which]) for group in Group)

    def _one(self, group: Group, name: str) -> Content:
        is_open, count = group is self.group, self._count(group)
        parts = [(name, "bold underline" if is_open else "")]
        if count:
            parts.append((f" {number(count)}", "bold" if is_open else "$text-muted"))
        label = Content.assemble(" ", *parts, " ")
        if is_open:
            label = label.stylize("$block-cursor-foreground on $block-cursor-background")
        return label.stylize(Style.from_meta({"@click": f"screen.group_{group.value}"}))

    def _count(self, group: Group) -> int:
        pane = self._pane
        if pane is None:
            return 0
        counts = {
            Group.OPEN: pane.working_total + pane.handoff_total,
            Group.REFUSED: pane.refused_total,
            Group.WAITING: pane.waiting_total,
        }
        return counts.get(group, 0)
