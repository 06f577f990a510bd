"""Restores a database whose files were deleted, moved or replaced while in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.store.maintenance.file_ops import (
    TIMESTAMP_FORMAT,
    atomic_replace,
    columns_of,
    install_replacement,
    is_open_elsewhere,
    keep_damaged_copy,
    remove_wal,
    replacement_path,
)
from tui.store.maintenance.integrity import CHANGE_LOG_TABLES, connect_read_only, is_damage
from tui.system.log import logger
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tui.store.database import Database

# What of a change never moves on; its events, which are only added, have the rest.
_IMMUTABLE_COLUMNS: Final = "change_id, batch_id, contact_id, action, requested_ms"


def restore_displaced_files(database: Database, now: datetime, may_replace: Callable[[], bool]) -> None:
    """Write the database's files again from what is open, and use those. Nothing accepted is lost.

    `may_replace` returns whether this copy of the program holds the lease; only the holder writes files. A
    file that has everything is used as it is; one that has entries of its own is left alone, and what was
    in use is saved beside it. Raises `StoreError` where it can't be put back, now or before the next start.
    """
    file = database.file
    if database.write_block is not None:
        raise database.write_block
    if database.is_moved:
        raise StoreError(
            "The folder of the local copy was moved or renamed while in use. Nothing was recorded.",
            f"Move it back to {file.parent}, or quit and start Reshelve again.",
        )
    try:
        private_folder(file.parent)
        _restore_files(database, now, may_replace)
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(
            "The local copy was deleted, moved or replaced while in use, and couldn't be put back yet"
            f" ({reason}). Nothing was recorded.",
            "Reshelve tries again every second. Don't quit before that succeeds.",
        ) from error


def _restore_files(database: Database, now: datetime, may_replace: Callable[[], bool]) -> None:
    file = database.file
    if database.has_main_file:
        database.checkpoint_wal()
        database.close_connections()
        # Another file of that name would be taken for the log of this one.
        if not is_open_elsewhere(file):
            remove_wal(file)
        database.reopen()
        logger.warning("store: the write-ahead log was deleted or replaced while in use; nothing is lost")
        return
    holds_lock = may_replace()
    rescued = file.with_name(f"rescued-{now.strftime(TIMESTAMP_FORMAT)}.db")
    with atomic_replace(rescued) as temporary:
        database.copy_to(temporary)
    if file.exists() and is_contained(rescued, file):
        rescued.unlink()
        database.reopen()
        logger.warning("store: the file was replaced while in use by one with the same entries")
    elif not holds_lock:
        rescued.unlink()
        raise StoreError(
            "The local copy was deleted, moved or replaced while in use. Nothing was recorded.",
            "The other Reshelve that is open puts it back. Wait a moment, then try again.",
        )
    elif not is_contained(file, rescued) or is_open_elsewhere(file):
        error = StoreError(
            "The local copy was replaced by a different one while in use. Nothing was recorded."
            f" What was requested before is saved in {rescued}.",
            f"Quit, then start Reshelve again to use {file.name} as it is now.",
        )
        database.block_writes(error)
        raise error
    else:
        keep_damaged_copy(file, now)
        rescued.replace(replacement_path(file))
        install_replacement(file)
        database.reopen()
        logger.warning("store: the file was deleted or replaced while in use, and is restored")


def is_contained(part: Path, whole: Path) -> bool:
    """Return whether every change log entry of one file is in the other as well.

    A file that is missing, empty or can't be read as a database has no entries.
    """
    if not part.exists():
        return True
    try:
        with closing(connect_read_only(whole)) as connection:
            connection.execute("ATTACH ? AS part", (f"{part.absolute().as_uri()}?mode=ro",))
            existing = {name for (name,) in connection.execute("SELECT name FROM part.sqlite_master")}
            return not any(_has_more(connection, table) for table in CHANGE_LOG_TABLES if table in existing)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return not _is_readable(part)


def _has_more(connection: sqlite3.Connection, table: str) -> bool:
    columns = _IMMUTABLE_COLUMNS if table == "changes" else ", ".join(columns_of(connection, table, "part"))
    query = f"SELECT {columns} FROM part.{table} EXCEPT SELECT {columns} FROM main.{table} LIMIT 1"  # noqa: S608 - our own names
    return connection.execute(query).fetchone() is not None


def _is_readable(file: Path) -> bool:
    try:
        with closing(connect_read_only(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
