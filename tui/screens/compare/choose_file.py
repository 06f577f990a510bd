"""Dialog that asks for the file to compare, and for details the file doesn't contain."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions import bindings, error_message
from tui.compat.textual import LineInput, ReadyButton
from tui.messages import formats
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileOptions, FileProblem, parse_datetime
from tui.model.errors import ReshelveError
from tui.screens.base_screen import EngineScreen
from tui.screens.compare import formatting
from tui.screens.dialogs.ask import ChooseScreen
from tui.system.user_files import expand_path
from tui.widgets import clock
from tui.widgets.inputs import ChoiceField
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.text import safe
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.worker import Worker

    from tui.model.comparison import FileComparison
    from tui.model.services import Backend


_ENDINGS: Final = (".csv", ".tsv", ".txt", ".xlsx")
# Further entries are ignored, so that the list keeps up with typing in large folders.
_MOST_LOOKED_AT: Final = 20_000
_MOST_LISTED: Final = 500


class PathEntry(Struct, frozen=True):
    """A folder, or a file that may contain contacts."""

    path: Path
    is_folder: bool
    modified_at: datetime
    size: int = 0

    @property
    def name(self) -> str:
        """The displayed name."""
        return safe(self.path.name)


class FolderListing(Struct, frozen=True):
    """The folder's entries that start with the typed name: files, newest first, then folders.

    `problem` describes why the folder couldn't be listed.
    """

    typed: str
    entries: tuple[PathEntry, ...] = ()
    problem: str = ""


def default_folder() -> str:
    """Return the usual download folder, as the user would type it."""
    return "~/Downloads/" if Path("~/Downloads").expanduser().is_dir() else "~/"


def split_path(typed: str) -> tuple[str, str]:
    """Split the typed path into the folder, up to its last slash, and the start of a name."""
    folder, slash, name = typed.rpartition("/")
    return folder + slash, name


def list_folder(typed: str) -> FolderListing:
    """List the matching entries. Reads the disk, so run it in a thread."""
    folder, prefix = split_path(typed.lstrip())
    try:
        with os.scandir(expand_path(folder) if folder else Path()) as scan:
            found = list(_matching(islice(scan, _MOST_LOOKED_AT), prefix))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid folder name"
        return FolderListing(typed, problem=f"This folder can't be read: {reason}.")
    files = sorted(
        (entry for entry in found if not entry.is_folder), key=lambda entry: entry.modified_at, reverse=True
    )
    folders = sorted((entry for entry in found if entry.is_folder), key=lambda entry: entry.name.casefold())
    return FolderListing(typed, (*files, *folders)[:_MOST_LISTED])


def _matching(entries: Iterator[os.DirEntry[str]], prefix: str) -> Iterator[PathEntry]:
    for entry in entries:
        if not safe(entry.name).casefold().startswith(prefix.casefold()):
            continue
        if entry.name.startswith(".") and not prefix.startswith("."):
            continue
        # Skip entries deleted in the meantime and broken links.
        with suppress(OSError, ValueError, OverflowError):
            stat, is_folder = entry.stat(), entry.is_dir()
            if is_folder or entry.name.casefold().endswith(_ENDINGS):
                changed_at = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield PathEntry(Path(entry.path), is_folder, changed_at, stat.st_size)


def complete_path(typed: str, entries: Sequence[PathEntry]) -> str:
    """Return the path extended by the longest common prefix of the matching entries."""
    folder, prefix = split_path(typed)
    names = [entry.name for entry in entries]
    if not names:
        return typed
    if len(names) == 1:
        return folder + names[0] + ("/" if entries[0].is_folder else "")
    shared = 0
    for letters in zip(*names, strict=False):
        if len({letter.casefold() for letter in letters}) > 1:
            break
        shared += 1
    return folder + names[0][:shared] if shared > len(prefix) else typed


@dataclass
class _FolderListed(Message, bubble=False):
    listing: FolderListing


class _PathInput(LineInput):
    """The path input; Tab, or Right at the end of the text, completes the path."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("down", "list", show=False),
    ]

    def __init__(self, typed: str, complete: Callable[[], None], to_list: Callable[[], None]) -> None:
        super().__init__(typed, compact=True, select_on_focus=False, id="path")
        self._do_complete = complete
        self._to_list = to_list

    def action_complete(self) -> None:
        """Complete the path."""
        self._do_complete()

    def action_list(self) -> None:
        """Focus the list at once, so that keys typed ahead reach it."""
        self._to_list()

    def action_cursor_right(self, select: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's own signature
        """Complete the path if the cursor is at its end."""
        if self.cursor_position == len(self.value) and not select:
            self.action_complete()
        else:
            super().action_cursor_right(select)


class PathFinder(Vertical):
    """Find a file without knowing its name: the newest files in the folder are at the top."""

    DEFAULT_CSS = """
    PathFinder {
        height: auto;
        #path { width: 1fr; background: $foreground 12%; padding: 0 1; }
        #files { height: 6; margin: 0 0 1 0; }
    }
    """

    path_input = getters.query_one("#path", Input)
    files = getters.query_one("#files", VirtualList)

    class PathChanged(Message):
        """The path has changed, or its folder was listed."""

    class Chosen(Message):
        """A file was chosen; `enters` means it was typed in full and can be used directly."""

        def __init__(self, *, is_final: bool) -> None:
            super().__init__()
            self.enters = is_final

    def __init__(self, typed: str) -> None:
        super().__init__()
        self._typed = typed
        self._listing = FolderListing("")
        self._complete_when_listed = False

    def compose(self) -> ComposeResult:
        """Lay out the input above the list."""
        yield _PathInput(self._typed, self._complete_soon, self._to_list)
        yield VirtualList(self._format_row, id="files")

    def on_mount(self) -> None:
        """List the folder."""
        self._list(self._typed)

    @property
    def path(self) -> Path | None:
        """The path of the file, or None if nothing is typed."""
        # A name with unprintable characters differs from the text in the input.
        if (entry := self._typed_entry()) is not None:
            return entry.path
        return expand_path(self.path_input.value) if self.path_input.value.strip() else None

    @property
    def modified_at(self) -> datetime | None:
        """When the file was last modified, or None if it doesn't exist."""
        entry = self._typed_entry()
        return entry.modified_at if entry is not None and not entry.is_folder else None

    def _typed_entry(self) -> PathEntry | None:
        """Return the entry whose name is typed in full."""
        if self._listing.typed != self.path_input.value:
            return None
        _, name = split_path(self.path_input.value)
        return next((entry for entry in self._listing.entries if entry.name == name), None)

    # --- folder contents ---

    @work(exclusive=True, group="listing", exit_on_error=False)
    async def _list(self, typed: str) -> None:
        self.post_message(_FolderListed(await asyncio.to_thread(list_folder, typed)))

    @on(_FolderListed)
    def _listed(self, message: _FolderListed) -> None:
        listing = message.listing
        if listing.typed != self.path_input.value:
            return
        self._listing = listing
        _, name = split_path(listing.typed)
        nothing = formatting.NOTHING_HERE if name else formatting.EMPTY_FOLDER
        self.files.empty_text = listing.problem or nothing
        self.files.scroll_to(y=0, animate=False, force=True)
        self.files.show(len(listing.entries))
        if self._complete_when_listed:
            self._complete()
        self.post_message(self.PathChanged())

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        return (formatting.entry_row(self._listing.entries[index], width, clock.now()),)

    @on(Input.Changed, "#path")
    def _text_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)
        self.post_message(self.PathChanged())

    # --- keys ---

    def _to_list(self) -> None:
        if self._listing.entries:
            self.screen.set_focus(self.files)

    def _complete_soon(self) -> None:
        if self._listing.typed == self.path_input.value:
            self._complete()
        else:
            # The folder for this text is still being listed.
            self._complete_when_listed = True

    def _complete(self) -> None:
        self._complete_when_listed = False
        typed = complete_path(self.path_input.value, self._listing.entries)
        if typed == self.path_input.value:
            self.screen.focus_next()
        else:
            self._set_text(typed)

    def _set_text(self, typed: str) -> None:
        self.path_input.value = typed
        self.path_input.cursor_position = len(typed)

    @on(VirtualList.RowOpened)
    def _row_opened(self, message: VirtualList.RowOpened) -> None:
        message.stop()
        entries, cursor = self._listing.entries, self.files.cursor
        # Ignore an outdated list: the key can be pressed before the new folder is read.
        if self._listing.typed == self.path_input.value and cursor < len(entries):
            self._open_entry(entries[cursor], is_final=False)

    @on(Input.Submitted, "#path")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        entry = self._typed_entry()
        if self._listing.typed == event.value and event.value.endswith("/"):
            self.screen.set_focus(self.files)
        elif entry is not None:
            self._open_entry(entry, is_final=True)
        else:
            self.post_message(self.Chosen(is_final=True))

    def _open_entry(self, entry: PathEntry, *, is_final: bool) -> None:
        folder, _ = split_path(self.path_input.value)
        if entry.is_folder:
            self._set_text(f"{folder}{entry.name}/")
            self.screen.set_focus(self.files)
        else:
            self._set_text(f"{folder}{entry.name}")
            self.post_message(self.Chosen(is_final=is_final))


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
                    yield LineInput(compact=True, select_on_focus=False, id="date")
                yield ChoiceField("Sheet", formatting.sheets(()), id="sheet")
                for name, label in formatting.COLUMNS.items():
                    yield ChoiceField(label, formatting.columns(()), id=name)
                yield ChoiceField("Delimiter", formatting.DELIMITERS, id="delimiter")
                yield ChoiceField("Encoding", formatting.ENCODINGS, id="encoding")
            yield SafeLabel(id="note")
            with Horizontal(id="buttons"):
                yield ReadyButton("Options", id="more", compact=True)
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

    @on(PathFinder.PathChanged)
    def _update_date_hint(self) -> None:
        at = self.finder.modified_at
        sheet = self._field("sheet")
        if sheet.value != formatting.AUTO and self.finder.path != self._sheets_of:
            # Another file has other sheets, or none.
            sheet.set_value(formatting.AUTO)
            sheet.display = False
        self.date_box.placeholder = (
            f"last modified {formats.typed_date_and_time(at)}" if at else formatting.DATE_HINT
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
