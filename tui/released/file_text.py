"""The text of a file that somebody chose: what it is encoded in, and lines that can't grow without end.

Whatever the file is, reading it ends soon, takes little memory, and fails in words that name the line.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact_file import ContactFileError, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_BYTES: Final = 50_000_000
MOST_LINES: Final = 1_000_000
_LONGEST_LINE: Final = 1_000_000
_MOST_LINES_TOGETHER: Final = 1_000
_CHUNK: Final = 1 << 20
_LONGEST_MARK: Final = 4
# Longer ones first: UTF-32 begins as UTF-16 does.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN: Final = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
)
_SAY_ENCODING: Final = "Say what it is encoded in with --encoding, such as utf-8 or utf-16-le."


class FileText(Struct, frozen=True):
    """A file whose every byte has been looked at once, and its lines.

    `digest` is the SHA-256 of its bytes; `notes` say what was assumed. `changed_at` is when it was last
    changed, by the clock of the machine that did so.
    """

    lines: Lines
    digest: str
    changed_at: datetime
    notes: tuple[str, ...]


class Lines:
    """The lines of a text as `csv.reader` wants them, with limits on their length and number.

    `number` is the line that was read last. A record of the CSV can span lines: `end_record` says that one
    has ended, so that a quotation mark that is never closed is found where it may stand.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._ended = 0
        self.number = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > _LONGEST_LINE:
            raise ContactFileError(f"it has more than {_LONGEST_LINE:,} characters.", line=self.number)
        if self.number > MOST_LINES:
            raise ContactFileError(
                f"The file has more than {MOST_LINES:,} lines.", "Export fewer contacts at a time."
            )
        if self.number - self._ended > _MOST_LINES_TOGETHER:
            raise ContactFileError("a quotation mark is never closed.", line=self.record)
        return line

    @property
    def record(self) -> int:
        """The line on which the record that is being read, or the next one, begins."""
        return self._ended + 1

    def end_record(self) -> None:
        """Note that a record has ended."""
        self._ended = self.number


@contextmanager
def open_text(file: Path, encoding: str = "") -> Iterator[FileText]:
    """Open a file and find out what it is encoded in. Raises `ContactFileError`."""
    _check_encoding(encoding)
    with _open(file) as stream:
        about = os.fstat(stream.fileno())
        try:
            encoding, digest, notes = _examine(stream, encoding)
            stream.seek(0)
            changed_at = _moment(about.st_mtime)
            with io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
                yield FileText(Lines(text), digest, changed_at, notes)
                now = os.fstat(stream.fileno())
        except OSError as error:
            raise ContactFileError(f"The file can't be read: {error.strerror}.") from error
        if (now.st_mtime_ns, now.st_size) != (about.st_mtime_ns, about.st_size):
            raise ContactFileError("The file was changed while it was read.", "Try again.")


def _open(file: Path) -> IO[bytes]:
    try:
        # Without O_NONBLOCK, a pipe that nobody writes to would keep us waiting for ever.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "that is no name of a file"
        raise ContactFileError(f"The file can't be opened: {words}.") from error
    try:
        _check_kind(os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        raise ContactFileError("The file's own date makes no sense.", "Save a copy of it.") from None


def _check_kind(about: os.stat_result) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise ContactFileError("This is a folder.", "Choose a CSV file.")
    if not stat.S_ISREG(about.st_mode):
        raise ContactFileError("This isn't an ordinary file.", "Choose a CSV file.")
    if about.st_size == 0:
        raise ContactFileError("The file is empty.", "Export it again.")
    if about.st_size > MOST_BYTES:
        raise ContactFileError(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB.", "Export fewer contacts at a time."
        )


def _examine(stream: IO[bytes], encoding: str) -> tuple[str, str, tuple[str, ...]]:
    """Return an encoding that decodes every byte, the digest, and what was assumed."""
    head = stream.read(_LONGEST_MARK)
    for mark, kind in _FOREIGN:
        if head.startswith(mark):
            raise ContactFileError(f"This is {kind}, not a CSV file.", "Save it as CSV, then try again.")
    encoding = encoding or next((name for mark, name in _MARKS if head.startswith(mark)), "")
    first, *others = (encoding,) if encoding else ("utf-8", "cp1252")
    digest, line = _decode(stream, first)
    if line and others:
        [first] = others
        digest, line = _decode(stream, first)
    if line:
        raise ContactFileError(
            "it has characters that can't be read.", _SAY_ENCODING, line=line, trouble=Trouble.ENCODING
        )
    assumed = first == "cp1252" and not encoding
    return first, digest, ("It isn't UTF-8, and was read as Windows-1252.",) if assumed else ()


def _decode(stream: IO[bytes], encoding: str) -> tuple[str, int]:
    """Decode it all; returns its digest, and the line that can't be decoded, 0 if all can.

    Raises `ContactFileError` for what no text has.
    """
    stream.seek(0)
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    has_wide_letters = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "u16", "u32"))
    line = 1
    while True:
        chunk = stream.read(_CHUNK)
        # Before decoding: files that are no text at all mostly hold one, and mostly can't be decoded.
        if not has_wide_letters and b"\0" in chunk:
            raise _no_text(line + chunk[: chunk.index(b"\0")].count(b"\n"))
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            return "", line + chunk[:start].count(b"\n")
        if "\0" in text:
            raise _no_text(line + text[: text.index("\0")].count("\n"))
        if not chunk:
            return digest.hexdigest(), 0
        digest.update(chunk)
        line += text.count("\n")


def _no_text(line: int) -> ContactFileError:
    return ContactFileError(
        "it holds a NUL, as no text does.",
        f"Choose a CSV file. {_SAY_ENCODING}",
        line=line,
        trouble=Trouble.ENCODING,
    )


def _check_encoding(encoding: str) -> None:
    if not encoding:
        return
    try:
        # Refuses what Python also calls codecs, but isn't text: compression, for one.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding).close()
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise ContactFileError(
            "There is no such encoding.", _SAY_ENCODING, trouble=Trouble.ENCODING
        ) from None
