"""The last searches of an organisation, in a small file beside its local database."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tui.system.log import logger
from tui.system.paths import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_KEPT: Final = 50
#: A longer text was pasted, not typed.
MAX_LENGTH: Final = 200


class SearchHistory:
    """The searches that were used, newest first, each once. Without a file they are only kept in memory.

    Read-only mode keeps them too: they change nothing in Xero, Re-Leased or the change log.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._texts: tuple[str, ...] | None = None
        self._unsaved: list[str] = []
        self._lock = threading.Lock()

    @property
    def texts(self) -> tuple[str, ...]:
        """The searches; read from the file when first needed."""
        if self._texts is None:
            self._texts = self._read()
        return self._texts

    def add(self, text: str) -> bool:
        """Put a search first; return whether that changes anything and should be saved."""
        text = text.strip()
        if not _is_kept(text) or self.texts[:1] == (text,):
            return False
        self._texts = _with(self.texts, text)
        self._unsaved.append(text)
        return True

    def save(self) -> None:
        """Write new searches to the file, which another copy of the program may have changed. Blocks.

        A failure isn't worth an error: the searches are still in memory.
        """
        with self._lock:
            unsaved, self._unsaved = self._unsaved, []
            if self._file is None or not unsaved:
                return
            texts = self._read()
            for text in unsaved:
                texts = _with(texts, text)
            try:
                write_atomically(self._file, json.dumps(texts, ensure_ascii=False, indent=1).encode())
            except OSError as error:
                logger.warning("the last searches could not be saved: %s", error.strerror)

    def _read(self) -> tuple[str, ...]:
        """Return the searches in the file; none if it is missing or damaged."""
        found: object = None
        if self._file is not None:
            # RecursionError: deeply nested brackets.
            with suppress(OSError, ValueError, RecursionError):
                found = json.loads(self._file.read_bytes())
        texts = found if isinstance(found, list) else []
        return _first_of_each(text for text in texts if isinstance(text, str) and _is_kept(text))


def _is_kept(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_LENGTH and text.isprintable()


def _with(texts: tuple[str, ...], text: str) -> tuple[str, ...]:
    return _first_of_each((text, *texts))


def _first_of_each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))[:MAX_KEPT]
