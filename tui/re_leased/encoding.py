"""The text of a file that somebody chose: what it is encoded in, and lines that can't grow without end.

Whatever the file is, reading it ends soon, takes little memory, and fails in words that name the line.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
import stat
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.contact_file import ContactFileError, FileProblem
from tui.system.platform import open_without_waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_BYTES: Final = 50_000_000
MOST_LINES: Final = 1_000_000
_LONGEST_LINE: Final = 1_000_000
_MOST_LINES_TOGETHER: Final = 1_000
_CHUNK: Final = 1 << 20
_LONGEST_HEAD: Final = 64
_SURELY_PLAIN: Final = 8
# Longer ones first: UTF-32 begins as UTF-16 does.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Left within the text where files were joined, or where a program wrote the mark twice.
_BOM: Final = "\ufeff"
# The end of a file, as DOS and its heirs write it.
_END_OF_FILE: Final = re.compile(r"\x1a+(?=[\r\n]*\Z)")
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"{\\rtf", "a text document (RTF)"),
)
_WEB_PAGE: Final = (b"<html", b"<!doctype", b"<?xml")
_SAY_ENCODING: Final = "Say what it is encoded in with --encoding, such as utf-8 or utf-16-le."


class FileText(Struct, frozen=True):
    """A file whose every byte has been looked at once, and its lines.

    `digest` is the SHA-256 of its bytes; `notes` say what was assumed. `changed_at` is when it was last
    changed, by the clock of the machine that did so.
    """

    lines: LineReader
    digest: str
    changed_at: datetime
    notes: tuple[str, ...]


class LineReader:
    """The lines of a text as `csv.reader` wants them, with limits on their length and number.

    Marks of byte order at their start and of the file's end are left out. `number` is the line that was
    read last. A record of the CSV can span lines: `end_record` says that one
    has ended, so that a quotation mark that is never closed is found where it may stand.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._ahead: deque[str] = deque()
        self._record_end = 0
        self.number = 0

    def __iter__(self) -> LineReader:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if self.number > MOST_LINES:
            raise ContactFileError(
                f"The file has more than {MOST_LINES:,} lines.", "Export fewer contacts at a time."
            )
        if self.number - self._record_end > _MOST_LINES_TOGETHER:
            raise ContactFileError(
                "a quotation mark is never closed.",
                "Correct that line, or export the file again.",
                line=self.record_line,
            )
        return line

    def peek(self, count: int) -> list[str]:
        """Return the next lines, at most so many, and leave them to be read."""
        while len(self._ahead) < count and (line := self._read()):
            self._ahead.append(line)
        return list(self._ahead)

    def _read(self) -> str:
        line = self._text.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise ContactFileError(
                f"it has more than {_LONGEST_LINE:,} characters.",
                "Choose a CSV file that has a line for each contact.",
                line=self.number + len(self._ahead) + 1,
            )
        # What is left of a line is never nothing: that would be the end.
        return _END_OF_FILE.sub("", line.lstrip(_BOM)) or ("\n" if line else "")

    @property
    def record_line(self) -> int:
        """The line on which the record that is being read, or the next one, begins."""
        return self._record_end + 1

    def end_record(self) -> None:
        """Note that a record has ended."""
        self._record_end = self.number


@contextmanager
def open_text(file: Path, encoding: str = "") -> Iterator[FileText]:
    """Open a file and find out what it is encoded in. Raises `ContactFileError`."""
    _check_encoding(encoding)
    with _open(file) as stream:
        file_stat = os.fstat(stream.fileno())
        try:
            found = _detect_encoding(stream, encoding)
            stream.seek(found.start)
            changed_at = _moment(file_stat.st_mtime)
            with io.TextIOWrapper(stream, encoding=found.encoding, newline="") as text:
                yield FileText(LineReader(text), found.digest, changed_at, found.notes)
                now = os.fstat(stream.fileno())
        except OSError as error:
            raise ContactFileError(f"The file can't be read: {error.strerror}.") from error
        if (now.st_mtime_ns, now.st_size) != (file_stat.st_mtime_ns, file_stat.st_size):
            raise ContactFileError("The file was changed while it was read.", "Try again.")


def _open(file: Path) -> IO[bytes]:
    try:
        handle = open_without_waiting(file)
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


