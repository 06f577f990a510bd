"""Save rows of contacts to a file in a thread, with progress and a way to cancel."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final

from tui.model.tables import ExportCancelledError
from tui.system.table_files import write_table
from tui.system.user_files import user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from tui.model.contact import Row
    from tui.model.tables import Cell, ContactExport

_ROWS_BETWEEN_REPORTS: Final = 500


async def save_rows(
    wanted: ContactExport, rows: Generator[Row], total: int, file: Path, report: Callable[[int, int], bool]
) -> int:
    """Save the rows as `ContactServiceProtocol.export` says.

    If the caller is cancelled, as when the program ends, the thread ends soon after and saves nothing.
    """
    abandoned = threading.Event()

    def check(done: int) -> None:
        if abandoned.is_set() or not report(done, total):
            raise ExportCancelledError

    def cells() -> Iterator[Sequence[Cell]]:
        for number, row in enumerate(rows):
            if not number % _ROWS_BETWEEN_REPORTS:
                check(number)
            yield wanted.cells(row)

    def save() -> int:
        with closing(rows), user_file(file) as stream:
            count = write_table(stream, wanted.format, wanted.columns, cells())
            # The last moment at which the file that was there before is unchanged.
            check(count)
        return count

    try:
        return await asyncio.to_thread(save)
    finally:
        abandoned.set()
