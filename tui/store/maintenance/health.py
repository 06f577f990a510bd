"""Reads the state of a store without opening it: its size, damage, version, and what is in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import OPEN_STATES
from tui.store.database import FILE_NAME, is_damage
from tui.store.maintenance.file_ops import backups, made_at
from tui.store.read_only_summary import open_read_only
from tui.store.schema import MIGRATIONS, version_of

if TYPE_CHECKING:
    from datetime import datetime

    from tui.store.database import Connection

#: The version of SQLite that reads and writes the stores.
SQLITE_VERSION: Final = sqlite3.sqlite_version
#: The version of the tables that this Reshelve writes.
CURRENT_VERSION: Final = len(MIGRATIONS)
_OPEN: Final = tuple(sorted(OPEN_STATES))


class StoreHealth(Struct, frozen=True):
    """The state of one store.

    `size` is in bytes, with the write-ahead log. `damage` is SQLite's description of the first damage, and
    `problem` why the store can't be read now; both are empty if nothing is wrong. `version` is the version of
    its tables, and `last_backup` when the change log was backed up last. `changes` counts the entries of the
    change log, `open_changes` those that aren't in Xero yet. What couldn't be read is 0.
    """

    size: int
    last_backup: datetime | None
    damage: str = ""
    problem: str = ""
    version: int = 0
    contacts: int = 0
    changes: int = 0
    open_changes: int = 0


def read_health(folder: Path) -> StoreHealth | None:
    """Read the state of the store in this folder; None if there is none. Takes 0.2 s for 100,000."""
    file = folder / FILE_NAME
    if not file.exists():
        return None
    size = sum(part.stat().st_size for part in (file, Path(f"{file}-wal")) if part.exists())
    newest = next(iter(backups(file)), None)
    last_backup = None if newest is None else made_at(newest)
    try:
        with open_read_only(folder) as connection:
            return _read(connection, size, last_backup)
    except sqlite3.Error as error:
        if is_damage(error):
            return StoreHealth(size, last_backup, damage=str(error))
        return StoreHealth(size, last_backup, problem=str(error))


def _read(connection: Connection, size: int, last_backup: datetime | None) -> StoreHealth:
    [damage] = connection.execute("PRAGMA quick_check(1)").fetchone()
    open_only = f"WHERE state IN ({','.join('?' * len(_OPEN))})"
    return StoreHealth(
        size,
        last_backup,
        damage="" if damage == "ok" else str(damage),
        version=version_of(connection),
        contacts=_count(connection, "contacts"),
        changes=_count(connection, "changes"),
        open_changes=_count(connection, f"changes {open_only}", _OPEN),
    )


def _count(connection: Connection, rows: str, parameters: tuple[str, ...] = ()) -> int:
    sql = f"SELECT count(*) FROM {rows}"  # noqa: S608 - our own names
    return int(connection.execute(sql, parameters).fetchone()[0])
