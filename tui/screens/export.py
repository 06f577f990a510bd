"""Export contacts of the list to a file: which ones, in which format, with which columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Button

from tui.actions import bindings, error_message
from tui.messages.contact_export import contact_export
from tui.messages.formats import file_date, format_number, pluralize
from tui.model.errors import ReshelveError
from tui.model.query import Query, Tab
from tui.model.tables import ExportCancelledError, TableFormat
from tui.screens.dialogs.ask import ChooseScreen, FileNameScreen
from tui.widgets.inputs import ChoiceField
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.worker import Worker

    from tui.model.columns import ColumnKey
    from tui.model.contact import Organisation
    from tui.model.services import Backend
    from tui.model.tables import ContactExport

_FORMATS: Final = {
    TableFormat.CSV.value: "CSV, for any spreadsheet program",
    TableFormat.EXCEL.value: "Excel (.xlsx)",
    TableFormat.JSON.value: "JSON",
}
_SHOWN, _ALL = "shown", "all"
_COLUMNS: Final = {_SHOWN: "as in the list", _ALL: "all columns"}
_SELECTED, _LISTED = "selected", "listed"
_WORKING: Final = "{done:,} of {total} exported. {cancel} cancels."
_FINISHING: Final = "Finishing the file… {cancel} cancels."
_CANCELLED: Final = "Cancelled. Nothing was saved."
_CANCELLING: Final = "Cancelling…"
_UPDATE_SECONDS: Final = 0.2
_LONGEST_NAME: Final = 20


def suggested_file(organisation: Organisation, today: datetime) -> Path:
    """Return where to save by default: a file with the organisation's name and the date in its name."""
    name = ""
    for word in re.findall(r"\w+", organisation.name.casefold()):
        if name and len(name) + len(word) >= _LONGEST_NAME:
            break
        name += f"-{word[:_LONGEST_NAME]}"
    return Path.home() / f"reshelve-contacts{name}-{file_date(today)}.csv"


@dataclass
class _ExportEnded(Message, bubble=False):
    """The export has ended: with a number of contacts, or with a note of why nothing was saved."""

    file: Path
    count: int | None = None
    note: str = ""
    style: str = "$text-error"


class ExportScreen(FileNameScreen):
    """Ask what to export and where to, and export it; the result is the file, or None.

    `listed` is how many contacts the list has, which are those of the query. With `is_alone` it shows the
    selected ones alone, which may be fewer than are selected, as it has one tab. Problems are shown here, so
    that another file can be chosen. `count` is how many contacts were exported.
    """

    CSS_PATH: ClassVar = ["dialogs/dialog.tcss", "dialogs/file_name.tcss", "export.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        *bindings("cancel"),
    ]

    def __init__(
        self,
        backend: Backend,
        query: Query,
        *,
        listed: int,
        selected: Collection[str],
        is_alone: bool,
        columns: Sequence[ColumnKey],
        now: datetime,
    ) -> None:
        super().__init__("", suggested_file(backend.snapshot.organisation, now))
        self.backend = backend
        self._query = query
        self._listed = listed
        self._selected = selected
        self._is_alone = is_alone
        self._shown_columns = columns
        self.count = 0
        self._worker: Worker[None] | None = None
        self._timer: Timer | None = None
        self._done = 0
        self._is_cancelled = False

    def compose_above(self) -> ComposeResult:
        """Lay out the choices."""
        contacts = {_LISTED: f"all {format_number(self._listed)} in this list"}
        if self._selected:
            contacts = {_SELECTED: f"{format_number(len(self._selected))} selected", **contacts}
        with Vertical(id="choices"):
            if len(contacts) > 1:
                yield ChoiceField("Contacts", contacts, id="contacts")
            yield ChoiceField("Format", _FORMATS, id="format")
            yield ChoiceField("Columns", _COLUMNS, id="columns")
        yield SafeLabel("Save as:", id="save-as")

    def on_mount(self) -> None:
        """Show how many contacts are exported."""
        self._update_title()

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", ChoiceField).value

    @property
    def _is_selected(self) -> bool:
        return bool(self._selected) and self._value("contacts") == _SELECTED

    @property
    def _total(self) -> int:
        return len(self._selected) if self._is_selected else self._listed

    def _update_title(self) -> None:
        self.query_one(".dialog").border_title = f"Export {pluralize(self._total, 'contact')}"

    @on(ChoiceField.Wanted)
    def _choose_value(self, message: ChoiceField.Wanted) -> None:
        field = message.picker

        def answered(answer: str | None) -> None:
            if answer is not None:
                field.set_value(answer)
                self._update_title()
                if field.id == "format":
                    self._change_ending(answer)

        self.open_screen(ChooseScreen(f"{field.label}…", (), field.answers, first=field.value), answered)

    def _change_ending(self, ending: str) -> None:
        """Replace the ending of the file's name, unless it is one of the user's own."""
        stem, dot, old = self.name_box.value.rpartition(".")
        if dot and old in _FORMATS:
            self.name_box.value = f"{stem}.{ending}"

    def _wanted(self) -> ContactExport:
        query = self._query
        if self._is_selected:
            # Whichever tab they are on.
            query = Query(Tab.ALL, sort=query.sort)
        return contact_export(
            query,
            TableFormat(self._value("format")),
            currency=self.backend.snapshot.organisation.base_currency,
            contact_ids=self._selected if self._is_selected or self._is_alone else None,
            columns=self._shown_columns if self._value("columns") == _SHOWN else None,
        )

    # --- exporting ---

    def save(self, file: Path) -> None:
        """Export to this file."""
        if self._worker is not None:
            return
        self._done, self._is_cancelled = 0, False
        self._set_busy(on=True)
        self._worker = self.start(partial(self._export, self._wanted(), file), "export")
        self._timer = self.set_interval(_UPDATE_SECONDS, self._show_progress)
        self._show_progress()

    async def _export(self, wanted: ContactExport, file: Path) -> None:
        try:
            count = await self.backend.contacts.export(wanted, file, self._report)
        except ExportCancelledError:
            self.post_message(_ExportEnded(file, note=_CANCELLED, style="$text-muted"))
        except ReshelveError as error:
            self.post_message(_ExportEnded(file, note=error_message(self.app, error)))
        except Exception:
            self.post_message(_ExportEnded(file))
            raise
        else:
            self.post_message(_ExportEnded(file, count))

    def _report(self, done: int, _: int) -> bool:
        """Note the progress; called in a thread."""
        self._done = done
        return not self._is_cancelled

    def _show_progress(self) -> None:
        cancel = self.key("cancel")
        if self._is_cancelled:
            text = _CANCELLING
        elif self._done < self._total:
            text = _WORKING.format(done=self._done, total=pluralize(self._total, "contact"), cancel=cancel)
        else:
            text = _FINISHING.format(cancel=cancel)
        self.show_note(text, "$text-accent")

    def _set_busy(self, *, on: bool) -> None:
        for widget in (*self.query(ChoiceField), self.name_box, self.query_one("#confirm", Button)):
            widget.disabled = on
        if on:
            self.set_focus(self.query_one("#cancel"))
        else:
            self.set_focus(self.name_box)

    @on(_ExportEnded)
    def _ended(self, message: _ExportEnded) -> None:
        self._worker = None
        if self._timer is not None:
            self._timer.stop()
        if message.count is not None:
            self.count = message.count
            self.dismiss(message.file)
            return
        self._set_busy(on=False)
        self.show_note(message.note, message.style)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Cancel the export that runs, or close the dialog."""
        if self._worker is None:
            self.dismiss(None)
        else:
            self._is_cancelled = True
            self._show_progress()
