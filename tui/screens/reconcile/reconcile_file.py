"""Asks which file is to be held against Xero, and what it doesn't say itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from textual import getters, on, work
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions import bindings, in_words
from tui.compat import ReadyButton
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileOptions, Trouble, moment
from tui.model.errors import ReshelveError
from tui.screens.backed import Backed
from tui.screens.dialogs.choosing import ChoosingScreen
from tui.screens.reconcile import reconcile_file_words as words
from tui.screens.reconcile.path_finder import PathFinder
from tui.widgets.key_bar import KeyBar
from tui.widgets.picker import Picker
from tui.widgets.plain import Plain
from tui.widgets.typing_box import TypingBox

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.worker import Worker

    from tui.model.backend import Backend
    from tui.model.reconcile import Reconciliation

_MORE = ("delimiter", "encoding")


class ComparedFile(Struct, frozen=True):
    """A file that could be compared: how its path was typed, and what came of it."""

    typed: str
    found: Reconciliation


@dataclass
class _Done(Message, bubble=False):
    found: Reconciliation


@dataclass
class _Wrong(Message, bubble=False):
    error: ReshelveError


class FileScreen(ModalScreen[ComparedFile | None], Backed[ComparedFile | None]):
    """Compares as long as it is open: what is wrong with a file is said here, beside what could mend it."""

    CSS_PATH: ClassVar = ["../dialogs/dialog.tcss", "reconcile_file.tcss"]
    AUTO_FOCUS = "#path"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-middle"), (30, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    finder = getters.query_one(PathFinder)
    date_box = getters.query_one("#date", Input)

    def __init__(self, backend: Backend, typed: str) -> None:
        super().__init__()
        self.backend = backend
        self._typed = typed
        self._header: tuple[str, ...] = ()
        self._worker: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Put what is always asked on top; what is seldom wanted is below, and hidden."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = words.TITLE
            with VerticalScroll(id="form", can_focus=False):
                yield Plain(words.ABOUT, id="about", classes="paragraph")
                yield PathFinder(self._typed)
                yield Picker("Contacts are", words.STATUSES, id="status")
                with Horizontal(id="dated"):
                    yield Plain("Exported on", "$text-muted", id="date-label")
                    yield TypingBox(compact=True, select_on_focus=False, id="date")
                for name, label in words.COLUMNS.items():
                    yield Picker(label, words.columns(()), id=name)
                yield Picker("Delimiter", words.DELIMITERS, id="delimiter")
                yield Picker("Encoding", words.ENCODINGS, id="encoding")
            yield Plain(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("More …", id="more", compact=True)
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Compare", id="confirm", variant="primary", compact=True)
        yield KeyBar(("open", "Choose"), ("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Ask only for what is mostly wanted."""
        for name in (*words.COLUMNS, *_MORE):
            self._picker(name).display = False
        self._tell_date()

    def on_descendant_focus(self) -> None:
        """Show the list again to whoever is about to choose another file."""
        self.set_class(self.finder.has_focus_within, "-finding")

    def _picker(self, name: str) -> Picker:
        return self.query_one(f"#{name}", Picker)

    def _say(self, text: str, style: str = "$text-warning") -> None:
        self.query_one("#note", Plain).update_text(text, style)

    # --- what is asked ---

    @on(PathFinder.Changed)
    def _tell_date(self) -> None:
        at = self.finder.changed_at
        self.date_box.placeholder = f"last change {at.astimezone():%Y-%m-%d %H:%M}" if at else words.DATED

    @on(Picker.Wanted)
    def _pick(self, message: Picker.Wanted) -> None:
        picker = message.picker

        def answered(answer: str | None) -> None:
            if answer is not None:
                picker.choose(answer)

        self.open_screen(
            ChoosingScreen(f"{picker.label} …", (), picker.answers, first=picker.value), answered
        )

    @on(Button.Pressed, "#more")
    def _more(self) -> None:
        self._show(*_MORE)
        self.set_focus(self._picker("delimiter"))

    def _show(self, *names: str) -> None:
        self.set_class(bool(names) or self.has_class("-asking"), "-asking")
        for name in names:
            self._picker(name).display = True
        if set(_MORE) <= set(names):
            self.query_one("#more").display = False

    def _options(self) -> FileOptions:
        """Gather what was said. Raises `ValueError` for a date that is none."""
        picked = {
            name: "" if (value := self._picker(name).value) == words.FOUND else value
            for name in ("status", *words.COLUMNS, *_MORE)
        }
        columns = {name: self._header[int(picked[name])] for name in words.COLUMNS if picked[name]}
        typed = self.date_box.value
        return FileOptions(
            status=ContactStatus(picked["status"]) if picked["status"] else None,
            delimiter=picked["delimiter"],
            encoding=picked["encoding"],
            dated=moment(typed) if typed.strip() else None,
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
        """Compare the file that is chosen."""
        path = self.finder.path
        if self._worker is not None:
            return
        if path is None:
            self._say(words.NO_SUCH_FILE)
            return
        try:
            options = self._options()
        except ValueError:
            self._say(words.NO_TIME)
            self.set_focus(self.date_box)
            return
        self._say(words.COMPARING.format(cancel=self.key("cancel")), "$text-accent")
        self._worker = self._compare(path, options)

    @work(exclusive=True, group="compare", exit_on_error=False)
    async def _compare(self, path: Path, options: FileOptions) -> None:
        try:
            self.post_message(_Done(await self.backend.reconcile(path, options)))
        except ReshelveError as error:
            self.post_message(_Wrong(error))

    @on(_Done)
    def _done(self, message: _Done) -> None:
        if self._worker is not None:
            self.dismiss(ComparedFile(self.finder.box.value, message.found))

    @on(_Wrong)
    def _wrong(self, message: _Wrong) -> None:
        if self._worker is None:
            return
        self._worker = None
        error = message.error
        trouble = error.trouble if isinstance(error, ContactFileError) else None
        said = in_words(self.app, error) if trouble is None else words.failure(error, trouble)
        self._say(said, "$text-error")
        if isinstance(error, ContactFileError) and error.columns:
            self._header = error.columns
            for name in words.COLUMNS:
                self._picker(name).offer(words.columns(error.columns))
        self._ask_for(trouble)

    def _ask_for(self, trouble: Trouble | None) -> None:
        """Show what could mend it, and go there."""
        if trouble is Trouble.COLUMNS:
            self._show(*words.COLUMNS, *_MORE)
            self.set_focus(self._picker("name_column"))
        elif trouble is Trouble.STATUS:
            self._show(*(["status_column"] if self._header else []))
            self.set_focus(self._picker("status"))
        elif trouble is Trouble.ENCODING:
            self._show(*_MORE)
            self.set_focus(self._picker("encoding"))
        elif trouble is Trouble.DATE:
            self.set_focus(self.date_box)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Stop comparing, or close the dialog and compare nothing."""
        if self._worker is None:
            self.dismiss(None)
            return
        self._worker.cancel()
        self._worker = None
        self._say(words.STOPPED, "$text-muted")
