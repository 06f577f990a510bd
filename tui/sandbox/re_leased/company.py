"""A company's sync with Xero, its schedule and results, and Re-Leased's own contacts.

`re_leased_contacts` has a row for each contact of each company: Xero's as the last sync found them, and some
that Xero doesn't have. What the real Re-Leased returns through an API isn't known, so the sample contacts
differ: `status_told` is where the status is (`is_active`, `raw`, or empty for nowhere), and `xero_id` is
empty if Xero's ContactID isn't returned. Contacts that a sync adds later have all fields.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Coroutine, Iterable

    from tui.sandbox.books import Books
    from tui.sandbox.context import Clock
    from tui.sandbox.database import SandboxDatabase


BASE_CURRENCY: Final = "NZD"
#: The name of a contact that was deleted in Re-Leased (its help centre).
DELETED: Final = "Deleted Contact"

_COPIED = (
    "active", "name", "name_key", "first_name", "last_name", "email", "account_number", "is_customer",
    "is_supplier", "currency",
)  # fmt: skip
_COLUMNS = ("contact", "org", *_COPIED, "created", "updated", "xero_id", "status_told")
_IN_XERO = f"""
SELECT id AS contact, org, active, name, name_key, first_name, last_name, email, account_number,
    json_extract(CAST(document AS TEXT), '$.IsCustomer') AS is_customer,
    json_extract(CAST(document AS TEXT), '$.IsSupplier') AS is_supplier,
    coalesce(json_extract(CAST(document AS TEXT), '$.DefaultCurrency'), '{BASE_CURRENCY}') AS currency,
    created, updated, contact_id, released_active, released_linked
FROM contacts
"""  # noqa: S608 - our own words
_INSERT = f"INSERT INTO re_leased_contacts ({', '.join(_COLUMNS)})"
_PICK_UP = (
    f"{_INSERT} VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (contact) DO UPDATE SET "
    f"{', '.join(f'{column} = excluded.{column}' for column in (*_COPIED, 'updated'))}"
)

# Of twenty sample contacts, one has its status only in the vendor's own fields, and one has none. One in
# three lacks Xero's ContactID, and so do unlinked ones.
_FILL = f"""
{_INSERT} SELECT {", ".join(_COLUMNS[:-2])},
    CASE WHEN released_linked AND contact % 3 THEN contact_id END,
    CASE contact % 20 WHEN 6 THEN 'raw' WHEN 12 THEN '' ELSE 'is_active' END
FROM ({_IN_XERO} ORDER BY id)
"""  # noqa: S608 - as above
_ONLY_IN_RE_LEASED = f"""
{_INSERT} SELECT NULL, org, ?, ?, ?, NULL, NULL, ?, NULL, 1, 0, ?, created, created, NULL, 'is_active'
FROM organisations ORDER BY org
"""  # noqa: S608 - as above


def fill(connection: sqlite3.Connection) -> None:
    """Give both companies their sample contacts, after those of Xero."""
    connection.execute(_FILL)
    for name, email, currency, is_active in (
        (DELETED, None, BASE_CURRENCY, False),
        (DELETED, None, BASE_CURRENCY, False),
        # Contacts in a foreign currency are never synced to Xero.
        ("Yarra Signage Pty", "accounts@yarra-signage.example", "AUD", True),
    ):
        values = (is_active, name, name.casefold(), email, currency)
        connection.execute(_ONLY_IN_RE_LEASED, values)
    # A contact that belongs to two companies is one contact with one id, listed by both.
    connection.execute(
        "UPDATE re_leased_contacts SET shared_id = first.id FROM re_leased_contacts AS first "
        "WHERE re_leased_contacts.org = 2 AND first.org = 1 AND first.contact IS NOT NULL AND first.active "
        "AND re_leased_contacts.contact = (SELECT min(id) FROM contacts WHERE org = 2) "
        "AND re_leased_contacts.name_key = first.name_key"
    )


def changed_in_xero(database: SandboxDatabase, org: int) -> list[sqlite3.Row]:
    """Return the linked contacts that differ from what Re-Leased shows, oldest change first."""
    linked = f"{_IN_XERO} WHERE org = ? AND released_linked AND"
    return database.all(
        f"{linked} released_active IS NOT active UNION {linked} released_changed ORDER BY updated, contact",
        (org, org),
    )


def copy_from_xero(database: SandboxDatabase, rows: Iterable[sqlite3.Row], now: int) -> None:
    """Show contacts as `changed_in_xero` returned them from `now` on (milliseconds since 1970)."""
    # One may have been deleted since, and another contact may have its row.
    is_there = "SELECT 1 FROM contacts WHERE id = ? AND contact_id = ?"
    rows = [row for row in rows if database.one(is_there, (row["contact"], row["contact_id"]))]
    database.executemany(
        _PICK_UP,
        [
            (*(row[column] for column in _COLUMNS[:-4]), now, now, row["contact_id"], "is_active")
            for row in rows
        ],
    )
    # Changes since they were read wait for the next sync.
    database.executemany(
        "UPDATE contacts SET released_active = ?, released_changed = updated IS NOT ? WHERE id = ?",
        [(row["active"], row["updated"], row["contact"]) for row in rows],
    )


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
