"""A file of contacts exported from Re-Leased: what is said about it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.contact import ContactStatus


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What a person says about a file; what is left out is found in it.

    `status` goes for the whole file. `dated` is when it was exported; without it, the file's last change
    counts. Columns are named as in the file's first line, capitals and spaces aside.
    """

    status: ContactStatus | None = None
    delimiter: str = ""
    encoding: str = ""
    id_column: str = ""
    name_column: str = ""
    email_column: str = ""
    status_column: str = ""
    dated: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileSource:
    """Which file was read, and how it was understood.

    `digest` is the SHA-256 of its bytes, in hexadecimal; `notes` are sentences on what was assumed.
    """

    name: str
    digest: str
    dated: datetime
    notes: tuple[str, ...] = ()

    @property
    def run(self) -> str:
        """What evidence out of this file is filed under; the same for the same file."""
        return f"file {self.name} {self.digest[:12]}"


@dataclass(frozen=True, slots=True)
class FileContact:
    """One contact in the file, with the line it begins on. Text is as received."""

    line: int
    status: ContactStatus
    xero_id: str = ""
    name: str = ""
    email: str = ""
    released_id: str = ""
