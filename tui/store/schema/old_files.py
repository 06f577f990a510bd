"""Reads files that an older Reshelve wrote by the current names, without migrating them.

Which names a file uses is determined by the tables and columns it has, not by its version number, which
damage can change.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.store.schema import MIGRATIONS, migrate
from tui.store.schema.old_names import TABLES, current_column, current_value, old_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class StoredTable(Struct, frozen=True):
    """A table as stored in a file.

    `name` is its name in the file. `columns` maps each current column that the file has to the SQL expression
    that reads it with its current values.
    """

    name: str
    columns: Mapping[str, str]

    def select(self, columns: Iterable[str]) -> str:
        """Return the expressions that read these columns, with NULL for those that the file doesn't have."""
        return ", ".join(f"{self.columns.get(column, 'NULL')} AS {column}" for column in columns)


def stored_table(connection: sqlite3.Connection, table: str, schema: str = "main") -> StoredTable | None:
    """Find a table by its current name in a file; None if the file doesn't have it."""
    is_old = has_old_names(connection, schema)
    name = old_table(table) if is_old else table
    columns = [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({name})")]
    if not columns:
        return None
    if not is_old:
        return StoredTable(name, {column: column for column in columns})
    named = ((current_column(table, column), column) for column in columns)
    return StoredTable(name, {new: current_value(table, new, column) for new, column in named})


def has_old_names(connection: sqlite3.Connection, schema: str = "main") -> bool:
    """Return whether a file was written before tables and columns had their current names."""
    names = {name for (name,) in connection.execute(f"SELECT name FROM {schema}.sqlite_master")}  # noqa: S608 - "main", or our own
    return not names.isdisjoint(TABLES)


def use_current_names(connection: sqlite3.Connection) -> None:
    """Make queries with current names and values work on a file that an older Reshelve wrote.

    Temporary views take the place of its tables that differ; tables that the file doesn't have are empty, and
    columns NULL. The file itself isn't changed, and may be open for reading only.
    """
    is_old = has_old_names(connection)
    for table, columns in names_of_version(len(MIGRATIONS)).items():
        if not columns or table.startswith("sqlite_"):
            continue
        stored = stored_table(connection, table)
        if not is_old and (stored is None or stored.columns.keys() >= {*columns}):
            continue
        selected = (stored or StoredTable("", {})).select(columns)
        source = f"FROM main.{stored.name}" if stored else "WHERE 0"
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT {selected} {source}")


@cache
def names_of_version(version: int) -> Mapping[str, tuple[str, ...]]:
    """Return the tables, indexes and triggers of a schema version, each with its columns.

    For an unknown version, returns those of the current one.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, version if 0 < version < len(MIGRATIONS) else len(MIGRATIONS))
        names = [name for (name,) in fresh.execute("SELECT name FROM sqlite_master")]
        return {name: _columns(fresh, name) for name in names}


def _columns(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    return tuple(row[1] for row in connection.execute(f"PRAGMA table_info({name})"))
