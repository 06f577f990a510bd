"""A file of contacts exported from Re-Leased: what is said about it, and what it says."""

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
    """What a person can say about a file in which it can't be found."""

    COLUMNS = "columns"
    STATUS = "status"
    ENCODING = "encoding"
    DATE = "date"


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
}
_SHOWN_COLUMNS: Final = 12
_SHOWN_LENGTH: Final = 40


class ContactFileError(ReshelveError):
    """A file that can't be used; nothing has been changed.

    `columns` are the names in the file's header, where one of them could be chosen. The sentence shows the
    first ones.
    """

    def __init__(self, reason: FileReason, /, *, columns: Sequence[str] = (), **params: Param) -> None:
        self.columns = tuple(columns)
        if columns:
            more = ["…"] if len(columns) > _SHOWN_COLUMNS else []
            shown = (f"“{truncate(name)}”" for name in columns[:_SHOWN_COLUMNS])
            params["columns"] = ", ".join([*shown, *more])
        super().__init__(reason, **params)

    @property
    def problem(self) -> FileProblem | None:
        """What a person could say to make the file usable; None where there is nothing."""
        return _PROBLEMS.get(self.reason)


def truncate(name: str) -> str:
    """Return a file's text shortened for a message."""
    return name if len(name) <= _SHOWN_LENGTH else f"{name[:_SHOWN_LENGTH]}…"


def parse_datetime(text: str) -> datetime:
    """Read a date or a time as a person writes it, such as `2026-03-31` or `2026-03-31 14:05`.

    It is of this machine's zone unless it says another. One that comes twice, where clocks go back, is the
    earlier one: it claims less. Raises `ValueError` for anything else.
    """
    try:
        given = datetime.fromisoformat(text.strip())
        if given.tzinfo is not None:
            return given
        return min(given.replace(fold=fold).astimezone() for fold in (0, 1))
    except (OverflowError, OSError) as error:
        raise ValueError(text) from error


class FileOptions(Struct, frozen=True):
    """What a person says about a file; what is left out is found in it.

    `status` goes for the whole file. `exported_at` is when it was exported; without it, the file's last
    change counts. Columns are named as in the file's first line, capitals and spaces aside.
    """

    status: ContactStatus | None = None
    delimiter: str = ""
    encoding: str = ""
    id_column: str = ""
    name_column: str = ""
    email_column: str = ""
    status_column: str = ""
    exported_at: datetime | None = None


class FileSource(Struct, frozen=True):
    """Which file was read, and how it was understood.

    `digest` is the SHA-256 of its bytes, in hexadecimal; `notes` say what was assumed.
    """

    name: str
    digest: str
    exported_at: datetime
    notes: tuple[Notice, ...] = ()

    @property
    def run_id(self) -> str:
        """What evidence out of this file is filed under; the same for the same file."""
        return f"file {self.name} {self.digest[:12]}"


class FileContact(Struct, frozen=True):
    """One contact in the file, with the line it begins on. Text is as received."""

    line: int
    status: ContactStatus
    xero_id: str = ""
    name: str = ""
    email: str = ""
    re_leased_id: str = ""
