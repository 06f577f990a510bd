"""Make Xero agree with a file: select differences, then archive or restore them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.messages.formats import format_number
from tui.model.change import Action
from tui.screens.changes.change_controller import ChangeController, blocked_reason
from tui.screens.compare import formatting
from tui.screens.compare.formatting import LineKind
from tui.widgets.banners import SelectionBar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.comparison import FileComparison
    from tui.screens.base_screen import EngineScreen
    from tui.screens.compare.comparison_list import ComparisonList


class FixController:
    """Select and change differences in the comparison screen.

    Each contact can change in one direction only: the one that makes Xero agree. The archive and restore keys
    each act on the selected contacts they can fix and leave the others selected.
    """

    def __init__(self, screen: EngineScreen[Any], lines: ComparisonList) -> None:
        self._screen = screen
        self._lines = lines
        self._changes = ChangeController(screen, self._unselect_requested)
        self._requested_ids: tuple[str, ...] = ()
        self._selected_by_action: Mapping[Action, tuple[str, ...]] | None = None

    def available_actions(self) -> list[tuple[str, str]]:
        """Return the actions that fix the chosen contacts, each with their number."""
        offers = []
        for action, name in ((Action.ARCHIVE, "Archive"), (Action.RESTORE, "Restore")):
            count = len(self._targets(action))
            if count:
                count_suffix = f" {format_number(count)}" if self._lines.selection else ""
                offers.append((action.value, f"{name}{count_suffix}"))
        return offers

    def clear(self) -> None:
        """Clear the selection, then the search."""
        if self._lines.selection:
            self._lines.selection.clear()
            self._selection_changed()
        else:
            self._lines.search.clear()

    def select(self) -> None:
        """Select or deselect the line under the cursor, then move to the next."""
        entry = self._lines.current
        if self._lines.kind is not LineKind.DIFFER or entry is None or entry.contact is None:
            self._screen.flash(formatting.only_differences_message(self._screen.key))
            return
        self._lines.selection.toggle(entry.contact.contact_id)
        self._selection_changed()
        self._lines.rows.put_cursor(self._lines.rows.cursor + 1)

    def select_all(self) -> None:
        """Select all differences in this list."""
        lines = self._lines
        if lines.kind is not LineKind.DIFFER:
            self._screen.flash(formatting.only_differences_message(self._screen.key))
            return
        differs = lines.comparison.mismatches
        lines.selection.add(
            differs[place].contact.contact_id for place in lines.shown if place < len(differs)
        )
        self._selection_changed()

    def _selection_changed(self) -> None:
        self._selected_by_action = None
        self._lines.rows.refresh()
        self.show_selection()
        self._lines.update_line()

    def show_selection(self) -> None:
        """Show how many contacts are selected, and how many of them the list doesn't show."""
        self._screen.query_one(SelectionBar).update_from(len(self._lines.selection), len(self._hidden()))

    def _hidden(self) -> frozenset[str]:
        """Return the selected contacts that the list doesn't show."""
        if not self._lines.selection:
            return frozenset()
        selected = frozenset(self._lines.selection.ids())
        if self._lines.kind is not LineKind.DIFFER:
            return selected
        differs = self._lines.comparison.mismatches
        return selected.difference(
            differs[place].contact.contact_id for place in self._lines.shown if place < len(differs)
        )

    def _targets(self, action: Action) -> tuple[str, ...]:
        """Return the chosen contacts that this action would make agree."""
        if self._lines.selection:
            self._selected_by_action = self._selected_by_action or self._group_by_action()
            return self._selected_by_action[action]
        entry = self._lines.current
        difference = entry.difference if entry is not None else None
        if difference is None or difference.action is not action:
            return ()
        return (difference.contact.contact_id,)

    def _group_by_action(self) -> Mapping[Action, tuple[str, ...]]:
        """Group the selected contacts by action; cached, since a selection can be as long as the file."""
        chosen: dict[Action, list[str]] = {action: [] for action in Action}
        for entry in self._lines.comparison.mismatches:
            if entry.contact.contact_id in self._lines.selection:
                chosen[entry.action].append(entry.contact.contact_id)
        return {action: tuple(ids) for action, ids in chosen.items()}

    def retain(self, comparison: FileComparison) -> None:
        """Deselect contacts that no longer differ in a comparison."""
        self._selected_by_action = None
        self._lines.selection.retain({entry.contact.contact_id for entry in comparison.mismatches})

    def change(self, action: Action) -> None:
        """Archive or restore in Xero the contacts with that status in Re-Leased."""
        targets = self._targets(action)
        if self._lines.kind is not LineKind.DIFFER:
            self._screen.flash(formatting.only_differences_message(self._screen.key))
        elif not targets:
            self._screen.flash(formatting.no_targets_message(action, self._screen.key))
        elif (reason := self._blocked_reason(action)) and not self._lines.selection:
            self._screen.flash(reason)
        else:
            self._requested_ids = targets
            self._changes.confirm(action, targets, hidden=self._hidden())

    def _blocked_reason(self, action: Action) -> str:
        entry = self._lines.current
        row = self._lines.context_of(entry).row if entry is not None else None
        if row is None:
            return ""
        return blocked_reason(
            action, row.status, row.last_change, is_merged=row.is_merged, key=self._screen.key
        )

    def _unselect_requested(self) -> None:
        for contact_id in self._requested_ids:
            if contact_id in self._lines.selection:
                self._lines.selection.toggle(contact_id)
        self._selection_changed()
