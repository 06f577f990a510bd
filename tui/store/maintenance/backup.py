"""Backups of the change log: made at each start, the newest five kept. Damaged data is never backed up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.errors import is_damage, store_error
from tui.store.maintenance.file_ops import TIMESTAMP_FORMAT, atomic_replace, copy_change_log, remove_leftovers
from tui.store.maintenance.integrity import (
    CHANGE_LOG_TABLES,
    connect_read_only,
    damage_anywhere,
    damage_in_change_log,
    invalid_values_in_change_log,
)
from tui.store.schema.old_names import current_table
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from pathlib import Path

BACKUP_FOLDER: Final = "backups"
MAX_BACKUPS: Final = 5
_NAME: Final = f"journal-{TIMESTAMP_FORMAT}.db"


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
        remove_leftovers(folder, ".journal-*.tmp*")
        newest = next(iter(backups(file)), None)
        if newest is not None and _sequence_numbers(newest) == _sequence_numbers(file):
            return None
        made = folder / _moment(now, newest).strftime(_NAME)
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
    return sorted((file.parent / BACKUP_FOLDER).glob("journal-*.db"), reverse=True)


def newest_good_backup(file: Path) -> Path | None:
    """Return the newest undamaged backup; None if there is none."""
    return next((backup for backup in backups(file) if _is_good(backup)), None)


def made_at(backup: Path) -> datetime:
    """Return when a backup was made, from its name."""
    return datetime.strptime(backup.name, _NAME).replace(tzinfo=UTC)


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
