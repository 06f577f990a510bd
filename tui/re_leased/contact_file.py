"""Reads contacts from a CSV file exported from Re-Leased, whatever wrote it."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tui.model.contact_file import ContactFileError, FileContact, FileProblem, FileSource
from tui.re_leased.column_mapping import columns_of, layout_of, shortened
from tui.re_leased.encoding import open_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import ContactStatus
    from tui.model.contact_file import FileOptions
    from tui.re_leased.column_mapping import ColumnMapping, Layout
    from tui.re_leased.encoding import FileText, Lines

_LONGEST_FIELD: Final = 10_000
_LONGEST_NAME: Final = 100
# Titles, dates and filters above the names of the columns take no more lines than this.
_MOST_ABOVE: Final = 40
_MOST_NAMED: Final = 5


class ContactFile(Struct):
    """An open file: how it was understood, and its contacts, which can be read once.

    `remarks` are the lines that were left out, as they are about no contact; known once all are read.
    """

    source: FileSource
    contacts: Iterator[FileContact]
    remarks: list[int] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was left out."""
        if not self.remarks:
            return ()
        named = ", ".join(f"{line:,}" for line in self.remarks[:_MOST_NAMED])
        more = " and more" if len(self.remarks) > _MOST_NAMED else ""
        what = "Line {} isn't a contact" if len(self.remarks) == 1 else "Lines {} aren't contacts"
        return (f"{what.format(named + more)}, but a total or a remark: left out.",)


@contextmanager
def open_contact_file(file: Path, options: FileOptions, now: datetime) -> Iterator[ContactFile]:
    """Open a file of contacts. Opening and reading raise `ContactFileError`, which names the line.

    A reader that didn't come to the end has learnt nothing: the last line can be the wrong one.
    """
    with open_text(file, options.encoding) as text:
        dated = _dated(text, options, now)
        layout = layout_of(text.lines.peek(_MOST_ABOVE), options)
        notes = (f"The names of the columns are on line {layout.above + 1}.",) if layout.has_title else ()
        source = FileSource(_name(file), text.digest, dated, (*text.notes, *notes))
        remarks: list[int] = []
        yield ContactFile(source, _contacts(text.lines, layout, options, remarks), remarks)


def _dated(text: FileText, options: FileOptions, now: datetime) -> datetime:
    """Return the file's date: a moment at which it can have been exported, and no later one."""
    if options.dated is not None:
        if options.dated > now:
            raise ContactFileError(
                "The date is in the future.", "Say when the file was exported.", trouble=FileProblem.DATE
            )
        if options.dated > text.changed_at:
            raise ContactFileError(
                f"The file was last changed on {_shown(text.changed_at)}: it can't have been exported later.",
                "Say when it was exported.",
                trouble=FileProblem.DATE,
            )
        return options.dated
    if text.changed_at > now:
        raise ContactFileError(
            f"The file's own date, {_shown(text.changed_at)}, is in the future.",
            "Say when it was exported, with --dated.",
            trouble=FileProblem.DATE,
        )
    return text.changed_at


def _contacts(
    lines: Lines, layout: Layout, options: FileOptions, remarks: list[int]
) -> Iterator[FileContact]:
    for _ in range(layout.above):
        next(lines)
    lines.end_record()
    records = _records(lines, layout.delimiter)
    line, header = next(records, (1, []))
    if not header:
        raise ContactFileError("The file is blank.", "Export it again.")
    columns = columns_of(header, options, line)
    is_empty = True
    for line, record in records:
        # Reports repeat their header on each page.
        if record == header:
            continue
        if columns.is_remark(record):
            remarks.append(line)
            continue
        is_empty = False
        yield _contact(line, record, columns, options)
    if is_empty:
        raise ContactFileError("There is nothing below the names of the columns.", "Export it again.")


def _records(lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the line it begins on, blank ones aside."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ContactFileError(
                f"it can't be read as CSV ({error}).", _advice(str(error)), line=lines.record
            ) from error
        if record is None:
            return
        line = lines.record
        lines.end_record()
        # Spreadsheets leave lines of delimiters behind the last contact.
        if any(map(str.strip, record)):
            yield line, record


def _advice(error: str) -> str:
    if "expected after" in error:
        return (
            "A quotation mark within a field has to be doubled. Correct that line, or export the file again."
        )
    return "A quotation mark there is never closed. Correct that line, or export the file again."


def _contact(line: int, record: list[str], columns: ColumnMapping, options: FileOptions) -> FileContact:
    _check_width(line, record, columns)
    if max(map(len, record)) > _LONGEST_FIELD:
        raise ContactFileError(
            f"a field has more than {_LONGEST_FIELD:,} characters.",
            "Leave that column out of the export, or shorten the field.",
            line=line,
        )
    xero_id, name, email, released_id = (
        columns.cell(record, place)
        for place in (columns.xero_id, columns.name, columns.email, columns.released_id)
    )
    return FileContact(line, _status(line, record, columns, options), xero_id, name, email, released_id)


def _check_width(line: int, record: Sequence[str], columns: ColumnMapping) -> None:
    """Refuse a record with more fields than columns, unless a spreadsheet has added blank cells.

    One with fewer is whole: its last cells are blank. Text after a space, as in `Smith, John`, is the rest
    of a field that was torn at the delimiter.
    """
    beyond = record[columns.width :]
    is_torn = beyond and any(cell.startswith(" ") and cell.strip() for cell in record)
    if is_torn or any(map(str.strip, beyond)):
        raise ContactFileError(
            f"it has {_fields(len(record))}, and there are {columns.width:,} columns.",
            "A field that holds the delimiter needs quotation marks around it, and every column a name.",
            line=line,
        )


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"


def _status(line: int, record: Sequence[str], columns: ColumnMapping, options: FileOptions) -> ContactStatus:
    word = columns.cell(record, columns.status)
    found = columns.read_status(word)
    told = options.status
    if found is not None and told not in {None, found}:
        raise ContactFileError(
            f"it says “{shortened(word)}”, but all were said to be {told.value.lower()}.",
            "Leave that option away, or choose another file.",
            line=line,
            trouble=FileProblem.STATUS,
        )
    # A column that only happens to be called so needn't make sense where a person has told.
    if found is None and not options.status_column:
        found = told
    if found is None and columns.status >= len(record):
        raise ContactFileError(
            f"it has {_fields(len(record))}, and there are {columns.width:,} columns.",
            "Its status is missing. A field that holds a line break needs quotation marks around it.",
            line=line,
            trouble=FileProblem.STATUS,
        )
    if found is None:
        raise ContactFileError(
            f"“{shortened(word)}” is no status that is known." if word.strip() else "it has no status.",
            "It can be Active or Archived, or Yes and No in a column called Archived.",
            line=line,
            trouble=FileProblem.STATUS,
        )
    return found


def _name(file: Path) -> str:
    """Return the file's name as text that can be stored, whatever bytes it is made of."""
    return file.name.encode(errors="replace").decode()[:_LONGEST_NAME]


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone():%d %b %Y at %H:%M}"
