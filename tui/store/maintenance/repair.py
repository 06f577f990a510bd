"""Checks and backs up the store while it is in use, and repairs a damaged one.

The change log comes from its backup and what can be read, contacts from Xero.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.database import FILE_NAME, Database, is_damage, store_error
from tui.store.maintenance.file_ops import (
    atomic_replace,
    back_up,
    backups,
    copy_change_log,
    install_replacement,
    is_open_elsewhere,
    keep_damaged_copy,
    made_at,
    newest_good_backup,
    replacement_path,
    restore_displaced_files,
)
from tui.store.maintenance.integrity import (
    connect_read_only,
    damage_anywhere,
    damage_in_change_log,
    invalid_values_in_change_log,
    invalid_values_in_contacts,
)
from tui.store.schema import refuse_newer, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.reasons import Param


# A file beside a store whose contacts are to be downloaded again; its change log isn't damaged.
_REBUILD_MARKER: Final = "contacts-damaged"


class Diagnosis(Struct, frozen=True):
    """The damage that was found; empty if there is none."""

    change_log: str
    whole_file: str


class RepairResult(Struct, frozen=True):
    """What a repair did.

    `damaged_copy` is the damaged file, None if it was missing. `backup` is what the change log was restored
    from, None if there was none. `recovered` counts the entries read from the damaged file that the backup
    didn't have; `is_complete` is whether no entry was lost. `unknown` counts the changes to check with Xero.
    """

    damaged_copy: Path | None
    backup: Path | None = None
    recovered: int = 0
    is_complete: bool = True
    unknown: int = 0


def diagnose(file: Path) -> Diagnosis:
    """Return what is damaged. Raises `StoreError` if a newer Reshelve wrote the file."""
    if is_missing(file):
        missing = f"missing: {file.name}"
        return Diagnosis(missing, missing)
    try:
        found = _diagnose(file)
        _refuse_newer(file)
    except sqlite3.Error as error:
        raise store_error(error, file) from error
    return found


def _diagnose(file: Path) -> Diagnosis:
    try:
        change_log = damage_in_change_log(file) or invalid_values_in_change_log(file)
        return Diagnosis(change_log, change_log or damage_anywhere(file) or invalid_values_in_contacts(file))
    except sqlite3.Error as error:
        if is_damage(error):
            return Diagnosis(str(error), str(error))
        raise


def is_missing(file: Path) -> bool:
    """Return whether the file is missing or empty, although there was a change log before."""
    return not any(part.exists() and part.stat().st_size for part in (file, Path(f"{file}-wal"))) and bool(
        backups(file)
    )


def change_log_error(file: Path, damage: str) -> StoreError:
    """Return the error for a damaged change log, with its newest good backup."""
    return StoreError(StoreReason.CHANGE_LOG_DAMAGED, damage=damage, **_newest_backup(file))


def _newest_backup(file: Path) -> dict[str, Param]:
    backup = newest_good_backup(file)
    return {} if backup is None else {"backup": str(backup), "made_at": made_at(backup)}


def request_rebuild(file: Path) -> None:
    """Make the next start rebuild the contacts."""
    file.with_name(_REBUILD_MARKER).touch(mode=0o600)


def rebuild_if_requested(file: Path, now: datetime | None = None) -> Path | None:
    """Finish an interrupted repair, and rebuild contacts that were found damaged; called at each start.

    Returns the damaged file, if any. Raises `StoreError`.
    """
    marker = file.with_name(_REBUILD_MARKER)
    if replacement_path(file).exists() and not is_open_elsewhere(file):
        install_replacement(file)
        marker.unlink(missing_ok=True)
    if is_missing(file):
        # An empty change log in its place would hide that there was one.
        raise StoreError(StoreReason.MISSING, file=str(file), **_newest_backup(file))
    if not marker.exists():
        return None
    damaged_copy = rebuild_contacts(file, now or datetime.now(UTC))
    marker.unlink(missing_ok=True)
    return damaged_copy


def open_or_rebuild(folder: Path) -> Database:
    """Open the store, after rebuilding damaged contacts. Raises `StoreError`."""
    file = folder / FILE_NAME
    rebuild_if_requested(file)
    try:
        return Database.open(folder)
    except StoreError as error:
        if not isinstance(error.__cause__, sqlite3.Error) or not is_damage(error.__cause__):
            raise
        damage = diagnose(file).change_log
        if damage:
            raise change_log_error(file, damage) from error
    rebuild_contacts(file, datetime.now(UTC))
    return Database.open(folder)


def rebuild_contacts(file: Path, now: datetime) -> Path | None:
    """Start a new file with the change log of the old one and no contacts; return where the old one is kept.

    Raises `StoreError` if the change log is damaged too, or the file is open elsewhere.
    """
    return _replace_contacts(file, lambda: keep_damaged_copy(file, now))


def remove_contacts(file: Path) -> None:
    """Start a new file with the change log of the old one and no contacts; the old one isn't kept.

    Raises `StoreError`, without changing anything, as `rebuild_contacts` does.
    """
    _replace_contacts(file, lambda: None)


def _replace_contacts(file: Path, keep_copy: Callable[[], Path | None]) -> Path | None:
    _refuse_if_open(file)
    damage = damage_in_change_log(file)
    if damage:
        raise change_log_error(file, damage)
    try:
        _refuse_newer(file)
        copy = keep_copy()
        with atomic_replace(replacement_path(file)) as temporary:
            copy_change_log(file, temporary)
    except (sqlite3.Error, OSError) as error:
        raise _repair_error(error, file) from error
    install_replacement(file)
    return copy


def repair(file: Path, now: datetime) -> RepairResult:
    """Replace the damaged change log by its newest good backup and every row that can still be read.

    Raises `StoreError`, without changing anything, if the file is open elsewhere, was written by a newer
    Reshelve, or the disk is full.
    """
    from tui.store.maintenance.merge_change_log import merge

    _refuse_if_open(file)
    backup = newest_good_backup(file)
    _refuse_newer(file, *([] if backup is None else [backup]))
    try:
        damaged_copy = keep_damaged_copy(file, now)
        with atomic_replace(replacement_path(file)) as temporary:
            if backup is not None:
                shutil.copyfile(backup, temporary)
            merged = merge(file, temporary, now)
            damage = damage_anywhere(temporary) or invalid_values_in_change_log(temporary)
            if damage:
                raise StoreError(StoreReason.REPAIR_UNREADABLE, damage=damage)
    except (sqlite3.Error, OSError) as error:
        raise _repair_error(error, file) from error
    install_replacement(file)
    return RepairResult(damaged_copy, backup, merged.recovered, merged.is_complete, merged.unknown)


def _refuse_if_open(file: Path) -> None:
    if is_open_elsewhere(file):
        raise StoreError(StoreReason.OPEN_ELSEWHERE)


def _refuse_newer(*files: Path) -> None:
    for file in files:
        # The version of a file that can't be opened is unknown.
        with suppress(sqlite3.DatabaseError), closing(connect_read_only(file)) as connection:
            refuse_newer(version_of(connection))


def _repair_error(error: sqlite3.Error | OSError, file: Path) -> StoreError:
    if isinstance(error, sqlite3.Error):
        return store_error(error, file)
    return StoreError(StoreReason.REPAIR_FAILED, problem=str(error.strerror))


class Maintenance:
    """Runs checks and backups, each in its own thread, concurrently with reads and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_stopped = threading.Event()

    def stop_checks(self) -> None:
        """Stop running checks: a large file takes seconds, and quitting shouldn't wait for that."""
        self._is_stopped.set()

    @property
    def is_displaced(self) -> bool:
        """Whether the open files were deleted, moved or replaced."""
        return self._database.is_displaced

    def check_displaced(self) -> None:
        """Raise `StoreError` if the open files were deleted, moved or replaced."""
        self._database.check_displaced()

    def restore_files(self, now: datetime, may_replace: Callable[[], bool]) -> None:
        """Restore displaced files, as `restore_displaced_files` does. Raises `StoreError`."""
        restore_displaced_files(self._database, now, may_replace)

    async def check_change_log(self) -> None:
        """Check the change log. Raises `StoreError` if it is damaged, as every write does from then on."""
        damage = await asyncio.to_thread(self._run_check, damage_in_change_log)
        if damage:
            self._block_writes(await asyncio.to_thread(change_log_error, self._database.file, damage))

    async def check_file(self) -> None:
        """Check the whole file. Raises `StoreError` if it is damaged; the next start rebuilds contacts.

        The error is `retryable` if the file can't be read now, which doesn't mean damage.
        """
        try:
            damage = await asyncio.to_thread(self._run_check, damage_anywhere)
        except StoreError as error:
            error.retryable = True
            raise
        if damage:
            # The change log may be damaged too since it was last checked.
            await self.check_change_log()
            request_rebuild(self._database.file)
            self._block_writes(StoreError(StoreReason.CONTACTS_DAMAGED))

    async def back_up(self, now: datetime) -> Path | None:
        """Back up the change log; return None if nothing is new. Raises `StoreError`."""
        # The backup is made from the file by its name.
        self._database.check_displaced()
        return await asyncio.to_thread(back_up, self._database.file, now)

    def _block_writes(self, error: StoreError) -> None:
        self._database.block_writes(error)
        raise error

    def _run_check(self, check: Callable[..., str]) -> str:
        try:
            return check(self._database.file, is_stopped=self._is_stopped.is_set)
        except sqlite3.Error as error:
            if is_damage(error):
                return str(error)
            raise store_error(error, self._database.file) from error
