"""Puts a damaged store right: contacts from Xero, the journal from its backup and whatever can be read."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from tui.model.errors import StoreError
from tui.store.database import FILE_NAME, Database
from tui.store.errors import is_damage, store_error
from tui.store.maintenance.backup import backups, made_at, newest_good_backup
from tui.store.maintenance.file_ops import (
    atomic_replace,
    copy_change_log,
    install_replacement,
    is_open_elsewhere,
    keep_damaged_copy,
    replacement_path,
)
from tui.store.maintenance.integrity import (
    connect_read_only,
    damage_anywhere,
    damage_in_change_log,
    invalid_values_in_change_log,
    invalid_values_in_contacts,
)
from tui.store.schema import refuse_newer, version_of

#: Stands beside a store whose contacts are to be read anew; its journal is whole.
_REBUILD_MARKER: Final = "contacts-damaged"
_MISSING: Final = "it is missing"


class Diagnosis(Struct, frozen=True):
    """What is damaged, in SQLite's words: each empty where it is whole."""

    change_log: str
    whole_file: str


class RepairResult(Struct, frozen=True):
    """What a repair did.

    `damaged_copy` is the damaged file, None where it was missing. `backup` is what the journal was put back
    from, None where there was none. `recovered` counts the entries read from the damaged file that the backup
    didn't have; `is_complete` says that nothing of the journal was lost. `unknown` counts the changes that
    are read again from Xero.
    """

    damaged_copy: Path | None
    backup: Path | None = None
    recovered: int = 0
    is_complete: bool = True
    unknown: int = 0


def diagnose(file: Path) -> Diagnosis:
    """Say what is damaged, or missing. Raises `StoreError` where it is for a newer Reshelve to mend."""
    if is_missing(file):
        return Diagnosis(_MISSING, _MISSING)
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
    """Say whether the file isn't there, or has nothing in it, although there was a journal before."""
    return not any(part.exists() and part.stat().st_size for part in (file, Path(f"{file}-wal"))) and bool(
        backups(file)
    )


def missing_file_error(file: Path) -> StoreError:
    """Put a missing file into words: to begin an empty journal unasked would lose the one there was."""
    return StoreError(
        f"The local copy and its journal of changes are missing: {file} isn't there any more. Nothing was"
        f" made in its place. {_backup_hint(file)}",
        "Quit, then run `reshelve repair`. To begin without the journal, move its backups elsewhere first.",
    )


def change_log_error(file: Path, damage: str) -> StoreError:
    """Put a damaged journal into words: what, that nothing more is written, and how to put it back."""
    return StoreError(
        f"The journal of changes is damaged ({damage}). Nothing more is written to it."
        f" {_backup_hint(file) or 'There is no backup of it, but what can still be read is kept.'}",
        "Quit, then run `reshelve repair`.",
    )


def _backup_hint(file: Path) -> str:
    backup = newest_good_backup(file)
    if backup is None:
        return ""
    return f"Its newest good backup, of {made_at(backup).astimezone():%d %b %Y %H:%M}, is {backup}."


def contacts_error() -> StoreError:
    """Put damaged contacts into words."""
    return StoreError(
        "The local copy of the contacts is damaged. The journal of changes is whole: nothing is lost.",
        "Quit and start again: the contacts are then read anew from Xero.",
    )


def request_rebuild(file: Path) -> None:
    """See to it that the next start rebuilds the contacts."""
    file.with_name(_REBUILD_MARKER).touch(mode=0o600)


def rebuild_if_requested(file: Path, now: datetime | None = None) -> Path | None:
    """Finish a repair that was cut short, and rebuild what was found damaged before; for each start.

    Returns the damaged file where there was one. Raises `StoreError`.
    """
    marker = file.with_name(_REBUILD_MARKER)
    if replacement_path(file).exists() and not is_open_elsewhere(file):
        install_replacement(file)
        marker.unlink(missing_ok=True)
    if is_missing(file):
        raise missing_file_error(file)
    if not marker.exists():
        return None
    damaged_copy = rebuild_contacts(file, now or datetime.now(UTC))
    marker.unlink(missing_ok=True)
    return damaged_copy


def open_or_rebuild(folder: Path) -> Database:
    """Open the store, after rebuilding what is damaged and can be. Raises `StoreError`."""
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
    """Begin a new file with the journal of the old one and no contacts; returns where the old one is kept.

    Raises `StoreError` when the journal is damaged too, or the file is open elsewhere.
    """
    _refuse_if_open(file)
    damage = damage_in_change_log(file)
    if damage:
        raise change_log_error(file, damage)
    try:
        _refuse_newer(file)
        damaged_copy = keep_damaged_copy(file, now)
        with atomic_replace(replacement_path(file)) as temporary:
            copy_change_log(file, temporary)
    except (sqlite3.Error, OSError) as error:
        raise _repair_error(error, file) from error
    install_replacement(file)
    return damaged_copy


def repair(file: Path, now: datetime) -> RepairResult:
    """Put the newest good backup in the damaged journal's place, with every row that can still be read.

    Raises `StoreError` when the file is open elsewhere, was written by a newer Reshelve, or there is no room;
    nothing has changed then.
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
                raise StoreError(f"The repaired journal couldn't be read back ({damage}).")
    except (sqlite3.Error, OSError) as error:
        raise _repair_error(error, file) from error
    install_replacement(file)
    return RepairResult(damaged_copy, backup, merged.recovered, merged.is_complete, merged.unknown)


def _refuse_if_open(file: Path) -> None:
    if is_open_elsewhere(file):
        raise StoreError(
            "Another Reshelve has this organisation open. Nothing was changed.",
            "Quit it, then try again.",
        )


def _refuse_newer(*files: Path) -> None:
    for file in files:
        # What can't even be opened tells no version.
        with suppress(sqlite3.DatabaseError), closing(connect_read_only(file)) as connection:
            refuse_newer(version_of(connection))


def _repair_error(error: sqlite3.Error | OSError, file: Path) -> StoreError:
    if isinstance(error, sqlite3.Error):
        return store_error(error, file)
    return StoreError(
        f"The repair couldn't be finished ({error.strerror}). Everything is as it was.",
        "Make room on the disk, then try again.",
    )
