"""When contacts were last used, as stored: totals follow every transaction."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from store.store_samples import ACTIVE, contact, search

from tui.messages.activity import activity_cell
from tui.model.activity import Activity, Transaction, TransactionKind, TransactionState
from tui.model.columns import ColumnKey, Sort
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_AT = datetime(2026, 11, 30, tzinfo=UTC)
POSTED, DRAFT, REPEATING, ENDED = TransactionState
INVOICE = TransactionKind.INVOICE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path)
    yield opened
    opened.close()


def item(
    number: int,
    contact_id: str = "a",
    state: TransactionState = POSTED,
    day: date | None = date(2024, 3, 12),
    kind: TransactionKind = INVOICE,
) -> Transaction:
    return Transaction(str(UUID(int=number)), contact_id, kind, state, day)


async def test_unknown_differs_from_never_used(store: Store) -> None:
    await store.activity.save_page([item(1)], "page 2")
    assert (store.activity.of(["a", "b"]), store.activity.is_known) == ({}, False)
    await store.activity.save_page([item(2)], None, read_until=READ_AT)
    found = store.activity.of(["a", "b"])
    assert found == {"a": Activity(date(2024, 3, 12), INVOICE, 2), "b": Activity()}
    assert (found["b"].is_never_used, store.activity.known_since) == (True, READ_AT)


async def test_cursor_is_kept_until_the_read_ends(store: Store) -> None:
    await store.activity.save_page([item(1)], "page 2")
    assert store.activity.cursor == "page 2"
    await store.activity.save_page([], None, read_until=READ_AT)
    assert store.activity.cursor is None


async def test_last_transaction_is_the_newest_that_counts(store: Store) -> None:
    page = [
        item(1, day=date(2020, 1, 1)),
        item(2, day=date(2023, 5, 5), kind=TransactionKind.PAYMENT),
        item(3, state=DRAFT, day=date(2026, 1, 1)),
        item(4, state=ENDED, day=date(2026, 2, 2)),
        item(5, day=None),
    ]
    await store.activity.save_page(page, None, read_until=READ_AT)
    assert store.activity.of(["a"])["a"] == Activity(
        date(2023, 5, 5), TransactionKind.PAYMENT, 3, has_drafts=True
    )


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        pytest.param(item(1, state=ENDED), {"a": Activity(), "b": Activity()}, id="voided"),
        pytest.param(item(1, state=DRAFT), {"a": Activity(has_drafts=True), "b": Activity()}, id="draft"),
        pytest.param(
            item(1, "b"),
            {"a": Activity(), "b": Activity(date(2024, 3, 12), INVOICE, 1)},
            id="another contact",
        ),
        pytest.param(
            item(1, day=date(2025, 1, 1)),
            {"a": Activity(date(2025, 1, 1), INVOICE, 1), "b": Activity()},
            id="another date",
        ),
    ],
)
async def test_later_state_of_a_transaction_replaces_the_earlier(
    store: Store, changed: Transaction, left: dict[str, Activity]
) -> None:
    await store.activity.save_page([item(1)], None, read_until=READ_AT)
    await store.activity.save_page([changed], None)
    assert store.activity.of(["a", "b"]) == left


async def test_repeating_invoices_are_replaced_as_a_whole(store: Store) -> None:
    kind = TransactionKind.REPEATING_INVOICE
    both = [item(7, "a", REPEATING, None, kind), item(8, "b", REPEATING, None, kind), item(1, "b")]
    await store.activity.save_page(both, None, read_until=READ_AT)
    await store.activity.save_page(both[:1], None, replaces=kind)
    found = store.activity.of(["a", "b"])
    assert found["a"] == Activity(has_repeating=True)
    assert found["b"] == Activity(date(2024, 3, 12), INVOICE, 1)


NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


async def _with_contacts(store: Store) -> None:
    """Store a contact last used in 2020 and one in 2026, one with a draft alone, and one without anything."""
    store.search.now = lambda: NOW
    await store.save_contacts([contact(number, ACTIVE) for number in range(1, 5)], NOW)
    page = [
        item(1, "id-1", day=date(2020, 5, 1)),
        item(2, "id-2", day=date(2026, 11, 1)),
        item(3, "id-3", DRAFT),
    ]
    await store.activity.save_page(page, "unfinished")


async def _ids(store: Store, text: str) -> set[str]:
    found = await search(store, text)
    return set(found.rows.ids(0, len(found.rows)))


@pytest.mark.parametrize("is_loaded", [False, True], ids=["in SQL", "in memory"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("idle:>24m", {"id-1"}),
        ("idle:24m", {"id-1"}),
        ("idle:>2y", {"id-1"}),
        ("idle:<6m", {"id-2"}),
        ("idle:<=29d", {"id-2"}),
        ("idle:<29d", set()),
        ("idle:>=29d", {"id-1", "id-2"}),
        ("-idle:>24m", {"id-2", "id-3", "id-4"}),
        ("never:used", {"id-3", "id-4"}),
        ("-never:used", {"id-1", "id-2"}),
    ],
)
async def test_filters_find_nothing_until_activity_is_known(
    store: Store, text: str, expected: set[str], *, is_loaded: bool
) -> None:
    await _with_contacts(store)
    if is_loaded:
        await store.search.load()
    assert await _ids(store, text) == set()
    await store.activity.save_page([], None, read_until=READ_AT)
    assert await _ids(store, text) == expected


async def test_column_sorts_never_used_before_the_longest_idle(store: Store) -> None:
    await _with_contacts(store)
    await store.activity.save_page([], None, read_until=READ_AT)
    query = parse_query(Tab.ALL, "")
    found = store.search.first(dataclasses.replace(query, sort=Sort(ColumnKey.LAST_ACTIVITY))).rows
    assert [row.contact_id for row in found.window(0, 9)] == ["id-3", "id-4", "id-1", "id-2"]
    store.search.show_columns([ColumnKey.LAST_ACTIVITY])
    cells = [activity_cell(dict(row.more)[ColumnKey.LAST_ACTIVITY]) for row in found.window(0, 9)]
    assert cells == ["Never", "Never", "1 May 2020", "1 Nov 2026"]


@pytest.mark.parametrize("odd", ["x", b"\xff", 1.5, 2**62, -7, None])
async def test_odd_stored_values_are_unknown(store: Store, tmp_path: Path, odd: object) -> None:
    await _with_contacts(store)
    await store.activity.save_page([], None, read_until=READ_AT)
    with closing(sqlite3.connect(tmp_path / "contacts.db")) as connection, connection:
        connection.execute("UPDATE contact_activity SET last_day = ?, last_kind = ?", (odd, odd))
    assert store.activity.of(["id-1"])["id-1"] == Activity(count=1)
    for is_loaded in (False, True):
        if is_loaded:
            await store.search.load()
        assert await _ids(store, "idle:<6m") <= {"id-1", "id-2"}
        assert await _ids(store, "never:used") == {"id-3", "id-4"}
