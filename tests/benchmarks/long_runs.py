"""What takes longer: reading everything from a practice Xero, resting afterwards, and a soak."""

from __future__ import annotations

import asyncio
import math
import random
import re
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measure import Bench, count_objects
from benchmarks.searches import KNOWN_NAMES, Expected, listed
from benchmarks.stores import Home
from benchmarks.terminal import ESCAPE, FOCUS_OUT, HOME, NeverPaintedError, Terminal
from support.practice import running_sandbox

from tui.engine.account import TOKENS_IN_FILE, XeroAccount
from tui.settings import load
from tui.settings.schema import UNIFIED_KEY_VARIABLE
from tui.settings.writer import set_values
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.practice import PracticeXero

_NO_LIMIT = ("--minute-limit", "1000000", "--day-limit", "1000000", "--cycle", "3600")
_READ_PATIENCE = 600.0
_REST_SECONDS = 20.0
_STATE = "SELECT count(*) FROM sync_state WHERE name = ?"
_READING, _READ = "contacts.full_sync_page", "contacts.full_sync_ended_at"
_RE_LEASED_READ = "re_leased.last_read"
# The pane wraps it.
_READS_RE_LEASED = re.compile(r"Reading Re-Leased's\b.*?contacts: [1-9]", re.DOTALL)
# As if every balance had moved since the last full read, which is long ago.
_AGE = (
    "UPDATE contacts SET receivable = coalesce(receivable, 0) + 1",
    f"DELETE FROM sync_state WHERE name = '{_READ}'",  # noqa: S608 - our own name
)
_NAMES = "SELECT name FROM contacts ORDER BY sort_key, rowid LIMIT ?"
_TOTAL = re.compile(r" All ([\d,]+) ")

_SOAK_CONTACTS, _ARCHIVE_SECONDS, _WARM_UP, _WINDOW = 5_000, 6.5, 10, 10


@contextmanager
def _practice(
    bench: Bench, folder: Path, contacts: int, *, with_re_leased: bool = False
) -> Iterator[tuple[Home, dict[str, str]]]:
    """Run a practice Xero in a process of its own; gives an empty home that is signed in to it.

    `with_re_leased` also connects the home to the practice Re-Leased.
    """
    with running_sandbox(
        bench.folder / f"sandbox-{contacts}", "--contacts", str(contacts), *_NO_LIMIT
    ) as practice:
        environment = {**practice.environment, "RESHELVE_XERO_TOKEN_STORE": TOKENS_IN_FILE}
        if with_re_leased:
            environment |= _connection(practice, Paths.under(folder).settings_file)
        else:
            environment["RESHELVE_RE_LEASED_FEED_URL"] = practice.released
        paths = Paths.under(folder)
        account = XeroAccount(load(paths.settings_file, environment), paths)
        asyncio.run(account.import_refresh_token(practice.refresh_token, practice.client_id))
        environment |= {
            "RESHELVE_HOME": str(folder),
            "BENCHMARK_HURRY": "1",
            "BENCHMARK_OBJECTS": str(bench.folder / "objects"),
        }
        yield Home(folder, contacts, practice.tenant_id), environment


def _connection(practice: PracticeXero, settings_file: Path) -> dict[str, str]:
    """Write an organisation's connection to the practice Re-Leased; return the variables for the rest."""
    where = practice.line["unified"]
    [company_id] = [
        one["companyId"] for one in practice.line["organisations"] if one["tenantId"] == practice.tenant_id
    ]
    organisation = f"organisations.{practice.tenant_id}"
    set_values(
        settings_file,
        {
            f"{organisation}.unified_connection_id": where["connection_id"],
            f"{organisation}.re_leased_company_id": company_id,
        },
    )
    return {
        "RESHELVE_RE_LEASED_UNIFIED_URL": where["url"],
        "RESHELVE_RE_LEASED_ARCHIVED_FIELD": "raw.isArchived",
        "RESHELVE_RE_LEASED_XERO_ID_FIELD": "raw.xeroContactId",
        UNIFIED_KEY_VARIABLE: where["api_key"],
    }


def read(bench: Bench, contacts: int, number: int) -> None:
    """Measure reading all contacts from Xero and from Re-Leased, as far as the parts include it."""
    if bench.parts & {"read", "idle"}:
        _read_and_rest(bench, contacts, number)
    if "re-leased" in bench.parts:
        _read_re_leased(bench, contacts, number)


