"""Keys pressed in the running program: how soon their effect has been painted."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from tui.model.query import Query, Tab
from tui.model.query_parser import parse_query
from tui.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.terminal import Terminal

_DOWN, _PAGE_DOWN, _HOME, _ESCAPE = "\x1b[B", "\x1b[6~", "\x1b[H", "\x1b"
_SEARCHES = (
    "harbour pl",
    "fletcher tr",
    "ngata jo",
    "rentals 1",
    "olive wi",
    "kowalski 7",
    "0012",
    "okafor ba",
)
# A search that completes nothing: only the echo of the letter appears after the typed text.
_QUALIFIED = ("owes:>500 harbour", "fletcher owes:0", "owes:>=100 owes:<900 jo", "changed:<7d rentals -1")
_PAGES, _STEPS = 8, 40
_KNOWN_NAMES = 1_000
_COUNT = "SELECT status, count(*) FROM contacts WHERE {} GROUP BY status"


@dataclass(slots=True)
class Times:
    """Seconds from key to frame, by what was pressed."""

    echo: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    #: The same, where there are qualifiers among the words.
    qualified: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    #: The yardstick of a search: SQLite searching the same texts for the same words.
    sql: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Expected:
    """What has to appear, read from the store before the program runs."""

    total: int
    names: list[str]
    #: For each beginning of each search: how many are found, and the first one's name.
    finds: dict[str, tuple[int, str]] = field(default_factory=dict)


async def expect(store_folder: Path) -> Expected:
    """Find everything that will be searched for."""
    store = Store.open(store_folder)
    try:
        rows = store.search.first(Query()).rows.window(0, _KNOWN_NAMES)
        expected = Expected(store.counts().all, [row.name for row in rows])
        await store.search.load()
        for typed in {words[:end] for words in (*_SEARCHES, *_QUALIFIED) for end in range(1, len(words) + 1)}:
            async for found in store.search.find(parse_query(Tab.ALL, typed)):
                if found.is_complete:
                    first = found.rows.window(0, 1)
                    expected.finds[typed] = len(found.rows), first[0].name if first else ""
    finally:
        store.close()
    return expected


class Typist:
    """Uses a program that has just been started; its store says what has to appear."""

    def __init__(self, terminal: Terminal, store_file: Path, expected: Expected) -> None:
        self.times = Times()
        terminal.until(lambda text: expected.names[0] in text and "Select" in text, "the first screen")
        self.terminal = terminal
        self._store_file = store_file
        self._expected = expected
        self._page = sum(name in terminal.text for name in expected.names[:60])
        self._is_at_top = True

    def search(self, number: int) -> None:
        """Type a search letter by letter, each once the last has settled; then clear it."""
        self._search(_SEARCHES[number % len(_SEARCHES)], self.times.settled)

    def qualify(self, number: int) -> None:
        """Do the same with qualifiers; the first one is new to the program."""
        self._search(_QUALIFIED[number % len(_QUALIFIED)], self.times.qualified)

    def _search(self, words: str, settled: list[float]) -> None:
        self.terminal.press("/")
        self.terminal.until_shown("Go to list")
        found_before = self._expected.total
        for end in range(1, len(words) + 1):
            if settled is self.times.settled:
                self.times.sql.append(_search_by_sql(self._store_file, words[:end]))
            found, first = self._expected.finds[words[:end]]
            # A qualifier that isn't complete finds everybody, and no number is shown.
            is_told = found not in {found_before, self._expected.total}
            self._type(words[:end], first, found if is_told else None, settled)
            found_before = found
        self.terminal.press(_ESCAPE)
        self.terminal.until_shown(f"All {self._expected.total:,}")
        self.terminal.press(_ESCAPE)
        self.terminal.until_shown("Select")
        self._is_at_top = True

    def browse(self) -> None:
        """From the top: hold an arrow key, then page down, both as fast as frames are painted."""
        if not self._is_at_top:
            self.terminal.press(_HOME)
            self._shown(0)
        self._is_at_top = False
        for index in range(1, _STEPS + 1):
            pressed = self.terminal.press(_DOWN)
            self.times.step.append(self._shown(index) - pressed)
        for number in range(1, min(_PAGES, (self._expected.total - _STEPS) // self._page - 1) + 1):
            pressed = self.terminal.press(_PAGE_DOWN)
            # Somewhere on the new page: a line for the progress of a read makes pages shorter by one row.
            self.times.page.append(self._shown(_STEPS + number * self._page - self._page // 2) - pressed)

    def _type(self, typed: str, first: str, found: int | None, times: list[float]) -> None:
        echo = re.compile(rf"(?:^|\n|/ ){re.escape(typed)}(?:\s|$)")
        pressed = self.terminal.press(typed[-1])
        echoed = self.terminal.until(lambda text: bool(echo.search(text)), f"the echo of {typed!r}")
        self.times.echo.append(echoed - pressed)
        # If the number stays the same, nothing new is painted that could be waited for.
        if found is not None:
            tally = f"{found:,} of {self._expected.total:,}"
            settled = self.terminal.until(lambda text: tally in text and first in text, f"{tally}, {first}")
            times.append(settled - pressed)

    def _shown(self, index: int) -> float:
        return self.terminal.until_shown(self._expected.names[index])


def _search_by_sql(file: Path, typed: str) -> float:
    words = typed.split()
    sql = _COUNT.format(" AND ".join(["search LIKE ?"] * len(words)))
    with closing(sqlite3.connect(file)) as connection:
        begun = perf_counter()
        connection.execute(sql, [f"%{word}%" for word in words]).fetchall()
        return perf_counter() - begun
