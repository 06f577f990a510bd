"""Reading transactions: a page at a time, behind everything else, and from where it was."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from tui.engine.activity_scan import ActivityScan
from tui.engine.connectivity import QuotaBudget
from tui.messages.activity import reading_text, unknown_reason
from tui.model.activity import (
    ActivityAccess,
    ActivityStatus,
    Transaction,
    TransactionKind,
    TransactionState,
)
from tui.model.errors import ForeignReplyError, RejectedError, XeroError
from tui.model.reasons import XeroReason
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.xero.transactions import TransactionResource, TransactionsPage

if TYPE_CHECKING:
    from tui.store import Store
    from tui.xero.client import XeroClient

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PAGES = 3


class Xero:
    """Three pages of invoices, one transaction each, and nothing else."""

    def __init__(self) -> None:
        self.is_allowed = True
        self.error: XeroError | None = None
        self.asked: list[tuple[str, int, datetime | None]] = []

    async def may_read_activity(self) -> bool:
        return self.is_allowed

    async def transactions(
        self,
        resource: TransactionResource,
        page: int,
        *,
        page_size: int,
        modified_since: datetime | None,
    ) -> TransactionsPage:
        del page_size
        self.asked.append((resource.value, page, modified_since))
        if self.error is not None:
            raise self.error
        if resource is not TransactionResource.INVOICES:
            return TransactionsPage((), 0, 0, NOW)
        invoice = Transaction(
            f"t{page}", "c", TransactionKind.INVOICE, TransactionState.POSTED, date(2024, 1, page)
        )
        return TransactionsPage((invoice,), PAGES, PAGES * 1000, NOW)


class Reading:
    def __init__(self, store: Store) -> None:
        self.store, self.xero = store, Xero()
        self.calls_left = 1_000
        self.shown: list[ActivityStatus] = []
        self.scan = self.restarted()

    def restarted(self) -> ActivityScan:
        self.scan = ActivityScan(
            self.store,
            cast("XeroClient", self.xero),
            lambda: NOW,
            may_call=self._may_call,
            on_update=lambda: self.shown.append(self.scan.status),
            on_read=lambda: None,
            overlap=timedelta(minutes=1),
        )
        return self.scan

    def _may_call(self) -> bool:
        self.calls_left -= 1
        return self.calls_left >= 0


@pytest.fixture
async def reading(store: Store) -> Reading:
    await store.set_sync_state(FULL_SYNC_ENDED_AT, NOW.isoformat())
    return Reading(store)


async def test_nothing_is_read_before_the_contacts_are(store: Store) -> None:
    reading = Reading(store)
    await reading.scan.read()
    assert (reading.xero.asked, reading.scan.is_unfinished) == ([], True)


async def test_a_limit_stops_it_and_the_next_read_goes_on(reading: Reading) -> None:
    reading.calls_left = 2
    await reading.scan.read()
    was_unfinished = reading.scan.is_unfinished
    assert [page for _, page, _ in reading.xero.asked] == [1, 2]
    reading.calls_left = 100
    await reading.restarted().read()
    assert [page for _, page, _ in reading.xero.asked] == [1, 2, 3, 1, 1, 1, 1]
    assert (was_unfinished, reading.scan.is_unfinished) == (True, False)
    assert reading.store.activity.of(["c"])["c"].count == PAGES


async def test_later_reads_ask_for_what_has_changed(reading: Reading) -> None:
    await reading.scan.read()
    reading.xero.asked.clear()
    await reading.scan.read()
    assert {since for _, _, since in reading.xero.asked} == {NOW - timedelta(minutes=1)}


async def test_pause_holds_it_after_the_page(reading: Reading) -> None:
    paused = asyncio.Event()

    def follow() -> None:
        progress = reading.scan.status.progress
        if progress is not None and progress.is_paused:
            paused.set()
        elif progress is not None and progress.done == 1000 and not paused.is_set():
            reading.scan.pause(on=True)

    reading.scan._on_update = follow
    task = asyncio.create_task(reading.scan.read())
    await asyncio.wait_for(paused.wait(), 10)
    assert len(reading.xero.asked) == 1
    assert reading_text(reading.scan.status) == "Paused reading invoices: 1,000 of 3,000"
    reading.scan.pause(on=False)
    await asyncio.wait_for(task, 10)
    assert reading.store.activity.is_known


async def test_what_would_fail_again_is_left_for_hours(reading: Reading) -> None:
    reading.xero.error = RejectedError(XeroReason.REJECTED, status=400)
    await reading.scan.read()
    assert (reading.scan.status.access, reading.scan.is_unfinished) == (ActivityAccess.FAILED, False)
    reading.xero.error = None
    await reading.scan.read()
    assert reading.store.activity.is_known


async def test_a_gateways_reply_is_a_connection_problem(reading: Reading) -> None:
    reading.xero.error = ForeignReplyError(XeroReason.FOREIGN_REPLY, status=403)
    with pytest.raises(ForeignReplyError):
        await reading.scan.read()


async def test_damaged_position_means_from_the_start(reading: Reading) -> None:
    await reading.store.activity.save_page([], '{"page": "x"}')
    await reading.scan.read()
    assert reading.xero.asked[0] == ("Invoices", 1, None)


@pytest.mark.parametrize(
    ("access", "wanted"),
    [
        (ActivityAccess.UNKNOWN, "--with-activity"),
        (ActivityAccess.NOT_ALLOWED, "--with-activity"),
        (ActivityAccess.FAILED, "retry"),
    ],
)
def test_reason_says_what_to_do(access: ActivityAccess, wanted: str) -> None:
    assert wanted in unknown_reason(ActivityStatus(access))
    assert not unknown_reason(ActivityStatus(access, read_until=NOW))


@pytest.mark.parametrize(("left", "may"), [(None, True), (5_000, True), (3_100, True), (2_900, False)])
def test_refreshes_keep_half_of_the_calls_of_a_day(left: int | None, *, may: bool) -> None:
    budget = QuotaBudget(60.0)
    budget.record(5_000 if left is not None else None, NOW)
    budget.record(left, NOW)
    assert budget.may_scan is may
