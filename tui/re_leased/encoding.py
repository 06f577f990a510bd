"""Reads the text of a file: detects its encoding, and limits the length of its lines.

Time and memory are bounded for any file, and errors name the line.
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

from tui.model.contact_file import ContactFileError
from tui.model.reasons import FileNote, FileReason, Notice
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
# Longer ones first: UTF-32 starts like UTF-16.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Found inside the text if files were joined, or the mark was written twice.
_BOM: Final = "\ufeff"
# The DOS end-of-file character.
_END_OF_FILE: Final = re.compile(r"\x1a+(?=[\r\n]*\Z)")
_OTHER_FORMATS: Final = (
    (b"\xd0\xcf\x11\xe0", FileReason.OLD_EXCEL),
    (b"%PDF", FileReason.PDF),
    (b"\x1f\x8b", FileReason.COMPRESSED),
    (b"{\\rtf", FileReason.RTF),
)
_WEB_PAGE: Final = (b"<html", b"<!doctype", b"<?xml")


class FileText(Struct, frozen=True):
    """A file that has been read once completely, and its lines.

    `digest` is the SHA-256 of its bytes; `notes` are the assumptions made. `changed_at` is when it was last
    modified, by the clock of the computer that did so.
    """

    lines: LineReader
    digest: str
    changed_at: datetime
    notes: tuple[Notice, ...]


class LineReader:
    """The lines of a text as `csv.reader` needs them, with limits on their length and number.

    Byte order marks and end-of-file characters are removed. `number` is the last line read. A CSV record can
    span lines: `end_record` marks its end, so that an unclosed quotation mark can be located.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._ahead: deque[str] = deque()
        # Lines that were read to find out whether the text ends, and whether it does.
        self._checked: deque[str] = deque()
        self._is_ending = False
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
            raise ContactFileError(FileReason.TOO_MANY_LINES, most=MOST_LINES)
        if self.number - self._record_end > _MOST_LINES_TOGETHER:
            raise ContactFileError(FileReason.UNCLOSED_QUOTE, line=self.record_line)
        return line

    def peek(self, count: int) -> list[str]:
        """Return up to `count` next lines without consuming them."""
        while len(self._ahead) < count and (line := self._read()):
            self._ahead.append(line)
        return list(self._ahead)

    def _read(self) -> str:
        line = self._checked.popleft() if self._checked else self._text.readline(_LONGEST_LINE + 1)
        line_number = self.number + len(self._ahead) + 1
        if len(line) > _LONGEST_LINE:
            raise ContactFileError(FileReason.LINE_TOO_LONG, line=line_number, most=_LONGEST_LINE)
        kept = line.lstrip(_BOM)
        # Above the header, it can't be part of a name either.
        if _END_OF_FILE.search(kept) and (line_number == 1 or self._is_end()):
            kept = _END_OF_FILE.sub("", kept)
        # Never return an empty line: that would mean the end.
        return kept or ("\n" if line else "")

    def _is_end(self) -> bool:
        """Whether nothing follows but end-of-file characters and blank lines. Looks at each line once."""
        if self._checked:
            return self._is_ending
        while line := self._text.readline(_LONGEST_LINE + 1):
            self._checked.append(line)
            if line.strip("\x1a\r\n"):
                self._is_ending = False
                return False
        self._is_ending = True
        return True

    @property
    def record_line(self) -> int:
        """The first line of the current or next record."""
        return self._record_end + 1

    def end_record(self) -> None:
        """Mark the end of a record."""
        self._record_end = self.number


@contextmanager
def open_text(file: Path, encoding: str = "") -> Iterator[FileText]:
    """Open a file and detect its encoding. Raises `ContactFileError`."""
    _check_encoding(encoding)
    with open_file(file) as stream:
        file_stat = os.fstat(stream.fileno())
        try:
            found = _detect_encoding(stream, encoding)
            stream.seek(found.start)
            changed_at = modification_time(file_stat)
            with io.TextIOWrapper(stream, encoding=found.encoding, newline="") as text:
                yield FileText(LineReader(text), found.digest, changed_at, found.notes)
                now = os.fstat(stream.fileno())
        except OSError as error:
            raise ContactFileError(
                FileReason.CANT_READ, problem=error.strerror or type(error).__name__
            ) from error
        if (now.st_mtime_ns, now.st_size) != (file_stat.st_mtime_ns, file_stat.st_size):
            raise ContactFileError(FileReason.CHANGED)


