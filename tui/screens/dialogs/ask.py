"""Questions: yes or no, one of several answers, a file name."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from tui.actions import bindings
from tui.compat.textual import LineInput, ReadyButton
from tui.messages.formats import format_number, pluralize
from tui.screens.base_screen import BaseScreen
from tui.system.user_files import expand_path
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.text import content, safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


# CSS classes by the first character of a line.
_KINDS: Final = {"•": "item", "!": "warning paragraph"}


class AskScreen(ModalScreen[bool], BaseScreen[bool]):
    """Show a question and the effect of a yes; the default is no."""

    PLACE = "where Reshelve asks a question"
    CSS_PATH: ClassVar = ["dialog.tcss", "ask.tcss"]
    AUTO_FOCUS = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("confirm", "cancel")]

    def __init__(self, question: str, words: Sequence[str], *, yes: str, no: str = "Cancel") -> None:
        super().__init__()
        self._question = question
        self._words = words
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """Lay out the text above the buttons, which are always visible."""
        with Vertical(classes="dialog -caution") as dialog:
            dialog.border_title = self._question
            with VerticalScroll(id="text"):
                for words in self._words:
                    yield SafeLabel(words, classes=_KINDS.get(words[:1], "paragraph"))
            with Horizontal(id="buttons"):
                yield ReadyButton(self._no, id="cancel", variant="primary", compact=True)
                yield ReadyButton(self._yes, id="confirm", compact=True)
        yield KeyBar(("confirm", self._yes), ("cancel", self._no))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "confirm")

    def action_confirm(self) -> None:
        """Answer yes."""
        self.dismiss(result=True)

    def action_cancel(self) -> None:
        """Answer no."""
        self.dismiss(result=False)


_MOST_NAMED: Final = 5
# A key that is held down repeats sooner than this.
HELD_SECONDS: Final = 1.0


class ProtectedScreen(AskScreen):
    """The second question before protected contacts are archived, of `total` contacts in all.

    A key that is still held down from the first question doesn't answer it. `key` leaves out contacts with
    warnings in the first; empty if none does.
    """

    def __init__(self, names: Sequence[str], total: int, key: str = "") -> None:
        super().__init__(protected_question(len(names)), protected_lines(names, total, key), yes="Archive")
        self._confirmed_at = monotonic()

    def action_confirm(self) -> None:
        """Answer yes, if the key was pressed for this question."""
        before, self._confirmed_at = self._confirmed_at, monotonic()
        if self._confirmed_at - before < HELD_SECONDS:
            self.flash(f"Read the question, then press {self.key('confirm')}.")
        else:
            super().action_confirm()


def protected_question(count: int) -> str:
    """Return the second question, about protected contacts."""
    return f"Archive {pluralize(count, 'protected contact')}?"


def protected_lines(names: Sequence[str], total: int, key: str = "") -> tuple[str, ...]:
    """Name the protected contacts, and say how to archive only the others of `total`.

    `key` leaves out contacts with warnings; empty if there is none.
    """
    is_one = len(names) == 1
    why = f"You protected {'this contact, or its group' if is_one else 'these contacts, or their groups'}."
    others = (
        (f"To archive the others without contacts that have warnings: cancel, then press {key}.",)
        if key and total > len(names)
        else ()
    )
    return (*short_list([safe(name) for name in names]), why, *others)


def short_list(names: Sequence[str]) -> list[str]:
    """Return the first few names as list items, and how many more there are."""
    more = len(names) - _MOST_NAMED
    items = [*names[:_MOST_NAMED], *([f"and {format_number(more)} more"] if more > 0 else [])]
    return [f"• {item}" for item in items]


class ChooseScreen(ModalScreen[str | None], BaseScreen[str | None]):
    """Show a question; the result is the chosen answer, or None.

    `answers` maps results to labels; `first` is highlighted at the start and should change nothing.
    """

    CSS_PATH: ClassVar = ["dialog.tcss", "choose.tcss"]
    AUTO_FOCUS = "#answers"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    answers_list = getters.query_one("#answers", OptionList)

    def __init__(
        self, question: str, words: Sequence[str], answers: Mapping[str, str], *, first: str
    ) -> None:
        super().__init__()
        self._question = question
        self._words = words
        self._answers = answers
        self._first = first

    def compose(self) -> ComposeResult:
        """Lay out the text above the answers, which are always visible."""
        from tui.widgets.moving import Choices  # noqa: PLC0415 - a start needs only the question above

        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._question
            with VerticalScroll(id="text", can_focus=False):
                for words in self._words:
                    yield SafeLabel(words, classes="paragraph")
            yield Choices(
                *(Option(content(words), id=answer) for answer, words in self._answers.items()), id="answers"
            )
        yield KeyBar(("open", "Choose"), ("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Highlight the answer that changes nothing."""
        self.answers_list.highlighted = self.answers_list.get_option_index(self._first)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


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
            yield from self.compose_above()
            yield LineInput(str(self._suggestion), compact=True, select_on_focus=False, id="name")
            yield SafeLabel(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Save", id="confirm", variant="primary", compact=True)
        yield KeyBar(("open", "Save"), ("cancel", "Cancel"))

    def compose_above(self) -> ComposeResult:
        """Lay out what is above the name."""
        yield SafeLabel(self._about, classes="paragraph")

    def save(self, file: Path) -> None:
        """Save to this file, which the user has confirmed."""
        self.dismiss(file)

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
        self.show_note(problem or exists)
        self.query_one("#confirm", Button).disabled = bool(problem)

    @on(Input.Submitted, "#name")
    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        if self._problem():
            return
        file = self._file.absolute()
        if file.exists() and file != self._replaced:
            self._replaced = file
            self.show_note(_REPLACE)
        else:
            self.save(file)

    def show_note(self, text: str, style: str = "$text-warning") -> None:
        """Show a line below the name."""
        self.query_one("#note", SafeLabel).update_text(text, style)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Save nothing."""
        self.dismiss(None)
