"""Dialog that asks for the file to compare, and for details the file doesn't contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from textual import getters, on, work
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions.registry import bindings, error_message
from tui.compat.textual import OrderedInput, ReadyButton
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileOptions, FileProblem, parse_datetime
from tui.model.errors import ReshelveError
from tui.screens.base_screen import EngineScreen
from tui.screens.compare import formatting
from tui.screens.compare.path_finder import PathFinder, default_folder
from tui.screens.dialogs.choose import ChooseScreen
from tui.widgets.inputs import ChoiceField
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.worker import Worker

    from tui.model.comparison import FileComparison
    from tui.model.services import Backend

_ADVANCED = ("delimiter", "encoding")


class ComparedFile(Struct, frozen=True):
    """A file that was compared: the path as typed, and the result."""

    typed: str
    comparison: FileComparison


@dataclass
class _CompareFinished(Message, bubble=False):
    comparison: FileComparison


@dataclass
class _CompareFailed(Message, bubble=False):
    error: ReshelveError


class ChooseFileScreen(ModalScreen[ComparedFile | None], EngineScreen[ComparedFile | None]):
    """Choose and compare a file; problems are shown here, next to the fields that fix them."""

    CSS_PATH: ClassVar = ["../dialogs/dialog.tcss", "choose_file.tcss"]
    AUTO_FOCUS = "#path"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-middle"), (30, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    finder = getters.query_one(PathFinder)
    date_box = getters.query_one("#date", Input)

    def __init__(self, backend: Backend, typed: str) -> None:
        super().__init__()
        self.backend = backend
        self._typed = typed or default_folder()
        self._columns: tuple[str, ...] = ()
        self._sheets: tuple[str, ...] = ()
        self._sheets_of: Path | None = None
        self._worker: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the common fields at the top; rarely used ones are hidden below."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = formatting.TITLE
            with VerticalScroll(id="form", can_focus=False):
                yield SafeLabel(formatting.ABOUT, id="about", classes="paragraph")
                yield PathFinder(self._typed)
                yield ChoiceField("Contacts are", formatting.FILE_STATUSES, id="status")
                with Horizontal(id="dated"):
                    yield SafeLabel("Exported on", "$text-muted", id="date-label")
                    yield OrderedInput(compact=True, select_on_focus=False, id="date")
                yield ChoiceField("Sheet", formatting.sheets(()), id="sheet")
                for name, label in formatting.COLUMNS.items():
                    yield ChoiceField(label, formatting.columns(()), id=name)
                yield ChoiceField("Delimiter", formatting.DELIMITERS, id="delimiter")
                yield ChoiceField("Encoding", formatting.ENCODINGS, id="encoding")
            yield SafeLabel(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("More options", id="more", compact=True)
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Compare", id="confirm", variant="primary", compact=True)
        yield KeyBar(("open", "Choose"), ("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Show only the common fields."""
        for name in ("sheet", *formatting.COLUMNS, *_ADVANCED):
            self._field(name).display = False
        self._update_date_hint()

    def on_descendant_focus(self) -> None:
        """Show the file list again while the path has focus."""
        self.set_class(self.finder.has_focus_within, "-finding")

    def _field(self, name: str) -> ChoiceField:
        return self.query_one(f"#{name}", ChoiceField)

    def _show_note(self, text: str, style: str = "$text-warning") -> None:
        self.query_one("#note", SafeLabel).update_text(text, style)

    # --- fields ---

    @on(PathFinder.Changed)
    def _update_date_hint(self) -> None:
        at = self.finder.modified_at
        sheet = self._field("sheet")
        if sheet.value != formatting.AUTO and self.finder.path != self._sheets_of:
            # Another file has other sheets, or none.
            sheet.set_value(formatting.AUTO)
            sheet.display = False
        self.date_box.placeholder = (
            f"last modified {at.astimezone():%Y-%m-%d %H:%M}" if at else formatting.DATE_HINT
        )

    @on(ChoiceField.Wanted)
    def _choose_value(self, message: ChoiceField.Wanted) -> None:
        field = message.picker

        def answered(answer: str | None) -> None:
            if answer is not None:
                field.set_value(answer)

        self.open_screen(ChooseScreen(f"{field.label}…", (), field.answers, first=field.value), answered)

    @on(Button.Pressed, "#more")
    def _show_advanced(self) -> None:
        self._show_fields(*_ADVANCED)
        self.set_focus(self._field("delimiter"))

    def _show_fields(self, *names: str) -> None:
        self.set_class(bool(names) or self.has_class("-asking"), "-asking")
        for name in names:
            self._field(name).display = True
        if set(_ADVANCED) <= set(names):
            self.query_one("#more").display = False

    def _options(self) -> FileOptions:
        """Return the chosen options. Raises `ValueError` for an invalid date."""
        picked = {
            name: "" if (value := self._field(name).value) == formatting.AUTO else value
            for name in ("status", "sheet", *formatting.COLUMNS, *_ADVANCED)
        }
        columns = {name: self._columns[int(picked[name])] for name in formatting.COLUMNS if picked[name]}
        typed = self.date_box.value
        return FileOptions(
            status=ContactStatus(picked["status"]) if picked["status"] else None,
            delimiter=picked["delimiter"],
            encoding=picked["encoding"],
            exported_at=parse_datetime(typed) if typed.strip() else None,
            header_row=None,
            sheet=self._sheets[int(picked["sheet"])] if picked["sheet"] else "",
            **columns,
        )

    # --- comparing ---

    @on(PathFinder.Chosen)
    def _chosen(self, message: PathFinder.Chosen) -> None:
        if message.enters:
            self.compare()
        else:
            self.set_focus(self.query_one("#confirm"))

    @on(Input.Submitted, "#date")
    @on(Button.Pressed, "#confirm")
    def compare(self) -> None:
        """Compare the chosen file."""
        path = self.finder.path
        if self._worker is not None:
            return
        if path is None:
            self._show_note(formatting.NO_SUCH_FILE)
            return
        try:
            options = self._options()
        except ValueError:
            self._show_note(formatting.INVALID_DATE)
            self.set_focus(self.date_box)
            return
        self._show_note(formatting.COMPARING.format(cancel=self.key("cancel")), "$text-accent")
        self._worker = self._compare(path, options)

    @work(exclusive=True, group="compare", exit_on_error=False)
    async def _compare(self, path: Path, options: FileOptions) -> None:
        try:
            self.post_message(_CompareFinished(await self.backend.comparison.compare_file(path, options)))
        except ReshelveError as error:
            self.post_message(_CompareFailed(error))

    @on(_CompareFinished)
    def _compare_finished(self, message: _CompareFinished) -> None:
        if self._worker is not None:
            self.dismiss(ComparedFile(self.finder.path_input.value, message.comparison))

    @on(_CompareFailed)
    def _compare_failed(self, message: _CompareFailed) -> None:
        if self._worker is None:
            return
        self._worker = None
        error = message.error
        if not isinstance(error, ContactFileError):
            self._show_note(error_message(self.app, error), "$text-error")
            return
        self._show_note(formatting.failure_message(error), "$text-error")
        if error.columns:
            self._columns = error.columns
            for name in formatting.COLUMNS:
                self._field(name).set_answers(formatting.columns(error.columns))
        if error.sheets:
            self._sheets, self._sheets_of = error.sheets, self.finder.path
            self._field("sheet").set_answers(formatting.sheets(error.sheets))
        self._show_fix(error.problem)

    def _show_fix(self, problem: FileProblem | None) -> None:
        """Show and focus the fields that can fix the problem."""
        if problem is FileProblem.COLUMNS:
            self._show_fields(*formatting.COLUMNS, *_ADVANCED)
            self.set_focus(self._field("name_column"))
        elif problem is FileProblem.STATUS:
            self._show_fields(*(["status_column"] if self._columns else []))
            self.set_focus(self._field("status"))
        elif problem is FileProblem.SHEET:
            self._show_fields("sheet")
            self.set_focus(self._field("sheet"))
        elif problem is FileProblem.ENCODING:
            self._show_fields(*_ADVANCED)
            self.set_focus(self._field("encoding"))
        elif problem is FileProblem.DATE:
            self.set_focus(self.date_box)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Stop comparing, or close the dialog without a result."""
        if self._worker is None:
            self.dismiss(None)
            return
        self._worker.cancel()
        self._worker = None
        self._show_note(formatting.STOPPED, "$text-muted")
