"""When contacts were last used, as stored: totals follow every transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tui.model.activity import Activity, Transaction, TransactionKind, TransactionState
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
