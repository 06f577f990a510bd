"""The list of changes as CSV, for spreadsheets: nothing in it may act as a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from tui.model.errors import ReshelveError
from tui.paths import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tui.model.change import Change
    from tui.model.evidence import Standing

COLUMNS: Final = ("time", "contact", "contact id", "action", "origin", "state", "Xero's words", "evidence")
# What spreadsheets take for the start of a formula, in both widths, after any white space.
_FORMULA: Final = tuple("=+-@＝＋－＠")
# Some spreadsheets take text for their own code page unless a file begins with this mark.
_ENCODING: Final = "utf-8-sig"


def write_csv(changes: Iterable[Change], grade: Callable[[Change], Standing | None], file: Path) -> int:
    """Write the changes in the order given; returns how many. Replaces the file in one step.

    Times are in UTC, to the second. Raises `ReshelveError` when the file can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    total = 0
    for change in changes:
        writer.writerow([plain(cell) for cell in _cells(change, grade(change))])
        total += 1
    try:
        write_atomically(file, text.getvalue().encode(_ENCODING))
    except OSError as error:
        raise ReshelveError(
            f"The file can't be written: {error.strerror}.", "Choose another place, then try again."
        ) from error
    return total


def plain(cell: str) -> str:
    """Return the text such that no spreadsheet computes it: with an apostrophe before what looks so."""
    begins = cell.lstrip()
    if begins.startswith(_FORMULA) or cell.startswith(("\t", "\r", "\n")):
        return f"'{cell}"
    return cell


def _cells(change: Change, standing: Standing | None) -> tuple[str, ...]:
    evidence = ""
    if standing is not None:
        since = "" if standing.since is None else f" {standing.since:%Y-%m-%d %H:%M:%S}"
        evidence = f"{standing.grade.value}{since}"
    return (
        f"{change.requested_at:%Y-%m-%d %H:%M:%S}",
        change.name,
        change.contact_id,
        change.action.value,
        change.origin.value,
        change.state.value,
        change.words,
        evidence,
    )
