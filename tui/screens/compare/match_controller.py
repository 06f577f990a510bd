"""Settling a comparison: telling which contact an unclear line means, and recording what agrees."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.message import Message
from textual.widgets import Static

from tui.model.comparison import Ambiguous, resolve
from tui.screens.compare import compare_format as words
from tui.screens.compare.comparison_list import ComparisonList
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.choose import ChooseScreen
from tui.widgets.formatting import counted, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.comparison import FileComparison, RecordedMatches

_NOBODY, _LEFT_OUT = "nobody", "left out"
_RECORDED: Final = "All that the file proves is recorded already. Nothing was changed."
_STAY, _RECORD, _LEAVE = "stay", "record", "leave"
_LEAVING: Final = {
    _STAY: "Stay here",
    _RECORD: "Record it, then go back",
    _LEAVE: "Go back without recording",
}


@dataclass
class _Resolved(Message, bubble=False):
    found: FileComparison
    choices: Mapping[int, str | None]


@dataclass
class _Recorded(Message, bubble=False):
    accepted: RecordedMatches
    leaves: bool


class MatchController(ComparisonList):
    """The part of the comparison's screen that is told what only a person knows, and records.

    What isn't recorded is never shown as read.
    """

    def __init__(self, found: FileComparison) -> None:
        super().__init__(found)
        self._recorded: set[int] = set()
        self._settled = 0
        self._pending: dict[int, str | None] = {}

    def ask(self, one: Ambiguous) -> None:
        """Ask which contact a line means."""

        def answered(answer: str | None) -> None:
            if answer is not None and answer != _LEFT_OUT:
                # With those that are still being sorted in: of a long file that takes a moment.
                self._pending[one.listed.line] = None if answer == _NOBODY else answer
                self._resolve(dict(self._pending))

        answers = {each.contact_id: words.candidate(each) for each in one.candidates}
        answers |= {_NOBODY: "None of them" if len(answers) > 1 else "No, somebody else"}
        answers |= {_LEFT_OUT: "Leave it out for now"}
        question = "Which contact is meant?" if len(one.candidates) > 1 else "Is this the contact?"
        self.open_screen(ChooseScreen(question, words.asking(one), answers, first=_LEFT_OUT), answered)

    @work(exclusive=True, group="resolve", exit_on_error=False)
    async def _resolve(self, choices: Mapping[int, str | None]) -> None:
        self.post_message(_Resolved(await asyncio.to_thread(resolve, self.found, choices), choices))

    @on(_Resolved)
    def _resolved(self, message: _Resolved) -> None:
        for line in message.choices:
            self._pending.pop(line, None)
        self.take(message.found)
        self.count_proof()
        left = len(message.found.ambiguous)
        self.flash(
            f"Noted. {counted(left, 'line')} still for you to tell." if left else "Noted. That was all."
        )

    # --- recording what agrees ---

    def count_proof(self) -> None:
        """Say what the file proves that isn't recorded."""
        proved = (each for each in self.found.proved if each.change_id not in self._recorded)
        self.unrecorded = frozenset(each.contact_id for each in proved)
        said = words.notes(self.found, len(self.unrecorded), self._settled, self.key)
        self.query_one("#notes", Static).update(said)

    def action_record(self) -> None:
        """Record what agrees, if the person means it."""
        count = len(self.unrecorded)
        if not count:
            self.flash(_RECORDED if self._recorded else words.NOTHING_NEW)
            return

        def answered(may: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if may:
                self._record(leaves=False)

        said = tuple(words.recording(self.found, count))
        self.open_screen(AskScreen("Record what agrees?", said, yes=f"Record {number(count)}"), answered)

    @work(exclusive=True, group="record", exit_on_error=False)
    async def _record(self, *, leaves: bool) -> None:
        self.post_message(_Recorded(await self.backend.record_matches(self.found, {}), leaves))

    @on(_Recorded)
    def _was_recorded(self, message: _Recorded) -> None:
        accepted = message.accepted
        self._recorded |= {each.change_id for each in accepted.comparison.proved}
        self._settled += accepted.settled
        self.count_proof()
        self.rows.refresh()
        self.read_live()
        self.line_changed()
        if message.leaves:
            self.dismiss()
        else:
            self.flash(f"Recorded: {words.done(accepted.settled)}" if accepted.settled else _RECORDED)

    def action_back(self) -> None:
        """Go back to the contacts; what isn't recorded is asked about first."""
        if not self.unrecorded or self.backend.is_read_only:
            self.dismiss()
            return

        def answered(answer: str | None) -> None:
            if answer == _RECORD:
                self._record(leaves=True)
            elif answer == _LEAVE:
                self.dismiss()

        said = (words.proof(len(self.unrecorded)), "Nothing of it is recorded yet. The file stays as it is.")
        self.open_screen(ChooseScreen("Go back?", said, _LEAVING, first=_STAY), answered)
