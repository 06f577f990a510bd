"""What is said while a file is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.model.contact import ContactStatus
from tui.model.contact_file import FileProblem
from tui.screens.compare.file_paths import format_size
from tui.widgets import clock
from tui.widgets.text import fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tui.model.errors import ReshelveError
    from tui.screens.compare.file_paths import PathEntry

TITLE: Final = "Compare a file from Re-Leased"
ABOUT: Final = (
    "A table (CSV) of contacts, exported from Re-Leased, is held against Xero. Comparing changes nothing. "
    "Tab completes a name, ↓ goes to the list."
)
NO_SUCH_FILE: Final = "There is no such file. Choose one of the list, or go on typing."
INVALID_DATE: Final = "This is no date. Write it like 2026-03-31 or 2026-03-31 14:05, or leave the box empty."
NOTHING_HERE: Final = "No CSV file or folder here begins like that."
COMPARING: Final = "Comparing … press {cancel} to stop."
STOPPED: Final = "Stopped. Nothing was changed."
DATE_HINT: Final = "the file's last change"
AUTO: Final = "found"
STATUSES: Final = {
    AUTO: "as the file says",
    ContactStatus.ACTIVE.value: "all active",
    ContactStatus.ARCHIVED.value: "all archived",
}
DELIMITERS: Final = {
    AUTO: "found by itself",
    "comma": "commas",
    "semicolon": "semicolons",
    "tab": "tabs",
    "pipe": "upright strokes |",
}
ENCODINGS: Final = {
    AUTO: "found by itself",
    "utf-8": "UTF-8",
    "cp1252": "Windows, Western (cp1252)",
    "cp1250": "Windows, Central European (cp1250)",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "mac_roman": "Mac OS Roman",
}
COLUMNS: Final = {
    "name_column": "Names in",
    "email_column": "E-mails in",
    "id_column": "Xero ids in",
    "status_column": "Archived in",
}
_ROOM_FOR_SIZE: Final = 40
_NEXT: Final = {
    FileProblem.COLUMNS: "Say above which column is which.",
    FileProblem.STATUS: "Say above what they are, or which column tells it.",
    FileProblem.ENCODING: "Say above what the file is encoded in.",
    FileProblem.DATE: "Say above when it was exported, at the latest when it was last changed.",
}


def failure_message(error: ReshelveError, problem: FileProblem) -> str:
    """Say what is wrong with a file, that nothing was changed, and what to do here."""
    return f"{error.message} Nothing was changed. {_NEXT[problem]}"


def columns(header: Sequence[str]) -> Mapping[str, str]:
    """Return the columns of a file to choose from, by their numbers; nameless ones can't be."""
    named = {str(place): name for place, name in enumerate(header) if name.strip()}
    return {AUTO: "found by its name", **named}


def entry_row(entry: PathEntry, width: int, now: datetime) -> Content:
    """Write a file or folder in this width."""
    if entry.is_folder:
        return Content.styled(fit(f"{entry.name}/", width), "$text-primary")
    details = clock.short_time(entry.modified_at, now)
    if width >= _ROOM_FOR_SIZE:
        details += f"  {format_size(entry.size):>8}"
    return Content.assemble(
        fit(entry.name, max(8, width - len(details) - 2)), ("  " + details, "$text-muted")
    )
