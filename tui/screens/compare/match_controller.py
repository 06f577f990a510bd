"""Resolve a comparison: match ambiguous lines, and record confirmed changes."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.widgets import Static

from tui.messages.formats import format_number, pluralize
from tui.model.change import Action
from tui.model.comparison import AmbiguousLine, resolve_ambiguous
from tui.screens.changes.change_controller import ChangeController, blocked_reason
from tui.screens.compare import formatting
from tui.screens.compare.formatting import LineKind
from tui.screens.dialogs.ask import AskScreen, ChooseScreen
from tui.widgets.banners import SelectionBar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.comparison import FileComparison
    from tui.model.contact import Row
    from tui.screens.base_screen import EngineScreen
    from tui.screens.changes.change_controller import ResultController
    from tui.screens.compare.compare import ComparisonList


class FixController:
    """Select and change differences in the comparison screen.

    Each contact can change in one direction only: the one that makes Xero agree. The archive and restore keys
    each act on the selected contacts they can fix and leave the others selected.
    """

    def __init__(self, screen: EngineScreen[Any], lines: ComparisonList, result: ResultController) -> None:
        self._screen = screen
        self._lines = lines
        self._changes = ChangeController(screen, result, self._unselect_requested)
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
        differs, count = lines.comparison.mismatches, len(lines.selection)
        lines.selection.add(
            differs[place].contact.contact_id for place in lines.shown if place < len(differs)
        )
        if len(lines.selection) == count:
            self._screen.flash("Nothing more to select in this list.")
        self._selection_changed()

    def _selection_changed(self) -> None:
        self._selected_by_action = None
        self._lines.rows.refresh()
        self.show_selection()
        self._lines.on_line_changed()

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

    def retry(self) -> None:
        """Retry what Xero refused of the last request, or of the contact under the cursor."""
        row = self._row
        self._changes.retry(
            row.last_change.change if row is not None and row.last_change is not None else None
        )

    @property
    def _row(self) -> Row | None:
        """The current state of the contact under the cursor."""
        entry = self._lines.current
        return self._lines.context_of(entry).row if entry is not None else None

    def _blocked_reason(self, action: Action) -> str:
        row = self._row
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


_NO_MATCH, _LEFT_OUT = "no match", "left out"
_ALREADY_RECORDED: Final = "Everything confirmed is already recorded. Nothing was changed."
_STAY, _RECORD, _LEAVE = "stay", "record", "leave"
_LEAVING: Final = {
    _STAY: "Stay here",
    _RECORD: "Mark as synced, then go back",
    _LEAVE: "Go back without recording",
}


class MatchController:
    """Ask which contact an ambiguous line matches, and record matches as synced.

    Changes that aren't recorded are never shown as synced. `on_resolved` is called with the updated
    comparison once a line is resolved.
    """

    def __init__(
        self,
        screen: EngineScreen[Any],
        lines: ComparisonList,
        on_resolved: Callable[[FileComparison], None],
    ) -> None:
        self._screen = screen
        self._lines = lines
        self._on_resolved = on_resolved
        self._recorded_ids: set[int] = set()
        self._recorded_count = 0
        self._pending_choices: dict[int, str | None] = {}

    def ask_match(self, ambiguous: AmbiguousLine) -> None:
        """Ask which contact a line matches."""

        def answered(answer: str | None) -> None:
            if answer is not None and answer != _LEFT_OUT:
                # Include earlier answers that are still being applied, which takes a moment for a long file.
                self._pending_choices[ambiguous.listed.line] = None if answer == _NO_MATCH else answer
                resolve = partial(self._resolve, dict(self._pending_choices))
                self._screen.start(resolve, "resolve", exclusive=True)

        answers = {contact.contact_id: formatting.candidate(contact) for contact in ambiguous.candidates}
        answers |= {_NO_MATCH: "None of them" if len(answers) > 1 else "No, another contact"}
        answers |= {_LEFT_OUT: "Leave it out for now"}
        question = "Which contact matches?" if len(ambiguous.candidates) > 1 else "Is this the contact?"
        self._screen.open_screen(
            ChooseScreen(question, formatting.match_question(ambiguous), answers, first=_LEFT_OUT),
            answered,
        )

    async def _resolve(self, choices: Mapping[int, str | None]) -> None:
        comparison = await asyncio.to_thread(resolve_ambiguous, self._lines.comparison, choices)
        if comparison.source.is_connection and not self._screen.backend.is_read_only:
            await self._remember(choices)
        for line in choices:
            self._pending_choices.pop(line, None)
        self._on_resolved(comparison)
        self.update_unrecorded()
        left = len(comparison.ambiguous)
        self._screen.flash(
            f"Saved. {pluralize(left, 'line')} left to review." if left else "Saved. Nothing left to review."
        )

    async def _remember(self, choices: Mapping[int, str | None]) -> None:
        """Remember the choices by Re-Leased's ids, so that later reads don't ask again."""
        chosen = {
            item.listed.re_leased_id: choices[item.listed.line]
            for item in self._lines.comparison.ambiguous
            if item.listed.line in choices
        }
        await self._screen.backend.comparison.remember_matches(chosen)

    # --- recording matches ---

    def update_unrecorded(self) -> None:
        """Show which confirmed changes aren't recorded yet."""
        unrecorded_proofs = (
            proof
            for proof in self._lines.comparison.newly_synced
            if proof.change_id not in self._recorded_ids
        )
        self._lines.unrecorded = frozenset(proof.contact_id for proof in unrecorded_proofs)
        text = formatting.notes(
            self._lines.comparison, len(self._lines.unrecorded), self._recorded_count, self._screen.key
        )
        self._screen.query_one("#notes", Static).update(text)

    def record(self) -> None:
        """Mark matches as synced, after confirmation."""
        count = len(self._lines.unrecorded)
        if not count:
            self._screen.flash(_ALREADY_RECORDED if self._recorded_ids else formatting.NOTHING_NEW)
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self._start_recording(then_close=False)

        text = tuple(formatting.record_explanation(self._lines.comparison, count))
        self._screen.open_screen(
            AskScreen("Mark matches as synced?", text, yes=f"Mark {format_number(count)}"), answered
        )

    def _start_recording(self, *, then_close: bool) -> None:
        self._screen.start(partial(self._record, then_close=then_close), "record", exclusive=True)

    async def _record(self, *, then_close: bool) -> None:
        screen, lines = self._screen, self._lines
        result = await screen.backend.comparison.record_matches(lines.comparison, {})
        self._recorded_ids |= {proof.change_id for proof in result.comparison.newly_synced}
        self._recorded_count += result.newly_synced_total
        self.update_unrecorded()
        lines.rows.refresh()
        lines.load_live_rows()
        lines.on_line_changed()
        if then_close:
            screen.dismiss()
        else:
            screen.flash(
                f"Recorded: {formatting.recorded_message(result.newly_synced_total)}"
                if result.newly_synced_total
                else _ALREADY_RECORDED
            )

    def leave(self) -> None:
        """Go back to the contacts; ask first if matches aren't recorded."""
        if not self._lines.unrecorded or self._screen.backend.is_read_only:
            self._screen.dismiss()
            return

        def answered(answer: str | None) -> None:
            if answer == _RECORD:
                self._start_recording(then_close=True)
            elif answer == _LEAVE:
                self._screen.dismiss()

        text = (
            formatting.proved_message(len(self._lines.unrecorded)),
            "Nothing has been recorded yet.",
        )
        self._screen.open_screen(ChooseScreen("Go back?", text, _LEAVING, first=_STAY), answered)