def _check_kind(file_stat: os.stat_result) -> None:
    if stat.S_ISDIR(file_stat.st_mode):
        raise ContactFileError("This is a folder.", "Choose a CSV file.")
    if not stat.S_ISREG(file_stat.st_mode):
        raise ContactFileError("This isn't an ordinary file.", "Choose a CSV file.")
    if file_stat.st_size == 0:
        raise ContactFileError("The file is empty.", "Export it again.")
    if file_stat.st_size > MOST_BYTES:
        raise ContactFileError(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB.", "Export fewer contacts at a time."
        )


class _DetectedEncoding(Struct, frozen=True):
    """An encoding that decodes every byte from `start` on, the digest of all bytes, and what was assumed."""

    encoding: str
    start: int
    digest: str
    notes: tuple[str, ...] = ()


def _detect_encoding(stream: IO[bytes], chosen: str) -> _DetectedEncoding:
    head = stream.read(_LONGEST_HEAD)
    for start, kind in _OTHER_FORMATS:
        if head.startswith(start):
            raise ContactFileError(f"This is {kind}, not a CSV file.", "Save it as CSV, then try again.")
    bom, bom_encoding = next((each for each in _BYTE_ORDER_MARKS if head.startswith(each[0])), (b"", ""))
    if head[len(bom) :].lstrip().lower().startswith(_WEB_PAGE):
        raise ContactFileError("This is a web page, not a CSV file.", "Export the contacts as CSV.")
    line = 0
    for encoding, note in _candidates(head, chosen, bom_encoding):
        digest, bad_line = _decode(stream, encoding, len(bom))
        if not bad_line:
            return _DetectedEncoding(encoding, len(bom), digest, (note,) if note else ())
        line = bad_line
    raise ContactFileError(
        "it has characters that can't be read.", _SAY_ENCODING, line=line, problem=FileProblem.ENCODING
    )


def _candidates(head: bytes, chosen: str, bom_encoding: str) -> list[tuple[str, str]]:
    """Return what to try, best first, each with what it assumes. A file's own mark is right almost always."""
    if bom_encoding or chosen:
        return [(each, "") for each in (bom_encoding, chosen) if each]
    # The names of the columns begin with plain letters, of which UTF-16 leaves every second byte zero.
    start = head[:_SURELY_PLAIN]
    for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(start) == _SURELY_PLAIN and not any(start[place::2]) and all(start[1 - place :: 2]):
            return [(encoding, "It has no byte order mark, and was read as UTF-16.")]
    return [("utf-8", ""), ("cp1252", "It isn't UTF-8, and was read as Windows-1252.")]


def _decode(stream: IO[bytes], encoding: str, start: int) -> tuple[str, int]:
    """Decode it all; returns its digest, and the line that can't be decoded, 0 if all can.

    Raises `ContactFileError` for what no text has.
    """
    stream.seek(0)
    digest = hashlib.sha256(stream.read(start))
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    has_wide_letters = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    line = 1
    last = ""
    while True:
        chunk = stream.read(_CHUNK)
        # Before decoding: files that are no text at all mostly hold one, and mostly can't be decoded.
        if not has_wide_letters and b"\0" in chunk:
            raise _no_text(line + _count_line_breaks(last + chunk[: chunk.index(b"\0")].decode("latin-1")))
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            return "", line + _count_line_breaks(last + before)
        except UnicodeError:
            return "", line
        if "\0" in text:
            raise _no_text(line + _count_line_breaks(last + text[: text.index("\0")]))
        if not chunk:
            return digest.hexdigest(), 0
        digest.update(chunk)
        # A line may end in two characters, one in this chunk and one in the next.
        text = last + text
        last = text[-1:] if text.endswith("\r") else ""
        line += _count_line_breaks(text[: len(text) - len(last)])


def _count_line_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _no_text(line: int) -> ContactFileError:
    return ContactFileError(
        "it holds a NUL, as no text does.",
        "Export the file again, or choose another. If it is UTF-16, say so with --encoding utf-16-le.",
        line=line,
        problem=FileProblem.ENCODING,
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
            "There is no such encoding.", _SAY_ENCODING, problem=FileProblem.ENCODING
        ) from None
