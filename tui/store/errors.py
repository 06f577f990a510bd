"""What SQLite's errors mean to a person: what happened, that nothing is lost, what to do."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.system.locks import CannotLockError, locking_problem

if TYPE_CHECKING:
    from pathlib import Path

_PRIMARY_CODE = 0xFF
_KEPT = "Everything saved until now is kept."

_MESSAGES: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_FULL: (
        f"The disk is full, so the last step wasn't saved. {_KEPT}",
        "Free some space, then try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        f"The local copy may not be written to. {_KEPT}",
        "Make {file} writable for your user, then try again.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The local copy can't be opened. Nothing was changed.",
        "Check that {file} can be read and written by your user.",
    ),
    sqlite3.SQLITE_PERM: (
        "The local copy may not be opened. Nothing was changed.",
        "Make {file} readable and writable for your user.",
    ),
    sqlite3.SQLITE_BUSY: (
        f"Another Reshelve is busy writing to the local copy. {_KEPT}",
        "Try again in a moment.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "The local copy is damaged. Xero still has every contact, and the journal has its backups.",
        "Quit, then run `reshelve repair`.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "The local copy isn't a Reshelve database, or is damaged. Nothing was changed.",
        "Quit, then run `reshelve repair`: it keeps {file} and puts the journal's backup in its place.",
    ),
    sqlite3.SQLITE_IOERR: (
        f"The disk reported an error, so the last step wasn't saved. {_KEPT}",
        "Check the disk that holds {file}, then try again.",
    ),
}
# Locks and shared memory that the file system refuses, as network drives do.
_NO_LOCKS: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_BLOCKED,
        sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_UNLOCK,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_RETRYABLE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR})
# The messages of ordinary SQLite errors for damaged names, or damaged numbers in the file's header.
_DAMAGE_MESSAGES: Final = (
    "no such table",
    "no such column",
    "no such index",
    "no such trigger",
    # A statement in the schema that can't be parsed when a table or column is renamed.
    "error in ",
    "unsupported file format",
)


def no_locks(file: Path, reason: str) -> StoreError:
    """Say that the drive of a file can't lock files, which a database needs."""
    refused = CannotLockError(file.parent, reason)
    return StoreError(refused.message, refused.next_step)


def store_error(error: sqlite3.Error, file: Path) -> StoreError:
    """Put an error of SQLite into words; `retryable` where the same attempt can succeed later."""
    # Errors raised by the sqlite3 module itself, not by SQLite, carry no code.
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & _PRIMARY_CODE
    if code not in _MESSAGES and is_damage(error):
        code = sqlite3.SQLITE_CORRUPT
    # Where a drive has no locks, SQLite may take that for another holder.
    reason = locking_problem(file.parent) if code == sqlite3.SQLITE_BUSY else ""
    if extended in _NO_LOCKS or reason:
        return no_locks(file, reason or str(error))
    what, next_step = _MESSAGES.get(
        code,
        (f"The local copy couldn't be used ({error}). {_KEPT}", "Start Reshelve again."),
    )
    failure = StoreError(what, next_step.format(file=file))
    failure.retryable = code in _RETRYABLE
    return failure


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file is damaged, not busy or out of disk space."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or str(error).startswith(_DAMAGE_MESSAGES)
