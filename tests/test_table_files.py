"""Exported tables say the same in every format, and nothing in them is run by a spreadsheet."""

from __future__ import annotations

import csv
import gc
import io
import json
import tempfile
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from python_calamine import CalamineWorkbook

from tui.model.errors import ReshelveError
from tui.model.reasons import SystemReason
from tui.model.tables import TableColumn, TableFormat
from tui.system import table_files
from tui.system.table_files import write_table
from tui.system.user_files import user_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tui.model.tables import Cell

COLUMNS = (
    TableColumn("name", "Contact"),
    TableColumn("they_owe", "They owe"),
    TableColumn("updated", "Changed in Xero (UTC)"),
)
AT = datetime(2026, 3, 5, 14, 30, 15, 999_000, tzinfo=timezone(timedelta(hours=13)))
NAMES = {
    "arabic": "شركة العقارات",
    "emoji": "Smith 👩‍👧 Ltd",
    "newlines": "Two\nlines",
    "formula": "=1+1",
    "command": "@SUM(A1)",
    "url": "https://x.example/a",
    "number": "00123",
    "quotes": 'O"Brien, "Ltd"',
    "markup": "<b>&amp;_x0041_</b>",
}


def written(table_format: TableFormat, *rows: Sequence[Cell]) -> bytes:
    stream = io.BytesIO()
    assert write_table(stream, table_format, COLUMNS, iter(rows)) == len(rows)
    return stream.getvalue()


def cells_of(content: bytes) -> list[list[Any]]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return workbook.get_sheet_by_index(0).to_python()


def records_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_text_survives_in_a_workbook_as_text(name: str) -> None:
    titles, row = cells_of(written(TableFormat.EXCEL, (name, Decimal("-5.00"), AT)))
    assert titles == ["Contact", "They owe", "Changed in Xero (UTC)"]
    assert row == [name, -5.0, datetime(2026, 3, 5, 1, 30, 15)]  # noqa: DTZ001 - as Excel has it


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("table_format", [TableFormat.JSON, TableFormat.JSON_LINES])
def test_text_survives_in_json(table_format: TableFormat, name: str) -> None:
    content = written(table_format, (name, Decimal("-5.00"), AT), ("", None, None)).decode()
    found = json.loads(content) if table_format is TableFormat.JSON else map(json.loads, content.splitlines())
    first, second = found
    assert first == {"name": name, "they_owe": -5, "updated": "2026-03-05T01:30:15Z"}
    assert second == {"name": "", "they_owe": None, "updated": None}
    assert '"they_owe":-5.00,' in content


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        (NAMES["arabic"], NAMES["arabic"]),
        (NAMES["emoji"], NAMES["emoji"]),
        ("Two\nlines", "Two lines"),
        ("=1+1", "'=1+1"),
        ("+64 4 555 0101", "'+64 4 555 0101"),
        ("-5.00", "'-5.00"),
        ("00123", "00123"),
    ],
)
def test_text_in_csv_is_no_formula(name: str, cell: str) -> None:
    _, row = records_of(written(TableFormat.CSV, (name, Decimal("-5.00"), AT)))
    assert row == [cell, "-5.00", "2026-03-05T01:30:15Z"]


@pytest.mark.parametrize(
    ("amount", "cell"),
    [(None, ""), (Decimal(0).scaleb(-2), "0.00"), (Decimal(-123456789012).scaleb(-2), "-1234567890.12")],
)
def test_unknown_amount_is_empty_and_zero_is_zero(amount: Decimal | None, cell: str) -> None:
    assert records_of(written(TableFormat.CSV, ("x", amount, None)))[1] == ["x", cell, ""]
    wanted = None if amount is None else float(amount)
    [[_, found, _]] = [row[:3] for row in cells_of(written(TableFormat.EXCEL, ("x", amount, AT)))[1:]]
    assert found == ("" if wanted is None else wanted)
    assert json.loads(written(TableFormat.JSON, ("x", amount, None)))[0]["they_owe"] == wanted


@pytest.mark.parametrize("table_format", TableFormat)
def test_what_no_format_can_have_is_left_out(table_format: TableFormat) -> None:
    content = written(table_format, ("a\x00\x1b\ud800b" + "x" * 40_000, None, None))
    assert content
    if table_format is TableFormat.EXCEL:
        [[name, *_]] = cells_of(content)[1:]
        assert name.startswith("a�bxxx")
        assert len(name) == 32_767


@pytest.mark.parametrize("table_format", TableFormat)
def test_table_without_rows(table_format: TableFormat) -> None:
    content = written(table_format)
    match table_format:
        case TableFormat.CSV:
            assert records_of(content) == [["Contact", "They owe", "Changed in Xero (UTC)"]]
        case TableFormat.EXCEL:
            assert len(cells_of(content)) == 1
        case TableFormat.JSON:
            assert json.loads(content) == []
        case TableFormat.JSON_LINES:
            assert content == b""


def test_workbook_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(table_files, "MOST_EXCEL_ROWS", 2)
    file = tmp_path / "contacts.xlsx"
    rows = [("x", None, None)] * 3
    with pytest.raises(ReshelveError) as caught, user_file(file) as stream:
        write_table(stream, TableFormat.EXCEL, COLUMNS, rows)
    assert caught.value.reason is SystemReason.TOO_MANY_ROWS
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table_format", TableFormat)
def test_error_half_way_leaves_nothing_behind(
    table_format: TableFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "contacts"
    file.write_bytes(b"old")

    def rows() -> Iterator[Sequence[Cell]]:
        yield ("x", None, None)
        raise OSError(28, "No space left on device")

    with pytest.raises(ReshelveError, match="No space left"), user_file(file) as stream:
        write_table(stream, table_format, COLUMNS, rows())
    assert [each.read_bytes() for each in (tmp_path / "out").iterdir()] == [b"old"]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_full_disk_under_a_workbook_is_reported_once() -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_table(Full(), TableFormat.EXCEL, COLUMNS, [("x", None, None)])
    # The archive that is thrown away tries to write once more.
    gc.collect()
