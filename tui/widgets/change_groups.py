"""The groups of the list of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui.model.change_list import ChangeGroup
from tui.widgets.group_bar import GroupBar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from tui.model.snapshot import ChangeSummary


class ChangeGroupBar(GroupBar[ChangeGroup]):
    """Says how many changes need something."""

    NAMES: ClassVar[Mapping[StrEnum, tuple[str, str]]] = {
        ChangeGroup.ALL: ("All", "All"),
        ChangeGroup.OPEN: ("Open", "Open"),
        ChangeGroup.REFUSED: ("Refused", "Refused"),
        ChangeGroup.PENDING: ("Unseen in Re-Leased", "Unseen"),
        ChangeGroup.DONE: ("Done", "Done"),
    }

    def __init__(self) -> None:
        super().__init__(ChangeGroup.ALL)

    def update_from(self, summary: ChangeSummary | None) -> None:
        """Count as the pane has it."""
        if summary is None:
            self.show_counts({})
            return
        totals = {
            ChangeGroup.OPEN: summary.in_progress_total + summary.manual_restore_total,
            ChangeGroup.REFUSED: summary.refused_total,
            ChangeGroup.PENDING: summary.unconfirmed_total,
        }
        self.show_counts({group: total for group, total in totals.items() if total})
