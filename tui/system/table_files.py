"""Writes tables as CSV, Excel workbooks and JSON, row by row: memory doesn't grow with their length.

In CSV, no cell is evaluated as a formula by spreadsheets; amounts aren't changed by that. In workbooks, texts
stay texts whatever they look like.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tui.model.errors import ReshelveError
from tui.model.reasons import SystemReason
from tui.model.tables import TableFormat
from tui.system.user_files import CSV_ENCODING, csv_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from tui.model.tables import Cell, TableColumn

#: The most rows below the titles of an Excel sheet.
MOST_EXCEL_ROWS: Final = 1_048_575
_EXCEL_TIME: Final = "yyyy-mm-dd hh:mm:ss"
_EXCEL_AMOUNT: Final = "#,##0.00"
# In characters of a usual font.
_WIDE, _NARROW = 32, 18
# XML can't have most of them, and none means anything in a name.
_UNWANTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
# Half a character, which UTF-8 can't have.
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def write_table(
    stream: BinaryIO,
    table_format: TableFormat,
    columns: Sequence[TableColumn],
    rows: Iterable[Sequence[Cell]],
    sheet: str = "Contacts",
) -> int:
    """Write the titles and the rows; returns how many rows. Blocks. `sheet` names a workbook's sheet.

    Raises `OSError` if the file can't be written, `ReshelveError` for more rows than a workbook can have, and
    whatever `rows` raises.
    """
    if table_format is TableFormat.EXCEL:
        return _write_excel(stream, columns, rows, sheet)
    if table_format is TableFormat.CSV:
        return _write_csv(stream, columns, rows)
    return _write_json(stream, columns, rows, is_array=table_format is TableFormat.JSON)


def _write_csv(stream: BinaryIO, columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]]) -> int:
    text = io.TextIOWrapper(stream, encoding=CSV_ENCODING, newline="", write_through=False)
    count = 0
    try:
        writer = csv.writer(text)
        writer.writerow([csv_safe(column.title) for column in columns])
        for count, row in enumerate(rows, 1):  # noqa: B007 - the number of the last row is the result
            writer.writerow(map(_csv_cell, row))
    finally:
        # Also after an error: closing the wrapper would close the file, which belongs to the caller.
        text.detach()
    return count


def _csv_cell(cell: Cell) -> str:
    return csv_safe(cell) if isinstance(cell, str) else plain_text(cell)


def plain_text(cell: Cell) -> str:
    """Return a cell as other programs read it: times in UTC, amounts without separators."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None else _iso(cell) if isinstance(cell, datetime) else f"{cell:f}"


def _write_json(
    stream: BinaryIO, columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]], *, is_array: bool
) -> int:
    import msgspec

    encode = msgspec.json.Encoder(decimal_format="number").encode
    keys = [column.key for column in columns]
    count = 0
    if is_array:
        stream.write(b"[")
    for count, row in enumerate(rows, 1):
        if is_array:
            stream.write(b",\n" if count > 1 else b"\n")
        stream.write(encode(dict(zip(keys, map(_json_cell, row), strict=True))))
        if not is_array:
            stream.write(b"\n")
    if is_array:
        stream.write(b"\n]\n")
    return count


def _json_cell(cell: Cell) -> str | Decimal | None:
    if isinstance(cell, str):
        return _encodable(cell)
    return _iso(cell) if isinstance(cell, datetime) else cell


def _encodable(text: str) -> str:
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class _Output:
    """The file that a workbook is written to, for as long as the block runs.

    After an error, the library's archive still writes to it when it is thrown away, at any time.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: BinaryIO | None = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._stream = None

    def write(self, data: bytes) -> int:
        return len(data) if self._stream is None else self._stream.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0 if self._stream is None else self._stream.seek(offset, whence)

    def tell(self) -> int:
        return 0 if self._stream is None else self._stream.tell()

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()


def _write_excel(
    stream: BinaryIO, columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]], name: str
) -> int:
    from xlsxwriter import Workbook  # type: ignore[import-untyped] # it has no marker of its types
    from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped] # as above

    output = _Output(stream)
    # The library keeps rows in files until the workbook is complete; they go with this folder.
    with output, tempfile.TemporaryDirectory(prefix="reshelve-", ignore_cleanup_errors=True) as folder:
        workbook = Workbook(
            output, {"constant_memory": True, "tmpdir": folder, "default_date_format": _EXCEL_TIME}
        )
        sheet = workbook.add_worksheet(name)
        try:
            count = _write_sheet(workbook, sheet, columns, rows)
            workbook.close()
        except FileCreateError as error:
            raise error.args[0] from error
        finally:
            # After an error, the library would leave its file of rows open.
            sheet._opt_close()  # noqa: SLF001 - as above
    return count


def _write_sheet(
    workbook: Any, sheet: Any, columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]]
) -> int:
    amount, time = (workbook.add_format({"num_format": form}) for form in (_EXCEL_AMOUNT, _EXCEL_TIME))
    bold = workbook.add_format({"bold": True})
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, max(1, len(columns) - 1), _NARROW)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, _excel_text(column.title), bold)
    count = 0
    for count, row in enumerate(rows, 1):
        if count > MOST_EXCEL_ROWS:
            raise ReshelveError(SystemReason.TOO_MANY_ROWS, most=MOST_EXCEL_ROWS)
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(count, place, _excel_text(cell))
            elif isinstance(cell, Decimal):
                sheet.write_number(count, place, float(cell), amount)
            elif cell is not None:
                # Excel has no time zones: the column's title says that these are UTC.
                sheet.write_datetime(
                    count, place, cell.astimezone(UTC).replace(microsecond=0, tzinfo=None), time
                )
    return count


def _excel_text(text: str) -> str:
    return _UNWANTED.sub("", _encodable(text))
