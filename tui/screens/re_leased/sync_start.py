"""Dialog that asks when a manual sync was started in Re-Leased."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions import bindings
from tui.compat.textual import LineInput, ReadyButton
from tui.messages import formats
from tui.screens.base_screen import EngineScreen
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.services import Backend

_WHEN: Final = "When did you start it? Type a time today, such as 09:05. Leave empty if you just started it."
_INVALID_TIME: Final = (
    "Not a valid time. Type hours and minutes, such as 09:05, or leave empty to use the time shown."
)
_IN_FUTURE: Final = (
    "This time is in the future. Type an earlier time today, or leave empty to use the time shown."
)
_TIME: Final = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)", re.ASCII)


def parse_time_today(typed: str, now: datetime) -> datetime | None:
    """Return the time `HH:MM` today in the local time zone, or None if it isn't a time.

    A time that occurs twice when clocks change means the earlier one, which confirms fewer changes.
    """
    found = _TIME.fullmatch(typed.strip())
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    today = now.astimezone().date()
    readings = (datetime.combine(today, time(hour, minute, fold=fold)).astimezone(UTC) for fold in (0, 1))
    return min(readings)


class SyncStartScreen(ModalScreen[datetime | None], EngineScreen[datetime | None]):
    """Ask when the sync was started; the result is the time, or None.

    An empty input means the time the dialog was opened, not when it was answered: changes that Xero confirms
    in between can't be attributed to a sync that was already running.
    """

    CSS_PATH: ClassVar = ["../dialogs/dialog.tcss", "sync_start.tcss"]
    AUTO_FOCUS = "#time"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    time_box = getters.query_one("#time", Input)

    def __init__(self, backend: Backend, words: Sequence[str]) -> None:
        super().__init__()
        self.backend = backend
        self._words = words
        self._opened_at = self.now()

    def compose(self) -> ComposeResult:
        """Lay out the text above the input and the buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Record a manual Re-Leased sync"
            with VerticalScroll(id="text", can_focus=False):
                for words in (_WHEN, *self._words):
                    yield SafeLabel(words, classes="paragraph")
            yield LineInput(
                placeholder=f"now, {formats.clock_time(self._opened_at)}",
                restrict=r"[0-9:. ]*",
                max_length=5,
                compact=True,
                id="time",
            )
            yield SafeLabel(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Record", id="confirm", variant="primary", compact=True)
        yield KeyBar(("open", "Record"), ("cancel", "Cancel"))

    def _parse_input(self) -> tuple[datetime | None, str]:
        """Return the time, or the problem with it."""
        typed, now = self.time_box.value.strip(), self.now()
        if not typed:
            # The estimate of Xero's clock may have been corrected since the dialog was opened.
            return min(self._opened_at, now), ""
        moment = parse_time_today(typed, now)
        if moment is None:
            return None, _INVALID_TIME
        moment = clock.reported_to_xero_time(moment, self.backend.snapshot.clock_ahead)
        return (None, _IN_FUTURE) if moment > now else (moment, "")

    @on(Input.Changed, "#time")
    def _typed(self) -> None:
        # Don't report a problem before the input is submitted.
        self.query_one("#note", SafeLabel).update_text("")

    @on(Input.Submitted, "#time")
    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        moment, problem = self._parse_input()
        if moment is not None:
            self.dismiss(moment)
        else:
            self.query_one("#note", SafeLabel).update_text(problem, "$text-warning")

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Record nothing."""
        self.dismiss(None)
