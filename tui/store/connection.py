"""A connection to a file that may be damaged: it only raises SQLite's own errors."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any, Final

#: Invalid UTF-8 becomes replacement characters.
_read_text: Final = partial(str, encoding="utf-8", errors="replace")


class Connection(sqlite3.Connection):
    """A connection that reads any stored text, and raises `sqlite3.Error` even if an error isn't valid UTF-8.

    SQLite quotes the names of tables and columns in its errors. If a damaged name isn't UTF-8, Python's
    module raises `UnicodeDecodeError` instead of the error.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.text_factory = _read_text

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement. Raises `sqlite3.Error`."""
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise _unreadable(error) from error


def _unreadable(error: UnicodeDecodeError) -> sqlite3.DatabaseError:
    damage = sqlite3.DatabaseError(bytes(error.object).decode("utf-8", "replace"))
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return damage
