"""Tidy up suggests contacts that nothing speaks for, and counts why it leaves out the others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from store.store_samples import ARCHIVED, NOON, contact, minutes

from tui.model.activity import Transaction, TransactionKind, TransactionState
from tui.model.change import Action
from tui.model.contact import Balances
from tui.model.marks import MarkKind
from tui.model.tidy import TidyReason

if TYPE_CHECKING:
    from tui.model.tidy import TidySurvey
    from tui.store import Store

DAY = 24 * 60.0
LONG_AGO = -3 * 365 * DAY


def found(survey: TidySurvey, months: int = 24) -> list[str]:
    return [candidate.contact_id for candidate in survey.idle(months, NOON)]


def transaction(
    number: int, state: TransactionState, day: date | None = None, kind: TransactionKind | None = None
) -> Transaction:
    return Transaction(f"t-{number}-{state}", f"id-{number}", kind or TransactionKind.INVOICE, state, day)


@pytest.mark.parametrize(
    ("reason", "number"),
    [(reason, place + 2) for place, reason in enumerate(TidyReason)],
    ids=list(TidyReason),
)
async def test_each_reason_leaves_a_contact_out(store: Store, reason: TidyReason, number: int) -> None:
    odd: dict[TidyReason, dict[str, Any]] = {
        TidyReason.TENANT: {"groups": ("East", "Tenants")},
        TidyReason.BALANCE: {"balances": Balances(payable=-1)},
        TidyReason.PROTECTED: {"groups": ("Key suppliers",)},
    }
    await store.save_contacts(
        [contact(1, at=LONG_AGO), contact(number, at=LONG_AGO, **odd.get(reason, {}))], NOON
    )
    state = {TidyReason.DRAFT: TransactionState.DRAFT, TidyReason.REPEATING: TransactionState.REPEATING}
    transactions = [transaction(number, state[reason])] if reason in state else []
    await store.activity.save_page(transactions, None, read_until=NOON)
    await store.tenancy.mark_tenants("Tenants", NOON, on=True)
    await store.marks.protect_group("Key suppliers", NOON, on=True)
    if reason is TidyReason.KEPT:
        await store.marks.mark_contacts(MarkKind.KEPT, [f"id-{number}"], NOON, on=True)
    if reason is TidyReason.CHANGED_HERE:
        await store.changes.add(Action.ARCHIVE, store.contacts([f"id-{number}"]), minutes(-89 * DAY))
    survey = await store.tidy_survey(NOON)
    assert found(survey) == ["id-1"]
    assert (survey.active, survey.left_out) == (2, ((reason, 1),))


async def test_without_transactions_only_updates_count_and_drafts_are_not_known(store: Store) -> None:
    await store.save_contacts(
        [contact(1, at=LONG_AGO), contact(2, at=-DAY), contact(3, ARCHIVED, at=LONG_AGO)], NOON
    )
    # The read of transactions hasn't ended.
    await store.activity.save_page([transaction(1, TransactionState.DRAFT)], "{}")
    survey = await store.tidy_survey(NOON)
    assert not survey.knows_activity
    assert (found(survey), found(survey, 60), survey.active, survey.left_out) == (["id-1"], [], 2, ())
    assert survey.candidates[0].last_used is None


async def test_the_last_transaction_counts_and_not_the_last_update(store: Store) -> None:
    await store.save_contacts(
        [contact(1, at=-DAY), contact(2, at=LONG_AGO), contact(3, at=LONG_AGO), contact(4, at=-DAY)], NOON
    )
    used = [
        transaction(1, TransactionState.POSTED, date(2023, 5, 1)),
        transaction(2, TransactionState.POSTED, date(2026, 1, 31)),
    ]
    await store.activity.save_page(used, None, read_until=NOON)
    survey = await store.tidy_survey(NOON)
    assert survey.knows_activity
    # 3 was never used; 4 wasn't either, but may be new.
    assert found(survey) == ["id-3", "id-1"]
    last_used = {candidate.contact_id: candidate.last_used for candidate in survey.candidates}
    assert last_used == {
        "id-1": date(2023, 5, 1),
        "id-2": date(2026, 1, 31),
        "id-3": None,
        "id-4": None,
    }


@pytest.mark.parametrize(
    ("changed", "is_found"),
    [
        (datetime(2024, 3, 1, 12, tzinfo=UTC) - timedelta(seconds=1), True),
        (datetime(2024, 3, 1, 12, tzinfo=UTC), False),
    ],
    ids=["just before", "24 months ago"],
)
async def test_months_are_those_of_the_calendar(store: Store, changed: datetime, *, is_found: bool) -> None:
    await store.save_contacts([contact(1, updated_at=changed)], NOON)
    assert bool(found(await store.tidy_survey(NOON))) is is_found
