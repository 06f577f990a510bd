"""The groups of the list of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui.model.activity import Group
from tui.widgets.group_bar import GroupBar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from tui.model.snapshot import Pane


class ChangeGroups(GroupBar[Group]):
    """Says how many changes need something."""

    NAMES: ClassVar[Mapping[StrEnum, tuple[str, str]]] = {
        Group.ALL: ("All", "All"),
        Group.OPEN: ("Open", "Open"),
        Group.REFUSED: ("Refused", "Refused"),
        Group.WAITING: ("Unseen in Re-Leased", "Unseen"),
        Group.DONE: ("Done", "Done"),
    }

    def __init__(self) -> None:
        super().__init__(Group.ALL)

    def tell(self, pane: Pane | None) -> None:
        """Count as the pane has it."""
        if pane is None:
            self.count({})
            return
        totals = {
            Group.OPEN: pane.working_total + pane.handoff_total,
            Group.REFUSED: pane.refused_total,
            Group.WAITING: pane.unseen_total,
        }
        self.count({group: total for group, total in totals.items() if total})
