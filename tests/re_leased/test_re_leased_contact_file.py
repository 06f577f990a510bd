"""Contact files of every kind are read as meant, or refused with a reason that names the line."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tui import messages
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileContact, FileOptions, FileProblem, FileSource
from tui.model.reasons import FileNote, FileReason, Notice, Param
from tui.re_leased import encoding
from tui.re_leased.contact_file import open_contact_file

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CHANGED = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
XERO_ID = "0f1e2d3c-4b5a-4697-8899-aabbccddeeff"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contacts.csv"


def put(file: Path, content: str | bytes, written_in: str = "utf-8") -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode(written_in))
    os.utime(file, (CHANGED.timestamp(), CHANGED.timestamp()))
    return file


def read(file: Path, **options: Any) -> tuple[FileSource, list[FileContact]]:
    with open_contact_file(file, FileOptions(**options), NOW) as opened:
        return opened.source, list(opened.contacts)


def contacts(
    file: Path, content: str | bytes, written_in: str = "utf-8", **options: Any
) -> list[FileContact]:
    return read(put(file, content, written_in), **options)[1]


def refusal(file: Path, content: str | bytes, **options: Any) -> Notice:
    with pytest.raises(ContactFileError) as caught:
        contacts(file, content, **options)
    assert "Nothing was changed." in messages.next_step(caught.value)
    return caught.value.notice


def advice(file: Path, content: bytes, **options: Any) -> str:
    return messages.next_step(refusal(file, content, **options))


# --- what is read ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_delimiter_encoding_and_line_ending_is_read(
    file: Path, delimiter: str, encoding: str, line_end: str
) -> None:
    lines = [
        ["Re-Leased ID", "External ID", "Contact Name", "E-mail", "Status"],
        ["17", XERO_ID, f'"Café{delimiter} ""Noir"""', "noir@mail.example", "Active"],
        ["18", "", "Zoë", "", "ARCHIVED"],
    ]
    text = line_end.join(delimiter.join(line) for line in lines)
    assert contacts(file, text, encoding) == [
        FileContact(2, ACTIVE, XERO_ID, f'Café{delimiter} "Noir"', "noir@mail.example", "17"),
        FileContact(3, ARCHIVED, "", "Zoë", "", "18"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1250", "mac_roman"])
def test_given_encoding_is_used(file: Path, encoding: str) -> None:
    [found] = contacts(file, "Name\nÖzge", encoding, encoding=encoding, status=ACTIVE)
    assert found.name == "Özge"


def test_assumed_encoding_is_reported(file: Path) -> None:
    assert read(put(file, "Name\nZoë", "cp1252"), status=ACTIVE)[0].notes == (
        Notice(FileNote.READ_AS_CP1252),
    )
    assert read(put(file, "Name\nZoë"), status=ACTIVE)[0].notes == ()


@pytest.mark.parametrize(
    "id_name", ["External ID", "xero id", "ContactID", "EXTERNAL_ID", " Xero Contact ID "]
)
@pytest.mark.parametrize("name_name", ["Name", "contact", "Company", "Contact  Name"])
@pytest.mark.parametrize("email_name", ["Email", "E-Mail Address", "email address"])
def test_columns_are_recognised_by_many_names(
    file: Path, id_name: str, name_name: str, email_name: str
) -> None:
    text = f"Phone,{email_name},{name_name},{id_name},Archived\n1,a@b.example,Ada,{XERO_ID},Yes\n"
    assert contacts(file, text) == [FileContact(2, ARCHIVED, XERO_ID, "Ada", "a@b.example")]


def test_given_columns_are_used(file: Path) -> None:
    text = "Name;Legal;Ref;Mailbox;Where\nshort;Ada Ltd;X1;a@b.example;current\n"
    options = {
        "id_column": "ref", "name_column": "LEGAL", "email_column": "mail box", "status_column": "Where",
    }  # fmt: skip
    assert contacts(file, text, **options) == [FileContact(2, ACTIVE, "X1", "Ada Ltd", "a@b.example")]


@pytest.mark.parametrize(
    ("column", "word", "status"),
    [
        ("Status", "Active", ACTIVE),
        ("Status", " archived ", ARCHIVED),
        ("Contact Status", "Inactive", ARCHIVED),
        ("Archived", "TRUE", ARCHIVED),
        ("Archived", "no", ACTIVE),
        ("Archived", "", ACTIVE),
        ("Is Archived", "1", ARCHIVED),
        ("Archived?", "✓", ARCHIVED),
        ("Active", "Yes", ACTIVE),
        ("Active", "0", ARCHIVED),
        ("Inactive", "y", ARCHIVED),
    ],
)
def test_status_words_are_recognised(file: Path, column: str, word: str, status: ContactStatus) -> None:
    assert [one.status for one in contacts(file, f"Name,{column}\nAda,{word}\n")] == [status]


def test_status_can_be_given_for_the_whole_file(file: Path) -> None:
    assert [one.status for one in contacts(file, "Name\nAda\nBob\n", status=ARCHIVED)] == [ARCHIVED] * 2
    assert [one.status for one in contacts(file, "Name,Status\nAda,Overdue\n", status=ACTIVE)] == [ACTIVE]
    refused = refusal(file, "Name,Status\nAda,Archived\nBob,Active\n", status=ARCHIVED)
    assert refused == Notice(FileReason.OTHER_STATUS, {"line": 3, "word": "Active", "status": "archived"})


def test_formulas_stay_text_and_blank_lines_are_skipped(file: Path) -> None:
    text = 'Name,Email\n\n"=cmd|\'/c calc\'!A0",\n,\n"+1\n2",\n'
    assert [(one.line, one.name) for one in contacts(file, text, status=ACTIVE)] == [
        (3, "=cmd|'/c calc'!A0"),
        (5, "+1\n2"),
    ]


def test_first_line_may_only_name_the_delimiter(file: Path) -> None:
    assert contacts(file, "sep=^\nName^Status\nAda^Active\n") == [FileContact(3, ACTIVE, name="Ada")]


@pytest.mark.parametrize(
    "first",
    [
        *(
            "sep=;",
            "SEP=;",
            '"sep=;"',
            "\ufeffsep=;",
            '\ufeff"sep=;"',
            "sep=;,,,",
            '"sep=,",,',
            "sep=",
            "sep=;;",
        ),
        *(" sep = ;", "sep=|", 'sep=";"', "", "\n\n", ";;;", "\ufeff", "\x0c", "\x1a"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_delimiter_line_never_hides_the_header(file: Path, first: str, end: str) -> None:
    text = f"{first}{end}Name;Status{end}Smith, John, and Sons;Active{end}"
    assert [(one.name, one.status) for one in contacts(file, text)] == [("Smith, John, and Sons", ACTIVE)]


@pytest.mark.parametrize(
    ("columns", "line", "told"),
    [
        ("Name,Status,Email,Phone", "Ada,Active", ("Ada", ACTIVE, "")),
        ("Name,Status,Email,Phone", "Ada,Active,a@b.example", ("Ada", ACTIVE, "a@b.example")),
        ("Name,Email,Archived", "Ada", ("Ada", ACTIVE, "")),
        ("Name,Status", "Ada,Active,,,", ("Ada", ACTIVE, "")),
        ("Name,Status,,", "Ada,Active", ("Ada", ACTIVE, "")),
        ("Name,Status,,", "Ada,Active,x,y", ("Ada", ACTIVE, "")),
        ("Name,Status", "Ada,Archived, ,\N{NO-BREAK SPACE},\t", ("Ada", ARCHIVED, "")),
        ('"Name","Status"', '"Ada, Ltd","Active",""', ("Ada, Ltd", ACTIVE, "")),
        (",Name,Status", ",Ada,Active,", ("Ada", ACTIVE, "")),
    ],
)
@pytest.mark.parametrize("delimiter", ",;\t|")
def test_trailing_blank_cells_are_optional(
    file: Path, columns: str, line: str, told: tuple[str, ContactStatus, str], delimiter: str
) -> None:
    def written(text: str) -> str:
        return text.replace(", Ltd", "~").replace(",", delimiter).replace("~", ", Ltd")

    full = written("Zoë,Active,") if "Status" in columns and columns[0] != "," else ""
    text = f"{written(columns)}\n{written(line)}\n{full}\n"
    [first, *_] = contacts(file, text)
    assert (first.name, first.status, first.email) == told


@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\r\n\x1a\x1a\x1a", "\x1a\r\n", "\n\x1a\n\n"])
@pytest.mark.parametrize("last", ["Ada,Active", '"Ada","Active"', "Ada,Active,"])
def test_dos_end_of_file_mark_is_not_a_contact(file: Path, end: str, last: str) -> None:
    assert contacts(file, f"Name,Status\n{last}{end}") == [FileContact(2, ACTIVE, name="Ada")]


@pytest.mark.parametrize(
    "below",
    [
        *(
            "Total",
            "Total,",
            "Totals:,,,",
            "Grand Total: 17",
            ",,Total,17",
            "TOTAL 1,,,$1",
            '"Total contacts: 1"',
        ),
        *(
            "17 records",
            "(1 contact)",
            "Number of contacts: 1",
            "Count: 1",
            "Page 1 of 2",
            "-----",
        ),
        *(
            "Generated on 1 Mar 2026 at 09:30",
            "Exported by: Ada",
            "Sub-total,,,1\nGrand total,,,1",
            "End of report",
        ),
        # The figure is where contacts have their e-mail address, or their status.
        *(
            "Total,1",
            "Total,£1.00,NZ$1.00",
            "Total,1 contact,",
            "Total,1,contacts",
            "Count,1",
            "Sum,,5.00 GBP",
        ),
        *("Total,#REF!", 'Total,"=SUBTOTAL(3,A2:A2)"', "No. of contacts,1", ",,,Total 17", ",1,17"),
        *("*** End ***", "(1 row affected)", "Showing 1 to 1 of 1 entries", "Filter: Status = all"),
    ],
)
@pytest.mark.parametrize("status", [None, ACTIVE])
def test_rows_below_the_data_are_skipped_and_reported(
    file: Path, below: str, status: ContactStatus | None
) -> None:
    columns, line = (
        ("Name,Email,Phone,Status", "Ada,,,Active") if status is None else ("Name,Email,Phone", "Ada")
    )
    put(file, f"{columns}\n{line}\n\n{below}\n")
    with open_contact_file(file, FileOptions(status=status), NOW) as opened:
        assert [one.name for one in opened.contacts] == ["Ada"]
        assert opened.skipped_lines == list(range(4, 5 + below.count("\n")))
        [note] = opened.notes
        lines = ", ".join(map(str, opened.skipped_lines))
        assert note == Notice(FileNote.SKIPPED_LINES, {"count": len(opened.skipped_lines), "lines": lines})


@pytest.mark.parametrize("below", ["Total", "Total: 1", "Total,1", "1 contact,,", ",Total,1", "Page 1 of 1"])
def test_total_row_below_the_ids_is_not_a_contact(file: Path, below: str) -> None:
    line = f"{XERO_ID},Ada,,Active"
    found = contacts(file, f"External ID,Name,Email,Status\n{line}\n{below}\n")
    assert [one.name for one in found] == ["Ada"]


@pytest.mark.parametrize(
    "name",
    ["Total", "Totals", "17", "Page 1", "TotalEnergies", "Total Fitness Ltd", "Generated Power", "Contact 1"],
)
def test_contact_named_like_a_total_with_a_status_is_kept(file: Path, name: str) -> None:
    assert [one.name for one in contacts(file, f"Name,Status\nAda,Active\n{name},Archived\n")] == [
        "Ada",
        name,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "TotalEnergies",
        "Total Fitness Ltd",
        "Contact 1",
        "Recordings: 5",
        "17 Rowe St",
        "Exported by Sea",
        "Sum",
        "End",
    ],
)
def test_contact_whose_name_only_starts_like_a_total_is_kept(file: Path, name: str) -> None:
    assert [one.name for one in contacts(file, f"Name\nAda\n{name}\n", status=ACTIVE)] == ["Ada", name]
    assert refusal(file, f"Name,Status\nAda,Active\n{name},\n") == Notice(FileReason.NO_STATUS, {"line": 3})


@pytest.mark.parametrize(
    "above",
    [
        *(
            "Contacts\n",
            "Contact report\n\n",
            "Contacts,,\nCompany,Bay Ltd,\n",
            "Printed 1 Mar 2026\nStatus: all\n",
        ),
        *('"Contacts\nof Bay, Ltd"\n', "\n" * 30),
    ],
)
def test_title_rows_above_the_header_are_skipped_and_reported(file: Path, above: str) -> None:
    put(file, f"{above}Name,Email,Status\nAda,,Active\nName,Email,Status\nZoë,,Archived\n")
    source, found = read(file)
    start = above.count("\n") + 1
    assert [(one.line, one.name) for one in found] == [(start + 1, "Ada"), (start + 3, "Zoë")]
    note = Notice(FileNote.HEADER_BELOW_TITLE, {"line": start})
    assert source.notes == ((note,) if above.strip() else ())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("told", ["", "cp1252", "utf-8", "utf-16", "utf-8-sig"])
def test_byte_order_mark_is_used_and_removed(file: Path, encoding: str, told: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    text = f'{mark}"Name",Status\n{mark}"Zoë, Ltd",Active\n'
    assert contacts(file, text, encoding, encoding=told) == [FileContact(2, ACTIVE, name="Zoë, Ltd")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_byte_order_mark_is_detected_and_reported(file: Path, encoding: str) -> None:
    source, found = read(put(file, "Name\nŌtara\n", encoding), status=ACTIVE)
    assert ([one.name for one in found], source.notes) == (["Ōtara"], (Notice(FileNote.READ_AS_UTF_16),))


def test_given_encoding_overrides_a_wrong_byte_order_mark(file: Path) -> None:
    put(file, b"\xef\xbb\xbfName\nZo\xeb\n")
    assert read(file, encoding="cp1252", status=ACTIVE)[1][0].name == "Zoë"
    assert "--encoding" in advice(file, file.read_bytes(), status=ACTIVE)


def test_line_endings_may_be_mixed(file: Path) -> None:
    text = 'Name,Status\r\nAda,Active\nBob,Active\r"Zoë\r\nLtd",Active\r\r\nEve,Active\n\r'
    found = [(one.line, one.name) for one in contacts(file, text)]
    assert found == [(2, "Ada"), (3, "Bob"), (4, "Zoë\r\nLtd"), (7, "Eve")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Name,Status\nSmith, John,Active\n", "quotation marks"),
        (b"Name,Status\nAda\nLtd,Active\n", "line break"),
        (b'Name,Status\n"Ada" B,Active\n', "doubled"),
        (b'Name,Status\nAda,"Active\n', "isn't closed"),
        (b"Name,Status\nAda\0,Active\n", "Export the file again"),
        (b'Name,Status\n"' + b"\n" * 2000, "Correct the line"),
        (b"Name,Status\nAda,Overdue\n", "Active or Archived"),
    ],
)
def test_advice_matches_the_problem(file: Path, content: bytes, words: str) -> None:
    assert words in advice(file, content)


def test_header_decides_the_delimiter_where_counts_mislead(file: Path) -> None:
    text = "Name;Status\n" + "Smith, John, and Sons, Ltd;Active\n" * 20
    assert {one.name for one in contacts(file, text)} == {"Smith, John, and Sons, Ltd"}


# --- the date of a file ---


def test_file_date_is_at_most_its_last_modification(file: Path) -> None:
    put(file, "Name\nAda\n")
    assert read(file, status=ACTIVE)[0].exported_at == CHANGED
    earlier = CHANGED - timedelta(days=3)
    assert read(file, status=ACTIVE, exported_at=earlier)[0].exported_at == earlier
    for later in (CHANGED + timedelta(seconds=1), NOW + timedelta(seconds=1)):
        with pytest.raises(ContactFileError) as caught:
            read(file, status=ACTIVE, exported_at=later)
        assert caught.value.problem is FileProblem.DATE


def test_file_dated_in_the_future_needs_a_date(file: Path) -> None:
    put(file, "Name\nAda\n")
    ahead = (NOW + timedelta(hours=1)).timestamp()
    os.utime(file, (ahead, ahead))
    with pytest.raises(ContactFileError) as caught:
        read(file, status=ACTIVE)
    ahead_at = NOW + timedelta(hours=1)
    assert caught.value.notice == Notice(FileReason.FUTURE_FILE_DATE, {"modified_at": ahead_at})
    assert read(file, status=ACTIVE, exported_at=CHANGED)[0].exported_at == CHANGED


def test_same_file_content_has_the_same_run_id(file: Path, tmp_path: Path) -> None:
    first = read(put(file, "Name\nAda\n"), status=ACTIVE)[0]
    assert read(put(file, "Name\nAda\n"), status=ARCHIVED)[0].run_id == first.run_id
    assert read(put(file, "Name\nBob\n"), status=ACTIVE)[0].run_id != first.run_id
    odd = tmp_path / os.fsdecode(b"caf\xe9\n.csv")
    assert read(put(odd, "Name\nAda\n"), status=ACTIVE)[0].run_id.encode().startswith(b"file caf?\n.csv ")


# --- what is refused ---


@pytest.mark.parametrize(
    ("content", "reason", "params"),
    [
        (b"", FileReason.EMPTY, {}),
        (b"\n \n", FileReason.BLANK, {}),
        (b"\xff\xfe", FileReason.BLANK, {}),
        (b"PK\x03\x04\0\0", FileReason.EXCEL, {}),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", FileReason.OLD_EXCEL, {}),
        (b"%PDF-1.7\n", FileReason.PDF, {}),
        (b"Name,Status\nAda,Act\0ive\n", FileReason.NOT_TEXT, {"line": 2}),
        (
            b"Name,Status\nAda,Active\n\x89PNG\r\n\x1a\n\0\0",
            FileReason.NOT_TEXT,
            {"line": 5},
        ),
        (b"\xff\xfeN\0\n\0\0\0", FileReason.NOT_TEXT, {"line": 2}),
        (b"Name\n\x81\n", FileReason.UNDECODABLE, {"line": 2}),
        (b"\xff\xfeN\0\n\0\0\xd8a\0", FileReason.UNDECODABLE, {"line": 2}),
        (b"Name,Status\n", FileReason.NO_CONTACTS, {}),
        (b"Name,Status\nAda,Active\nBob\n", FileReason.TOO_FEW_FIELDS, {"line": 3, "fields": 1, "width": 2}),
        (b"Name,Status\nAda,Active,x\n", FileReason.TOO_MANY_FIELDS, {"line": 2, "fields": 3, "width": 2}),
        (
            b"Name,Phone,Archived\nSmith, Ltd,,\n",
            FileReason.TOO_MANY_FIELDS,
            {"line": 2, "fields": 4, "width": 3},
        ),
        (
            b"Name,name ,Status\nAda,A,Active\n",
            FileReason.DUPLICATE_COLUMN,
            {"line": 1, "name": "Name", "columns": "“Name”, “name ”, “Status”"},
        ),
        (
            b"Name,Status,Status\nAda,Active,Active\n",
            FileReason.DUPLICATE_COLUMN,
            {"line": 1, "name": "Status", "columns": "“Name”, “Status”, “Status”"},
        ),
        (b"Name,Status\nAda,Active\nBob,Gone\n", FileReason.UNKNOWN_STATUS, {"line": 3, "word": "Gone"}),
        (b"Name,Status\nAda,\n", FileReason.NO_STATUS, {"line": 2}),
        (
            b'Name,Status\n"Ada" B,Active\n',
            FileReason.STRAY_QUOTE,
            {"line": 2, "problem": "',' expected after '\"'"},
        ),
        (
            b'Name,Status\nAda,"Active\n',
            FileReason.INVALID_CSV,
            {"line": 2, "problem": "unexpected end of data"},
        ),
        (
            b'Name,Status\n"' + b"x" * 10_001 + b'",Active',
            FileReason.FIELD_TOO_LONG,
            {"line": 2, "most": 10_000},
        ),
        (b'Name,Status\nA,Active\n"' + b"\n" * 2000, FileReason.UNCLOSED_QUOTE, {"line": 3}),
        (b"Name,Status\n" + b"x" * 1_000_001, FileReason.LINE_TOO_LONG, {"line": 2, "most": 1_000_000}),
        (
            b"Name,Status\n" + b"x" * 200_000,
            FileReason.INVALID_CSV,
            {"line": 2, "problem": "field larger than field limit (131072)"},
        ),
        (b"<html>\n<body>Sign in</body>\n", FileReason.WEB_PAGE, {}),
        (b"\xef\xbb\xbf <!DOCTYPE html>", FileReason.WEB_PAGE, {}),
        (b"\x1f\x8b\x08\0", FileReason.COMPRESSED, {}),
        (b"\x1a\x1a", FileReason.BLANK, {}),
        (b"Name,Status\nTotal,\n\x1a", FileReason.NO_CONTACTS, {}),
        (b"Name\rAda\r\rB\0\r", FileReason.NOT_TEXT, {"line": 4}),
        (b"Name\r\nAda\n\rB\x81\r", FileReason.UNDECODABLE, {"line": 4}),
        (b"\xff\xfeN\0\n\x0a\n\0\n\0\0\xd8a\0", FileReason.UNDECODABLE, {"line": 3}),
    ],
)
def test_invalid_file_is_refused_with_its_line(
    file: Path, content: bytes, reason: FileReason, params: dict[str, Param]
) -> None:
    assert refusal(file, content) == Notice(reason, params)


@pytest.mark.parametrize(
    ("content", "options", "trouble", "columns"),
    [
        ("Who,Post\n1,2\n", {}, FileProblem.COLUMNS, ("Who", "Post")),
        ("Name,name\n1,2\n", {}, FileProblem.COLUMNS, ("Name", "name")),
        ("Name\n1\n", {"id_column": "Id"}, FileProblem.COLUMNS, ("Name",)),
        ("Name\n1\n", {}, FileProblem.STATUS, ("Name",)),
        ("Name,Status\n1,Lost\n", {}, FileProblem.STATUS, ()),
        ("Name,Status\n1,Active\n", {"status": ARCHIVED}, FileProblem.STATUS, ()),
        (b"Name\n\xff\n", {"encoding": "utf-8"}, FileProblem.ENCODING, ()),
        ("Name\n1\n", {"encoding": "no-such"}, FileProblem.ENCODING, ()),
        ("Name\n1\n", {"exported_at": NOW + timedelta(days=1)}, FileProblem.DATE, ()),
        ("Name\n1\n", {"exported_at": CHANGED + timedelta(days=1)}, FileProblem.DATE, ()),
        ("", {}, None, ()),
    ],
)
def test_error_of_an_invalid_file_has_what_fixes_it(
    file: Path, content: str | bytes, options: Any, trouble: FileProblem | None, columns: tuple[str, ...]
) -> None:
    with pytest.raises(ContactFileError) as caught:
        contacts(file, content, **options)
    assert (caught.value.problem, caught.value.columns) == (trouble, columns)


def test_unknown_status_is_refused(file: Path) -> None:
    refused = refusal(file, "Name,Email\nAda,a@b.example\n")
    assert refused == Notice(FileReason.NO_STATUS_COLUMN, {"line": 1, "columns": "“Name”, “Email”"})


@pytest.mark.parametrize("option", ["id_column", "name_column", "email_column", "status_column"])
def test_given_column_must_exist(file: Path, option: str) -> None:
    refused = refusal(file, "Name,Status\nAda,Active\n", **{option: "Nme"})
    params: dict[str, Param] = {"line": 1, "name": "Nme", "columns": "“Name”, “Status”"}
    assert refused == Notice(FileReason.UNKNOWN_COLUMN, params)


def test_error_about_many_columns_names_some(file: Path) -> None:
    header = ",".join(["x" * 50, *map(str, range(20))])
    columns = str(refusal(file, f"{header}\n", status=ACTIVE).params["columns"])
    assert columns.startswith(f"“{'x' * 40}…”, “0”, ")
    assert columns.endswith("“10”, …")


@pytest.mark.parametrize("encoding", ["no-such", "zlib_codec", "rot13", "utf\0"])
def test_unknown_encoding_is_refused(file: Path, encoding: str) -> None:
    assert refusal(file, "Name\nAda\n", encoding=encoding).reason is FileReason.UNKNOWN_ENCODING


@pytest.mark.parametrize("delimiter", ["ab", '"', "\n"])
def test_invalid_delimiter_is_refused(file: Path, delimiter: str) -> None:
    refused = refusal(file, "Name\nAda\n", delimiter=delimiter, status=ACTIVE)
    assert refused.reason is FileReason.INVALID_DELIMITER


def test_missing_or_special_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    for place, notice in (
        (tmp_path, Notice(FileReason.FOLDER)),
        (pipe, Notice(FileReason.NOT_REGULAR)),
        (
            tmp_path / "missing.csv",
            Notice(FileReason.CANT_OPEN, {"problem": "No such file or directory"}),
        ),
        (tmp_path / "a\0b", Notice(FileReason.NOT_A_FILE_NAME)),
    ):
        with pytest.raises(ContactFileError) as caught:
            read(place)
        assert caught.value.notice == notice


def test_a_file_that_is_too_large_is_refused_unread(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(encoding.MOST_BYTES + 1)
    with pytest.raises(ContactFileError) as caught:
        read(file)
    assert caught.value.notice == Notice(FileReason.TOO_LARGE, {"megabytes": 50})


def test_file_with_too_many_lines_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST_LINES", 100)
    assert len(contacts(file, "Name\n" + "Ada\n" * 99, status=ACTIVE)) == 99
    refused = refusal(file, "Name\n" + "Ada\n" * 100, status=ACTIVE)
    assert refused == Notice(FileReason.TOO_MANY_LINES, {"most": 100})


def test_a_file_that_changes_while_it_is_read_is_refused(file: Path) -> None:
    put(file, "Name\nAda\n")
    opening = open_contact_file(file, FileOptions(status=ACTIVE), NOW)
    opened = opening.__enter__()
    assert len(list(opened.contacts)) == 1
    put(file, "Name\nAda\nBob\n")
    with pytest.raises(ContactFileError) as caught:
        opening.__exit__(None, None, None)
    assert caught.value.reason is FileReason.CHANGED


# --- any content ---

_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@example(names=["\x1a\n", "Ada\n\x1a\nand Sons", "\x1a"], delimiter=",", encoding="utf-8")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(_CELLS.filter(str.strip), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_written_csv_is_read_back(file: Path, names: list[str], delimiter: str, encoding: str) -> None:
    quoted = ('"' + name.replace('"', '""') + '"' for name in names)
    text = f"Name{delimiter}Status\r\n" + "".join(f"{each}{delimiter}Active\r\n" for each in quoted)
    assert [one.name for one in contacts(file, text, encoding)] == [name.strip() for name in names]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"Name,Status\n", b"\xff\xfe", b"\xef\xbb\xbfName;Archived\n", b"PK"]),
    rest=st.binary(max_size=200) | _CELLS.map(str.encode),
)
def test_any_bytes_are_read_or_refused_with_a_message(file: Path, start: bytes, rest: bytes) -> None:
    found: list[FileContact] = []
    with suppress(ContactFileError):
        found = contacts(file, start + rest)
    assert all(one.status in {ACTIVE, ARCHIVED} for one in found)
