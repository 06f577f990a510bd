"""Tables to export: their columns, their cells, and what is exported of the contacts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.model.columns import ColumnKey
    from tui.model.contact import Row
    from tui.model.query import Query

#: A text, an amount, or an aware time; None where nothing is known.
Cell = str | Decimal | datetime | None


class TableFormat(StrEnum):
    """The formats of exported tables; the values are the endings of their files' names."""

    CSV = "csv"
    EXCEL = "xlsx"
    JSON = "json"
    #: One JSON object per line.
    JSON_LINES = "jsonl"


class TableColumn(Struct, frozen=True):
    """A column: `key` names it in JSON, `title` in a spreadsheet."""

    key: str
    title: str


class ContactExport(Struct, frozen=True):
    """Which contacts to export, and how.

    Those of the query in its order, or of these contacts those on its tab. `reads` are the columns whose
    values the rows need; `cells` turns a row into the cells of `columns`.
    """

    query: Query
    contact_ids: frozenset[str] | None
    format: TableFormat
    reads: tuple[ColumnKey, ...]
    columns: tuple[TableColumn, ...]
    cells: Callable[[Row], Sequence[Cell]]


class ExportCancelledError(Exception):
    """The user cancelled the export; no file was written."""