def _read_re_leased(bench: Bench, contacts: int, number: int) -> None:
    """Press keys while all contacts in Re-Leased are read for the first time."""
    with (
        bench.noting(f"read of Re-Leased, {contacts:,} contacts"),
        _practice(bench, bench.folder / f"re-leased-{number}", contacts, with_re_leased=True) as (
            home,
            environment,
        ),
    ):
        # Without the key, Re-Leased isn't read.
        without_key = {name: value for name, value in environment.items() if name != UNIFIED_KEY_VARIABLE}
        with Terminal(bench.program.instrumented, without_key):
            _wait(lambda: _has(home, _READ), "the end of the full read")
        with Terminal(bench.program.instrumented, environment) as terminal:
            terminal.until(lambda screen: bool(_READS_RE_LEASED.search(screen.text)), "the read of Re-Leased")
            _use_during_read(bench, home, terminal, "while Re-Leased is read", _RE_LEASED_READ)


def _read_and_rest(bench: Bench, contacts: int, number: int) -> None:
    """Read everything for the first time; read it again while keys are pressed; rest."""
    with (
        bench.noting(f"full read, {contacts:,} contacts"),
        _practice(bench, bench.folder / f"read-{number}", contacts) as (home, environment),
    ):
        _read_all(bench, home, environment)
        with closing(sqlite3.connect(home.store_file)) as connection, connection:
            for statement in _AGE:
                connection.execute(statement)
        with Terminal(bench.program.instrumented, environment) as terminal:
            if "read" in bench.parts:
                # A read of few pages is over before anybody sees it.
                _wait(lambda: _has(home, _READING) or _has(home, _READ), "the start of the full read")
                _use_during_read(bench, home, terminal, "during a full read", _READ)
            _wait(lambda: _has(home, _READ), "the end of the full read")
            if "idle" in bench.parts:
                _rest(bench, home, terminal)


def _read_all(bench: Bench, home: Home, environment: dict[str, str]) -> None:
    """Measure a first read, from the first page on: until then the program itself is loaded."""
    with Terminal(bench.program.instrumented, environment) as terminal:
        _wait(lambda: _stored(home) > 0, "the first page")
        used, before = terminal.cpu, _stored(home)
        _wait(lambda: _has(home, _READ), "the end of the full read")
        # What is put off until the end counts as well.
        terminal.rest()
        used = terminal.cpu - used
        shown = [total for _ in terminal.frames() if (total := _TOTAL.search(terminal.screen.text))]
    stored = home.contacts - before
    if "read" in bench.parts and stored > 0:
        bench.samples.add("full read: our CPU a contact", home.contacts, [used / stored * 1e6])
        bench.samples.add("full read: the list grows", home.contacts, [len({total[1] for total in shown})])


def _use_during_read(bench: Bench, home: Home, terminal: Terminal, when: str, state: str) -> None:
    """Move around until the read has ended: then `state` is stored. `when` is part of the rows' names."""
    with closing(sqlite3.connect(home.store_file)) as connection:
        names = [name for (name,) in connection.execute(_NAMES, (KNOWN_NAMES,))]
    expected = Expected(home.contacts, names)
    terminal.until(listed(expected), "the list")
    while not _has(home, state):
        bench.move(home.contacts, names, terminal, f" {when}", ended=lambda: _ended(home, state))
        terminal.press(HOME)
        terminal.until(listed(expected), "the top of the list")


def _ended(home: Home, state: str) -> float:
    """Return when a full read ended, by the clock of `perf_counter`; infinity before.

    The end of a read of Re-Leased isn't stored: a few keys after it count, too.
    """
    if state != _READ or not _has(home, state):
        return math.inf
    with closing(sqlite3.connect(home.store_file, timeout=10)) as connection:
        [(ended,)] = connection.execute("SELECT value FROM sync_state WHERE name = ?", (state,))
    return datetime.fromisoformat(ended).timestamp() - time.time() + time.perf_counter()


