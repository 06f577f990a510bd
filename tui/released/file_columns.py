"""Which column of a file is which, what stands between two, and what its words for a status mean."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, Trouble
from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tui.model.contact_file import FileOptions

_ACTIVE, _ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
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
_YES: Final = frozenset({"yes", "y", "true", "t", "1", "x", "✓", "✔"})
_NO: Final = frozenset({"no", "n", "false", "f", "0"})


class Columns(Struct, frozen=True):
    """Where in a record each thing stands; -1 where the file doesn't have it."""

    width: int
    xero_id: int
    name: int
    email: int
    released_id: int
    status: int
    read_status: Callable[[str], ContactStatus | None]


def key(name: str) -> str:
    """Return what the name of a column, or a word for a status, is compared by."""
    return "".join(filter(str.isalnum, fold(name))) or name.strip()


def delimiter_of(first: str, options: FileOptions) -> str:
    """Return what stands between the columns of a file with this first line.

    The names of the columns tell it better than statistics over the lines, as `csv.Sniffer` does them: a
    name or an address holds commas too.
    """
    if options.delimiter:
        chosen = _DELIMITERS.get(options.delimiter.strip().casefold(), options.delimiter)
        chosen = "\t" if chosen == "\\t" else chosen
        if len(chosen) != 1 or chosen in '"\r\n\0':
            raise ContactFileError(
                "The delimiter has to be one character.", f"It can also be {', '.join(_DELIMITERS)}."
            )
        return chosen
    return max(_DELIMITERS.values(), key=lambda delimiter: _likeness(first, delimiter, options))


def columns_of(header: Sequence[str], options: FileOptions, line: int) -> Columns:
    """Find the columns by their names. Raises `ContactFileError` when the file lacks what is needed."""
    columns = _find(header, options, line)
    if columns.xero_id < 0 and columns.name < 0 and columns.email < 0:
        raise ContactFileError(
            "no column is called Name, Email or External ID.",
            f"{_listed(header)} Say which is which with --name-column, --email-column or --id-column.",
            line=line,
            trouble=Trouble.COLUMNS,
            columns=header,
        )
    if columns.status < 0 and options.status is None:
        raise ContactFileError(
            "no column tells which contacts are archived.",
            f"{_listed(header)} Say --archived or --active if all of them are, or name the column with"
            " --status-column.",
            line=line,
            trouble=Trouble.STATUS,
            columns=header,
        )
    return columns


def _find(header: Sequence[str], options: FileOptions, line: int) -> Columns:
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
                    trouble=Trouble.COLUMNS,
                    columns=header,
                )
            return -1
        if keys.count(found) > 1:
            twice = shortened(header[keys.index(found)])
            raise ContactFileError(
                f"two columns are called “{twice}”.",
                "Rename one of them.",
                line=line,
                trouble=Trouble.COLUMNS,
                columns=header,
            )
        return keys.index(found)

    status = place(options.status_column, (*_STATUS, *_ARCHIVED_MARK, *_ACTIVE_MARK))
    return Columns(
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


def _likeness(first: str, delimiter: str, options: FileOptions) -> tuple[int, int]:
    """Say how much a first line looks like names of columns with this between them."""
    try:
        header = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return -1, 0
    told = (options.id_column, options.name_column, options.email_column, options.status_column)
    names = _NAMES | {key(name) for name in told if name}
    return sum(key(name) in names for name in header), len(header)


def _listed(header: Sequence[str]) -> str:
    names = ", ".join(f"“{shortened(name)}”" for name in header[:_SHOWN_COLUMNS])
    return f"The columns are {names}{' and more' if len(header) > _SHOWN_COLUMNS else ''}."


def shortened(name: str) -> str:
    """Return the beginning of what a file says, for a sentence."""
    return name if len(name) <= _SHOWN_LENGTH else f"{name[:_SHOWN_LENGTH]}…"
