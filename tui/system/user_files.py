"""Files chosen by the user: exports, reports and imports.

Tables are written as CSV that spreadsheets open as text: no cell is evaluated as a formula.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.model.errors import ReshelveError
from tui.model.reasons import SystemReason
from tui.system.paths import replacement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO


def write_user_file(file: Path, content: bytes) -> None:
    """Save a file for the user at once; otherwise as `user_file`. Blocks."""
    with user_file(file) as stream:
        stream.write(content)


@contextmanager
def user_file(file: Path) -> Iterator[BinaryIO]:
    """Open a file to save for the user, atomically when the block ends, readable only by its owner.

    Follows links; only ever replaces a regular file, never a device or pipe. Raises `ReshelveError`, also for
    an `OSError` of the block; an existing file is then unchanged.
    """
    target = _regular_file(file)
    try:
        with replacement(target) as stream:
            yield stream
    except OSError as error:
        raise _not_saved(error) from error


def _regular_file(file: Path) -> Path:
    """Return the file that this path leads to, which may not exist yet."""
    try:
        target = file.resolve()
        if target.exists() and not target.is_file():
            raise ReshelveError(SystemReason.NOT_A_FILE)
    except OSError as error:
        raise _not_saved(error) from error
    except (RuntimeError, ValueError) as error:
        raise ReshelveError(SystemReason.NOT_A_FILE_NAME) from error
    return target


def _not_saved(error: OSError) -> ReshelveError:
    return ReshelveError(SystemReason.FILE_NOT_SAVED, problem=str(error.strerror or error))


def expand_path(typed: str) -> Path:
    """Return the path as typed, with `~` expanded to the home folder."""
    path = Path(typed.strip())
    # Without such a user, it is an ordinary name.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path


# What a spreadsheet evaluates: a formula sign in any form at the start of a cell, after white space or
# quotation marks. A cell may also start after any delimiter, depending on the spreadsheet's settings.
_FORMULA_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_FORMULA: Final = re.compile(rf"(^|[,;|])(?=[\s\"“”\u200c\u200d]*[{_FORMULA_SIGNS}])")
_JOINERS: Final = "\u200c\u200d"
#: Without a byte order mark, some spreadsheets assume their own code page.
CSV_ENCODING: Final = "utf-8-sig"


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as CSV. Lines end as RFC 4180 has it, and every cell is safe for spreadsheets."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([csv_safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table as the content of a CSV file, in UTF-8 with a byte order mark."""
    return csv_text(columns, rows).encode(CSV_ENCODING)


def csv_safe(cell: str) -> str:
    """Return the text on one line, safe from being evaluated by spreadsheets.

    An apostrophe is added before what looks like a formula; control and invisible characters are removed.
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
    # Joiners are needed by some scripts and emoji.
    return "" if category in {"Cc", "Cf"} and char not in _JOINERS else char