def _rest(bench: Bench, home: Home, terminal: Terminal) -> None:
    """Let the program and an app with one label do nothing, side by side."""
    with bench.program.yardstick("label") as label:
        label.until(lambda screen: "yardstick" in screen.text, "one label")
        for name in ("idle", "idle, terminal without focus"):
            if name != "idle":
                terminal.press(FOCUS_OUT)
            terminal.rest()
            before, woken = (terminal.cpu, label.cpu), (terminal.wakeups, label.wakeups)
            time.sleep(_REST_SECONDS)
            ours, bare = terminal.cpu - before[0], label.cpu - before[1]
            bench.samples.add(name, home.contacts, [ours / _REST_SECONDS * 100])
            if name == "idle":
                bench.samples.add("one label: idle", None, [bare / _REST_SECONDS * 100])
                bench.samples.add("wakeups", home.contacts, [(terminal.wakeups - woken[0]) / _REST_SECONDS])
                bench.samples.add("one label: wakeups", None, [(label.wakeups - woken[1]) / _REST_SECONDS])


def soak(bench: Bench, minutes: float) -> None:
    """Use the program for long: keys, searches, screens, and an archive every few seconds."""
    with (
        bench.noting("soak"),
        _practice(bench, bench.folder / "soak", _SOAK_CONTACTS) as (home, environment),
        Terminal(bench.program.instrumented, environment) as terminal,
    ):
        _wait(lambda: _has(home, _READ), "the full read")
        terminal.rest()
        _soak(bench, terminal, minutes)
        archives = _ask(home, "SELECT count(*) FROM changes WHERE state = 'confirmed'")
        bench.samples.add("soak: archives", home.contacts, [archives])
        if not archives:
            raise NeverPaintedError(f"Nothing was archived. There was:\n{terminal.screen.text}")


def _soak(bench: Bench, terminal: Terminal, minutes: float) -> None:
    chance = random.Random(1)  # noqa: S311 - the same keys every time
    begun, archived = time.monotonic(), 0.0
    #: Of each minute the median; objects at the end of each window.
    memory: list[float] = []
    objects: list[float] = []
    for minute in range(1, round(minutes) + 1):
        held: list[float] = []
        while time.monotonic() < begun + 60 * minute:
            if time.monotonic() - archived > _ARCHIVE_SECONDS:
                archived = time.monotonic()
                # On Active: the first contact; `y` once its balances were looked up.
                _send(terminal, "2", HOME, "a")
                time.sleep(1.5)
                _send(terminal, "y", ESCAPE, ESCAPE)
            _send(terminal, *_some_keys(chance))
            held.append(terminal.megabytes)
            terminal.catch_up()
        memory.append(median(held))
        if minute % _WINDOW == 0:
            objects.append(count_objects(terminal, bench.folder / "objects")[1])
    windows = range(_WARM_UP, len(memory) - _WINDOW + 1, _WINDOW)
    growth = [memory[start + _WINDOW - 1] - memory[start - 1] for start in windows]
    bench.samples.add(
        "soak: growth of memory in ten minutes", _SOAK_CONTACTS, growth or [memory[-1] - memory[0]]
    )
    grown = [after - before for before, after in pairwise(objects)]
    if grown:
        bench.samples.add("soak: growth of objects in ten minutes", _SOAK_CONTACTS, grown)
    bench.samples.add("soak: memory, minute by minute", _SOAK_CONTACTS, memory)


def _some_keys(chance: random.Random) -> list[str]:
    """Choose what to do next: a search, a walk down the list, or a look at another screen."""
    return chance.choice(
        (
            [
                "/",
                *chance.choice(("harbour", "owes:>100", "is:archived", "smith 1", "trust", "-the")),
                ESCAPE,
                ESCAPE,
            ],
            ["\x1b[B"] * 30,
            ["\x1b[6~"] * 8,
            [chance.choice(("\r", "t", "l", "?", "\x0f", "f")), "\x1b[B", "\x1b[B", ESCAPE, ESCAPE],
            [chance.choice("123")],
        )
    )


def _send(terminal: Terminal, *keys: str) -> None:
    for key in keys:
        terminal.press(key)
        # Escape followed at once by a key would be another key.
        time.sleep(0.15 if key == ESCAPE else 0.05)


def _wait(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _READ_PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise NeverPaintedError(f"{what} never came")
        time.sleep(0.02)


def _has(home: Home, name: str) -> bool:
    return bool(_ask(home, _STATE, name))


def _stored(home: Home) -> int:
    return _ask(home, "SELECT count(*) FROM contacts")


def _ask(home: Home, sql: str, *parameters: str) -> int:
    """Ask the store of the running program; 0 while there is none."""
    if not home.store_file.exists():
        return 0
    try:
        with closing(sqlite3.connect(home.store_file, timeout=10)) as connection:
            return int(connection.execute(sql, parameters).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
