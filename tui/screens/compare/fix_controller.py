"""Making Xero agree with a file: selecting what differs, and archiving or restoring it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from tui.actions.registry import bindings, spec
from tui.model.change import Action
from tui.screens.changes.change_controller import why_not
from tui.screens.compare import compare_format as words
from tui.screens.compare.comparison_list import ComparisonList
from tui.screens.compare.lines import LineKind
from tui.widgets.formatting import number
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

    def __init__(self, found: FileComparison) -> None:
        super().__init__(found)
        self._asked: tuple[str, ...] = ()
        self._chosen: Mapping[Action, tuple[str, ...]] | None = None

    def offered_acts(self) -> list[tuple[str, str]]:
        """Offer what would make those chosen agree, each direction with how many take it."""
        offers = []
        for action, name in ((Action.ARCHIVE, "Archive"), (Action.RESTORE, "Restore")):
            count = len(self._targets(action))
            if count:
                some = f" {number(count)}" if self.selection else ""
                offers.append((action.value, f"{name}{some}"))
        return offers

    def action_clear(self) -> None:
        """Take the selection back, then the words."""
        if self.selection:
            self.selection.clear()
            self._selected()
        else:
            self.search.clear()

    def action_select(self) -> None:
        """Select the line under the cursor, or no longer, and go on to the next."""
        one = self.current
        if self.kind is not LineKind.DIFFER or one is None or one.contact is None:
            self.flash(words.only_differing(self.key))
            return
        self.selection.toggle(one.contact.contact_id)
        self._selected()
        self.rows.put_cursor(self.rows.cursor + 1)

    def action_select_all(self) -> None:
        """Select everything that differs and is found."""
        if self.kind is not LineKind.DIFFER:
            self.flash(words.only_differing(self.key))
            return
        differs = self.found.differs
        self.selection.add(differs[place].contact.contact_id for place in self.shown if place < len(differs))
        self._selected()

    def _selected(self) -> None:
        self._chosen = None
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
        differs = self.found.differs
        return selected.difference(
            differs[place].contact.contact_id for place in self.shown if place < len(differs)
        )

    def _targets(self, action: Action) -> tuple[str, ...]:
        """Return the contacts chosen that this action would make agree."""
        if self.selection:
            self._chosen = self._chosen or self._by_action()
            return self._chosen[action]
        one = self.current
        difference = one.difference if one is not None else None
        if difference is None or difference.action is not action:
            return ()
        return (difference.contact.contact_id,)

    def _by_action(self) -> Mapping[Action, tuple[str, ...]]:
        """Sort those selected by what each takes; once for a selection, which can be as long as the file."""
        chosen: dict[Action, list[str]] = {action: [] for action in Action}
        for one in self.found.differs:
            if one.contact.contact_id in self.selection:
                chosen[one.action].append(one.contact.contact_id)
        return {action: tuple(ids) for action, ids in chosen.items()}

    def take(self, found: FileComparison) -> None:
        """Show this comparison from now on; what no longer differs is no longer chosen."""
        self._chosen = None
        self.selection.retain({one.contact.contact_id for one in found.differs})
        super().take(found)

    def action_archive(self) -> None:
        """Archive in Xero what is archived in Re-Leased."""
        self._act(Action.ARCHIVE)

    def action_restore(self) -> None:
        """Restore in Xero what is active in Re-Leased."""
        self._act(Action.RESTORE)

    def _act(self, action: Action) -> None:
        targets = self._targets(action)
        if self.kind is not LineKind.DIFFER:
            self.flash(words.only_differing(self.key))
        elif not targets:
            self.flash(words.nothing_to(action, self.key))
        elif (reason := self._why_not(action)) and not self.selection:
            self.flash(reason)
        else:
            self._asked = targets
            self.change(action, targets, hidden=self._hidden())

    def _why_not(self, action: Action) -> str:
        one = self.current
        row = self.look(one).row if one is not None else None
        if row is None:
            return ""
        return why_not(action, row.status, row.last_change, is_merged=row.is_merged, key=self.key)

    def changed(self, words: str) -> None:
        """Show that the changes are in the journal; those are no longer selected."""
        super().changed(words)
        for contact_id in self._asked:
            if contact_id in self.selection:
                self.selection.toggle(contact_id)
        self._selected()
