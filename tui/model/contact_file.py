"""A contacts file exported from Re-Leased: the options for reading it, and its contents."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.errors import ReshelveError
from tui.model.reasons import FileReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui.model.contact import ContactStatus
    from tui.model.reasons import Notice, Param, Reason


class FileProblem(StrEnum):
    """What the user can specify if it can't be detected in a file."""

    COLUMNS = "columns"
    STATUS = "status"
    ENCODING = "encoding"
    DATE = "date"
    SHEET = "sheet"


_PROBLEMS: Final[Mapping[Reason, FileProblem]] = {
    FileReason.NO_CONTACT_COLUMN: FileProblem.COLUMNS,
    FileReason.UNKNOWN_COLUMN: FileProblem.COLUMNS,
    FileReason.DUPLICATE_COLUMN: FileProblem.COLUMNS,
    FileReason.NO_STATUS_COLUMN: FileProblem.STATUS,
    FileReason.TOO_FEW_FIELDS: FileProblem.STATUS,
    FileReason.NO_STATUS: FileProblem.STATUS,
    FileReason.UNKNOWN_STATUS: FileProblem.STATUS,
    FileReason.OTHER_STATUS: FileProblem.STATUS,
    FileReason.NOT_TEXT: FileProblem.ENCODING,
    FileReason.UNDECODABLE: FileProblem.ENCODING,
    FileReason.UNKNOWN_ENCODING: FileProblem.ENCODING,
    FileReason.FUTURE_EXPORT_DATE: FileProblem.DATE,
    FileReason.EXPORT_DATE_AFTER_CHANGE: FileProblem.DATE,
    FileReason.FUTURE_FILE_DATE: FileProblem.DATE,
    FileReason.SEVERAL_SHEETS: FileProblem.SHEET,
    FileReason.UNKNOWN_SHEET: FileProblem.SHEET,
}
_SHOWN_NAMES: Final = 12
_SHOWN_LENGTH: Final = 40


class ContactFileError(ReshelveError):
    """A file that can't be used; nothing has been changed.

    `columns` are the names in the file's header, and `sheets` those of a workbook's sheets, if choosing one
    of them can help. The message shows the first ones.
    """

    def __init__(
        self,
        reason: FileReason,
        /,
        *,
        columns: Sequence[str] = (),
        sheets: Sequence[str] = (),
        **params: Param,
    ) -> None:
        self.columns, self.sheets = tuple(columns), tuple(sheets)
        for kind, names in {"columns": columns, "sheets": sheets}.items():
            if names:
                more = ["…"] if len(names) > _SHOWN_NAMES else []
                shown = (f"“{truncate(name)}”" for name in names[:_SHOWN_NAMES])
                params[kind] = ", ".join([*shown, *more])
        super().__init__(reason, **params)

    @property
    def problem(self) -> FileProblem | None:
        """What the user could specify to make the file usable; None if nothing."""
        return _PROBLEMS.get(self.reason)


def truncate(name: str) -> str:
    """Return a file's text shortened for a message."""
    return name if len(name) <= _SHOWN_LENGTH else f"{name[:_SHOWN_LENGTH]}…"


def parse_datetime(text: str) -> datetime:
    """Parse a date or time as users write it, such as `2026-03-31` or `2026-03-31 14:05`.

    Without an offset, it is in this machine's zone. A time that occurs twice, when clocks go back, is the
    earlier one, which claims less. Raises `ValueError` for anything else.
    """
    try:
        given = datetime.fromisoformat(text.strip())
        if given.tzinfo is not None:
            return given
        return min(given.replace(fold=fold).astimezone() for fold in (0, 1))
    except (OverflowError, OSError) as error:
        raise ValueError(text) from error


class FileOptions(Struct, frozen=True):
    """The user's options for a file; anything left out is detected.

    `status` applies to the whole file. `exported_at` is when it was exported; without it, the file's
    modification time is used. Columns are named as in the file's header, ignoring case and spaces.
    `header_row` is the header's line, counted from 1. `sheet` is the name of a workbook's sheet.
    """

    status: ContactStatus | None = None
    delimiter: str = ""
    encoding: str = ""
    id_column: str = ""
    name_column: str = ""
    email_column: str = ""
    status_column: str = ""
    exported_at: datetime | None = None
    header_row: int | None = None
    sheet: str = ""


class FileSource(Struct, frozen=True):
    """The file or connection that was read, and how.

    `digest` is the SHA-256 of a file's bytes, in hexadecimal, and empty for a connection. `exported_at` is
    the time up to which confirmed changes can be in it: for a connection, when the read began. `notes` are
    about assumptions.
    """

    name: str
    digest: str
    exported_at: datetime
    notes: tuple[Notice, ...] = ()

    @property
    def is_connection(self) -> bool:
        """Whether this came through a connection to Re-Leased, not from a file."""
        return not self.digest

    @property
    def run_id(self) -> str:
        """The id under which evidence from this file or read is stored; the same for the same file."""
        return f"read {self.name}" if self.is_connection else f"file {self.name} {self.digest[:12]}"


class FileContact(Struct, frozen=True, gc=False):
    """One contact in the file, with the line where it starts. Text is as received.

    For a connection, `line` is the position in the list, and `status` is None if Re-Leased returned none.
    """

    line: int
    status: ContactStatus | None
    xero_id: str = ""
    name: str = ""
    email: str = ""
    re_leased_id: str = ""
