"""A file of contacts exported from Re-Leased: what is said about it, and what it says."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.errors import ReshelveError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.contact import ContactStatus


class FileProblem(StrEnum):
    """What a person can say about a file in which it can't be found."""

    COLUMNS = "columns"
    STATUS = "status"
    ENCODING = "encoding"
    DATE = "date"


class ContactFileError(ReshelveError):
    """A file that can't be used; names the line where there is one. Nothing has been changed.

    `problem` is what a person could say to make it usable, None where there is nothing; `columns` are the
    names in the file's first line, where one of them could be chosen.
    """

    def __init__(
        self,
        message: str,
        next_step: str = "",
        *,
        line: int = 0,
        problem: FileProblem | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        where = f"Line {line}: " if line else ""
        super().__init__(f"{where}{message}", f"Nothing was changed. {next_step}".strip())
        self.problem = problem
        self.columns = tuple(columns)


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

    `digest` is the SHA-256 of its bytes, in hexadecimal; `notes` are sentences on what was assumed.
    """

    name: str
    digest: str
    exported_at: datetime
    notes: tuple[str, ...] = ()

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
