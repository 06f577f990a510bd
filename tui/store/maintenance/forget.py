"""Removes an organisation's data from this computer: all of it, or all but its change log."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.database import FILE_NAME, store_error
from tui.store.maintenance.file_ops import (
    BACKUP_FOLDER,
    install_replacement,
    is_open_elsewhere,
)
from tui.store.maintenance.health import read_health
from tui.store.maintenance.repair import remove_contacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.store.maintenance.health import StoreHealth

_COPIES: Final = ("damaged-*.db", "rescued-*.db")
# The file itself last: SQLite would use an old write-ahead log for a new file.
_DATABASE: Final = (f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", FILE_NAME)


class SavedFiles(Struct, frozen=True):
    """What this computer has of one organisation.

    `health` is None without a database. `copies` counts the copies that repairs kept of earlier databases,
    `backups` those of the change log.
    """

    health: StoreHealth | None
    copies: int
    backups: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return self.health is None and not self.copies and not self.backups


def find_saved_data(folder: Path) -> SavedFiles:
    """Find what an organisation's folder has."""
    copies = sum(1 for pattern in _COPIES for _ in folder.glob(pattern))
    backups = sum(1 for _ in (folder / BACKUP_FOLDER).glob("*.db"))
    return SavedFiles(read_health(folder), copies, backups)


def forget(folder: Path, *, lock_name: str, with_change_log: bool) -> None:
    """Remove the data in an organisation's folder; the change log and its backups only if asked to.

    The caller holds the organisation's lock, whose file stays. Raises `StoreError`: nothing is removed if the
    database is open elsewhere, if it has changes that aren't in Xero yet, or if the change log is to be kept
    but is damaged. After a crash, calling it again completes it.
    """
    file = folder / FILE_NAME
    if is_open_elsewhere(file):
        raise StoreError(StoreReason.OPEN_ELSEWHERE)
    # An earlier repair, or this, may have been interrupted.
    install_replacement(file)
    health = read_health(folder)
    if health is not None and health.open_changes:
        raise StoreError(StoreReason.UNSENT_CHANGES, count=health.open_changes)
    kept = {lock_name}
    if not with_change_log:
        if health is not None:
            try:
                remove_contacts(file)
            except sqlite3.Error as error:
                raise store_error(error, file) from error
        kept |= {BACKUP_FOLDER, *_DATABASE}
    try:
        for path in _in_order(folder, kept):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        problem = error.strerror or str(error)
        raise StoreError(StoreReason.NOT_FORGOTTEN, problem=problem, folder=str(folder)) from error


def _in_order(folder: Path, kept: set[str]) -> Iterator[Path]:
    """Yield the files and folders to remove.

    The database comes last: without it, but with a backup, the next start would miss the change log.
    """
    yield from sorted(path for path in folder.iterdir() if path.name not in kept | {*_DATABASE})
    for name in _DATABASE:
        if name not in kept and (folder / name).exists():
            yield folder / name
