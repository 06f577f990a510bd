"""Reads the rows of an Excel workbook (.xlsx).

A row is a line of the file, as in CSV: the same code finds the header, the columns and the contacts. Time and
memory are bounded for any file.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact_file import ContactFileError, truncate
from tui.model.reasons import FileNote, FileReason, Notice
from tui.re_leased.column_mapping import HeaderCandidate, find_header
from tui.re_leased.encoding import modification_time, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from python_calamine import CalamineWorkbook

    from tui.model.contact_file import FileOptions

#: The most lines of titles, dates and filters above the header.
MOST_ABOVE: Final = 40
_ZIP: Final = b"PK\x03\x04"
_CONTENT: Final = "xl/workbook.xml"
# In bytes, unpacked.
_MOST_UNPACKED: Final = 500_000_000
# Of all sheets, blank cells included: each takes memory for the whole rectangle up to its last cell.
_MOST_CELLS: Final = 10_000_000
_CHUNK: Final = 1 << 20
# The start of a row or cell, and its position, which nearly all programs write first.
_START: Final = re.compile(rb"<(?:[\w.-]{1,20}:)?(?:row|c)(?=[\s/>])")
_START_WITH_POSITION: Final = re.compile(rb"<(?:[\w.-]{1,20}:)?(?:row|c)\sr=\"([A-Za-z]{0,3})([0-9]{1,10})\"")
_STARTS_AND_POSITIONS: Final = re.compile(
    rb"<(?:[\w.-]{1,20}:)?(?:(?P<row>row)|(?P<cell>c))(?=[\s/>])"
    rb"|\sr\s{0,9}=\s{0,9}[\"'](?P<letters>[A-Za-z]{0,3})(?P<number>[0-9]{1,10})[\"']"
)
# The start of a comment, or of other text that isn't elements.
_HIDDEN: Final = b"<!"
_LONGEST_START: Final = 4_096
# The element around all rows.
_CELLS: Final = b"sheetData"
_LETTERS: Final = 26


class Table(Struct, frozen=True):
    """The records of an open file from its header on, each with its line number, and how it was read."""

    records: Iterator[tuple[int, list[str]]]
    header_line: int
    has_title: bool
    digest: str
    changed_at: datetime
    notes: tuple[Notice, ...] = ()


def is_zip(file: Path) -> bool:
    """Return whether a file starts as workbooks do. Raises `ContactFileError` if it can't be opened."""
    try:
        with open_file(file) as stream:
            return stream.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise _unreadable(error) from error


@contextmanager
def open_workbook(file: Path, options: FileOptions) -> Iterator[Table]:
    """Open the sheet with contacts: the one that the user chose, or the only one with a known header.

    Raises `ContactFileError`.
    """
    content, changed_at = _read(file)
    _check_content(content)
    from python_calamine import CalamineWorkbook

    with _valid_workbook(), CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        sheet, notes = _choose_sheet(workbook, options)
        if sheet.header is None:
            row = options.header_row
            raise (
                ContactFileError(FileReason.BLANK)
                if row is None
                else ContactFileError(FileReason.NO_HEADER_ROW, line=row)
            )
        yield Table(
            records=sheet.records(),
            header_line=sheet.header.line + 1,
            has_title=sheet.has_title,
            digest=hashlib.sha256(content).hexdigest(),
            changed_at=changed_at,
            notes=notes,
        )


class _Sheet(Struct, frozen=True):
    """A visible sheet, and the row that looks most like a header, if it has any content."""

    name: str
    rows: Iterator[Sequence[object]]
    head: list[list[str]]
    header: HeaderCandidate | None

    @property
    def has_title(self) -> bool:
        """Whether there is anything above the header."""
        above = self.head[: self.header.line] if self.header else ()
        return any(cell.strip() for row in above for cell in row)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows from the header on with their numbers, skipping blank ones."""
        start = self.header.line if self.header else 0
        for index, row in enumerate(self.head[start:], start + 1):
            if any(map(str.strip, row)):
                yield index, row
        for index, values in enumerate(self.rows, len(self.head) + 1):
            row = [_cell_text(value) for value in values]
            if any(map(str.strip, row)):
                yield index, row


def _choose_sheet(workbook: CalamineWorkbook, options: FileOptions) -> tuple[_Sheet, tuple[Notice, ...]]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    names = [
        found.name
        for found in workbook.sheets_metadata
        if found.typ == SheetTypeEnum.WorkSheet and found.visible == SheetVisibleEnum.Visible
    ]
    if options.sheet:
        wanted = options.sheet.strip().casefold()
        chosen = [name for name in names if name.strip().casefold() == wanted]
        if len(chosen) != 1:
            raise ContactFileError(
                FileReason.UNKNOWN_SHEET, name=truncate(options.sheet), sheets=names or ["…"]
            )
        return _sheet(workbook, chosen[0], options), ()
    if not names:
        raise ContactFileError(FileReason.BLANK)
    sheets = [_sheet(workbook, name, options) for name in names]
    filled = [sheet for sheet in sheets if sheet.header is not None] or sheets[:1]
    known = [sheet for sheet in filled if sheet.header is not None and sheet.header.known > 0] or filled
    if len(known) > 1:
        raise ContactFileError(FileReason.SEVERAL_SHEETS, sheets=[sheet.name for sheet in known])
    notes = (Notice(FileNote.READ_SHEET, {"sheet": truncate(known[0].name)}),) if len(filled) > 1 else ()
    return known[0], notes


def _sheet(workbook: CalamineWorkbook, name: str, options: FileOptions) -> _Sheet:
    rows = workbook.get_sheet_by_name(name).iter_rows()
    most = max(MOST_ABOVE, options.header_row or 0)
    head = [[_cell_text(value) for value in row] for row in islice(rows, most)]
    start = 0 if options.header_row is None else options.header_row - 1
    header = find_header(enumerate(head[start:], start), options)
    return _Sheet(name, rows, head, header)


def _cell_text(value: object) -> str:
    """Return a cell's value as it would be in a CSV file."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


