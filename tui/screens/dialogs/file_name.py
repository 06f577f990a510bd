"""A dialog that asks where to save a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions.registry import bindings
from tui.compat.textual import OrderedInput, ReadyButton
from tui.screens.base_screen import BaseScreen
from tui.system.user_files import expand_path
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

_WHY: Final = "Exports a CSV file, which any spreadsheet program can open. Save as:"
_EXISTS: Final = "This file already exists."
_REPLACE: Final = "This file already exists. Save again to replace it."
_NO_FOLDER: Final = "This folder doesn't exist."
_IS_FOLDER: Final = "This is a folder. Add a file name."
_NO_NAME: Final = "Enter a file name."


class FileNameScreen(ModalScreen[Path | None], BaseScreen[Path | None]):
    """Ask for a file name.

    An invalid name is reported at once. An existing file is replaced on the second save.
    """

    CSS_PATH: ClassVar = ["dialog.tcss", "file_name.tcss"]
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    name_box = getters.query_one("#name", Input)

    def __init__(self, title: str, suggestion: Path, about: str = _WHY) -> None:
        super().__init__()
        self._title = title
        self._suggestion = suggestion
        self._about = about
        # The existing file that the next save replaces.
        self._replaced: Path | None = None

    def compose(self) -> ComposeResult:
        """Lay out the input above the buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield SafeLabel(self._about, classes="paragraph")
            yield OrderedInput(str(self._suggestion), compact=True, select_on_focus=False, id="name")
            yield SafeLabel(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Save", id="confirm", variant="primary", compact=True)
        yield KeyBar(("open", "Save"), ("cancel", "Cancel"))

    @property
    def _file(self) -> Path:
        return expand_path(self.name_box.value)

    def _problem(self) -> str:
        try:
            if not self.name_box.value.strip():
                return _NO_NAME
            if self._file.is_dir():
                return _IS_FOLDER
            return "" if self._file.parent.is_dir() else _NO_FOLDER
        except OSError as error:
            return f"Can't save here: {error.strerror}."

    @on(Input.Changed, "#name")
    def _typed(self) -> None:
        problem = self._problem()
        exists = _EXISTS if not problem and self._file.exists() else ""
        self._replaced = None
        self._show_note(problem or exists)
        self.query_one("#confirm", Button).disabled = bool(problem)

    @on(Input.Submitted, "#name")
    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        if self._problem():
            return
        file = self._file.absolute()
        if file.exists() and file != self._replaced:
            self._replaced = file
            self._show_note(_REPLACE)
        else:
            self.dismiss(file)

    def _show_note(self, text: str) -> None:
        self.query_one("#note", SafeLabel).update_text(text, "$text-warning")

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Save nothing."""
        self.dismiss(None)
