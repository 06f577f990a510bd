"""The year at a glance: archived and restored each month, and how long Re-Leased took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.actions import bindings
from tui.messages.formats import format_number
from tui.messages.year import LEGEND, bar, median_wait, month_name, totals
from tui.screens.base_screen import EngineScreen, SnapshotChanged
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import StaticLine
from tui.widgets.moving import ScrollingText
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.change_summary import YearSummary
    from tui.model.services import Backend

_TITLE: Final = "The year at a glance"
_READING: Final = "Loading changes…"
_NO_EARLIER: Final = "There are no earlier changes."
_NO_LATER: Final = "There are no later changes."
_MONTH_WIDTH: Final = 5
_GAP: Final = 2
_WIDEST_BAR: Final = 40
_MARGINS: Final = 6
_WAIT: Final = "Median wait"
_WITH_WAITS: Final = 70


@dataclass
class _YearLoaded(Message, bubble=False):
    summary: YearSummary


class YearScreen(EngineScreen[None]):
    """A year of the change log as two rows of bars, with the numbers beside them."""

    PLACE = "in The year at a glance"
    CSS_PATH = "year.tcss"
    AUTO_FOCUS = "#page"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("previous_year", "next_year", "back")]

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self._year = self.local_now().year
        # None while a year is loaded.
        self._summary: YearSummary | None = None

    def compose(self) -> ComposeResult:
        """Lay out the months above the totals."""
        yield StaticLine(id="heading")
        with ScrollingText(id="page"):
            yield Static(_READING, id="year")
        yield KeyBar("previous_year", "next_year", "help", "back")

    def on_mount(self) -> None:
        """Load this year."""
        self._load()

    @on(SnapshotChanged)
    def _load(self) -> None:
        year = self._year
        name = content(self.backend.snapshot.organisation.name, "bold")
        heading = Content.assemble((_TITLE, "bold $text-primary"), "  ", str(year), "  ", name)
        self.query_one("#heading", StaticLine).show(heading)

        async def load() -> None:
            self.post_message(_YearLoaded(await self.backend.change_log.summarize_year(year)))

        self.start(load, "year", exclusive=True)

    @on(_YearLoaded)
    def _loaded(self, message: _YearLoaded) -> None:
        if message.summary.year == self._year:
            self._summary = message.summary
            self._show()

    def on_resize(self) -> None:
        """Draw the bars for the new width."""
        self._show()

    def _show(self) -> None:
        if self._summary is not None:
            width = max(1, self.size.width - _MARGINS)
            lines = year_lines(self._summary, width)
            self.query_one("#year", Static).update(Content("\n").join(lines))

    def action_previous_year(self) -> None:
        """Show the year before."""
        summary = self._summary
        self._go(-1, _NO_EARLIER, is_possible=summary is not None and summary.has_earlier)

    def action_next_year(self) -> None:
        """Show the year after."""
        is_past = self._year < self.local_now().year
        self._go(1, _NO_LATER, is_possible=is_past or (self._summary is not None and self._summary.has_later))

    def _go(self, step: int, refusal: str, *, is_possible: bool) -> None:
        if self._summary is None:
            self.flash(_READING)
        elif is_possible:
            self._year, self._summary = self._year + step, None
            self._load()
        else:
            self.flash(refusal)

    def action_back(self) -> None:
        """Go back to the changes."""
        self.dismiss()


def year_lines(summary: YearSummary, width: int) -> Iterator[Content]:
    """Yield the lines of a year for so many cells."""
    if summary.total:
        yield from _months(summary, width)
        yield content("")
    for text in totals(summary):
        yield content(text)


def _months(summary: YearSummary, width: int) -> Iterator[Content]:
    most = max(max(month.archived, month.restored) for month in summary.months)
    number_width = max(len(format_number(most)), len("Archived") if width >= _MONTH_WIDTH * 6 else 1)
    waits = [median_wait(month) for month in summary.months]
    has_waits = any(waits) and width >= _WITH_WAITS
    wait_width = max(len(_WAIT), *map(len, waits)) if has_waits else 0
    room = (width - _MONTH_WIDTH - wait_width - 2 * (number_width + 1 + _GAP)) // 2
    bar_width = max(1, min(_WIDEST_BAR, room))
    column = number_width + 1 + bar_width + _GAP
    titles = f"{'':{_MONTH_WIDTH}}{'Archived':{column}}{'Restored':{column}}{_WAIT if has_waits else ''}"
    yield content(titles.rstrip(), "bold")
    for month, wait in zip(summary.months, waits, strict=True):
        cells = (
            (month.archived, bar(month.archived_here, month.archived_in_xero, most, bar_width)),
            (month.restored, bar(month.restored_here, month.restored_in_xero, most, bar_width)),
        )
        parts = [content(f"{month_name(month):{_MONTH_WIDTH}}", "$text-muted")]
        for (count, drawn), style in zip(cells, ("$text-warning", "$text-success"), strict=True):
            parts.append(content(f"{format_number(count):>{number_width}} ", "" if count else "$text-muted"))
            parts.append(content(f"{drawn:{bar_width + _GAP}}", style))
        parts.append(content(wait if has_waits else "", "$text-muted"))
        yield Content.assemble(*parts)
    yield content(LEGEND, "$text-muted")