# --- the file ---


def _read(file: Path) -> tuple[bytes, datetime]:
    """Return a file's content and when it was last modified."""
    try:
        with open_file(file) as stream:
            before = os.fstat(stream.fileno())
            content = stream.read()
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise _unreadable(error) from error
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, len(content)):
        raise ContactFileError(FileReason.CHANGED)
    return content, modification_time(before)


def _unreadable(error: OSError) -> ContactFileError:
    return ContactFileError(FileReason.CANT_READ, problem=error.strerror or type(error).__name__)


@contextmanager
def _valid_workbook() -> Iterator[None]:
    """Raise `ContactFileError` for any error of the workbook reader, even a panic."""
    try:
        yield
    except (ContactFileError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if not type(error).__module__.startswith(("python_calamine", "pyo3_runtime")):
            raise
        raise ContactFileError(FileReason.EXCEL) from None


def _check_content(content: bytes) -> None:
    """Check that this is a workbook, and its unpacked size, before memory is allocated for it."""
    unpacked = cells = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if _CONTENT not in archive.namelist():
                raise ContactFileError(FileReason.EXCEL)
            for entry in archive.infolist():
                extent = _Extent()
                with archive.open(entry) as stream:
                    while chunk := stream.read(_CHUNK):
                        unpacked += len(chunk)
                        if unpacked > _MOST_UNPACKED:
                            raise ContactFileError(
                                FileReason.TOO_LARGE, megabytes=_MOST_UNPACKED // 1_000_000
                            )
                        if cells + extent.add(chunk) > _MOST_CELLS:
                            raise ContactFileError(FileReason.TOO_MANY_CELLS, most=_MOST_CELLS)
                    cells += extent.add(b"")
    except ContactFileError:
        raise
    # Whatever is wrong with it: a wrong checksum, a password, an unknown compression.
    except Exception:  # noqa: BLE001 - see above
        raise ContactFileError(FileReason.EXCEL) from None


class _Extent:
    """An upper bound for the last row and column of a sheet read in chunks: cells in comments count, too."""

    def __init__(self) -> None:
        self._rest = b""
        self._row = self._column = self._widest = 0
        self._has_cells = False
        self._is_plain = True

    def add(self, chunk: bytes) -> int:
        """Add a chunk, the last of which is empty; return how many cells there are at most so far."""
        text = self._rest + chunk
        if not self._has_cells:
            # Other parts of a workbook have rows and cells of another kind.
            start = text.find(_CELLS)
            if start < 0:
                self._rest = text[-_LONGEST_START:]
                return 0
            self._has_cells = True
            text = text[start:]
        # The last element can continue in the next chunk.
        end = text.rfind(b"<") if chunk else len(text)
        end = end if len(text) - end < _LONGEST_START else len(text)
        text, self._rest = text[:end], text[end:]
        starts = _START.findall(text)
        positions = _START_WITH_POSITION.findall(text)
        self._is_plain = self._is_plain and _HIDDEN not in text
        if len(starts) == len(positions) and self._is_plain:
            self._row = max(self._row, *map(int, {number for _, number in positions}), 0)
            self._column = max(map(_column_number, {letters for letters, _ in positions}), default=0)
            self._widest = max(self._widest, self._column)
        else:
            self._count(text)
        return self._row * self._widest

    def _count(self, text: bytes) -> None:
        """Count rows and cells, some of which have no position."""
        for found in _STARTS_AND_POSITIONS.finditer(text):
            if found["row"]:
                self._row += 1
                # A comment can contain what looks like the start of a row.
                self._column = 0 if self._is_plain else self._column
            elif found["cell"]:
                self._column += 1
            else:
                self._row = max(self._row, int(found["number"]))
                self._column = max(self._column, _column_number(found["letters"]))
            self._widest = max(self._widest, self._column)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * _LETTERS + letter - ord("A") + 1
    return number
