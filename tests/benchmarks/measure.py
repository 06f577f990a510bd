"""Rounds of measurements. In each, every yardstick and every size has its turn, one program at a time."""

from __future__ import annotations

import math
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import searches
from benchmarks.report import LOOP, LOOP_CPU, PACES, SCREENS
from benchmarks.stores import change_name, contact_file
from benchmarks.terminal import (
    CLEAR_INPUT,
    CTRL_HOME,
    DOWN,
    ESCAPE,
    HOME,
    PAGE_DOWN,
    PATIENCE,
    NeverPaintedError,
    Stroke,
    Terminal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.program import Program
    from benchmarks.report import Samples
    from benchmarks.searches import Expected
    from benchmarks.stores import Home
    from benchmarks.terminal import Condition, Screen

#: What `--only` chooses from, beside the soak.
PARTS = (
    "version",
    "list",
    "start",
    "keys",
    "memory",
    "moves",
    "screens",
    "changes",
    "comparison",
    "read",
    "idle",
    "re-leased",
)
_VERSIONS = 6
# Within half a second of the first frame: a search, or arrows, or both (which once came out of order).
_EARLY_SECONDS, _EARLY_KEYS = 0.06, ((0, "harbour"), (8, ""), (2, "harbo"))
CHANGES = 300_000
LINES = 100_000
_STEPS, _PAGES = 60, 12
_TABLE_NUMBER = re.compile(r"\brow (\d{5})\b")
# A screen was opened when so much of what was shown is different.
_CHANGED_SHARE = 0.03


@dataclass(slots=True)
class Bench:
    """What the measurements need, and where they put their samples."""

    program: Program
    folder: Path
    parts: frozenset[str]
    homes: dict[Home, Expected]
    samples: Samples
    #: A home with many changes.
    changes: Home | None = None
    #: A home whose contacts are all in a file, with the other status.
    compared: Home | None = None
    load: list[tuple[float, ...]] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Measure all of it once."""
        self._measure_machine()
        self._commands()
        if "start" in self.parts:
            self._starts()
        if "keys" in self.parts:
            with self.noting("bare input"):
                self._bare_input()
        if self.parts & {"moves", "changes", "comparison", "read", "re-leased"}:
            with self.noting("DataTable"):
                self._data_table()
        for home, expected in self.homes.items():
            if "keys" in self.parts:
                with self.noting("fzf"):
                    self._fzf(home, expected)
                self._sql(home)
            if self.parts & {"keys", "memory", "moves", "screens"}:
                with self.noting(f"in use, {home.contacts:,} contacts"):
                    self._use(home, expected, number)
        if "changes" in self.parts and self.changes:
            with self.noting("list of changes"):
                self._list_changes(self.changes)

        if "comparison" in self.parts and self.compared:
            with self.noting("comparison"):
                self._list_comparison(self.compared)

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Keep a failure among the results, and go on with the next measurement."""
        try:
            yield
        except NeverPaintedError as error:
            self.samples.problems.append(f"{what}: {error}")

    def _measure_machine(self) -> None:
        """Note how busy the machine is, and how long a fixed loop takes."""
        self.load.append((time.time(), *os.getloadavg()))
        for name, clock in ((LOOP, time.perf_counter), (LOOP_CPU, time.thread_time)):
            times = []
            for _ in range(15):
                begun = clock()
                sum(number * number % 7 for number in range(200_000))
                times.append((clock() - begun) * 1000)
            self.samples.add(name, None, times)

    # -- commands and starts

    def _commands(self) -> None:
        """Measure commands that show no screen, as far as the parts include them."""
        if "version" in self.parts:
            self._version()
        if "list" in self.parts:
            self._list_contacts()

    def _version(self) -> None:
        click = [self.program.python, str(self.program.yardsticks), "version"]
        ours = [*self.program.command, "--version"]
        times: dict[str, list[tuple[float, float]]] = {"click: --version": [], "--version": []}
        for _ in range(_VERSIONS):
            times["click: --version"].append(_run(click))
            times["--version"].append(_run(ours))
        for name, runs in times.items():
            wall, cpu = zip(*runs, strict=True)
            self.samples.add(name, None, wall, cpu=sum(cpu) / len(cpu))

    def _list_contacts(self) -> None:
        """List every contact on the command line, and note the most memory that takes."""
        command = [*self.program.command, "contacts", "--offline"]
        for home in self.homes:
            wall, cpu, megabytes = _run_in(home.environment, command)
            self.samples.add("reshelve contacts", home.contacts, [wall], cpu=cpu)
            self.samples.add("reshelve contacts: memory", home.contacts, [megabytes])

    def _starts(self) -> None:
        """Start everything in turn, and press keys at once."""
        times: dict[tuple[str, int | None], list[float]] = {}
        cpu: dict[tuple[str, int | None], list[float]] = {}
        early: dict[int, list[float]] = {}
        for arrows, letters in _EARLY_KEYS:
            with self.noting("one label"), self.program.yardstick("label") as label:
                painted = label.until(lambda screen: "yardstick" in screen.text, "one label")
                times.setdefault(("one label: start", None), []).append((painted - label.started) * 1000)
                cpu.setdefault(("one label: start", None), []).append(label.cpu * 1000)
            for home, expected in self.homes.items():
                with (
                    self.noting(f"start, {home.contacts:,} contacts"),
                    Terminal(self.program.command, home.environment) as terminal,
                ):
                    painted = terminal.until(searches.listed(expected), "the list")
                    used = terminal.cpu
                    times.setdefault(("start", home.contacts), []).append((painted - terminal.started) * 1000)
                    cpu.setdefault(("start", home.contacts), []).append(used * 1000)
                    strokes = _early_strokes(expected, arrows, letters)
                    [seen] = terminal.press_all(strokes, _EARLY_SECONDS).values()
                    early.setdefault(home.contacts, []).extend(seen)
        for (name, contacts), values in times.items():
            spent = cpu[name, contacts]
            self.samples.add(name, contacts, values, cpu=sum(spent) / len(spent))
        for contacts, values in early.items():
            self.samples.add("keys in the first half second: echo", contacts, values)

    # -- yardsticks of keys

    def _bare_input(self) -> None:
        with self.program.yardstick("input") as terminal:
            terminal.until(lambda screen: "yardstick" in screen.text, "one input")
            self._type(
                terminal,
                "bare input",
                None,
                {typed: _strokes(typed, "echo", _in_input) for typed in searches.NAMES},
                clear=CLEAR_INPUT,
                cleared=lambda screen: "yardstick" in screen.text,
            )

    def _type(
        self,
        terminal: Terminal,
        row: str,
        contacts: int | None,
        texts: Mapping[str, Sequence[Stroke]],
        *,
        clear: str,
        cleared: Condition,
    ) -> None:
        """Type texts at each pace, one after the other, and keep the times of all their keys."""
        for pace, seconds in PACES.items():
            seen: dict[str, list[float]] = {}
            before, keys = terminal.cpu, 0
            for typed, strokes in texts.items():
                for effect, times in terminal.press_all(strokes, seconds).items():
                    seen.setdefault(effect, []).extend(times)
                terminal.press(clear)
                terminal.until(cleared, f"nothing instead of {typed!r}")
                keys += len(strokes) + 1
            cpu = (terminal.cpu - before) * 1000 / keys
            for effect, times in seen.items() if "keys" in self.parts else ():
                self.samples.add(f"{row}, {pace}: {effect}", contacts, times, cpu=cpu)

    def _data_table(self) -> None:
        with self.program.yardstick("table") as terminal:
            terminal.until(lambda screen: _last_number(screen) > 0, "the table")
            terminal.rest()
            top = _last_number(terminal.screen)
            terminal.press(PAGE_DOWN)
            terminal.until(lambda screen: _last_number(screen) > top, "a page down")
            page = _last_number(terminal.screen) - top
            # From the last visible row on, each step scrolls.
            terminal.press(CTRL_HOME)
            terminal.until(lambda screen: _last_number(screen) == top, "the top of the table")
            for _ in range(top):
                terminal.press(DOWN)
            terminal.rest()
            strokes = [Stroke(DOWN, {"seen": _beyond_number(top + step)}) for step in range(_STEPS)]
            self._pressed(
                "DataTable of 10,000: held arrow", None, terminal, strokes, seconds=PACES["key repeat"]
            )
            bottom = _last_number(terminal.screen)
            strokes = [
                Stroke(PAGE_DOWN, {"seen": _beyond_number(bottom + step * page)}) for step in range(_PAGES)
            ]
            self._pressed("DataTable of 10,000: page down", None, terminal, strokes, seconds=PACES["typist"])

    def _fzf(self, home: Home, expected: Expected) -> None:
        names = home.path / "names.txt"
        if not names.exists():
            with closing(sqlite3.connect(home.store_file)) as connection:
                found = connection.execute("SELECT name FROM contacts ORDER BY sort_key, rowid")
                names.write_text("".join(f"{name}\n" for (name,) in found), encoding="utf-8")
        finder = self.program.fzf(names)
        if finder is None:
            return
        total = expected.total
        with finder as terminal:
            everything = _counted("", total, total)
            terminal.until(everything, "fzf's list")
            texts = {
                typed: _strokes(
                    typed, "settled", lambda text: _counted(text, expected.names_with[text], total)
                )
                for typed in searches.NAMES
            }
            self._type(terminal, "fzf --exact", home.contacts, texts, clear=CLEAR_INPUT, cleared=everything)

    def _sql(self, home: Home) -> None:
        with closing(sqlite3.connect(home.store_file)) as connection:
            times = [
                searches.search_by_sql(connection, typed) for typed in searches.prefixes(searches.NAMES[0])
            ]
        self.samples.add("SQL LIKE, in process", home.contacts, times)

    # -- the program in use

    def _use(self, home: Home, expected: Expected, number: int) -> None:
        """Start the program once; search, look at its memory, move around, open its screens."""
        counted = self.folder / "objects"
        environment = {**home.environment, "BENCHMARK_OBJECTS": str(counted)}
        with Terminal(self.program.instrumented, environment) as terminal:
            terminal.until(searches.listed(expected), "the list")
            # The search index is loaded behind the first frame.
            terminal.rest()
            if self.parts & {"keys", "memory"}:
                self._search(home, expected, terminal)
            if "memory" in self.parts:
                self.samples.add("memory after the searches", home.contacts, [terminal.megabytes])
                alive, _ = count_objects(terminal, counted)
                self.samples.add("objects alive after the searches", home.contacts, [alive / 1000])
                with self.noting("one label"), self.program.yardstick("label") as label:
                    label.until(lambda screen: "yardstick" in screen.text, "one label")
                    self.samples.add("one label: memory", None, [label.megabytes])
            if "moves" in self.parts:
                terminal.press(HOME)
                terminal.until(searches.listed(expected), "the top of the list")
                self.move(home.contacts, expected.names, terminal)
            if "screens" in self.parts:
                terminal.press(HOME)
                terminal.until(searches.listed(expected), "the top of the list")
                self._open_screens(home, expected, terminal, number)

    def _search(self, home: Home, expected: Expected, terminal: Terminal) -> None:
        terminal.press("/")
        terminal.until(searches.in_box(""), "the cursor in the search box")
        for row, texts in (("names", searches.NAMES), ("qualifiers", searches.QUALIFIED)):
            strokes = {typed: searches.strokes(typed, expected) for typed in texts}
            self._type(terminal, row, home.contacts, strokes, clear=ESCAPE, cleared=searches.cleared)
        terminal.press(ESCAPE)

    def move(
        self,
        contacts: int,
        names: list[str],
        terminal: Terminal,
        during: str = "",
        *,
        ended: Callable[[], float] | None = None,
    ) -> None:
        """From the top: a held arrow, then pages down. Keys pressed after `ended` don't count."""
        cursor = searches.Cursor(names)
        steps = min(_STEPS, len(names) - 2)
        strokes = [Stroke(DOWN, {"seen": cursor.beyond(step)}) for step in range(steps)]
        name, pace = f"held arrow{during}", PACES["key repeat"]
        times = self._pressed(name, contacts, terminal, strokes, seconds=pace, ended=ended)
        terminal.press(HOME)
        terminal.until(lambda screen: cursor.index(screen) == 0, "the top of the list")
        terminal.press(PAGE_DOWN)
        terminal.until(lambda screen: cursor.index(screen) > 0, "a page down")
        page = cursor.index(terminal.screen)
        terminal.press(HOME)
        terminal.until(lambda screen: cursor.index(screen) == 0, "the top of the list")
        # The last page may be a short one. A progress bar that comes or goes makes a page one row shorter or
        # longer: with fewer pages than a page has rows, each is still told from the one before.
        pages = min(_PAGES, len(names) // page - 1)
        strokes = [Stroke(PAGE_DOWN, {"seen": cursor.beyond(step * page)}) for step in range(pages)]
        times += self._pressed(
            f"page down{during}", contacts, terminal, strokes, seconds=PACES["typist"], ended=ended
        )
        if ended and times:
            self.samples.add(f"slowest key{during}", contacts, times)

    def _pressed(
        self,
        name: str,
        contacts: int | None,
        terminal: Terminal,
        strokes: Sequence[Stroke],
        *,
        seconds: float,
        ended: Callable[[], float] | None = None,
    ) -> list[float]:
        """Press keys; keep and return the times of their only effect."""
        if not strokes:
            return []
        before = terminal.cpu
        [times] = terminal.press_all(strokes, seconds).values()
        cpu = (terminal.cpu - before) * 1000 / len(strokes)
        end = ended() if ended else math.inf
        counted = [one for one, pressed in zip(times, terminal.pressed, strict=True) if pressed < end]
        if counted:
            self.samples.add(name, contacts, counted, cpu=cpu)
        return counted

    def _list_changes(self, home: Home) -> None:
        """Move in the list of changes, the latest of which is on top."""
        names = [change_name(CHANGES - index) for index in range(searches.KNOWN_NAMES)]
        with Terminal(self.program.command, home.environment) as terminal:
            terminal.until(lambda screen: "Archive" in screen.text, "the first screen")
            terminal.rest()
            terminal.press("l")
            terminal.until(lambda screen: names[0] in screen.text, "the list of changes")
            self.move(CHANGES, names, terminal, " in the list of changes")

    def _list_comparison(self, home: Home) -> None:
        """Compare a file of all contacts, and move in the list of differences."""
        file = home.path / "contacts.csv"
        names = contact_file(home, file)[: searches.KNOWN_NAMES]
        with Terminal(self.program.command, home.environment) as terminal:
            terminal.until(lambda screen: names[0] in screen.text, "the first screen")
            terminal.rest()
            terminal.press("f")
            terminal.until(lambda screen: "Compare" in screen.text, "the choice of a file")
            terminal.rest()
            terminal.press(CLEAR_INPUT)
            for letter in str(file):
                terminal.press(letter)
            terminal.rest()
            terminal.press("\r")
            terminal.until(lambda screen: "Only in Re-Leased" in screen.text, "the comparison")
            terminal.rest()
            self.move(LINES, names, terminal, " in a comparison")

    def _open_screens(self, home: Home, expected: Expected, terminal: Terminal, number: int) -> None:
        """Open each screen for the first time in this process, another one first in each round."""
        keys = [*SCREENS]
        for key in keys[number % len(keys) :] + keys[: number % len(keys)]:
            terminal.rest()
            terminal.catch_up()
            before = [*terminal.screen.lines]
            strokes = [Stroke(SCREENS[key], {"opened": _changed_from(before)})]
            self._pressed(f"first opening: {key}", home.contacts, terminal, strokes, seconds=0)
            terminal.rest()
            terminal.press(ESCAPE)
            terminal.until(searches.listed(expected), f"the list after {key}")


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Run a command to its end; returns milliseconds, and those of processor time."""
    wall, cpu, _ = _run_in({}, command)
    return wall, cpu


def _run_in(environment: Mapping[str, str], command: Sequence[str]) -> tuple[float, float, float]:
    """Run a command to its end; returns milliseconds, those of processor time, and its most megabytes."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment}) as process:
        # Of this process alone: the system adds up what all children used.
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return wall * 1000, (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss / 1000


def count_objects(terminal: Terminal, file: Path) -> tuple[int, float]:
    """Ask an instrumented program how many objects are alive, and their megabytes."""
    file.unlink(missing_ok=True)
    terminal.signal(signal.SIGUSR1)
    end = time.monotonic() + PATIENCE
    while not file.exists():
        if time.monotonic() > end:
            raise NeverPaintedError("Objects were never counted.")
        time.sleep(0.01)
    count, size = file.read_text("utf-8").split()
    return int(count), int(size) / 1e6


def _early_strokes(expected: Expected, arrows: int, letters: str) -> list[Stroke]:
    cursor = searches.Cursor(expected.names)
    strokes = [Stroke(DOWN, {"echo": cursor.beyond(step)}) for step in range(arrows)]
    if letters:
        strokes.append(Stroke("/", {"echo": searches.in_box("")}))
    return strokes + [
        Stroke(text[-1], {"echo": searches.in_box(text)}) for text in searches.prefixes(letters)
    ]


def _strokes(typed: str, effect: str, condition: Callable[[str], Condition]) -> list[Stroke]:
    """Return the keys of a text, with what the text so far makes appear."""
    return [Stroke(prefix[-1], {effect: condition(prefix)}) for prefix in searches.prefixes(typed)]


def _in_input(typed: str) -> Condition:
    return lambda screen: (
        screen.lines[screen.row].startswith(typed) and screen.typed(typed, searches.CURSOR_OFFSET)
    )


def _last_number(screen: Screen) -> int:
    """Return the number of the last row of the DataTable that is shown; -1 if there is none."""
    return max((int(number) for number in _TABLE_NUMBER.findall(screen.text)), default=-1)


def _beyond_number(number: int) -> Condition:
    return lambda screen: _last_number(screen) > number


def _counted(typed: str, found: int, total: int) -> Condition:
    """See fzf's prompt with the text, and its count."""
    count = re.compile(rf"^\W*{found}/{total}\b", re.MULTILINE)
    return lambda screen: screen.typed(f"> {typed}") and bool(count.search(screen.text))


def _changed_from(before: Sequence[str]) -> Condition:
    least = _CHANGED_SHARE * sum(map(len, before))
    return lambda screen: (
        sum(
            old != new
            for line, now in zip(before, screen.lines, strict=True)
            for old, new in zip(line, now, strict=True)
        )
        >= least
    )
