"""Settling a comparison: telling which contact an unclear line means, and recording what agrees."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.message import Message
from textual.widgets import Static

from tui.model.comparison import AmbiguousLine, resolve_ambiguous
from tui.screens.compare import compare_format
from tui.screens.compare.comparison_list import ComparisonList
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.choose import ChooseScreen
from tui.widgets.formatting import format_number, pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.comparison import FileComparison, RecordedMatches

_NOBODY, _LEFT_OUT = "nobody", "left out"
_ALREADY_RECORDED: Final = "All that the file proves is recorded already. Nothing was changed."
_STAY, _RECORD, _LEAVE = "stay", "record", "leave"
_LEAVING: Final = {
    _STAY: "Stay here",
    _RECORD: "Record it, then go back",
    _LEAVE: "Go back without recording",
}


@dataclass
class _Resolved(Message, bubble=False):
    comparison: FileComparison
    choices: Mapping[int, str | None]


@dataclass
class _Recorded(Message, bubble=False):
    result: RecordedMatches
    then_close: bool


class MatchController(ComparisonList):
    """The part of the comparison's screen that is told what only a person knows, and records.

    What isn't recorded is never shown as read.
    """

    def __init__(self, comparison: FileComparison) -> None:
        super().__init__(comparison)
        self._recorded_ids: set[int] = set()
        self._recorded_count = 0
        self._pending_choices: dict[int, str | None] = {}

    def ask_match(self, ambiguous: AmbiguousLine) -> None:
        """Ask which contact a line means."""

        def answered(answer: str | None) -> None:
            if answer is not None and answer != _LEFT_OUT:
                # With those that are still being sorted in: of a long file that takes a moment.
                self._pending_choices[ambiguous.listed.line] = None if answer == _NOBODY else answer
                self._resolve(dict(self._pending_choices))

        answers = {each.contact_id: compare_format.candidate(each) for each in ambiguous.candidates}
        answers |= {_NOBODY: "None of them" if len(answers) > 1 else "No, somebody else"}
        answers |= {_LEFT_OUT: "Leave it out for now"}
        question = "Which contact is meant?" if len(ambiguous.candidates) > 1 else "Is this the contact?"
        self.open_screen(
            ChooseScreen(question, compare_format.match_question(ambiguous), answers, first=_LEFT_OUT),
            answered,
        )

    @work(exclusive=True, group="resolve", exit_on_error=False)
    async def _resolve(self, choices: Mapping[int, str | None]) -> None:
        self.post_message(
            _Resolved(await asyncio.to_thread(resolve_ambiguous, self.comparison, choices), choices)
        )

    @on(_Resolved)
    def _resolved(self, message: _Resolved) -> None:
        for line in message.choices:
            self._pending_choices.pop(line, None)
        self.show_comparison(message.comparison)
        self.update_unrecorded()
        left = len(message.comparison.ambiguous)
        self.flash(
            f"Noted. {pluralize(left, 'line')} still for you to tell." if left else "Noted. That was all."
        )

    # --- recording what agrees ---

    def update_unrecorded(self) -> None:
        """Say what the file proves that isn't recorded."""
        unrecorded_proofs = (
            each for each in self.comparison.newly_synced if each.change_id not in self._recorded_ids
        )
        self.unrecorded = frozenset(each.contact_id for each in unrecorded_proofs)
        text = compare_format.notes(self.comparison, len(self.unrecorded), self._recorded_count, self.key)
        self.query_one("#notes", Static).update(text)

    def action_record(self) -> None:
        """Record what agrees, if the person means it."""
        count = len(self.unrecorded)
        if not count:
            self.flash(_ALREADY_RECORDED if self._recorded_ids else compare_format.NOTHING_NEW)
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if is_confirmed:
                self._record(then_close=False)

        text = tuple(compare_format.record_explanation(self.comparison, count))
        self.open_screen(
            AskScreen("Record what agrees?", text, yes=f"Record {format_number(count)}"), answered
        )

    @work(exclusive=True, group="record", exit_on_error=False)
    async def _record(self, *, then_close: bool) -> None:
        self.post_message(
            _Recorded(await self.backend.comparison.record_matches(self.comparison, {}), then_close)
        )

    @on(_Recorded)
    def _matches_recorded(self, message: _Recorded) -> None:
        result = message.result
        self._recorded_ids |= {each.change_id for each in result.comparison.newly_synced}
        self._recorded_count += result.newly_synced_total
        self.update_unrecorded()
        self.rows.refresh()
        self.load_live_rows()
        self.line_changed()
        if message.then_close:
            self.dismiss()
        else:
            self.flash(
                f"Recorded: {compare_format.recorded_message(result.newly_synced_total)}"
                if result.newly_synced_total
                else _ALREADY_RECORDED
            )

    def action_back(self) -> None:
        """Go back to the contacts; what isn't recorded is asked about first."""
        if not self.unrecorded or self.backend.is_read_only:
            self.dismiss()
            return

        def answered(answer: str | None) -> None:
            if answer == _RECORD:
                self._record(then_close=True)
            elif answer == _LEAVE:
                self.dismiss()

        text = (
            compare_format.proved_message(len(self.unrecorded)),
            "Nothing of it is recorded yet. The file stays as it is.",
        )
        self.open_screen(ChooseScreen("Go back?", text, _LEAVING, first=_STAY), answered)
