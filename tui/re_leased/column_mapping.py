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
_RELEASED_ID: Final = ("releasedid", "releasedcontactid", "releasedreference", "id")
# Not "state", which is a part of an address.
_STATUS: Final = ("status", "contactstatus", "recordstatus")
_ARCHIVED_MARK: Final = ("archived", "isarchived", "inactive", "isinactive")
_ACTIVE_MARK: Final = ("active", "isactive")

_NAMES: Final = frozenset({*_ID, *_NAME, *_EMAIL, *_RELEASED_ID, *_STATUS, *_ARCHIVED_MARK, *_ACTIVE_MARK})

_WORDS: Final = {
    "active": _ACTIVE, "current": _ACTIVE, "live": _ACTIVE, "notarchived": _ACTIVE, "unarchived": _ACTIVE,
    "archived": _ARCHIVED, "archive": _ARCHIVED, "inactive": _ARCHIVED,
}  # fmt: skip
_COUNTED: Final = "(?:(?:all |active |archived )?(?:contact|record|row|line|entry|entrie|item|result)s?)"
_DATE: Final = r"(?:\d{1,4}[-/. ](?:\d{1,2}|[a-z]{3,9})[-/. ]\d{2,4}|\d{1,2}:\d{2})"
# What report writers put below the data, folded: `Grand total: 17`, `17 records`, `Page 1 of 2`.
_REMARK: Final = re.compile(
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
_BESIDE_AMOUNTS: Final = re.compile(
    rf"sum|average|tot\.?|(?:row |contact |record )?count|n(?:umber|o\.?) of {_COUNTED}|(?:closing )?balance"
)
_LONGEST_REMARK: Final = 200
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
    released_id: int
    status: int
    read_status: Callable[[str], ContactStatus | None]

    def is_remark(self, record: Sequence[str]) -> bool:
        """Say whether a line, which isn't blank, is about no contact: a total, the number of a page, an end.

        A line that has an id, an e-mail address or a status is never taken for one. Figures aren't any of
        these, nor is what a remark in the first column says where that is the column of the ids.
        """
        xero_id, email, status = (
            self.cell(record, place) for place in (self.xero_id, self.email, self.status)
        )
        is_told = bool(status) and (self.read_status(status) is not None or not _is_about_data(status))
        has_email = bool(email) and not _is_about_data(email)
        if is_told or has_email or (xero_id and not _is_remark(xero_id)):
            return False
        if not any((xero_id, self.cell(record, self.name), self.cell(record, self.released_id))):
            return True
        label, *others = filter(None, map(str.strip, record))
        is_label = _is_remark(label) or (bool(others) and bool(_BESIDE_AMOUNTS.fullmatch(fold(label))))
        # A contact can be called by a number, where all that is known of it is its name.
        is_label = is_label or (self.status >= 0 and bool(_AMOUNT.fullmatch(label)))
        return is_label and all(map(_is_about_data, others))

    def cell(self, record: Sequence[str], place: int) -> str:
        """Return what a record has in a column, "" where either is missing."""
        return record[place].strip() if 0 <= place < len(record) else ""


def _is_remark(cell: str) -> bool:
    return len(cell) <= _LONGEST_REMARK and bool(_REMARK.fullmatch(fold(cell)))


def _is_about_data(cell: str) -> bool:
    """Whether a cell is a remark, or a figure that belongs to one."""
    return len(cell) <= _LONGEST_REMARK and bool(_FIGURE.fullmatch(fold(cell)) or _is_remark(cell))


def key(name: str) -> str:
    """Return what the name of a column, or a word for a status, is compared by."""
    return "".join(filter(str.isalnum, fold(name))) or name.strip()


class Layout(Struct, frozen=True):
    """How many lines are above the names of the columns, and what separates those.

    `has_title` says whether anything but blank lines and the line that names the delimiter is among them.
    """

    above: int
    delimiter: str
    has_title: bool = False


def layout_of(head: Sequence[str], options: FileOptions) -> Layout:
    """Find the names of the columns in the first lines of a file.

    They tell the delimiter better than statistics over the lines, as `csv.Sniffer` does them: a name or an
    address holds commas too. Raises `ContactFileError` for a delimiter that can't be one.
    """
    order = _DELIMITER_LINE.fullmatch(head[0]) if head else None
    above = 0 if order is None else 1
    hinted = "" if order is None else (order["delimiter"] or "").replace("\\t", "\t")
    chosen = _chosen(options.delimiter)
    named = (options.id_column, options.name_column, options.email_column, options.status_column)
    names = _NAMES | {key(name) for name in named if name}
    found = [
        _header(head[above:], delimiter, names, is_hinted=delimiter == hinted)
        for delimiter in ([chosen] if chosen else dict.fromkeys((hinted, *_DELIMITERS.values())))
        if delimiter
    ]
    best = max(found, key=lambda header: header.likeness)
    has_title = any(map(str.strip, head[above : above + best.line]))
    return Layout(above + best.line, best.delimiter, has_title)


def _chosen(delimiter: str) -> str:
    if not delimiter:
        return ""
    chosen = _DELIMITERS.get(delimiter.strip().casefold(), delimiter)
    chosen = "\t" if chosen == "\\t" else chosen
    if len(chosen) != 1 or chosen in '"\r\n\0':
        raise ContactFileError(
            "The delimiter has to be one character.", f"It can also be {', '.join(_DELIMITERS)}."
        )
    return chosen


class _Header(Struct, frozen=True):
    """A line, counted from 0, that may hold the names of the columns, and how much it looks so."""

    line: int
    delimiter: str
    likeness: tuple[int, bool, int]


def _header(lines: Sequence[str], delimiter: str, names: frozenset[str], *, is_hinted: bool) -> _Header:
    """Return the line that looks most like names of columns with this between them.

    A title above them has fewer cells. Where no line has a name that is known, it is the first.
    """
    best: _Header | None = None
    widest = 0
    reader = csv.reader(lines, delimiter=delimiter)
    line = 0
    try:
        for record in reader:
            filled = sum(map(bool, map(str.strip, record)))
            known = len(names & set(map(key, record)))
            if filled and (best is None or (filled > widest and known > best.likeness[0])):
                best = _Header(line, delimiter, (known, is_hinted and len(record) > 1, len(record)))
            widest = max(widest, filled)
            line = reader.line_num
    except csv.Error:
        pass
    return best or _Header(0, delimiter, (-1, is_hinted, 0))


def columns_of(header: Sequence[str], options: FileOptions, line: int) -> ColumnMapping:
    """Find the columns by their names. Raises `ContactFileError` when the file lacks what is needed."""
    columns = _find(header, options, line)
    if columns.xero_id < 0 and columns.name < 0 and columns.email < 0:
        raise ContactFileError(
            "no column is called Name, Email or External ID.",
            f"{_listed(header)} Say which is which with --name-column, --email-column or --id-column.",
            line=line,
            trouble=FileProblem.COLUMNS,
            columns=header,
        )
    if columns.status < 0 and options.status is None:
        raise ContactFileError(
            "no column tells which contacts are archived.",
            f"{_listed(header)} Say --archived or --active if all of them are, or name the column with"
            " --status-column.",
            line=line,
            trouble=FileProblem.STATUS,
            columns=header,
        )
    return columns


def _find(header: Sequence[str], options: FileOptions, line: int) -> ColumnMapping:
    keys = [key(name) for name in header]

    def place(chosen: str, names: Iterable[str]) -> int:
        wanted = [key(chosen)] if chosen else list(names)
        found = next((name for name in wanted if name in keys), None)
        if found is None:
            if chosen:
                raise ContactFileError(
                    f"no column is called “{shortened(chosen)}”.",
                    _listed(header),
                    line=line,
                    trouble=FileProblem.COLUMNS,
                    columns=header,
                )
            return -1
        if keys.count(found) > 1:
            twice = shortened(header[keys.index(found)])
            raise ContactFileError(
                f"two columns are called “{twice}”.",
                "Rename one of them.",
                line=line,
                trouble=FileProblem.COLUMNS,
                columns=header,
            )
        return keys.index(found)

    status = place(options.status_column, (*_STATUS, *_ARCHIVED_MARK, *_ACTIVE_MARK))
    return ColumnMapping(
        width=len(header),
        xero_id=place(options.id_column, _ID),
        name=place(options.name_column, _NAME),
        email=place(options.email_column, _EMAIL),
        released_id=place("", _RELEASED_ID),
        status=status,
        read_status=_reader(keys[status]) if status >= 0 else lambda _: options.status,
    )


def _reader(column: str) -> Callable[[str], ContactStatus | None]:
    """Return what reads the words of a column of that name; it gives None for a word it doesn't know."""
    if column in _ARCHIVED_MARK:
        # A mark that isn't set is mostly left blank.
        marks = {"": _ACTIVE} | dict.fromkeys(_YES, _ARCHIVED) | dict.fromkeys(_NO, _ACTIVE)
    elif column in _ACTIVE_MARK:
        marks = dict.fromkeys(_YES, _ACTIVE) | dict.fromkeys(_NO, _ARCHIVED)
    else:
        marks = {}
    words = _WORDS | marks
    return lambda word: words.get(key(word))


def _listed(header: Sequence[str]) -> str:
    names = ", ".join(f"“{shortened(name)}”" for name in header[:_SHOWN_COLUMNS])
    return f"The columns are {names}{' and more' if len(header) > _SHOWN_COLUMNS else ''}."


def shortened(name: str) -> str:
    """Return the beginning of what a file says, for a sentence."""
    return name if len(name) <= _SHOWN_LENGTH else f"{name[:_SHOWN_LENGTH]}…"
