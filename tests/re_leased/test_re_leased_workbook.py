"""Workbooks as users have them: sheets, titles, totals, odd cells, and files that only look like one."""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.workbooks import sheet_xml, workbook

from tui import messages
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileContact, FileOptions, FileProblem
from tui.model.reasons import FileNote, FileReason, Notice
from tui.re_leased import workbook as workbook_module
from tui.re_leased.contact_file import open_contact_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CHANGED = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
XERO_ID = "0f1e2d3c-4b5a-4697-8899-aabbccddeeff"
HEADER: list[object] = ["Re-Leased ID", "External ID", "Contact Name", "Email", "Status"]
ROWS: list[Sequence[object]] = [
    HEADER,
    [17, XERO_ID, "Café, Noir", "noir@mail.example", "Active"],
    [18.0, "", "Zoë", None, " archived "],
]
READ = [
    FileContact(2, ACTIVE, XERO_ID, "Café, Noir", "noir@mail.example", "17"),
    FileContact(3, ARCHIVED, "", "Zoë", "", "18"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contacts.xlsx"


def read(file: Path, content: bytes, **options: Any) -> tuple[list[FileContact], tuple[Notice, ...]]:
    file.write_bytes(content)
    os.utime(file, (CHANGED.timestamp(), CHANGED.timestamp()))
    with open_contact_file(file, FileOptions(**options), NOW) as opened:
        found = list(opened.contacts)
        assert opened.source.exported_at == CHANGED
        return found, (*opened.source.notes, *opened.notes)


def refusal(file: Path, content: bytes, **options: Any) -> ContactFileError:
    with pytest.raises(ContactFileError) as caught:
        read(file, content, **options)
    assert "Nothing was changed." in messages.next_step(caught.value)
    return caught.value


def test_a_workbook_is_read_like_a_csv_file(file: Path, tmp_path: Path) -> None:
    assert read(file, workbook({"Contacts": ROWS})) == (READ, ())
    text = "\n".join(",".join(f'"{"" if cell is None else cell}"' for cell in row) for row in ROWS)
    csv_contacts, _ = read(tmp_path / "contacts.csv", text.replace("18.0", "18").encode())
    assert csv_contacts == READ


@pytest.mark.parametrize("first_row", [1, 4, 36])
def test_titles_totals_and_repeated_headers_are_skipped_and_reported(file: Path, first_row: int) -> None:
    rows: list[Sequence[object]] = [
        ["Contacts of Bay Ltd"],
        ["Printed", "1 Mar 2026"],
        [],
        *ROWS,
        HEADER,
        ["Total", None, 2],
        ["Page 1 of 1"],
    ]
    found, notes = read(file, workbook({"Contacts": rows}, first_row=first_row))
    start = first_row + 3
    assert [(one.line, one.name) for one in found] == [(start + 1, "Café, Noir"), (start + 2, "Zoë")]
    assert notes == (
        Notice(FileNote.HEADER_BELOW_TITLE, {"line": start}),
        Notice(FileNote.SKIPPED_LINES, {"count": 2, "lines": f"{start + 4}, {start + 5}"}),
    )


def test_a_header_far_down_is_set_by_its_row(file: Path) -> None:
    content = workbook({"Contacts": [["Name", "Status", "Not these"], *ROWS]}, first_row=60)
    found, notes = read(file, content, header_row=61)
    assert [one.line for one in found] == [62, 63]
    assert notes == (Notice(FileNote.HEADER_BELOW_TITLE, {"line": 61}),)
    for row in (59, 64, 900):
        refused = refusal(file, content, header_row=row)
        assert refused.notice == Notice(FileReason.NO_HEADER_ROW, {"line": row})


def test_more_rows_than_are_searched_for_the_header(file: Path) -> None:
    rows: list[Sequence[object]] = [
        HEADER,
        *([number, "", f"Contact {number}", "", "Active"] for number in range(200)),
    ]
    found, _ = read(file, workbook({"Contacts": rows}))
    assert [(one.line, one.name) for one in found] == [(n + 2, f"Contact {n}") for n in range(200)]


@pytest.mark.parametrize(("cell", "status"), [(True, ARCHIVED), (False, ACTIVE), ("", ACTIVE), (1, ARCHIVED)])
def test_a_checkbox_is_a_status(file: Path, cell: object, status: ContactStatus) -> None:
    found, _ = read(file, workbook({"C": [["Name", "Archived"], ["Ada", cell]]}))
    assert [one.status for one in found] == [status]


def test_ragged_rows_and_cells_without_positions(file: Path) -> None:
    rows: Sequence[Sequence[object]] = [
        ["Name", "Status", "Email", None],
        ["Ada", "Active"],
        ["Bob", "Archived", "b@c.example", ""],
    ]
    for content in (rows, sheet_xml(rows, has_positions=False)):
        found, _ = read(file, workbook({"C": content}))
        assert [(one.name, one.email) for one in found] == [("Ada", ""), ("Bob", "b@c.example")]


# --- sheets ---


def test_the_only_sheet_with_contacts_is_read_and_reported(file: Path) -> None:
    sheets: dict[str, Sequence[Sequence[object]]] = {
        "Cover": [["Bay Ltd"], ["Made", "today"]],
        "Contacts": ROWS,
        "Empty": [],
        "Old": [["Name", "Status"]],
    }
    found, notes = read(file, workbook(sheets, hidden=["Old"]))
    assert found == READ
    assert notes == (Notice(FileNote.READ_SHEET, {"sheet": "Contacts"}),)
    assert read(file, workbook({"Contacts": ROWS, "Empty": []}))[1] == ()


def test_the_user_chooses_from_several_sheets(file: Path) -> None:
    content = workbook({"Active": ROWS, "Archived ": [*ROWS[:1], ROWS[2]], "Secret": ROWS}, hidden=["Secret"])
    refused = refusal(file, content)
    assert (refused.reason, refused.problem) == (FileReason.SEVERAL_SHEETS, FileProblem.SHEET)
    assert refused.sheets == ("Active", "Archived ")
    assert [one.name for one in read(file, content, sheet="archived")[0]] == ["Zoë"]
    for name in ("None", "Secret", "Act"):
        refused = refusal(file, content, sheet=name)
        assert (refused.reason, refused.sheets) == (FileReason.UNKNOWN_SHEET, ("Active", "Archived "))


def test_a_csv_file_has_no_sheets(file: Path) -> None:
    assert refusal(file, b"Name,Status\nAda,Active\n", sheet="Contacts").reason is FileReason.NO_SHEETS


# --- contacts that Re-Leased has deleted, in any kind of file ---


@pytest.mark.parametrize("name", ["Deleted Contact", " deleted  CONTACT ", "Deleted contact"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_deleted_contacts_are_left_out_and_counted(file: Path, name: str, kind: str) -> None:
    rows = [
        ["Name", "Status"],
        ["Ada", "Active"],
        [name, "Archived"],
        [name, "?"],
        ["Deleted Contacts Ltd", "Active"],
    ]
    content = workbook({"C": rows}) if kind == "xlsx" else "\n".join(",".join(row) for row in rows).encode()
    found, notes = read(file, content)
    assert [one.name for one in found] == ["Ada", "Deleted Contacts Ltd"]
    assert notes == (Notice(FileNote.DELETED_CONTACTS, {"count": 2}),)


def test_the_header_row_of_a_csv_file_can_be_set(file: Path) -> None:
    content = b"Name,Status,Region\nall,all,south\n\nName;Status\nAda;Active\n"
    assert [one.name for one in read(file, content, header_row=4)[0]] == ["Ada"]
    assert refusal(file, content, header_row=3).notice == Notice(FileReason.NO_HEADER_ROW, {"line": 3})
    assert refusal(file, content, header_row=6).notice == Notice(FileReason.NO_HEADER_ROW, {"line": 6})
    assert [one.name for one in read(file, b"sep=;\nName;Status\nAda;Active\n", header_row=2)[0]] == ["Ada"]


# --- what is refused ---


def spoiled(content: bytes, name: str, new: bytes | None) -> bytes:
    """Return a workbook with another part, or without it."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as fresh:
        for entry in old.infolist():
            if entry.filename != name:
                fresh.writestr(entry.filename, old.read(entry))
            elif new is not None:
                fresh.writestr(name, new)
    return file.getvalue()


WHOLE = workbook({"Contacts": ROWS})
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE[:-30], FileReason.EXCEL),
        (WHOLE[:200], FileReason.EXCEL),
        (WHOLE.replace(b"xl/workbook.xml", b"word/docume.xml"), FileReason.EXCEL),
        (bytearray(WHOLE[:600]) + b"\0" * 20 + WHOLE[620:], FileReason.EXCEL),
        (spoiled(WHOLE, "xl/workbook.xml", b"<workbook"), FileReason.EXCEL),
        (spoiled(WHOLE, "xl/workbook.xml", b""), FileReason.EXCEL),
        (spoiled(WHOLE, SHEET, None), FileReason.EXCEL),
        (spoiled(WHOLE, SHEET, b"<worksheet><sheetData><row><c r='??'><v>1</v></c></row>"), FileReason.EXCEL),
        (workbook({"Contacts": ROWS}, hidden=["Contacts"]), FileReason.BLANK),
        (workbook({"Contacts": []}), FileReason.BLANK),
        (workbook({"Contacts": [[""], [" "]]}), FileReason.BLANK),
        (workbook({"Contacts": ROWS[:1]}), FileReason.NO_CONTACTS),
        (workbook({"Contacts": [["Who"], ["Ada"]]}), FileReason.NO_CONTACT_COLUMN),
        (workbook({"Contacts": [["Name"], ["Ada"]]}), FileReason.NO_STATUS_COLUMN),
        (workbook({"Contacts": [["Name", "Status"], ["Ada", 7]]}), FileReason.UNKNOWN_STATUS),
        (workbook({"Contacts": [["Name", "Status"], ["Ada"]]}), FileReason.NO_STATUS),
        (workbook({"Contacts": [["Name", "Status"], ["A" * 10_001, "Active"]]}), FileReason.FIELD_TOO_LONG),
    ],
    ids=[
        "cut", "start only", "no workbook", "damaged", "workbook cut", "workbook empty", "no sheet",
        "odd sheet", "hidden", "empty", "blanks", "no contacts", "no contact column", "no status column",
        "odd status", "no status", "too long",
    ],
)  # fmt: skip
def test_a_wrong_workbook_is_refused(file: Path, content: bytes, reason: FileReason) -> None:
    assert refusal(file, bytes(content)).reason is reason


FAR = "<worksheet><sheetData>{}</sheetData></worksheet>"


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='1048576'><c r='A1048576'><v>1</v></c><c r='XFD1'><v>1</v></c></row>",
        '<x:row><x:c r="xfd1"/></x:row><x:row r="1048576"/>',
        '<row r="1048576">' + "<c/>" * 16_000 + "</row>",
        '<row r="1048576">' + '<c/><!-- <row r="1"> -->' * 16_000 + "</row>",
        " " * (1 << 20) + '<row r = "1048576"/><row><c r="XFD1"/></row>',
    ],
    ids=["far apart", "other quotes", "prefix", "counted", "comments", "later"],
)
def test_a_sheet_that_would_fill_the_memory_is_refused(file: Path, cells: str) -> None:
    assert refusal(file, workbook({"C": FAR.format(cells)})).reason is FileReason.TOO_MANY_CELLS


def test_cells_are_counted_over_all_sheets_and_nothing_else_is(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_module, "_MOST_CELLS", 40)
    monkeypatch.setattr(workbook_module, "_CHUNK", 50)
    chain = "<calcChain>" + '<c r="B2" i="1"/>' * 500 + "</calcChain>"
    assert read(file, workbook({"C": ROWS}, extra={"xl/calcChain.xml": chain}))[0] == READ
    assert read(file, workbook({"C": ROWS, "D": [["x"] * 5] * 5}))[0] == READ
    refused = refusal(file, workbook({"C": ROWS, "D": [["x"] * 5] * 6}))
    assert refused.reason is FileReason.TOO_MANY_CELLS


def test_a_workbook_that_unpacks_to_too_much_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_module, "_MOST_UNPACKED", 100_000)
    extra = {"xl/media/image1.png": "0" * 100_000}
    assert refusal(file, workbook({"C": ROWS}, extra=extra)).reason is FileReason.TOO_LARGE


_CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(_CELLS, max_size=4), max_size=5), cut=st.none() | st.integers(1, 2_000))
def test_any_workbook_is_read_or_refused_with_a_message(
    file: Path, rows: list[list[object]], cut: int | None
) -> None:
    content = workbook({"C": [["Name", "Status"], *rows]})
    found: list[FileContact] = []
    with suppress(ContactFileError):
        found, _ = read(file, content[:cut] or b"PK")
    assert all(one.status in {ACTIVE, ARCHIVED} for one in found)
    assert cut is None or not found or cut >= len(content)
