"""What commands print: tables for people, for screen readers and for programs, notes, and progress.

Results go to standard output, and everything else to standard error. For people, every text is made safe for
the terminal; programs get it as it is.
"""

from __future__ import annotations

import functools
import shutil
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar, cast

import click

from tui.cli.shared_options import has_colour, is_accessible
from tui.messages.formats import NO_VALUE, amount, date_and_time, format_number
from tui.model.tables import TableFormat
from tui.system.table_files import plain_text, write_table
from tui.widgets.text import cells, fit, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tui.model.tables import Cell, TableColumn

_F = TypeVar("_F", bound="Callable[..., Any]")

#: For screen readers, where there is no text, and where nothing is known.
_NONE, _UNKNOWN = "none", "not known"
_GAP: Final = "  "
# The rows that decide how wide the columns are: nothing is shown before they are known.
_MEASURED: Final = 500
_LEAST_WIDTH: Final = 6
# Seconds between two lines of progress that aren't repainted.
_SECONDS_BETWEEN_LINES: Final = 5.0
_FLAGS: Final = {
    "is_json": TableFormat.JSON,
    "is_jsonl": TableFormat.JSON_LINES,
    "is_csv": TableFormat.CSV,
}


def format_options(command: _F) -> _F:
    """Add `--json`, `--jsonl` and `--csv` to a command, which gets one or None as `table_format`."""

    @functools.wraps(command)
    def with_format(*arguments: Any, **options: Any) -> Any:
        wanted = [table_format for name, table_format in _FLAGS.items() if options.pop(name)]
        if len(wanted) > 1:
            raise click.UsageError("Use only one of --json, --jsonl and --csv.")
        return command(*arguments, table_format=wanted[0] if wanted else None, **options)

    for name, about in (
        ("csv", "Print CSV that spreadsheets open."),
        ("jsonl", "Print JSON, one object per line."),
        ("json", "Print JSON."),
    ):
        with_format = click.option(f"--{name}", f"is_{name}", is_flag=True, help=about)(with_format)
    return cast("_F", with_format)


def print_rows(
    columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]], table_format: TableFormat | None = None
) -> int:
    """Print a table; returns how many rows.

    Without a format: columns in a terminal, labelled lines for a screen reader, and in a pipe one line per
    row, separated by tabs and without titles.
    """
    if table_format is not None:
        count = write_table(sys.stdout.buffer, table_format, columns, rows)
        sys.stdout.buffer.flush()
        return count
    if is_accessible():
        return _print_labelled(columns, rows)
    return _print_aligned(columns, rows) if _is_terminal(sys.stdout) else _print_tabs(rows)


def is_for_people(table_format: TableFormat | None) -> bool:
    """Whether a table is printed for people to read: then it has fewer columns."""
    return table_format is None and (is_accessible() or _is_terminal(sys.stdout))


def note(text: str) -> None:
    """Print a line that isn't part of the result."""
    click.echo(safe(text), err=True)


def print_line(text: str) -> None:
    """Print a line of the result for people."""
    click.echo(safe(text))


def bold(text: str) -> str:
    """Return a text in bold, where the terminal may have styles."""
    return click.style(text, bold=True) if has_colour() else text


def _print_tabs(rows: Iterable[Sequence[Cell]]) -> int:
    count = 0
    # In batches: a pipe would be written to for each line.
    remaining = iter(rows)
    while batch := list(islice(remaining, _MEASURED)):
        lines = ("\t".join(safe(plain_text(cell)) for cell in row) for row in batch)
        sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
        count += len(batch)
    return count


def _print_labelled(columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]]) -> int:
    titles = [column.title for column in columns]
    count = 0
    for count, row in enumerate(rows, 1):
        if count > 1:
            click.echo()
        for title, cell in zip(titles, row, strict=True):
            click.echo(f"{title}: {_UNKNOWN if cell is None else _shown(cell) or _NONE}")
    return count


def _print_aligned(columns: Sequence[TableColumn], rows: Iterable[Sequence[Cell]]) -> int:
    remaining = iter(rows)
    first = list(islice(remaining, _MEASURED))
    if not first:
        return 0
    titles = [column.title for column in columns]
    is_right = [any(isinstance(row[place], Decimal) for row in first) for place in range(len(columns))]
    shown = [[_shown(cell) or NO_VALUE for cell in row] for row in first]
    needed = [max(map(cells, column)) for column in zip(titles, *shown, strict=True)]
    widths = _fitted(needed, shutil.get_terminal_size().columns)
    click.echo(bold(_line(titles, widths, is_right)))
    count = 0
    texts = ([_shown(cell) or NO_VALUE for cell in row] for row in remaining)
    for count, row_texts in enumerate(chain(shown, texts), 1):  # noqa: B007 - the last number is the result
        click.echo(_line(row_texts, widths, is_right))
    return count


def _fitted(needed: Sequence[int], terminal: int) -> list[int]:
    """Take from the widest columns what the terminal doesn't have."""
    widths = list(needed)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - terminal
    while excess > 0 and max(widths) > _LEAST_WIDTH:
        widths[widths.index(max(widths))] -= 1
        excess -= 1
    return widths


def _line(texts: Sequence[str], widths: Sequence[int], is_right: Sequence[bool]) -> str:
    placed = zip(texts, widths, is_right, strict=True)
    return _GAP.join(fit(text, width, "right" if right else "left") for text, width, right in placed).rstrip()


def _shown(cell: Cell) -> str:
    """Format a cell for people; empty where there is no value."""
    if isinstance(cell, datetime):
        return date_and_time(cell)
    if isinstance(cell, Decimal):
        return amount(cell)
    return safe(cell or "")


class Progress:
    """How far something has got, shown on standard error."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._is_repainted = _is_terminal(sys.stderr) and not is_accessible()
        self._shown_at = time.monotonic()
        self._width = 0
        self._last = ""

    def update(self, done: int, total: int | None) -> None:
        """Show how many are done, and of how many if that is known."""
        of_all = "" if total is None else f" of {format_number(total)}"
        text = f"{self._label}: {format_number(done)}{of_all}"
        if text == self._last:
            return
        self._last = text
        if self._is_repainted:
            line = f"{text} {_bar(done, total)}".rstrip()
            click.echo(f"\r{line}{' ' * (self._width - len(line))}", err=True, nl=False)
            self._width = len(line)
        elif time.monotonic() - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = time.monotonic()
            click.echo(text, err=True)

    def clear(self) -> None:
        """Remove the line from the terminal."""
        if self._width:
            click.echo(f"\r{' ' * self._width}\r", err=True, nl=False)
            self._width = 0


def _bar(done: int, total: int | None) -> str:
    if not total:
        return ""
    length = 20
    filled = min(length, done * length // total)
    return "━" * filled + "╌" * (length - filled)


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Show progress while the block runs: a line that is repainted, or one now and then."""
    shown = Progress(safe(label))
    try:
        yield shown
    finally:
        shown.clear()


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()
