"""Translates SQLite's errors to reason codes of the local database."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason, SystemReason
from tui.system.locks import locking_problem

if TYPE_CHECKING:
    from pathlib import Path

_PRIMARY_CODE = 0xFF
_REASONS: Final = {
    sqlite3.SQLITE_FULL: StoreReason.DISK_FULL,
    sqlite3.SQLITE_READONLY: StoreReason.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: StoreReason.CANNOT_OPEN,
    sqlite3.SQLITE_PERM: StoreReason.CANNOT_OPEN,
    sqlite3.SQLITE_BUSY: StoreReason.BUSY,
    sqlite3.SQLITE_CORRUPT: StoreReason.DAMAGED,
    sqlite3.SQLITE_NOTADB: StoreReason.NOT_A_DATABASE,
    sqlite3.SQLITE_IOERR: StoreReason.DISK_ERROR,
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


def store_error(error: sqlite3.Error, file: Path) -> StoreError:
    """Return the error to raise for an SQLite error; `retryable` if the same attempt can succeed later."""
    # Errors raised by the sqlite3 module itself, not by SQLite, carry no code.
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & _PRIMARY_CODE
    if code not in _REASONS and is_damage(error):
        code = sqlite3.SQLITE_CORRUPT
    # On a drive without locks, SQLite may report that the file is locked by another process.
    problem = locking_problem(file.parent) if code == sqlite3.SQLITE_BUSY else ""
    if extended in _NO_LOCKS or problem:
        return StoreError(SystemReason.CANNOT_LOCK, folder=str(file.parent), problem=problem or str(error))
    failure = StoreError(_REASONS.get(code, StoreReason.UNUSABLE), file=str(file), problem=str(error))
    failure.retryable = code in _RETRYABLE
    return failure


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file is damaged, not busy or out of disk space."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or str(error).startswith(_DAMAGE_MESSAGES)
