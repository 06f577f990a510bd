"""Reading everything from a practice Xero in a process of its own, and resting afterwards.

The practice's limit of 60 calls a minute, and the program's own regard for it, are lifted: what is measured
is our work, and what 60 a minute would make of it is told beside it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.keys import Typist, expect
from benchmarks.report import Limit, Result, p95
from benchmarks.starting import YARDSTICK
from benchmarks.stores import Home
from benchmarks.terminal import Terminal
from support.practice import running_sandbox

from tui.engine.accounts.account import TOKENS_IN_FILE, XeroAccount
from tui.settings import load
from tui.system.paths import Paths

if TYPE_CHECKING:
    from support.practice import PracticeXero

_HURRY = [sys.executable, str(Path(__file__).with_name("unhurried.py"))]
_NO_LIMIT = 1_000_000
_CALLS_A_MINUTE = 60
_REST = 20.0
_IS_DONE = "SELECT count(*) FROM sync_state WHERE name = 'contacts.full_sync_ended_at'"
# As if every balance had changed since the last full sync, long ago.
_AGE = (
    "UPDATE contacts SET receivable = coalesce(receivable, 0) + 1",
    "DELETE FROM sync_state WHERE name = 'contacts.full_sync_ended_at'",
)


def measure(folder: Path, contacts: int) -> list[Result]:
    """Read everything once, then again while a user browses, then rest."""
    limits = ("--minute-limit", str(_NO_LIMIT), "--day-limit", str(_NO_LIMIT))
    with running_sandbox(folder, "--contacts", str(contacts), "--cycle", "3600", *limits) as practice:
        environment = {
            **practice.environment,
            "RESHELVE_RE_LEASED_FEED_URL": practice.released,
            "RESHELVE_XERO_TOKEN_STORE": TOKENS_IN_FILE,
        }
        paths = Paths.under(folder)
        account = XeroAccount(load(paths.settings_file, environment), paths)
        asyncio.run(account.import_refresh_token(practice.refresh_token, practice.client_id))
        home = Home(folder, contacts, practice.tenant_id)
        environment["RESHELVE_HOME"] = str(folder)
        return [*_first_pull(home, environment, practice), *_browse_and_rest(home, environment)]


def _first_pull(home: Home, environment: dict[str, str], practice: PracticeXero) -> list[Result]:
    with Terminal(_HURRY, environment) as terminal:
        terminal.until_shown("Reading contacts")
        begun, used = time.perf_counter(), terminal.processor_seconds
        while not _is_done(home):
            time.sleep(0.05)
        seconds, used = time.perf_counter() - begun, terminal.processor_seconds - used
    calls = sum(entry["path"].endswith("/Contacts") for entry in practice.requests())
    size = home.contacts
    allowed = calls / _CALLS_A_MINUTE * 60 * 1.05
    return [
        Result("full read: calls", size, calls, "calls", size / 1000),
        Result("full read: unhurried", size, seconds, "s"),
        Result(
            "full read: at 60 calls a minute",
            size,
            max(seconds, (calls - 1) / _CALLS_A_MINUTE * 60),
            "s",
            aim=Limit(allowed),
        ),
        Result("full read: our processor time", size, used, "s", aim=Limit(5 * size / 100_000)),
        Result("full read: the same, a contact", size, used / size * 1e6, "µs"),
    ]


def _browse_and_rest(home: Home, environment: dict[str, str]) -> list[Result]:
    with closing(sqlite3.connect(home.store_file)) as connection, connection:
        for statement in _AGE:
            connection.execute(statement)
    expected = asyncio.run(expect(home.store_folder))
    with Terminal(YARDSTICK, {}) as label, Terminal(_HURRY, environment) as terminal:
        typist = Typist(terminal, home.store_file, expected)
        terminal.until_shown("Reading contacts")
        typist.browse()
        while not _is_done(home):
            typist.browse()
        terminal.until_quiet()
        ours, bare = terminal.processor_seconds, label.processor_seconds
        time.sleep(_REST)
        ours, bare = terminal.processor_seconds - ours, label.processor_seconds - bare
        megabytes = terminal.megabytes
    times, size = typist.times, home.contacts
    return [
        Result("page down during a full read, p95", size, p95(times.page), "ms", aim=Limit(16)),
        Result("held arrow during a full read, p95", size, p95(times.step), "ms", aim=Limit(16)),
        Result("the slowest of these", size, max(times.page + times.step) * 1000, "ms", aim=Limit(50)),
        Result("memory after a full read", size, megabytes, "MB", goal=None, aim=None),
        Result("idle, of one core", size, ours / _REST * 100, "%", bare / _REST * 100, aim=Limit(0.3)),
    ]


def _is_done(home: Home) -> bool:
    with closing(sqlite3.connect(home.store_file)) as connection:
        return bool(connection.execute(_IS_DONE).fetchone()[0])
