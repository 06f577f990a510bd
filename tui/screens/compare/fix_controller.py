"""Making Xero agree with a file: selecting what differs, and archiving or restoring it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from tui.actions.registry import bindings, spec
from tui.model.change import Action
from tui.screens.changes.change_controller import blocked_reason
from tui.screens.compare import compare_format as words
from tui.screens.compare.comparison_list import ComparisonList
from tui.screens.compare.lines import LineKind
from tui.widgets.formatting import format_number
from tui.widgets.selection_bar import SelectionBar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType

    from tui.model.comparison import FileComparison


class FixController(ComparisonList):
    """The part of the comparison's screen that acts on what differs.

    Each contact takes one direction alone, the one that makes Xero agree: of those selected, each key takes
    those that it mends, and leaves the others selected.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "restore"),
        *(
            Binding(keys, each, show=False, id=spec(each).binding_id)
            for each, keys in (("select", "space"), ("select_all", "asterisk"))
        ),
    ]

    def __init__(self, comparison: FileComparison) -> None:
        super().__init__(comparison)
        self._requested_ids: tuple[str, ...] = ()
        self._selected_by_action: Mapping[Action, tuple[str, ...]] | None = None

    def available_actions(self) -> list[tuple[str, str]]:
        """Offer what would make those chosen agree, each direction with how many take it."""
        offers = []
        for action, name in ((Action.ARCHIVE, "Archive"), (Action.RESTORE, "Restore")):
            count = len(self._targets(action))
            if count:
                count_suffix = f" {format_number(count)}" if self.selection else ""
                offers.append((action.value, f"{name}{count_suffix}"))
        return offers

    def action_clear(self) -> None:
        """Take the selection back, then the words."""
        if self.selection:
            self.selection.clear()
            self._selection_changed()
        else:
            self.search.clear()

    def action_select(self) -> None:
        """Select the line under the cursor, or no longer, and go on to the next."""
        entry = self.current
        if self.kind is not LineKind.DIFFER or entry is None or entry.contact is None:
            self.flash(words.only_differences_message(self.key))
            return
        self.selection.toggle(entry.contact.contact_id)
        self._selection_changed()
        self.rows.put_cursor(self.rows.cursor + 1)

    def action_select_all(self) -> None:
        """Select everything that differs and is found."""
        if self.kind is not LineKind.DIFFER:
            self.flash(words.only_differences_message(self.key))
            return
        differs = self.comparison.mismatches
        self.selection.add(differs[place].contact.contact_id for place in self.shown if place < len(differs))
        self._selection_changed()

    def _selection_changed(self) -> None:
        self._selected_by_action = None
        self.rows.refresh()
        self._show_selection()
        self.line_changed()

    def shown_changed(self) -> None:
        """Count again which of the selected contacts the list shows."""
        self._show_selection()

    def _show_selection(self) -> None:
        self.query_one(SelectionBar).update_from(len(self.selection), len(self._hidden()))

    def _hidden(self) -> frozenset[str]:
        """Return the selected contacts that the list doesn't show."""
        if not self.selection:
            return frozenset()
        selected = frozenset(self.selection.ids())
        if self.kind is not LineKind.DIFFER:
            return selected
        differs = self.comparison.mismatches
        return selected.difference(
            differs[place].contact.contact_id for place in self.shown if place < len(differs)
        )

    def _targets(self, action: Action) -> tuple[str, ...]:
        """Return the contacts chosen that this action would make agree."""
        if self.selection:
            self._selected_by_action = self._selected_by_action or self._group_by_action()
            return self._selected_by_action[action]
        entry = self.current
        difference = entry.difference if entry is not None else None
        if difference is None or difference.action is not action:
            return ()
        return (difference.contact.contact_id,)

    def _group_by_action(self) -> Mapping[Action, tuple[str, ...]]:
        """Sort those selected by what each takes; once for a selection, which can be as long as the file."""
        chosen: dict[Action, list[str]] = {action: [] for action in Action}
        for entry in self.comparison.mismatches:
            if entry.contact.contact_id in self.selection:
                chosen[entry.action].append(entry.contact.contact_id)
        return {action: tuple(ids) for action, ids in chosen.items()}

    def show_comparison(self, comparison: FileComparison) -> None:
        """Show this comparison from now on; what no longer differs is no longer chosen."""
        self._selected_by_action = None
        self.selection.retain({entry.contact.contact_id for entry in comparison.mismatches})
        super().show_comparison(comparison)

    def action_archive(self) -> None:
        """Archive in Xero what is archived in Re-Leased."""
        self._start_change(Action.ARCHIVE)

    def action_restore(self) -> None:
        """Restore in Xero what is active in Re-Leased."""
        self._start_change(Action.RESTORE)

    def _start_change(self, action: Action) -> None:
        targets = self._targets(action)
        if self.kind is not LineKind.DIFFER:
            self.flash(words.only_differences_message(self.key))
        elif not targets:
            self.flash(words.no_targets_message(action, self.key))
        elif (reason := self._blocked_reason(action)) and not self.selection:
            self.flash(reason)
        else:
            self._requested_ids = targets
            self.confirm_change(action, targets, hidden=self._hidden())

    def _blocked_reason(self, action: Action) -> str:
        entry = self.current
        row = self.context_of(entry).row if entry is not None else None
        if row is None:
            return ""
        return blocked_reason(action, row.status, row.last_change, is_merged=row.is_merged, key=self.key)

    def show_requested(self, words: str) -> None:
        """Show that the changes are in the journal; those are no longer selected."""
        super().show_requested(words)
        for contact_id in self._requested_ids:
            if contact_id in self.selection:
                self.selection.toggle(contact_id)
        self._selection_changed()
