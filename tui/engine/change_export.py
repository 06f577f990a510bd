"""The list of changes as CSV, for spreadsheets: nothing in it may act as a formula."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tui.system.user_files import write_user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tui.model.change import Change
    from tui.model.evidence import StatusSince

COLUMNS: Final = ("time", "contact", "contact id", "action", "origin", "state", "Xero's words", "evidence")
# What a spreadsheet evaluates: a formula sign in any of its forms at the start of a cell, after white space
# or quotation marks. A cell also starts behind each delimiter at which other settings would split the line.
_FORMULA_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_FORMULA: Final = re.compile(rf"(^|[,;|])(?=[\s\"“”\u200c\u200d]*[{_FORMULA_SIGNS}])")
_JOINERS: Final = "\u200c\u200d"
# Some spreadsheets take text for their own code page unless a file begins with this mark.
_ENCODING: Final = "utf-8-sig"


def write_csv(changes: Iterable[Change], grade: Callable[[Change], StatusSince | None], file: Path) -> int:
    """Write the changes in the order given; returns how many. Replaces the file in one step.

    Times are in UTC, to the second. Raises `ReshelveError` when the file can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    total = 0
    for change in changes:
        writer.writerow([csv_safe(cell) for cell in _cells(change, grade(change))])
        total += 1
    write_user_file(file, text.getvalue().encode(_ENCODING))
    return total


def csv_safe(cell: str) -> str:
    """Return the text on one line, and such that no spreadsheet evaluates any part of it.

    An apostrophe is put before what looks like a formula; controls and invisible characters are dropped.
    """
    if not (cell.isascii() and cell.isprintable()):
        cell = "".join(map(_safe_char, cell.replace("\r\n", "\n")))
    return _FORMULA.sub(r"\1'", cell)


@lru_cache(maxsize=4096)
def _safe_char(char: str) -> str:
    category = unicodedata.category(char)
    if char.isspace():
        return " "
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    # Joiners are part of how some scripts, and emoji, are spelt.
    return "" if category in {"Cc", "Cf"} and char not in _JOINERS else char


def _cells(change: Change, sync: StatusSince | None) -> tuple[str, ...]:
    evidence = ""
    if sync is not None:
        since = "" if sync.since is None else f" {sync.since:%Y-%m-%d %H:%M:%S}"
        evidence = f"{sync.status.value}{since}"
    return (
        f"{change.requested_at:%Y-%m-%d %H:%M:%S}",
        change.name,
        change.contact_id,
        change.action.value,
        change.origin.value,
        change.state.value,
        change.message,
        evidence,
    )
