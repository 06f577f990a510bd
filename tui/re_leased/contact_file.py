"""Reads contacts from a CSV file or an Excel workbook exported from Re-Leased."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tui.model.contact_file import ContactFileError, FileContact, FileSource, truncate
from tui.model.reasons import FileNote, FileReason, Notice
from tui.re_leased.column_mapping import detect_layout, map_columns
from tui.re_leased.encoding import open_text
from tui.re_leased.workbook import MOST_ABOVE, Table, is_zip, open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import ContactStatus
    from tui.model.contact_file import FileOptions
    from tui.re_leased.column_mapping import ColumnMapping, Layout
    from tui.re_leased.encoding import LineReader

_LONGEST_FIELD: Final = 10_000
_LONGEST_NAME: Final = 100
_MOST_NAMED: Final = 5


class ContactFile(Struct):
    """An open file: how it was interpreted, and its contacts, which can be read once.

    `skipped_lines` are the lines that aren't contacts, and `deleted_contacts` counts those of contacts that
    were deleted in Re-Leased; complete once all are read.
    """

    source: FileSource
    contacts: Iterator[FileContact]
    skipped_lines: list[int] = field(default_factory=list)
    deleted_contacts: int = 0

    @property
    def notes(self) -> tuple[Notice, ...]:
        """Notes on skipped lines and contacts."""
        notes = []
        count = len(self.skipped_lines)
        if count:
            named = [f"{line:,}" for line in self.skipped_lines[:_MOST_NAMED]]
            lines = ", ".join([*named, "…"] if count > _MOST_NAMED else named)
            notes.append(Notice(FileNote.SKIPPED_LINES, {"count": count, "lines": lines}))
        if self.deleted_contacts:
            notes.append(Notice(FileNote.DELETED_CONTACTS, {"count": self.deleted_contacts}))
        return tuple(notes)


@contextmanager
def open_contact_file(file: Path, options: FileOptions, now: datetime) -> Iterator[ContactFile]:
    """Open a file of contacts. Opening and reading raise `ContactFileError`, which names the line.

    Only a completely read file is valid: the last line may be the wrong one.
    """
    with open_workbook(file, options) if is_zip(file) else _open_csv(file, options) as table:
        exported_at = _export_date(table.changed_at, options, now)
        notes = list(table.notes)
        if table.has_title:
            notes.append(Notice(FileNote.HEADER_BELOW_TITLE, {"line": table.header_line}))
        source = FileSource(_name(file), table.digest, exported_at, tuple(notes))
        opened = ContactFile(source, iter(()))
        opened.contacts = _contacts(table.records, options, opened)
        yield opened


@contextmanager
def _open_csv(file: Path, options: FileOptions) -> Iterator[Table]:
    with open_text(file, options.encoding) as text:
        if options.sheet:
            raise ContactFileError(FileReason.NO_SHEETS)
        head = text.lines.peek(max(MOST_ABOVE, options.header_row or 0))
        layout = detect_layout(head, options)
        yield Table(
            records=csv_records(text.lines, layout),
            header_line=layout.lines_above + 1,
            has_title=layout.has_title,
            digest=text.digest,
            changed_at=text.changed_at,
            notes=text.notes,
        )


def _export_date(changed_at: datetime, options: FileOptions, now: datetime) -> datetime:
    """Return the latest possible time of the export."""
    if options.exported_at is not None:
        if options.exported_at > now:
            raise ContactFileError(FileReason.FUTURE_EXPORT_DATE)
        if options.exported_at > changed_at:
            raise ContactFileError(FileReason.EXPORT_DATE_AFTER_CHANGE, modified_at=changed_at)
        return options.exported_at
    if changed_at > now:
        raise ContactFileError(FileReason.FUTURE_FILE_DATE, modified_at=changed_at)
    return changed_at


def _contacts(
    records: Iterator[tuple[int, list[str]]], options: FileOptions, opened: ContactFile
) -> Iterator[FileContact]:
    line, header = next(records, (1, []))
    if not header:
        raise ContactFileError(FileReason.BLANK)
    columns = map_columns(header, options, line)
    is_empty = True
    for line, record in records:
        # Reports repeat their header on each page.
        if record == header:
            continue
        if columns.is_deleted_contact(record):
            opened.deleted_contacts += 1
            continue
        if columns.is_summary_row(record):
            opened.skipped_lines.append(line)
            continue
        is_empty = False
        yield _contact(line, record, columns, options)
    if is_empty:
        raise ContactFileError(FileReason.NO_CONTACTS)


def csv_records(lines: LineReader, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield each record from the header on, with its first line number, skipping blank ones.

    Raises `ContactFileError`.
    """
    for _ in range(layout.lines_above):
        next(lines)
    lines.end_record()
    reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            is_stray = "expected after" in str(error)
            reason = FileReason.STRAY_QUOTE if is_stray else FileReason.INVALID_CSV
            raise ContactFileError(reason, line=lines.record_line, problem=str(error)) from error
        if record is None:
            return
        line = lines.record_line
        lines.end_record()
        # Spreadsheets add lines of delimiters after the last contact.
        if any(map(str.strip, record)):
            yield line, record


def _contact(line: int, record: list[str], columns: ColumnMapping, options: FileOptions) -> FileContact:
    _check_width(line, record, columns)
    if max(map(len, record)) > _LONGEST_FIELD:
        raise ContactFileError(FileReason.FIELD_TOO_LONG, line=line, most=_LONGEST_FIELD)
    xero_id, name, email, re_leased_id = (
        columns.cell(record, place)
        for place in (columns.xero_id, columns.name, columns.email, columns.re_leased_id)
    )
    return FileContact(line, _status(line, record, columns, options), xero_id, name, email, re_leased_id)


def _check_width(line: int, record: Sequence[str], columns: ColumnMapping) -> None:
    """Reject a record with more fields than columns, unless the extra cells are blank.

    One with fewer is complete: its last cells are blank. Text after a space, as in `Smith, John`, is the rest
    of a field that was split at the delimiter.
    """
    extra_cells = record[columns.width :]
    is_split = extra_cells and any(cell.startswith(" ") and cell.strip() for cell in record)
    if is_split or any(map(str.strip, extra_cells)):
        raise ContactFileError(FileReason.TOO_MANY_FIELDS, line=line, fields=len(record), width=columns.width)


def _status(line: int, record: Sequence[str], columns: ColumnMapping, options: FileOptions) -> ContactStatus:
    word = columns.cell(record, columns.status)
    found = columns.read_status(word)
    stated = options.status
    if found is not None and stated not in {None, found}:
        raise ContactFileError(
            FileReason.OTHER_STATUS, line=line, word=truncate(word), status=stated.value.lower()
        )
    # If the user gave the status, a column that just happens to match may have other values.
    if found is None and not options.status_column:
        found = stated
    if found is None and columns.status >= len(record):
        raise ContactFileError(FileReason.TOO_FEW_FIELDS, line=line, fields=len(record), width=columns.width)
    if found is None and not word.strip():
        raise ContactFileError(FileReason.NO_STATUS, line=line)
    if found is None:
        raise ContactFileError(FileReason.UNKNOWN_STATUS, line=line, word=truncate(word))
    return found


def _name(file: Path) -> str:
    """Return the file's name as valid text."""
    return file.name.encode(errors="replace").decode()[:_LONGEST_NAME]
