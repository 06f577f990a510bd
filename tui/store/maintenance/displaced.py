"""Restores a database whose files were deleted, moved or replaced while in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.errors import is_damage
from tui.store.maintenance.file_ops import (
    TIMESTAMP_FORMAT,
    atomic_replace,
    install_replacement,
    is_open_elsewhere,
    keep_damaged_copy,
    remove_wal,
    replacement_path,
)
from tui.store.maintenance.integrity import CHANGE_LOG_TABLES, connect_read_only
from tui.store.schema.old_files import stored_table
from tui.system.log import logger
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tui.store.database import Database

# The columns of a change that never change; its transitions, which are append-only, have the rest.
_IMMUTABLE_COLUMNS: Final = ("change_id", "batch_id", "contact_id", "action", "requested_ms")


def restore_displaced_files(database: Database, now: datetime, may_replace: Callable[[], bool]) -> None:
    """Restore the database's files from the open ones, and use those. No recorded change is lost.

    `may_replace` returns whether this instance holds the leader lock; only the leader writes files. A file
    that has all entries is used as it is; one with entries of its own is left alone, and the open data is
    saved beside it. Raises `StoreError` if the files can't be restored, now or before the next start.
    """
    file = database.file
    if database.write_block is not None:
        raise database.write_block
    if database.is_moved:
        raise StoreError(StoreReason.FOLDER_MOVED, folder=str(file.parent))
    try:
        private_folder(file.parent)
        _restore_files(database, now, may_replace)
    except (sqlite3.Error, OSError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise StoreError(StoreReason.NOT_RESTORED, problem=str(problem)) from error


def _restore_files(database: Database, now: datetime, may_replace: Callable[[], bool]) -> None:
    file = database.file
    if database.has_main_file:
        database.checkpoint_wal()
        database.close_connections()
        # SQLite would use another file of that name as this file's write-ahead log.
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
        raise StoreError(StoreReason.DISPLACED_STANDBY)
    elif not is_contained(file, rescued) or is_open_elsewhere(file):
        error = StoreError(StoreReason.REPLACED, rescued=str(rescued), file=file.name)
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
            return not any(_has_more(connection, table) for table in CHANGE_LOG_TABLES)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return not _is_readable(part)


def _has_more(connection: sqlite3.Connection, table: str) -> bool:
    """Return whether the part has rows that the whole doesn't; either file may be of an older Reshelve."""
    part, whole = stored_table(connection, table, "part"), stored_table(connection, table)
    if part is None:
        return False
    columns = _IMMUTABLE_COLUMNS if table == "changes" else tuple(part.columns)
    query = f"SELECT {part.select(columns)} FROM part.{part.name}"  # noqa: S608 - our own names
    if whole is not None:
        query += f" EXCEPT SELECT {whole.select(columns)} FROM main.{whole.name}"  # noqa: S608 - as above
    return connection.execute(f"{query} LIMIT 1").fetchone() is not None


def _is_readable(file: Path) -> bool:
    try:
        with closing(connect_read_only(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
