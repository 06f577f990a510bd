"""Reads contacts from a CSV file exported from Re-Leased, whatever wrote it."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui.model.contact_file import ContactFileError, FileContact, FileSource, Trouble
from tui.released.file_columns import columns_of, delimiter_of, shortened
from tui.released.file_text import open_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import ContactStatus
    from tui.model.contact_file import FileOptions
    from tui.released.file_columns import Columns
    from tui.released.file_text import FileText, Lines

_LONGEST_FIELD: Final = 10_000
_LONGEST_NAME: Final = 100
# Spreadsheets take such a first line as an order, and nothing else does.
_DELIMITER_LINE: Final = "sep="


class ContactFile(Struct):
    """An open file: how it was understood, and its contacts, which can be read once."""

    source: FileSource
    contacts: Iterator[FileContact]


@contextmanager
def open_contact_file(file: Path, options: FileOptions, now: datetime) -> Iterator[ContactFile]:
    """Open a file of contacts. Opening and reading raise `ContactFileError`, which names the line.

    A reader that didn't come to the end has learnt nothing: the last line can be the wrong one.
    """
    with open_text(file, options.encoding) as text:
        dated = _dated(text, options, now)
        source = FileSource(_name(file), text.digest, dated, text.notes)
        yield ContactFile(source, _contacts(text.lines, options))


def _dated(text: FileText, options: FileOptions, now: datetime) -> datetime:
    """Return the file's date: a moment at which it can have been exported, and no later one."""
    if options.dated is not None:
        if options.dated > now:
            raise ContactFileError(
                "The date is in the future.", "Say when the file was exported.", trouble=Trouble.DATE
            )
        if options.dated > text.changed_at:
            raise ContactFileError(
                f"The file was last changed on {_shown(text.changed_at)}: it can't have been exported later.",
                "Say when it was exported.",
                trouble=Trouble.DATE,
            )
        return options.dated
    if text.changed_at > now:
        raise ContactFileError(
            f"The file's own date, {_shown(text.changed_at)}, is in the future.",
            "Say when it was exported, with --dated.",
            trouble=Trouble.DATE,
        )
    return text.changed_at


def _contacts(lines: Lines, options: FileOptions) -> Iterator[FileContact]:
    first = next(lines, "")
    if first.casefold().startswith(_DELIMITER_LINE):
        told = first[len(_DELIMITER_LINE) :].rstrip("\r\n")
        options = replace(options, delimiter=options.delimiter or told)
        lines.end_record()
        first = next(lines, "")
    records = _records(chain([first], lines), lines, delimiter_of(first, options))
    line, header = next(records, (1, []))
    if not header:
        raise ContactFileError("The file is blank.", "Export it again.")
    columns = columns_of(header, options, line)
    line = 0
    for line, record in records:
        yield _contact(line, record, columns, options)
    if not line:
        raise ContactFileError("There is nothing below the names of the columns.", "Export it again.")


def _records(texts: Iterable[str], lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the line it begins on, blank ones aside."""
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ContactFileError(
                f"it can't be read as CSV ({error}).", "Export the file again.", line=lines.record
            ) from error
        if record is None:
            return
        line = lines.record
        lines.end_record()
        # Spreadsheets leave lines of delimiters behind the last contact.
        if any(map(str.strip, record)):
            yield line, record


def _contact(line: int, record: Sequence[str], columns: Columns, options: FileOptions) -> FileContact:
    if len(record) != columns.width:
        raise ContactFileError(
            f"it has {_fields(len(record))}, and there are {columns.width:,} columns.",
            "A field that holds the delimiter needs quotation marks around it.",
            line=line,
        )
    if max(map(len, record)) > _LONGEST_FIELD:
        raise ContactFileError(f"a field has more than {_LONGEST_FIELD:,} characters.", line=line)
    xero_id, name, email, released_id = (
        record[place].strip() if place >= 0 else ""
        for place in (columns.xero_id, columns.name, columns.email, columns.released_id)
    )
    return FileContact(line, _status(line, record, columns, options), xero_id, name, email, released_id)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"


def _status(line: int, record: Sequence[str], columns: Columns, options: FileOptions) -> ContactStatus:
    word = record[columns.status] if columns.status >= 0 else ""
    found = columns.read_status(word)
    told = options.status
    if found is not None and told not in {None, found}:
        raise ContactFileError(
            f"it says “{shortened(word)}”, but all were said to be {told.value.lower()}.",
            "Leave that option away, or choose another file.",
            line=line,
            trouble=Trouble.STATUS,
        )
    # A column that only happens to be called so needn't make sense where a person has told.
    if found is None and not options.status_column:
        found = told
    if found is None:
        raise ContactFileError(
            f"“{shortened(word)}” is no status that is known." if word.strip() else "it has no status.",
            "It can be Active or Archived, or Yes and No in a column called Archived.",
            line=line,
            trouble=Trouble.STATUS,
        )
    return found


def _name(file: Path) -> str:
    """Return the file's name as text that can be stored, whatever bytes it is made of."""
    return file.name.encode(errors="replace").decode()[:_LONGEST_NAME]


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone():%d %b %Y at %H:%M}"
