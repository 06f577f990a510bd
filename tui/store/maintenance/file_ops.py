"""Creates files beside the store's file and replaces it by them in one step.

Files that were deleted, moved or replaced while in use are restored.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.database import Connection, is_damage, store_error
from tui.store.maintenance.integrity import (
    CHANGE_LOG_TABLES,
    SYNC_STATE_TABLE,
    connect_read_only,
    damage_anywhere,
    damage_in_change_log,
    invalid_values_in_change_log,
)
from tui.store.schema import migrate, version_of
from tui.store.schema.old_files import stored_table
from tui.store.schema.old_names import IS_ABOUT_CONTACTS, current_table
from tui.system.log import logger
from tui.system.paths import fsync_folder, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui.store.database import Database


_NEW: Final = ".new"
_WAL_SUFFIXES: Final = ("-wal", "-shm")
TIMESTAMP_FORMAT: Final = "%Y%m%dT%H%M%SZ"


@contextmanager
def atomic_replace(target: Path) -> Iterator[Path]:
    """Provide an empty private file, and rename it to the target on success; otherwise delete it.

    It is synced to disk before it is renamed, so a crash leaves the complete file or none.
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
    """Copy one snapshot of the change log into a store without contacts. Returns the number of transitions.

    Sync state that describes the contacts isn't copied, so that all of them are downloaded again. Raises
    `sqlite3.Error`, and `StoreError` if a newer Reshelve wrote the source.
    """
    with closing(connect_read_only(source)) as source_connection:
        version = version_of(source_connection)
    connection = sqlite3.connect(target, isolation_level=None, uri=True, factory=Connection)
    try:
        connection.execute("PRAGMA fullfsync = ON")
        # First at the version of the source: its rows are migrated after they are copied.
        migrate(connection, version)
        connection.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
        connection.execute("BEGIN")
        for table in (*CHANGE_LOG_TABLES, SYNC_STATE_TABLE):
            stored = stored_table(connection, table)
            if stored is None:
                continue
            name, columns = stored.name, ", ".join(columns_of(connection, stored.name))
            where = f" WHERE NOT {IS_ABOUT_CONTACTS}" if table == SYNC_STATE_TABLE else ""
            connection.execute(
                f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM source.{name}{where}"  # noqa: S608 - our own names
            )
        connection.execute("COMMIT")
        connection.execute("DETACH source")
        migrate(connection)
        return int(connection.execute("SELECT count(*) FROM transitions").fetchone()[0])
    finally:
        connection.close()


