"""Restores a database whose files were deleted, moved or replaced while in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.store.maintenance.file_ops import (
    STAMP,
    columns_of,
    is_open_elsewhere,
    keep_aside,
    made_beside,
    new_file,
    remove_log,
    take_place,
)
from tui.store.maintenance.integrity import JOURNAL, connect_to_look, is_damage
from tui.system.log import logger
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tui.store.database import Database

# What of a change never moves on; its events, which are only added, have the rest.
_LASTING: Final = "change_id, batch_id, contact_id, action, requested_ms"


def put_back(database: Database, now: datetime, may_replace: Callable[[], bool]) -> None:
    """Write the database's files again from what is open, and use those. Nothing accepted is lost.

    `may_replace` returns whether this copy of the program holds the lease; only the holder writes files. A
    file that has everything is used as it is; one that has entries of its own is left alone, and what was
    in use is saved beside it. Raises `StoreError` where it can't be put back, now or before the next start.
    """
    file = database.file
    if database.refusal is not None:
        raise database.refusal
    if database.is_moved:
        raise StoreError(
            "The folder of the local copy was moved or renamed while in use. Nothing was recorded.",
            f"Move it back to {file.parent}, or quit and start Reshelve again.",
        )
    try:
        private_folder(file.parent)
        _put_back(database, now, may_replace)
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(
            "The local copy was deleted, moved or replaced while in use, and couldn't be put back yet"
            f" ({reason}). Nothing was recorded.",
            "Reshelve tries again every second. Don't quit before that succeeds.",
        ) from error


def _put_back(database: Database, now: datetime, may_replace: Callable[[], bool]) -> None:
    file = database.file
    if database.has_main_file:
        database.fold_log()
        database.let_go()
        # Another file of that name would be taken for the log of this one.
        if not is_open_elsewhere(file):
            remove_log(file)
        database.reopen()
        logger.warning("store: the write-ahead log was deleted or replaced while in use; nothing is lost")
        return
    holds_lease = may_replace()
    ours = file.with_name(f"rescued-{now.strftime(STAMP)}.db")
    with made_beside(ours) as temporary:
        database.copy_to(temporary)
    if file.exists() and is_contained(ours, file):
        ours.unlink()
        database.reopen()
        logger.warning("store: the file was replaced while in use by one with the same entries")
    elif not holds_lease:
        ours.unlink()
        raise StoreError(
            "The local copy was deleted, moved or replaced while in use. Nothing was recorded.",
            "The other Reshelve that is open puts it back. Wait a moment, then try again.",
        )
    elif not is_contained(file, ours) or is_open_elsewhere(file):
        error = StoreError(
            "The local copy was replaced by a different one while in use. Nothing was recorded."
            f" What was requested before is saved in {ours}.",
            f"Quit, then start Reshelve again to use {file.name} as it is now.",
        )
        database.refuse_writes(error)
        raise error
    else:
        keep_aside(file, now)
        ours.replace(new_file(file))
        take_place(file)
        database.reopen()
        logger.warning("store: the file was deleted or replaced while in use, and is restored")


def is_contained(part: Path, whole: Path) -> bool:
    """Return whether every change log entry of one file is in the other as well.

    A file that is missing, empty or can't be read as a database has no entries.
    """
    if not part.exists():
        return True
    try:
        with closing(connect_to_look(whole)) as connection:
            connection.execute("ATTACH ? AS part", (f"{part.absolute().as_uri()}?mode=ro",))
            there = {name for (name,) in connection.execute("SELECT name FROM part.sqlite_master")}
            return not any(_has_more(connection, table) for table in JOURNAL if table in there)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return not _is_readable(part)


def _has_more(connection: sqlite3.Connection, table: str) -> bool:
    columns = _LASTING if table == "changes" else ", ".join(columns_of(connection, table, "part"))
    query = f"SELECT {columns} FROM part.{table} EXCEPT SELECT {columns} FROM main.{table} LIMIT 1"  # noqa: S608 - our own names
    return connection.execute(query).fetchone() is not None


def _is_readable(file: Path) -> bool:
    try:
        with closing(connect_to_look(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
