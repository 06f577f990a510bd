"""Reads lists of contacts to change: CSV files, Excel workbooks, and lists with one contact per line."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui import messages
from tui.cli import output
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import command_error
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileOptions
from tui.model.reasons import FileReason
from tui.re_leased.column_mapping import detect_layout, map_columns
from tui.re_leased.contact_file import csv_records
from tui.re_leased.encoding import open_text
from tui.re_leased.workbook import MOST_ABOVE, is_zip, open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STDIN: Final = Path("-")
# The action says which status the contacts have; a status column isn't needed.
_OPTIONS: Final = FileOptions(status=ContactStatus.ACTIVE)


class _Columns(Struct, frozen=True):
    """The places of the ContactID and the name; -1 if there is no such column."""

    contact_id: int
    name: int

    def text(self, record: Sequence[str]) -> str:
        """Return how a record names its contact: by the ContactID if it has one; empty if by nothing."""
        cells = (record[place] if 0 <= place < len(record) else "" for place in (self.contact_id, self.name))
        return next((cell.strip() for cell in cells if cell.strip()), "")


def read_contact_list(file: Path) -> Sequence[str]:
    """Return the ContactIDs or names that a file lists, each once; `-` is standard input.

    A table needs a column with ContactIDs or names; its columns are found by their titles in the first line.
    Anything else is a list with one contact per line. Raises `ClickException`.
    """
    try:
        if file == _STDIN:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "stdin"
                with copy.open("xb") as target:
                    target.write(sys.stdin.buffer.read())
                return _read(copy)
        return _read(file)
    except ContactFileError as error:
        named = "standard input" if file == _STDIN else str(file)
        text = f"{named}: {messages.in_full(error)} Nothing changed."
        raise command_error(text, ExitCode.USAGE) from error


def _read(file: Path) -> Sequence[str]:
    listed = _workbook(file) if is_zip(file) else _text(file)
    texts = tuple(dict.fromkeys(text for text in listed if text))
    if not texts:
        raise ContactFileError(FileReason.BLANK)
    return texts


def _workbook(file: Path) -> Iterator[str]:
    with open_workbook(file, _OPTIONS) as table:
        line, first = next(table.records, (1, []))
        columns = _columns(first, line)
        if columns is None:
            if sum(map(bool, map(str.strip, first))) > 1:
                raise ContactFileError(FileReason.NO_CONTACT_COLUMN, line=line, columns=first)
            # One column without a title.
            columns = _Columns(-1, next(place for place, cell in enumerate(first) if cell.strip()))
            yield columns.text(first)
        for _, record in table.records:
            yield columns.text(record)


def _text(file: Path) -> Iterator[str]:
    with open_text(file) as text:
        for notice in text.notes:
            output.note(messages.message(notice))
        layout = detect_layout(text.lines.peek(MOST_ABOVE), _OPTIONS)
        columns = None
        if not layout.has_title:
            head = text.lines.peek(layout.lines_above + 1)[layout.lines_above :]
            columns = _columns(head[0].strip().split(layout.delimiter), 1) if head else None
        if columns is None:
            for line in text.lines:
                text.lines.end_record()
                yield line.strip()
            return
        records = csv_records(text.lines, layout)
        next(records, None)
        for _, record in records:
            yield columns.text(record)


def _columns(header: Sequence[str], line: int) -> _Columns | None:
    """Find the columns; None if this isn't a header."""
    try:
        found = map_columns([cell.strip().strip('"') for cell in header], _OPTIONS, line)
    except ContactFileError as error:
        if error.reason is FileReason.NO_CONTACT_COLUMN:
            return None
        raise
    return None if found.xero_id < 0 and found.name < 0 else _Columns(found.xero_id, found.name)