def columns_of(connection: sqlite3.Connection, table: str, schema: str = "main") -> list[str]:
    """Return a table's columns, in order."""
    return [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")]


def keep_damaged_copy(file: Path, now: datetime) -> Path | None:
    """Copy a damaged file to a name with the date and return that: Xero has no copy of the change log.

    Returns an existing copy if there is an identical one, as after a failed repair, and None if the file is
    missing or empty.
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
    # The write-ahead log first: once the main file exists, it has all that belongs to it.
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
    """Return the path of the file that is going to replace this one."""
    return file.with_name(file.name + _NEW)


def install_replacement(file: Path) -> None:
    """Replace the file by the new one, if there is one, and delete the old write-ahead log.

    The file must not be open anywhere. After a crash, the next call completes it: the new file only gets its
    name when it is complete.
    """
    if not replacement_path(file).exists():
        return
    # SQLite would use the old write-ahead log for the new file.
    remove_wal(file)
    fsync_folder(file.parent)
    replacement_path(file).replace(file)
    fsync_folder(file.parent)


def remove_wal(file: Path) -> None:
    """Delete the write-ahead log of a file and its index, if any."""
    for suffix in _WAL_SUFFIXES:
        Path(f"{file}{suffix}").unlink(missing_ok=True)


def is_open_elsewhere(file: Path) -> bool:
    """Return whether another connection, of any process, has the file open."""
    if not file.exists():
        # Connecting would create it.
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
        # Too damaged to be open anywhere.
        return False
    return False


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Delete incomplete files left by a crash."""
    for leftover in folder.glob(pattern):
        with suppress(OSError):
            leftover.unlink()


BACKUP_FOLDER: Final = "backups"
MAX_BACKUPS: Final = 5
_PREFIX: Final = "change-log-"
# Backups made by earlier versions.
_OLD_PREFIX: Final = "journal-"


def back_up(file: Path, now: datetime) -> Path | None:
    """Back up the change log. Returns the backup, None if nothing is new.

    The copy is a snapshot, so others can read and write the file meanwhile. Raises `StoreError` if the change
    log is damaged or the backup can't be written; existing backups are kept.
    """
    folder = file.parent / BACKUP_FOLDER
    try:
        damage = damage_in_change_log(file)
        if damage:
            raise StoreError(StoreReason.DAMAGED_NOT_BACKED_UP, damage=damage)
        private_folder(folder)
        for prefix in (_PREFIX, _OLD_PREFIX):
            remove_leftovers(folder, f".{prefix}*.tmp*")
        newest = next(iter(backups(file)), None)
        if newest is not None and _sequence_numbers(newest) == _sequence_numbers(file):
            return None
        made = folder / f"{_PREFIX}{_moment(now, newest).strftime(TIMESTAMP_FORMAT)}.db"
        with atomic_replace(made) as temporary:
            copy_change_log(file, temporary)
            damage = damage_anywhere(temporary)
            if damage:
                raise StoreError(StoreReason.BACKUP_UNREADABLE, damage=damage, folder=str(folder))
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, sqlite3.Error) and is_damage(error):
            raise store_error(error, file) from error
        problem = error.strerror if isinstance(error, OSError) else error
        raise StoreError(StoreReason.BACKUP_FAILED, problem=str(problem), folder=str(folder)) from error
    for old in backups(file)[MAX_BACKUPS:]:
        old.unlink(missing_ok=True)
    return made


def backups(file: Path) -> list[Path]:
    """List the backups of a store's file, newest first, without checking them."""
    named = ((_time_in_name(each), each) for each in (file.parent / BACKUP_FOLDER).glob("*.db"))
    dated = [(at, backup) for at, backup in named if at is not None]
    return [backup for _, backup in sorted(dated, reverse=True)]


def newest_good_backup(file: Path) -> Path | None:
    """Return the newest undamaged backup; None if there is none."""
    return next((backup for backup in backups(file) if _is_good(backup)), None)


def made_at(backup: Path) -> datetime:
    """Return when a backup was made, from its name. Raises `ValueError` if it isn't a backup's name."""
    at = _time_in_name(backup)
    if at is None:
        raise ValueError(backup.name)
    return at


def _time_in_name(file: Path) -> datetime | None:
    """Return the time in a backup's name; None if the name isn't one of a backup."""
    for prefix in (_PREFIX, _OLD_PREFIX):
        if file.stem.startswith(prefix):
            with suppress(ValueError):
                return datetime.strptime(file.stem.removeprefix(prefix), TIMESTAMP_FORMAT).replace(tzinfo=UTC)
    return None


def _is_good(backup: Path) -> bool:
    try:
        return not (
            damage_anywhere(backup) or damage_in_change_log(backup) or invalid_values_in_change_log(backup)
        )
    except sqlite3.Error:
        return False


def _moment(now: datetime, newest: Path | None) -> datetime:
    """Return the time for a new backup's name: later than the newest one even if the clock is wrong."""
    if newest is None:
        return now.astimezone(UTC)
    return max(now.astimezone(UTC), made_at(newest) + timedelta(seconds=1))


def _sequence_numbers(file: Path) -> dict[str, int] | None:
    """Read the highest row id of each table: whatever is logged gets a new one."""
    try:
        with closing(connect_read_only(file)) as connection:
            rows = connection.execute("SELECT name, seq FROM sqlite_sequence")
            highest = {current_table(name): number for name, number in rows}
    except sqlite3.Error:
        return None
    return {table: highest.get(table, 0) for table in CHANGE_LOG_TABLES}


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
