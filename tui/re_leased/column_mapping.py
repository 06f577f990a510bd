"""Which column of a file is which, what stands between two, and what its words for a status mean."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileProblem
from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tui.model.contact_file import FileOptions

_ACTIVE, _ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
# Spreadsheets take such a first line as an order. A program that doesn't may have saved it as a row.
_DELIMITER_LINE: Final = re.compile(
    r"""\s*"?\s*sep\s*="?(?P<delimiter>\\t|[^"\r\n])?"{0,2}[,;|\s]*""", re.IGNORECASE
)
_SHOWN_COLUMNS: Final = 12
_SHOWN_LENGTH: Final = 40

# Re-Leased's Sync Results name Xero's id "External ID". The first that a file has counts.
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
# Not "state", which is a part of an address.
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
# What report writers put below the data, folded: `Grand total: 17`, `17 records`, `Page 1 of 2`.
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
# What could be a contact's name, and is a remark beside an amount.
_TOTAL_LABEL: Final = re.compile(
    rf"sum|average|tot\.?|(?:row |contact |record )?count|n(?:umber|o\.?) of {_COUNTED}|(?:closing )?balance"
)
_MAX_SUMMARY_LENGTH: Final = 200
_AMOUNT: Final = re.compile(r"[\W\d]+")
# Folded: with a currency, as a credit, with what was counted, as a formula, or as what can't be calculated.
_FIGURE: Final = re.compile(
    rf"(?:[a-z]{{2,3}} ?)?[\W\d]+(?: ?(?:cr|dr|gbp|nzd|aud|usd|eur))?"
    rf"|#[a-z/0]+[!?]?|=[a-z.]+\(.*\)|[\W\d]*{_COUNTED}"
)
_YES: Final = frozenset({"yes", "y", "true", "t", "1", "x", "✓", "✔"})
_NO: Final = frozenset({"no", "n", "false", "f", "0"})


class ColumnMapping(Struct, frozen=True):
    """Where in a record each thing stands; -1 where the file doesn't have it."""

    width: int
    xero_id: int
    name: int
    email: int
    re_leased_id: int
    status: int
    read_status: Callable[[str], ContactStatus | None]

    def is_summary_row(self, record: Sequence[str]) -> bool:
        """Say whether a line, which isn't blank, is about no contact: a total, the number of a page, an end.

        A line that has an id, an e-mail address or a status is never taken for one. Figures aren't any of
        these, nor is what a remark in the first column says where that is the column of the ids.
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
        # A contact can be called by a number, where all that is known of it is its name.
        is_label = is_label or (self.status >= 0 and bool(_AMOUNT.fullmatch(label)))
        return is_label and all(map(_is_summary_cell, others))

    def cell(self, record: Sequence[str], index: int) -> str:
        """Return what a record has in a column, "" where either is missing."""
        return record[index].strip() if 0 <= index < len(record) else ""


def _is_summary_text(cell: str) -> bool:
    return len(cell) <= _MAX_SUMMARY_LENGTH and bool(_SUMMARY_TEXT.fullmatch(fold(cell)))


def _is_summary_cell(cell: str) -> bool:
    """Whether a cell is a remark, or a figure that belongs to one."""
    return len(cell) <= _MAX_SUMMARY_LENGTH and bool(_FIGURE.fullmatch(fold(cell)) or _is_summary_text(cell))


def normalise_name(name: str) -> str:
    """Return what the name of a column, or a word for a status, is compared by."""
    return "".join(filter(str.isalnum, fold(name))) or name.strip()


class Layout(Struct, frozen=True):
    """How many lines are above the names of the columns, and what separates those.

    `has_title` says whether anything but blank lines and the line that names the delimiter is among them.
    """

    lines_above: int
    delimiter: str
    has_title: bool = False


def detect_layout(head: Sequence[str], options: FileOptions) -> Layout:
    """Find the names of the columns in the first lines of a file.

    They tell the delimiter better than statistics over the lines, as `csv.Sniffer` does them: a name or an
    address holds commas too. Raises `ContactFileError` for a delimiter that can't be one.
    """
    directive = _DELIMITER_LINE.fullmatch(head[0]) if head else None
    above = 0 if directive is None else 1
    hinted = "" if directive is None else (directive["delimiter"] or "").replace("\\t", "\t")
    chosen = _parse_delimiter(options.delimiter)
    named = (options.id_column, options.name_column, options.email_column, options.status_column)
    names = _NAMES | {normalise_name(name) for name in named if name}
    found = [
        _find_header(head[above:], delimiter, names, is_hinted=delimiter == hinted)
        for delimiter in ([chosen] if chosen else dict.fromkeys((hinted, *_DELIMITERS.values())))
        if delimiter
    ]
    best = max(found, key=lambda header: header.score)
    has_title = any(map(str.strip, head[above : above + best.line]))
    return Layout(above + best.line, best.delimiter, has_title)


def _parse_delimiter(delimiter: str) -> str:
    if not delimiter:
        return ""
    chosen = _DELIMITERS.get(delimiter.strip().casefold(), delimiter)
    chosen = "\t" if chosen == "\\t" else chosen
    if len(chosen) != 1 or chosen in '"\r\n\0':
        raise ContactFileError(
            "The delimiter has to be one character.", f"It can also be {', '.join(_DELIMITERS)}."
        )
    return chosen


class _HeaderCandidate(Struct, frozen=True):
    """A line, counted from 0, that may hold the names of the columns, and how much it looks so."""

    line: int
    delimiter: str
    score: tuple[int, bool, int]


def _find_header(
    lines: Sequence[str], delimiter: str, names: frozenset[str], *, is_hinted: bool
) -> _HeaderCandidate:
    """Return the line that looks most like names of columns with this between them.

    A title above them has fewer cells. Where no line has a name that is known, it is the first.
    """
    best: _HeaderCandidate | None = None
    widest = 0
    reader = csv.reader(lines, delimiter=delimiter)
    line = 0
    try:
        for record in reader:
            filled = sum(map(bool, map(str.strip, record)))
            known = len(names & set(map(normalise_name, record)))
            if filled and (best is None or (filled > widest and known > best.score[0])):
                best = _HeaderCandidate(line, delimiter, (known, is_hinted and len(record) > 1, len(record)))
            widest = max(widest, filled)
            line = reader.line_num
    except csv.Error:
        pass
    return best or _HeaderCandidate(0, delimiter, (-1, is_hinted, 0))


def map_columns(header: Sequence[str], options: FileOptions, line: int) -> ColumnMapping:
    """Find the columns by their names. Raises `ContactFileError` when the file lacks what is needed."""
    columns = _match_columns(header, options, line)
    if columns.xero_id < 0 and columns.name < 0 and columns.email < 0:
        raise ContactFileError(
            "no column is called Name, Email or External ID.",
            f"{_listed(header)} Say which is which with --name-column, --email-column or --id-column.",
            line=line,
            problem=FileProblem.COLUMNS,
            columns=header,
        )
    if columns.status < 0 and options.status is None:
        raise ContactFileError(
            "no column tells which contacts are archived.",
            f"{_listed(header)} Say --archived or --active if all of them are, or name the column with"
            " --status-column.",
            line=line,
            problem=FileProblem.STATUS,
            columns=header,
        )
    return columns


def _match_columns(header: Sequence[str], options: FileOptions, line: int) -> ColumnMapping:
    keys = [normalise_name(name) for name in header]

    def index(chosen: str, names: Iterable[str]) -> int:
        wanted = [normalise_name(chosen)] if chosen else list(names)
        found = next((name for name in wanted if name in keys), None)
        if found is None:
            if chosen:
                raise ContactFileError(
                    f"no column is called “{truncate(chosen)}”.",
                    _listed(header),
                    line=line,
                    problem=FileProblem.COLUMNS,
                    columns=header,
                )
            return -1
        if keys.count(found) > 1:
            twice = truncate(header[keys.index(found)])
            raise ContactFileError(
                f"two columns are called “{twice}”.",
                "Rename one of them.",
                line=line,
                problem=FileProblem.COLUMNS,
                columns=header,
            )
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
    """Return what reads the words of a column of that name; it gives None for a word it doesn't know."""
    if column in _ARCHIVED_MARK:
        # A mark that isn't set is mostly left blank.
        flags = {"": _ACTIVE} | dict.fromkeys(_YES, _ARCHIVED) | dict.fromkeys(_NO, _ACTIVE)
    elif column in _ACTIVE_MARK:
        flags = dict.fromkeys(_YES, _ACTIVE) | dict.fromkeys(_NO, _ARCHIVED)
    else:
        flags = {}
    words = _STATUS_WORDS | flags
    return lambda word: words.get(normalise_name(word))


def _listed(header: Sequence[str]) -> str:
    names = ", ".join(f"“{truncate(name)}”" for name in header[:_SHOWN_COLUMNS])
    return f"The columns are {names}{' and more' if len(header) > _SHOWN_COLUMNS else ''}."


def truncate(name: str) -> str:
    """Return the beginning of what a file says, for a sentence."""
    return name if len(name) <= _SHOWN_LENGTH else f"{name[:_SHOWN_LENGTH]}…"
