"""Lists of contacts to change, from files of every kind."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from tui.cli.contact_list import read_contact_list

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = "0fb95f6d-9e74-40bd-8d18-2bd7bc99955c"
NAMES = ("شركة النور للعقارات", "🏡 Happy Homes", "O'Hara, “Quick” & Söhne", "=SUM(A1)")
LISTS = {
    "one per line": ("\n".join(NAMES), NAMES),
    "carriage returns": ("\r\n".join(NAMES) + "\r\n", NAMES),
    "blank lines and twice": ("\n\nAlma\n \n  Alma  \nBo\n", ("Alma", "Bo")),
    "a single line": (ID, (ID,)),
    "commas in names": ("Smith, John\nJones, Mary\n", ("Smith, John", "Jones, Mary")),
    "a quotation mark": ('The "Old\nBo', ('The "Old', "Bo")),
    "csv by name": ("Name,Email\nAlma,a@b\n,\nBo,\n", ("Alma", "Bo")),
    "csv by id": (f"contact_id,name\n{ID},Alma\n,Bo\n", (ID, "Bo")),
    "csv with quotes": ('"Contact","Owes"\n"Smith, John","1,000"\n', ("Smith, John",)),
    "semicolons": ("ContactID;Name\n;Alma\n", ("Alma",)),
    "tabs": ("Status\tXero ContactID\nActive\tx-1\n", ("x-1",)),
    "separator line": ("sep=;\nName;Owes\nAlma;1\n", ("Alma",)),
    "status column": ("Name,Status\nAlma,Archived\nBo,whatever\n", ("Alma", "Bo")),
    "short and long lines": ("Owes,Name\n1,Alma\n2\n3,Bo,more\n", ("Alma", "Bo")),
}


@pytest.mark.parametrize(("text", "expected"), LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read(tmp_path: Path, text: str, expected: Sequence[str], encoding: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(text.encode(encoding))
    assert tuple(read_contact_list(file)) == expected


def workbook(file: Path, rows: Sequence[Sequence[str]]) -> Path:
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell)
    return file


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["Status", "Name"], *(["Active", name] for name in NAMES)], NAMES),
        ([["Xero ContactID", "Name"], [ID, "Alma"], ["", "Bo"]], (ID, "Bo")),
        ([[name] for name in NAMES], NAMES),
        ([["", name] for name in NAMES], NAMES),
    ],
    ids=["names", "ids", "one column", "second column"],
)
def test_a_workbook_is_read(tmp_path: Path, rows: Sequence[Sequence[str]], expected: Sequence[str]) -> None:
    assert tuple(read_contact_list(workbook(tmp_path / "list.xlsx", rows))) == expected


def test_a_workbook_whose_columns_are_unknown_is_refused(tmp_path: Path) -> None:
    file = workbook(tmp_path / "list.xlsx", [["Firma", "Ort"], ["Alma", "Ulm"]])
    with pytest.raises(click.ClickException, match="“Firma”, “Ort”") as raised:
        read_contact_list(file)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"\n \r\n", "blank"), (b"Name,Contact ID\n,\n", "blank"), (b"%PDF-1.7", "PDF")],
    ids=["empty", "blank", "no contacts", "another kind"],
)
def test_a_file_without_contacts_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(click.ClickException, match=said) as raised:
        read_contact_list(file)
    assert raised.value.exit_code == 2
    assert raised.value.message.endswith("Nothing changed.")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="No such file"):
        read_contact_list(tmp_path / "none")


def test_ten_thousand_lines_are_read_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"Contact {number} 🐈" for number in range(10_000)]
    text = "\r\n".join(names).encode("utf-8-sig")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert list(read_contact_list(Path("-"))) == names
    assert not list(tmp_path.iterdir())
