"""Resolve a comparison: match ambiguous lines, and record confirmed changes."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.widgets import Static

from tui.messages.formats import format_number, pluralize
from tui.model.comparison import AmbiguousLine, resolve_ambiguous
from tui.screens.compare import formatting
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.choose import ChooseScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.comparison import FileComparison
    from tui.screens.base_screen import EngineScreen
    from tui.screens.compare.comparison_list import ComparisonList

_NOBODY, _LEFT_OUT = "nobody", "left out"
_ALREADY_RECORDED: Final = "Everything the file confirms is already recorded. Nothing was changed."
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
                self._pending_choices[ambiguous.listed.line] = None if answer == _NOBODY else answer
                resolve = partial(self._resolve, dict(self._pending_choices))
                self._screen.start(resolve, "resolve", exclusive=True)

        answers = {contact.contact_id: formatting.candidate(contact) for contact in ambiguous.candidates}
        answers |= {_NOBODY: "None of them" if len(answers) > 1 else "No, another contact"}
        answers |= {_LEFT_OUT: "Leave it out for now"}
        question = "Which contact matches?" if len(ambiguous.candidates) > 1 else "Is this the contact?"
        self._screen.open_screen(
            ChooseScreen(question, formatting.match_question(ambiguous), answers, first=_LEFT_OUT),
            answered,
        )

    async def _resolve(self, choices: Mapping[int, str | None]) -> None:
        comparison = await asyncio.to_thread(resolve_ambiguous, self._lines.comparison, choices)
        for line in choices:
            self._pending_choices.pop(line, None)
        self._on_resolved(comparison)
        self.update_unrecorded()
        left = len(comparison.ambiguous)
        self._screen.flash(
            f"Saved. {pluralize(left, 'line')} left to review." if left else "Saved. Nothing left to review."
        )

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
        lines.update_line()
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
            "Nothing has been recorded yet. The file itself isn't changed.",
        )
        self._screen.open_screen(ChooseScreen("Go back?", text, _LEAVING, first=_STAY), answered)
