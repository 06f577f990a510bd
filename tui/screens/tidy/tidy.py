"""Tidy up: choose how long contacts have to be idle, review them, and archive them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.message import Message

from tui.actions import bindings
from tui.messages.formats import format_number
from tui.model.change import Action
from tui.model.marks import MarkKind
from tui.model.tidy import MONTHS, TidySurvey
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import ChangeController, ResultController, UndoController
from tui.screens.tidy import formatting
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from tui.model.services import Backend
    from tui.model.tidy import TidyCandidate

_START = MONTHS.index(24)


@dataclass
class _Surveyed(Message, bubble=False):
    survey: TidySurvey


class TidyList(VirtualList):
    """Choices of months, or the contacts to review."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Exclude", id="table.select", show=False)
    ]

    class ExclusionToggled(Message):
        """The user wants to exclude the contact under the cursor, or include it again."""

    def action_select(self) -> None:
        """Exclude or include the row under the cursor."""
        self.post_message(self.ExclusionToggled())


class TidyScreen(EngineScreen[None]):
    """Two steps in one list: how long contacts have to be idle, then the contacts themselves.

    Archiving takes the ordinary path, with its checks and questions.
    """

    PLACE = "in Tidy up"
    CSS_PATH = "tidy.tcss"
    AUTO_FOCUS = "#rows"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (28, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("archive", "keep", "protect", "open_in_xero", "undo", "back")
    ]

    result: ResultController
    rows = getters.query_one("#rows", TidyList)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.result = ResultController(self)
        self.changes = ChangeController(self, self.result, self._load)
        self.undo = UndoController(self, self.result)
        self._survey: TidySurvey | None = None
        # None while they are chosen.
        self._months: int | None = None
        self._chosen = _START
        self._candidates: tuple[TidyCandidate, ...] = ()
        self._excluded: set[str] = set()
        self._was_loading = backend.snapshot.progress is not None
        # What the last snapshot showed; marks and changes made elsewhere move it.
        self._version = backend.snapshot.rows_version

    def compose(self) -> ComposeResult:
        """Lay out what is shown above the list, and what explains it below."""
        yield SafeLabel(formatting.TITLE, "bold", id="heading")
        yield PausedBanner()
        with Vertical(id="body"):
            yield SafeLabel(formatting.LOADING, id="summary")
            yield TidyList(self._format_row, id="rows")
            with VerticalScroll(id="notes", can_focus=False):
                yield SafeLabel(id="left_out", classes="paragraph")
                yield SafeLabel(id="basis", style="$text-muted", classes="paragraph")
        yield KeyBar(("back", "Close"))

    def on_mount(self) -> None:
        """Look at the contacts."""
        self.query_one(PausedBanner).update_from(self.backend.snapshot)
        self._load()

    @on(SnapshotChanged)
    def _snapshot_changed(self, message: SnapshotChanged) -> None:
        snapshot = message.snapshot
        self.query_one(PausedBanner).update_from(snapshot)
        self.result.reload()
        # Every page loaded changes rows: look again only once all contacts are loaded.
        is_loading = snapshot.progress is not None
        if not is_loading and (self._was_loading or snapshot.rows_version != self._version):
            self._version = snapshot.rows_version
            self._load()
        self._was_loading = is_loading

    def _load(self) -> None:
        self._look()

    @work(exclusive=True, group="survey", exit_on_error=False)
    async def _look(self) -> None:
        self.post_message(_Surveyed(await self.backend.contacts.tidy_survey()))

    @on(_Surveyed)
    def _surveyed(self, message: _Surveyed) -> None:
        self._survey = message.survey
        if self._months is None:
            self._show_months()
        else:
            self._show_candidates(self._months)

    # --- the two steps ---

    def _show_months(self) -> None:
        survey = self._survey
        self._months = None
        self.query_one("#heading", SafeLabel).update_text("Tidy up · 1 of 2: idle for how long?", "bold")
        if survey is None:
            return
        text = f"{format_number(survey.active)} active contacts. How long have they not been used?"
        if not survey.knows_activity:
            text = f"{format_number(survey.active)} active contacts. How long have they not been changed?"
        self.query_one("#summary", SafeLabel).update_text(text if survey.active else formatting.NO_CONTACTS)
        self.rows.empty_text = ""
        self.rows.show(len(MONTHS) if survey.active else 0, self._chosen)
        self.rows.reveal_cursor()
        self._explain()

    def _show_candidates(self, months: int) -> None:
        survey = self._survey
        if survey is None:
            return
        before = self._current
        self._months = months
        self._candidates = survey.idle(months, self.now())
        ids = [candidate.contact_id for candidate in self._candidates]
        self._excluded.intersection_update(ids)
        self.query_one("#heading", SafeLabel).update_text("Tidy up · 2 of 2: review and archive", "bold")
        self.rows.empty_text = formatting.NONE_IDLE
        is_kept = before is not None and before.contact_id in ids
        cursor = ids.index(before.contact_id) if is_kept and before is not None else self.rows.cursor
        self.rows.show(len(ids), cursor)
        self.rows.reveal_cursor()
        self._explain()

    def _explain(self) -> None:
        """Show what the list means, and the keys for its row."""
        survey = self._survey
        if survey is None:
            return
        months = self._months
        if months is None:
            if self.rows.count:
                self._chosen = self.rows.cursor
            months = MONTHS[self._chosen]
            keys: list[str | tuple[str, str]] = [("open", "Review"), ("back", "Close"), "help"]
        else:
            summary = formatting.review_summary(survey, months, len(self._candidates), len(self._excluded))
            self.query_one("#summary", SafeLabel).update_text(summary)
            current = self._current
            is_excluded = current is not None and current.contact_id in self._excluded
            count = len(self._candidates) - len(self._excluded)
            keys = [
                ("archive", f"Archive {format_number(count)}"),
                ("select", "Include" if is_excluded else "Exclude"),
                "keep",
                ("open", "Details"),
                "open_in_xero",
                "protect",
                "undo",
                "help",
                ("back", "Back"),
            ]
        left_out = formatting.left_out_text(survey, months, self.now())
        if self._was_loading:
            left_out = f"{formatting.STILL_LOADING} {left_out}"
        self.query_one("#left_out", SafeLabel).update_text(left_out)
        self.query_one("#basis", SafeLabel).update_text(formatting.basis(survey), "$text-muted")
        self.key_bar.set_actions(*keys)

    @property
    def _current(self) -> TidyCandidate | None:
        """The contact under the cursor, in the second step."""
        if self._months is None or self.rows.cursor >= len(self._candidates):
            return None
        return self._candidates[self.rows.cursor]

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        survey = self._survey
        if survey is None:
            return ()
        if self._months is None:
            return [formatting.months_row(survey, MONTHS[index], width, self.now())]
        candidate = self._candidates[index]
        return [
            formatting.candidate_row(
                candidate,
                width,
                is_excluded=candidate.contact_id in self._excluded,
                knows_activity=survey.knows_activity,
            )
        ]

    @on(VirtualList.Moved)
    def _moved(self) -> None:
        self._explain()

    @on(VirtualList.RowOpened)
    def _opened(self) -> None:
        """Review the contacts, or show the details of one."""
        if self._survey is None:
            self.flash(formatting.LOADING)
        elif self._months is None:
            if not self._survey.active:
                self.flash(formatting.NO_CONTACTS)
                return
            self._excluded.clear()
            months = MONTHS[self._chosen]
            self.rows.show(0)
            self._show_candidates(months)
        elif (candidate := self._current) is None:
            self.flash(formatting.NONE_IDLE)
        else:
            self.open_screen(navigation.ContactScreen(self.backend, candidate.contact_id, self._step))

    def _step(self, steps: int) -> str | None:
        """Move the cursor so many rows; returns the contact there, None at the end."""
        row = self.rows.cursor + steps
        if not 0 <= row < len(self._candidates):
            return None
        self.rows.put_cursor(row)
        return self._candidates[row].contact_id

    # --- what is done with the contacts ---

    @on(TidyList.ExclusionToggled)
    def _toggle(self) -> None:
        candidate = self._current
        if candidate is None:
            self.flash(self._why_none())
            return
        self._excluded ^= {candidate.contact_id}
        self.rows.refresh_rows(self.rows.cursor)
        self.rows.put_cursor(self.rows.cursor + 1)
        self._explain()

    def action_archive(self) -> None:
        """Archive the contacts of the list that aren't excluded."""
        chosen = [one.contact_id for one in self._candidates if one.contact_id not in self._excluded]
        if self._months is None or not self._candidates:
            self.flash(self._why_none())
        elif not chosen:
            self.flash(formatting.ALL_EXCLUDED)
        else:
            self.changes.confirm(Action.ARCHIVE, chosen)

    def action_keep(self) -> None:
        """Keep the contact under the cursor: it leaves this list, and isn't suggested again."""
        self._mark(MarkKind.KEPT)

    def action_protect(self) -> None:
        """Protect the contact under the cursor: it leaves this list."""
        self._mark(MarkKind.PROTECTED)

    def _mark(self, kind: MarkKind) -> None:
        candidate = self._current
        if candidate is None:
            self.flash(self._why_none())
        else:
            navigation.MarkController(self).toggle(kind, (candidate.contact_id,))

    def action_open_in_xero(self) -> None:
        """Open the contact under the cursor in Xero."""
        candidate = self._current
        if candidate is None:
            self.flash(self._why_none())
        else:
            self.open_page(candidate.contact_id)

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def _why_none(self) -> str:
        if self._months is None:
            return f"Press {self.key('open')} to review the contacts first."
        return formatting.NONE_IDLE

    def action_back(self) -> None:
        """Go back to the months, then to the contacts."""
        if self._months is None:
            self.dismiss()
        else:
            self._candidates = ()
            self._show_months()
