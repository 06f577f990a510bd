"""Detects a file's header, delimiter and columns, and parses its statuses."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, truncate
from tui.model.query import fold
from tui.model.re_leased import is_deleted_name
from tui.model.reasons import FileReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tui.model.contact_file import FileOptions

_ACTIVE, _ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
# Spreadsheets interpret this first line. Programs that don't may have saved it as a row.
_DELIMITER_LINE: Final = re.compile(
    r"""\s*"?\s*sep\s*="?(?P<delimiter>\\t|[^"\r\n])?"{0,2}[,;|\s]*""", re.IGNORECASE
)

# Re-Leased's Sync Results call Xero's id "External ID". The first match in a file wins.
_ID: Final = (
    "externalid", "xeroid", "xerocontactid", "xerocontact", "externalcontactid", "externalreference",
    "contactid", "xerouuid", "xeroguid",
)  # fmt: skip
_NAME: Final = (
    "name", "contactname", "fullname", "displayname", "xerocontactname", "contact", "companyname", "company",
    "businessname", "tradingname", "tenantname", "tenant",
)  # fmt: skip
_EMAIL: Final = (
    "email", "emailaddress", "contactemail", "primaryemail", "emailprimary", "mail", "emails",
)  # fmt: skip
_RE_LEASED_ID: Final = ("releasedid", "releasedcontactid", "releasedreference", "id")
# Not "state", which is part of an address.
_STATUS: Final = ("status", "contactstatus", "recordstatus")
_ARCHIVED_MARK: Final = ("archived", "isarchived", "inactive", "isinactive")
_ACTIVE_MARK: Final = ("active", "isactive")

_NAMES: Final = frozenset({*_ID, *_NAME, *_EMAIL, *_RE_LEASED_ID, *_STATUS, *_ARCHIVED_MARK, *_ACTIVE_MARK})

_STATUS_WORDS: Final = {
    "active": _ACTIVE, "current": _ACTIVE, "live": _ACTIVE, "notarchived": _ACTIVE, "unarchived": _ACTIVE,
    "archived": _ARCHIVED, "archive": _ARCHIVED, "inactive": _ARCHIVED,
}  # fmt: skip
_COUNTED: Final = "(?:(?:all |active |archived )?(?:contact|record|row|line|entry|entrie|item|result)s?)"
_DATE: Final = r"(?:\d{1,4}[-/. ](?:\d{1,2}|[a-z]{3,9})[-/. ]\d{2,4}|\d{1,2}:\d{2})"
# Summary rows below the data, folded: `Grand total: 17`, `17 records`, `Page 1 of 2`.
_SUMMARY_TEXT: Final = re.compile(
    r"(?:(?:grand|sub|net|report|overall|page|list|balance)[ -]?)?totals?"
    r"(?: (?:number|count|amount|balance|outstanding|active|archived|gbp|nzd|aud|usd|eur))?(?: of)?"
    rf"(?: {_COUNTED})?[\W\d]*(?:of[\W\d]+)?"
    rf"|(?:n(?:umber|o\.?) of {_COUNTED}|{_COUNTED}(?: count)?|count|sum) ?[:=(][\W\d]*"
    rf"|\W*\d[\d.,]* {_COUNTED}(?: in total| found| listed| exported| affected| selected)?\W*"
    rf"|page \d+(?: ?(?:of|/) ?\d+)?|showing \d.*of \d.*"
    r"|\W*end of (?:report|file|list|data|export)\W*|\W+end\W+"
    r"|[-=_*. ]+|powered by re-?leased\W*"
    r"|(?:report )?(?:generated|exported|printed|created|produced|downloaded|run)(?:(?: on| at| by| from)?:.*"
    rf"|.*{_DATE}.*)|filters?(?: applied)?:.*"
)
# Possible contact names that are labels if next to an amount.
_TOTAL_LABEL: Final = re.compile(
    rf"sum|average|tot\.?|(?:row |contact |record )?count|n(?:umber|o\.?) of {_COUNTED}|(?:closing )?balance"
)
_MAX_SUMMARY_LENGTH: Final = 200
_AMOUNT: Final = re.compile(r"[\W\d]+")
# Folded: with a currency, as a credit, with a unit, as a formula, or as a formula error.
_FIGURE: Final = re.compile(
    rf"(?:[a-z]{{2,3}} ?)?[\W\d]+(?: ?(?:cr|dr|gbp|nzd|aud|usd|eur))?"
    rf"|#[a-z/0]+[!?]?|=[a-z.]+\(.*\)|[\W\d]*{_COUNTED}"
)
_YES: Final = frozenset({"yes", "y", "true", "t", "1", "x", "✓", "✔"})
_NO: Final = frozenset({"no", "n", "false", "f", "0"})


class ColumnMapping(Struct, frozen=True):
    """The column index of each field; -1 if the file doesn't have it."""

    width: int
    xero_id: int
    name: int
    email: int
    re_leased_id: int
    status: int
    read_status: Callable[[str], ContactStatus | None]

    def is_summary_row(self, record: Sequence[str]) -> bool:
        """Return whether a line that isn't blank isn't a contact either: a total, page number or end mark.

        A line with an id, e-mail address or status is never a summary row. Figures aren't any of these, nor
        is a remark in the first column if that is the id column.
        """
        xero_id, email, status = (
            self.cell(record, index) for index in (self.xero_id, self.email, self.status)
        )
        has_status = bool(status) and (self.read_status(status) is not None or not _is_summary_cell(status))
        has_email = bool(email) and not _is_summary_cell(email)
        if has_status or has_email or (xero_id and not _is_summary_text(xero_id)):
            return False
        if not any((xero_id, self.cell(record, self.name), self.cell(record, self.re_leased_id))):
            return True
        label, *others = filter(None, map(str.strip, record))
        is_label = _is_summary_text(label) or (bool(others) and bool(_TOTAL_LABEL.fullmatch(fold(label))))
        # A contact's name can be a number if the file has only names.
        is_label = is_label or (self.status >= 0 and bool(_AMOUNT.fullmatch(label)))
        return is_label and all(map(_is_summary_cell, others))

    def is_deleted_contact(self, record: Sequence[str]) -> bool:
        """Return whether Re-Leased lists a contact that was deleted for good, without its name."""
        return is_deleted_name(self.cell(record, self.name))

    def cell(self, record: Sequence[str], index: int) -> str:
        """Return a record's value in a column; "" if either is missing."""
        return record[index].strip() if 0 <= index < len(record) else ""


def _is_summary_text(cell: str) -> bool:
    return len(cell) <= _MAX_SUMMARY_LENGTH and bool(_SUMMARY_TEXT.fullmatch(fold(cell)))


def _is_summary_cell(cell: str) -> bool:
    """Return whether a cell is a remark, or a figure that belongs to one."""
    return len(cell) <= _MAX_SUMMARY_LENGTH and bool(_FIGURE.fullmatch(fold(cell)) or _is_summary_text(cell))


def normalise_name(name: str) -> str:
    """Return a column name or status normalised for comparison."""
    return "".join(filter(str.isalnum, fold(name))) or name.strip()


class Layout(Struct, frozen=True):
    """The number of lines above the header, and the delimiter.

    `has_title` is whether these lines have anything besides blank lines and the delimiter line.
    """

    lines_above: int
    delimiter: str
    has_title: bool = False


def detect_layout(head: Sequence[str], options: FileOptions) -> Layout:
    """Find the header in the first lines of a file.

    It shows the delimiter more reliably than statistics over the lines, as in `csv.Sniffer`, because names
    and addresses contain commas, too. Raises `ContactFileError` for an invalid delimiter, or if the header
    isn't on the line that the user gave.
    """
    fixed = options.header_row
    directive = _DELIMITER_LINE.fullmatch(head[0]) if head and fixed != 1 else None
    above = 0 if directive is None else 1
    hinted = "" if directive is None else (directive["delimiter"] or "").replace("\\t", "\t")
    chosen = _parse_delimiter(options.delimiter)
    start = above if fixed is None else fixed - 1
    delimiters = [chosen] if chosen else filter(None, dict.fromkeys((hinted, *_DELIMITERS.values())))
    found: list[tuple[tuple[int, bool, int], int, str]] = []
    for delimiter in delimiters:
        header = find_header(_records(head[start:], delimiter), options)
        line, known, width = (0, -1, 0) if header is None else (header.line, header.known, header.width)
        if fixed is None or (header is not None and line == 0):
            found.append(((known, delimiter == hinted and width > 1, width), line, delimiter))
    if not found:
        raise ContactFileError(FileReason.NO_HEADER_ROW, line=start + 1)
    _, line, delimiter = max(found, key=lambda candidate: candidate[0])
    has_title = any(map(str.strip, head[above : start + line]))
    return Layout(start + line, delimiter, has_title)


def _parse_delimiter(delimiter: str) -> str:
    if not delimiter:
        return ""
    chosen = _DELIMITERS.get(delimiter.strip().casefold(), delimiter)
    chosen = "\t" if chosen == "\\t" else chosen
    if len(chosen) != 1 or chosen in '"\r\n\0':
        raise ContactFileError(FileReason.INVALID_DELIMITER, names=", ".join(_DELIMITERS))
    return chosen


class HeaderCandidate(Struct, frozen=True):
    """A line, counted from 0, that may be the header: how many known names and cells it has."""

    line: int
    known: int
    width: int


def find_header(records: Iterable[tuple[int, list[str]]], options: FileOptions) -> HeaderCandidate | None:
    """Return the record, each with its line, that looks most like a header; None if all are blank.

    A title above it has fewer cells. If no record has a known name, it is the first one, and so it is if the
    user gave its line.
    """
    named = (options.id_column, options.name_column, options.email_column, options.status_column)
    names = _NAMES | {normalise_name(name) for name in named if name}
    best: HeaderCandidate | None = None
    widest = 0
    for line, record in records:
        filled = sum(map(bool, map(str.strip, record)))
        known = len(names & set(map(normalise_name, record)))
        if filled and (best is None or (filled > widest and known > best.known)):
            best = HeaderCandidate(line, known, len(record))
        widest = max(widest, filled)
        if options.header_row is not None:
            break
    return best


def _records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of the first lines, as far as they are valid, with the line where each starts."""
    reader = csv.reader(lines, delimiter=delimiter)
    line = 0
    with suppress(csv.Error):
        for record in reader:
            yield line, record
            line = reader.line_num


def map_columns(header: Sequence[str], options: FileOptions, line: int) -> ColumnMapping:
    """Map the columns by name. Raises `ContactFileError` if a required column is missing."""
    columns = _match_columns(header, options, line)
    if columns.xero_id < 0 and columns.name < 0 and columns.email < 0:
        raise ContactFileError(FileReason.NO_CONTACT_COLUMN, line=line, columns=header)
    if columns.status < 0 and options.status is None:
        raise ContactFileError(FileReason.NO_STATUS_COLUMN, line=line, columns=header)
    return columns


def _match_columns(header: Sequence[str], options: FileOptions, line: int) -> ColumnMapping:
    keys = [normalise_name(name) for name in header]

    def index(chosen: str, names: Iterable[str]) -> int:
        wanted = [normalise_name(chosen)] if chosen else list(names)
        found = next((name for name in wanted if name in keys), None)
        if found is None:
            if chosen:
                raise ContactFileError(
                    FileReason.UNKNOWN_COLUMN, line=line, name=truncate(chosen), columns=header
                )
            return -1
        if keys.count(found) > 1:
            name = truncate(header[keys.index(found)])
            raise ContactFileError(FileReason.DUPLICATE_COLUMN, line=line, name=name, columns=header)
        return keys.index(found)

    status = index(options.status_column, (*_STATUS, *_ARCHIVED_MARK, *_ACTIVE_MARK))
    return ColumnMapping(
        width=len(header),
        xero_id=index(options.id_column, _ID),
        name=index(options.name_column, _NAME),
        email=index(options.email_column, _EMAIL),
        re_leased_id=index("", _RE_LEASED_ID),
        status=status,
        read_status=_status_parser(keys[status]) if status >= 0 else lambda _: options.status,
    )


def _status_parser(column: str) -> Callable[[str], ContactStatus | None]:
    """Return the status parser for a column of that name; it returns None for unknown values."""
    if column in _ARCHIVED_MARK:
        # An unset flag is usually blank.
        flags = {"": _ACTIVE} | dict.fromkeys(_YES, _ARCHIVED) | dict.fromkeys(_NO, _ACTIVE)
    elif column in _ACTIVE_MARK:
        flags = dict.fromkeys(_YES, _ACTIVE) | dict.fromkeys(_NO, _ARCHIVED)
    else:
        flags = {}
    statuses = _STATUS_WORDS | flags
    return lambda word: statuses.get(normalise_name(word))
