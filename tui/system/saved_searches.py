"""The searches that the user has named, in a small file beside an organisation's local database."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from tui.model.columns import BY_NAME, Sort
from tui.model.query import Tab
from tui.system.log import logger
from tui.system.paths import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_KEPT: Final = 50
MAX_NAME: Final = 60
#: A longer text was pasted, not typed.
MAX_TEXT: Final = 200


class SavedSearch(Struct, frozen=True):
    """What the list of contacts shows: a text to search for, a tab, and a sort."""

    name: str
    text: str = ""
    tab: Tab = Tab.ALL
    sort: Sort = BY_NAME

    @property
    def shown(self) -> tuple[str, Tab, Sort]:
        """What it shows, whatever its name."""
        return (self.text, self.tab, self.sort)

    @property
    def is_everything(self) -> bool:
        """Whether it is the list as it is at the start, which needs no name."""
        return self.shown == ("", Tab.ALL, BY_NAME)


_Searches = tuple[SavedSearch, ...]


class SavedSearches:
    """The saved searches, in the order in which they were saved. Without a file they are only kept in memory.

    A name is used once, whatever its case. Read-only mode keeps searches too: they change nothing in Xero,
    Re-Leased or the change log.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._searches: _Searches | None = None
        self._unsaved: list[Callable[[_Searches], _Searches]] = []
        self._lock = threading.Lock()

    @property
    def searches(self) -> _Searches:
        """The searches; read from the file when first needed."""
        if self._searches is None:
            self._searches = self._read()
        return self._searches

    def find(self, name: str) -> SavedSearch | None:
        """Return the search with this name."""
        return next((search for search in self.searches if _key(search.name) == _key(name)), None)

    def put(self, search: SavedSearch, old_name: str = "") -> None:
        """Save a search under its name, in place of the one with that name, or with the old one."""
        self._edit(lambda searches: _with(searches, search, old_name))

    def delete(self, name: str) -> None:
        """Delete the search with this name."""
        self._edit(lambda searches: tuple(each for each in searches if _key(each.name) != _key(name)))

    def _edit(self, edit: Callable[[_Searches], _Searches]) -> None:
        self._searches = edit(self.searches)
        self._unsaved.append(edit)

    def save(self) -> None:
        """Write edits to the file, which another copy of the program may have changed. Blocks.

        A failure isn't worth an error: the searches are still in memory.
        """
        with self._lock:
            unsaved, self._unsaved = self._unsaved, []
            if self._file is None or not unsaved:
                return
            searches = self._read()
            for edit in unsaved:
                searches = edit(searches)
            try:
                write_atomically(self._file, msgspec.json.format(msgspec.json.encode(searches), indent=1))
            except OSError as error:
                logger.warning("the saved searches could not be saved: %s", error.strerror)

    def _read(self) -> _Searches:
        """Return the searches in the file; none if it is missing or damaged."""
        found: object = None
        if self._file is not None:
            # RecursionError: deeply nested brackets.
            with suppress(OSError, UnicodeDecodeError, msgspec.DecodeError, RecursionError):
                found = msgspec.json.decode(self._file.read_bytes())
        searches: _Searches = ()
        for each in found if isinstance(found, list) else ():
            with suppress(msgspec.ValidationError):
                search = msgspec.convert(each, SavedSearch)
                if is_valid(search):
                    searches = _with(searches, search)
        return searches


def is_valid(search: SavedSearch) -> bool:
    """Whether a search can be saved: its name isn't blank, and its texts are short and printable."""
    texts = ((search.name, MAX_NAME), (search.text, MAX_TEXT))
    return bool(search.name.strip()) and all(len(text) <= most and text.isprintable() for text, most in texts)


def _with(searches: _Searches, search: SavedSearch, old_name: str = "") -> _Searches:
    key, old_key = _key(search.name), _key(old_name or search.name)
    kept = [each for each in searches if _key(each.name) not in {key, old_key}]
    # In the place of the old one; a new one goes to the end.
    place = next((place for place, each in enumerate(searches) if _key(each.name) == old_key), len(kept))
    kept.insert(place, search)
    return tuple(kept[:MAX_KEPT])


def _key(name: str) -> str:
    return name.strip().casefold()
