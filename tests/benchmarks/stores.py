"""Homes of the program with a store of so many contacts in it, as they are after a full read."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tui.engine.account import TOKENS_IN_FILE, ConnectionList, save_connections
from tui.model.contact import Balances, Contact, ContactStatus, Organisation
from tui.store import Store
from tui.system.paths import Paths
from tui.xero.auth.token_store import FileTokenStore, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PAGE = 1_000
# Port 9 discards, where anything listens at all: the program is offline.
_NOWHERE = "http://127.0.0.1:9"
_SIGN_IN = "BENCHMARK"
_ORGANISATION = Organisation(
    "6f1c3a52-0000-4000-8000-000000000001", "Benchmark Properties Ltd", "!bench", sign_in=_SIGN_IN
)
_FIRST = ("Aroha", "Bayley", "Carlos", "Dinah", "Edith", "Fergus", "Gita", "Hemi", "Kiri", "Mere", "Olive")
_LAST = ("Anderson", "Botha", "Chen", "Fletcher", "Harbour", "Kowalski", "Ngata", "Okafor", "Rangi", "Wills")
_TRADES = ("Bakery", "Cleaning", "Electric", "Joinery", "Gardens", "Plumbing", "Rentals", "Trust")
# A minute apart, the last one now.
_CHANGES = """
    INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms, updated_ms,
        confirmed_ms, idempotency_key, message, superseded, synced_ms)
    WITH RECURSIVE
        given (total, now_ms) AS (SELECT ?, CAST(strftime('%s', 'now') AS INTEGER) * 1000),
        numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers, given WHERE number < total)
    SELECT 'batch ' || number / 50, 'contact ' || number % 1000, printf('Contact %06d', number), 'archive',
        'xero', 'confirmed', at_ms, at_ms, at_ms, '', '', 0, at_ms
    FROM (SELECT number, now_ms - (total - number) * 60000 AS at_ms FROM numbers, given)
"""


@dataclass(frozen=True, slots=True)
class Home:
    """One prepared home."""

    path: Path
    contacts: int
    tenant_id: str = _ORGANISATION.tenant_id

    @property
    def store_folder(self) -> Path:
        """Where the store lies."""
        return Paths.under(self.path).organisation(self.tenant_id)

    @property
    def store_file(self) -> Path:
        """The database itself."""
        return self.store_folder / "contacts.db"

    @property
    def environment(self) -> Mapping[str, str]:
        """Everything under this home, and no way out to any network."""
        names = ("LOGIN", "IDENTITY", "API", "PAGES")
        addresses = {f"RESHELVE_XERO_{name}_URL": _NOWHERE for name in names}
        return {"RESHELVE_HOME": str(self.path), "RESHELVE_XERO_TOKEN_STORE": TOKENS_IN_FILE} | addresses


def prepare(path: Path, contacts: int) -> Home:
    """Make a home with so many contacts, of whom one in seven is archived."""
    home = Home(path, contacts)
    paths = Paths.under(path)
    save_connections(paths.organisations_file, ConnectionList((_ORGANISATION,)))
    FileTokenStore(paths.token_file(_SIGN_IN)).save(Tokens.from_refresh_token("benchmark", _SIGN_IN))
    asyncio.run(_fill(home))
    return home


def prepare_changes(path: Path, changes: int) -> Home:
    """Make a home with so many changes, all of them synced, of contacts named by `change_name`."""
    home = prepare(path, _PAGE)
    with closing(sqlite3.connect(home.store_file)) as connection, connection:
        connection.execute(_CHANGES, (changes,))
    return home


def contact_file(home: Home, file: Path) -> list[str]:
    """Write a file of all contacts, each with the other status; returns their names in its order."""
    with closing(sqlite3.connect(home.store_file)) as connection:
        found = connection.execute("SELECT name, status FROM contacts ORDER BY sort_key, rowid").fetchall()
    with file.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(("Name", "Status"))
        lines.writerows((name, "Archived" if status == "ACTIVE" else "Active") for name, status in found)
    return [name for name, _ in found]


def change_name(number: int) -> str:
    """Return the name of the contact of a change."""
    return f"Contact {number:06}"


async def _fill(home: Home) -> None:
    now = datetime.now(UTC)
    store = Store.open(home.store_folder)
    try:
        for page in _pages(home.contacts, now):
            await store.save_contacts(page, now)
        await store.set_sync_state("contacts.refreshed_until", now.isoformat())
        await store.set_sync_state("contacts.full_sync_ended_at", now.isoformat())
    finally:
        store.close()


def _pages(contacts: int, now: datetime) -> Iterator[Sequence[Contact]]:
    chance = random.Random(contacts)  # noqa: S311 - the same contacts every time
    for start in range(0, contacts, _PAGE):
        yield [_contact(number, chance, now) for number in range(start, min(start + _PAGE, contacts))]


def _contact(number: int, chance: random.Random, now: datetime) -> Contact:
    first, last, trade = chance.choice(_FIRST), chance.choice(_LAST), chance.choice(_TRADES)
    contact_id = str(UUID(int=chance.getrandbits(128), version=4))
    email = f"{first}.{last}@{trade}{number % 97}.example".lower()
    name = f"{last} {trade} {number:06}" if number % 3 else f"{first} {last} {number:06}"
    phone = f"+64 {chance.randrange(10**8):08}"
    owes = chance.randrange(100_000) if number % 4 == 0 else 0
    addresses = [
        {"AddressType": kind, "City": last, "AddressLine1": "1 Quay St"} for kind in ("POBOX", "STREET")
    ]
    raw = {"ContactID": contact_id, "Name": name, "EmailAddress": email, "Addresses": addresses}
    return Contact(
        contact_id=contact_id,
        name=name,
        status=ContactStatus.ARCHIVED if number % 7 == 0 else ContactStatus.ACTIVE,
        # Half a day from where a search by days would draw its line.
        updated_at=now - timedelta(days=number % 30 + 0.5),
        first_name=first,
        last_name=last,
        email=email,
        account_number=f"A{number:06}",
        phone=phone,
        is_customer=bool(number % 3),
        groups=("Tenants",) if number % 5 == 0 else (),
        balances=Balances(receivable=owes),
        # As long as what Xero sends of a contact.
        raw=json.dumps(raw | {"Filler": "x" * 700}).encode(),
    )