def open_file(file: Path) -> IO[bytes]:
    """Open a regular file of a valid size. Raises `ContactFileError`."""
    try:
        handle = open_without_waiting(file)
    except OSError as error:
        raise ContactFileError(
            FileReason.CANT_OPEN, problem=error.strerror or type(error).__name__
        ) from error
    except ValueError as error:
        raise ContactFileError(FileReason.NOT_A_FILE_NAME) from error
    try:
        _check_kind(os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def modification_time(file_stat: os.stat_result) -> datetime:
    """Return when a file was last modified. Raises `ContactFileError` for an invalid date."""
    try:
        return datetime.fromtimestamp(file_stat.st_mtime, UTC)
    except (ValueError, OverflowError):
        raise ContactFileError(FileReason.INVALID_MODIFIED_AT) from None


def _check_kind(file_stat: os.stat_result) -> None:
    if stat.S_ISDIR(file_stat.st_mode):
        raise ContactFileError(FileReason.FOLDER)
    if not stat.S_ISREG(file_stat.st_mode):
        raise ContactFileError(FileReason.NOT_REGULAR)
    if file_stat.st_size == 0:
        raise ContactFileError(FileReason.EMPTY)
    if file_stat.st_size > MOST_BYTES:
        raise ContactFileError(FileReason.TOO_LARGE, megabytes=MOST_BYTES // 1_000_000)


class _DetectedEncoding(Struct, frozen=True):
    """An encoding that decodes all bytes from `start` on, the digest of the file, and assumptions."""

    encoding: str
    start: int
    digest: str
    notes: tuple[Notice, ...] = ()


def _detect_encoding(stream: IO[bytes], chosen: str) -> _DetectedEncoding:
    head = stream.read(_LONGEST_HEAD)
    for start, reason in _OTHER_FORMATS:
        if head.startswith(start):
            raise ContactFileError(reason)
    bom, bom_encoding = next((mark for mark in _BYTE_ORDER_MARKS if head.startswith(mark[0])), (b"", ""))
    if head[len(bom) :].lstrip().lower().startswith(_WEB_PAGE):
        raise ContactFileError(FileReason.WEB_PAGE)
    line = 0
    for encoding, note in _candidates(head, chosen, bom_encoding):
        digest, bad_line = _decode(stream, encoding, len(bom))
        if not bad_line:
            return _DetectedEncoding(encoding, len(bom), digest, (Notice(note),) if note else ())
        line = bad_line
    raise ContactFileError(FileReason.UNDECODABLE, line=line)


def _candidates(head: bytes, chosen: str, bom_encoding: str) -> list[tuple[str, FileNote | None]]:
    """Return the encodings to try, best first, each with a note. A byte order mark is almost always right."""
    if bom_encoding or chosen:
        return [(candidate, None) for candidate in (bom_encoding, chosen) if candidate]
    # Column names start with ASCII letters, for which UTF-16 has every second byte zero.
    start = head[:_SURELY_PLAIN]
    for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(start) == _SURELY_PLAIN and not any(start[place::2]) and all(start[1 - place :: 2]):
            return [(encoding, FileNote.READ_AS_UTF_16)]
    return [("utf-8", None), ("cp1252", FileNote.READ_AS_CP1252)]


def _decode(stream: IO[bytes], encoding: str, start: int) -> tuple[str, int]:
    """Decode the whole file; return its digest, and the line that can't be decoded or 0.

    Raises `ContactFileError` for binary content.
    """
    stream.seek(0)
    digest = hashlib.sha256(stream.read(start))
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    has_wide_letters = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    line = 1
    last = ""
    while True:
        chunk = stream.read(_CHUNK)
        # Checked first: binary files usually contain a NUL and usually can't be decoded.
        if not has_wide_letters and b"\0" in chunk:
            before = chunk[: chunk.index(b"\0")].decode("latin-1")
            raise ContactFileError(FileReason.NOT_TEXT, line=line + _count_line_breaks(last + before))
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            return "", line + _count_line_breaks(last + before)
        except UnicodeError:
            return "", line
        if "\0" in text:
            before = text[: text.index("\0")]
            raise ContactFileError(FileReason.NOT_TEXT, line=line + _count_line_breaks(last + before))
        if not chunk:
            return digest.hexdigest(), 0
        digest.update(chunk)
        # A line break may be split between two chunks.
        text = last + text
        last = text[-1:] if text.endswith("\r") else ""
        line += _count_line_breaks(text[: len(text) - len(last)])


def _count_line_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _check_encoding(encoding: str) -> None:
    if not encoding:
        return
    try:
        # Rejects codecs that aren't text encodings, such as compression.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding).close()
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise ContactFileError(FileReason.UNKNOWN_ENCODING) from None
