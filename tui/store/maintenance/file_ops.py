"""Files of the store that are made beside the one in use, and put in its place in one step."""

from __future__ import annotations

import filecmp
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.store.connection import Connection
from tui.store.maintenance.integrity import CHANGE_LOG_TABLES, SYNC_STATE_TABLE, connect_read_only
from tui.store.schema import migrate, version_of
from tui.system.paths import fsync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_NEW: Final = ".new"
_WAL_SUFFIXES: Final = ("-wal", "-shm")
TIMESTAMP_FORMAT: Final = "%Y%m%dT%H%M%SZ"


@contextmanager
def atomic_replace(target: Path) -> Iterator[Path]:
    """Lend an empty private file, and give it the target's name when all went well; else remove it.

    On disk before it has the name: a crash leaves the whole of it or nothing.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
        fsync_folder(target.parent)
    finally:
        for leftover in (temporary, *(Path(f"{name}{suffix}") for suffix in ("-journal", *_WAL_SUFFIXES))):
            leftover.unlink(missing_ok=True)


def copy_change_log(source: Path, target: Path) -> int:
    """Copy the journal, as of one moment, into a store without contacts; returns how many events.

    Bookmarks of pulls stay behind, so that everything is read from Xero again. Raises `sqlite3.Error`, and
    `StoreError` where a newer Reshelve has written the source.
    """
    with closing(connect_read_only(source)) as source_connection:
        version = version_of(source_connection)
    connection = sqlite3.connect(target, isolation_level=None, uri=True, factory=Connection)
    try:
        connection.execute("PRAGMA fullfsync = ON")
        # As old as the source, so that what an older Reshelve wrote is migrated with its rows in place.
        migrate(connection, version)
        connection.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
        connection.execute("BEGIN")
        for table in CHANGE_LOG_TABLES:
            columns = ", ".join(columns_of(connection, table))
            if not columns:
                continue
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")  # noqa: S608 - our own names
        connection.execute(
            f"INSERT INTO main.{SYNC_STATE_TABLE} SELECT name, value FROM source.{SYNC_STATE_TABLE}"  # noqa: S608 - as above
            " WHERE name NOT LIKE 'pull.%'"
        )
        connection.execute("COMMIT")
        connection.execute("DETACH source")
        migrate(connection)
        return int(connection.execute("SELECT count(*) FROM change_events").fetchone()[0])
    finally:
        connection.close()


def columns_of(connection: sqlite3.Connection, table: str, schema: str = "main") -> list[str]:
    """Return a table's columns, in order."""
    return [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")]


def keep_damaged_copy(file: Path, now: datetime) -> Path | None:
    """Keep a damaged file under a name with the date; returns that. Xero has no copy of what is in it.

    One that was kept before, as it is now, is returned instead: a repair that fails is tried again. None
    where there is no file, or nothing in it.
    """
    if not any(part.exists() and part.stat().st_size for part in _parts(file)):
        return None
    for kept in sorted(file.parent.glob("damaged-*.db")):
        if all(map(_is_same, _parts(file), _parts(kept))):
            return kept
    kept = file.with_name(f"damaged-{now.strftime(TIMESTAMP_FORMAT)}.db")
    number = 1
    while kept.exists():
        number += 1
        kept = file.with_name(f"damaged-{now.strftime(TIMESTAMP_FORMAT)}-{number}.db")
    # Its log first: the file under its name has all that belongs to it.
    for part, copy in reversed([*zip(_parts(file), _parts(kept), strict=True)]):
        if part.exists():
            with atomic_replace(copy) as temporary:
                shutil.copyfile(part, temporary)
    return kept


def _parts(file: Path) -> tuple[Path, Path]:
    return file, Path(f"{file}-wal")


def _is_same(file: Path, other: Path) -> bool:
    if not file.exists() or not other.exists():
        return file.exists() == other.exists()
    return filecmp.cmp(file, other, shallow=False)


def replacement_path(file: Path) -> Path:
    """Name the file that is about to replace this one."""
    return file.with_name(file.name + _NEW)


def install_replacement(file: Path) -> None:
    """Put the new file, where there is one, in the place of the other, whose log goes with it.

    To be called when no one has the file open. A crash at any point is made good by the next call: a new
    file has its name only once it is complete.
    """
    if not replacement_path(file).exists():
        return
    # The old log would be taken for the new file's.
    remove_wal(file)
    fsync_folder(file.parent)
    replacement_path(file).replace(file)
    fsync_folder(file.parent)


def remove_wal(file: Path) -> None:
    """Remove the write-ahead log of a file and its index, where there are any."""
    for suffix in _WAL_SUFFIXES:
        Path(f"{file}{suffix}").unlink(missing_ok=True)


def is_open_elsewhere(file: Path) -> bool:
    """Say whether another connection, of any process, has the file open."""
    if not file.exists():
        # To ask SQLite would make one.
        return False
    try:
        connection = sqlite3.connect(file, timeout=0.2, isolation_level=None, factory=Connection)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    except sqlite3.DatabaseError:
        # Too damaged for anybody to have it open.
        return False
    return False


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove what a crash has left half-made."""
    for leftover in folder.glob(pattern):
        with suppress(OSError):
            leftover.unlink()
