"""Fills a new database with two organisations and every special case."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tui.sandbox import books
from tui.sandbox.accounting.groups import group_document
from tui.sandbox.books import ACTIVE, ARCHIVED, GDPR
from tui.sandbox.database import build_database
from tui.sandbox.re_leased.contacts import fill
from tui.sandbox.sample_data.contacts import NEWEST_MS, ContactFactory
from tui.sandbox.sample_data.names import AWKWARD_NAMES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from tui.sandbox.sample_data.contacts import SampleContact

GROUPS = ("Tenants", "Owners", "Trades", "Utilities")
_SECOND_ORGANISATION = 7
# The first contact of the second organisation has the name of one in the first: Re-Leased has them as one.
_IN_BOTH = 3
_NAMESPACE = uuid.UUID("8c1f0a54-3f0e-4a55-9d0b-6a1f5e0c2d11")
_ORGANISATIONS = (
    (1, "Harbour & Vine Property Trust (Practice)", "!Hv4Pt"),
    (2, "Kererū Lane Holdings (Practice)", "!Kr2Ln"),
)
_COLUMNS = (
    *books.COLUMNS, "id", "org", "updated", "created", "merged_to", "repeating", "released_active",
    "released_linked",
)  # fmt: skip
_INSERT = f"INSERT INTO contacts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own column names


@dataclass(frozen=True, slots=True)
class _Role:
    """What is special about a contact. `twin` is the number of another contact."""

    active: bool | None = None
    twin: int | None = None
    merged: bool = False
    gdpr: bool = False
    repeating: bool = False
    linked: bool = True
    currency: str | None = None


def seed(file: Path, contacts: int) -> None:
    """Create the practice database, with this many contacts in the first organisation."""
    with build_database(file) as connection:
        connection.execute("INSERT INTO meta VALUES ('contacts', ?)", (str(contacts),))
        first_row = 1
        for org, name, short_code in _ORGANISATIONS:
            count = contacts if org == 1 else max(1, contacts // _SECOND_ORGANISATION)
            tenant_id = str(uuid.uuid5(_NAMESPACE, name))
            connection.execute(
                "INSERT INTO organisations VALUES (?, ?, ?, ?, ?)",
                (org, tenant_id, name, short_code, NEWEST_MS - 4 * 365 * 86_400_000),
            )
            connection.execute(
                "INSERT INTO connections VALUES (?, ?, ?, ?, ?)",
                (str(uuid.uuid5(_NAMESPACE, f"connection {org}")), org, str(uuid.uuid5(_NAMESPACE, "event")),
                 NEWEST_MS, NEWEST_MS),
            )  # fmt: skip
            _fill(connection, org, first_row, count)
            first_row += count
        fill(connection)


def _fill(connection: sqlite3.Connection, org: int, first_row: int, count: int) -> None:
    groups = {name: str(uuid.uuid5(_NAMESPACE, f"{org} {name}")) for name in GROUPS}
    connection.executemany(
        "INSERT INTO groups VALUES (?, ?, ?, 'ACTIVE')", [(groups[name], org, name) for name in GROUPS]
    )
    members: list[tuple[str, int]] = []
    connection.executemany(_INSERT, _rows(org, first_row, count, groups, members))
    connection.executemany("INSERT INTO group_members VALUES (?, ?)", members)


def _rows(
    org: int, first_row: int, count: int, groups: dict[str, str], members: list[tuple[str, int]]
) -> Iterator[tuple[Any, ...]]:
    factory = ContactFactory(f"reshelve {org}")
    shown = {name: group_document(group_id, name) for name, group_id in groups.items()}
    roles, plain = _roles(count), _Role()
    names: dict[int | None, str] = {}
    wanted = {role.twin for role in roles.values()}
    for number in range(count):
        role = roles.get(number, plain)
        given = AWKWARD_NAMES[number] if org == 1 and number < len(AWKWARD_NAMES) else None
        if role.twin is not None and not role.merged:
            given = names[role.twin]
        sample = factory.make(number, name=given, active=True if number < len(AWKWARD_NAMES) else role.active)
        if org > 1 and number == 0:
            sample.document["Name"] = AWKWARD_NAMES[_IN_BOTH]
        if number in wanted:
            names[number] = sample.document["Name"]
        sample.document["ContactGroups"] = [shown[sample.group]]
        members.append((groups[sample.group], first_row + number))
        yield _row(org, first_row + number, sample, role, factory)


def _row(org: int, row: int, sample: SampleContact, role: _Role, factory: ContactFactory) -> tuple[Any, ...]:
    document = sample.document
    merged_to = factory.contact_id(role.twin) if role.merged and role.twin is not None else None
    if role.merged:
        document["MergedToContactID"] = merged_to
    if role.merged or role.gdpr:
        document["ContactStatus"] = ARCHIVED if role.merged else GDPR
    if role.currency is not None:
        document["DefaultCurrency"] = role.currency
    document = books.in_order(document)
    active = document["ContactStatus"] == ACTIVE
    return (
        *books.columns(document), row, org, sample.updated, sample.created, merged_to, role.repeating,
        active, role.linked,
    )  # fmt: skip


def _roles(count: int) -> dict[int, _Role]:
    """Distribute the special cases over the first contacts; small databases have fewer of them."""
    start, step = len(AWKWARD_NAMES), 3
    ordinary = _Role(active=True)
    cases = [
        *[replace(ordinary, active=False, twin=0)] * 6,
        *[replace(ordinary, active=False, twin=0, merged=True)] * 4,
        *[replace(ordinary, repeating=True)] * 6,
        *[replace(ordinary, linked=False)] * 2,
        # Re-Leased unlinks contacts in a currency other than the organisation's.
        *[replace(ordinary, linked=False, currency="AUD")] * 2,
        *[replace(ordinary, active=False, linked=False)] * 2,
        *[replace(ordinary, active=False, gdpr=True)] * 2,
    ]
    roles: dict[int, _Role] = {}
    number = start
    for case in cases[:: max(1, -(-len(cases) * 10 // count))]:
        # The contact before a twin is the active one with the same name, or the one it was merged into.
        roles[number] = ordinary
        roles[number + 1] = case if case.twin is None else replace(case, twin=number)
        number += step
    return roles
