"""A company's sync with Xero: its schedule and results."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.sandbox.re_leased.contacts import changed_in_xero, copy_from_xero

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Coroutine

    from tui.sandbox.books import Books
    from tui.sandbox.clock import Clock
    from tui.sandbox.database import SandboxDatabase

# The states on Re-Leased's *Sync Overview* page (its help centre).
SYNCED, IN_PROGRESS, ERRORS = "Successfully synced", "In progress", "Sync has errors"
STATES = (
    SYNCED, IN_PROGRESS, "Not connected", "Incomplete onboarding", "Needs reconnecting", ERRORS,
    "Incomplete pipeline",
)  # fmt: skip
_WITHOUT_SYNC = frozenset({"Not connected", "Incomplete onboarding", "Needs reconnecting"})
_PICKING_UP = frozenset({SYNCED, IN_PROGRESS})

_SECOND = 1000
# A sync takes at most a fifth of a cycle, so that short practice cycles have a pause, too.
_PART_OF_CYCLE = 5


class SyncRefusedError(Exception):
    """A sync can't start now; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class _Run:
    number: int
    started: int
    differences: list[sqlite3.Row]


class Companies:
    """Runs the syncs of all companies.

    `cycle` is the time between two automatic ones, `length` how long one takes, both in seconds.
    """

    def __init__(
        self, database: SandboxDatabase, clock: Clock, books: Books, cycle: float, length: float
    ) -> None:
        self._database = database
        self._clock = clock
        self.cycle = cycle
        self._length = min(length, cycle / _PART_OF_CYCLE)
        self._running: dict[int, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for organisation in books.organisations:
            self._resume_schedule(organisation.org)

    def start(self) -> None:
        """Start the schedules; needs a running event loop."""
        for row in self._database.all("SELECT org FROM companies"):
            self._spawn(self._run_schedule(row["org"]))

    async def stop(self) -> None:
        """Stop the schedules; a running sync is cancelled without effect."""
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def row(self, org: int) -> sqlite3.Row:
        """Return a company's row."""
        row = self._database.one("SELECT * FROM companies WHERE org = ?", (org,))
        if row is None:
            raise LookupError(org)
        return row

    def display_state(self, org: int) -> str:
        """Return the state as *Sync Overview* would show it now."""
        return IN_PROGRESS if org in self._running else str(self.row(org)["state"])

    def set_state(self, org: int, state: str) -> None:
        """Set a company's state. Raises `ValueError` for an unknown one."""
        if state not in STATES:
            raise ValueError(f"state must be one of: {'; '.join(STATES)}")
        self._database.execute("UPDATE companies SET state = ? WHERE org = ?", (state, org))

    def shift_schedule(self, by_ms: int) -> None:
        """Keep the time until the next syncs when the services' clock is changed."""
        self._database.execute("UPDATE companies SET next_sync = next_sync + ?", (by_ms,))

    def sync_now(self, org: int) -> int:
        """Start a sync and return its number. Raises `SyncRefusedError` if one runs or the company can't."""
        if org in self._running:
            raise SyncRefusedError("A sync is in progress already.")
        company = self.row(org)
        if company["state"] in _WITHOUT_SYNC:
            raise SyncRefusedError(f"This company can't sync: {company['state']}.")
        run = self._begin(org)
        self._spawn(self._finish_later(org, run))
        return run.number

    def _begin(self, org: int) -> _Run:
        with self._database.transaction():
            self._database.execute("UPDATE companies SET runs = runs + 1 WHERE org = ?", (org,))
            number = self._database.value("SELECT runs FROM companies WHERE org = ?", (org,))
            # Read at the start: changes made while the sync runs are left to the next one.
            differences = changed_in_xero(self._database, org)
        run = _Run(number, self._clock.now_ms(), differences)
        self._running[org] = run
        return run

    async def _finish_later(self, org: int, run: _Run) -> None:
        try:
            await asyncio.sleep(self._length)
            self._finish(org, run)
        finally:
            self._running.pop(org, None)

    def _finish(self, org: int, run: _Run) -> None:
        now, state = self._clock.now_ms(), self.row(org)["state"]
        picked_up = run.differences if state in _PICKING_UP else []
        outcome = SYNCED if state in _PICKING_UP else state
        with self._database.transaction():
            copy_from_xero(self._database, picked_up, now)
            self._database.executemany(
                "INSERT INTO feed (org, contact_id, state, picked_up, run, started) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        org,
                        row["contact_id"],
                        "ACTIVE" if row["active"] else "ARCHIVED",
                        now,
                        run.number,
                        run.started,
                    )
                    for row in picked_up
                    if row["active"] != row["released_active"]
                ],
            )
            self._database.execute(
                "UPDATE companies SET last_run = ?, last_started = ?, last_finished = ?, last_outcome = ? "
                "WHERE org = ?",
                (run.number, run.started, now, outcome, org),
            )

    def _resume_schedule(self, org: int) -> None:
        """Continue after a restart; a missed sync runs immediately."""
        self._database.execute("INSERT OR IGNORE INTO companies (org, state) VALUES (?, ?)", (org, SYNCED))
        latest = self._clock.now_ms() + int(self.cycle * _SECOND)
        self._database.execute(
            "UPDATE companies SET next_sync = min(coalesce(next_sync, ?), ?) WHERE org = ?",
            (latest, latest, org),
        )

    async def _run_schedule(self, org: int) -> None:
        while True:
            due = self.row(org)["next_sync"]
            await asyncio.sleep(max(0, due - self._clock.now_ms()) / _SECOND)
            # Read again: the clock, and with it the schedule, may have been set in the meantime.
            due = self.row(org)["next_sync"]
            # Set before the sync starts: a reader never sees a next sync that is already past.
            following = max(due, self._clock.now_ms() - 1) + int(self.cycle * _SECOND)
            self._database.execute("UPDATE companies SET next_sync = ? WHERE org = ?", (following, org))
            with suppress(SyncRefusedError):
                self.sync_now(org)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
