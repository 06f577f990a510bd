"""The feed's reader against the practice Re-Leased in another process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from support.practice import PracticeXero, running_sandbox

from tui.model.contact import ContactStatus
from tui.model.errors import FeedError
from tui.model.reasons import FeedReason, Notice
from tui.re_leased.feed import FeedEvidenceSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tui.re_leased.feed import EvidenceReport

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    with running_sandbox(
        tmp_path_factory.mktemp("practice"), "--contacts", "30", "--cycle", "3600"
    ) as running:
        yield running


@asynccontextmanager
async def observing(practice: PracticeXero, tenant_id: str = "") -> AsyncIterator[FeedEvidenceSource]:
    observer = FeedEvidenceSource(feed_url=practice.released, tenant_id=tenant_id or practice.tenant_id)
    try:
        yield observer
    finally:
        await observer.aclose()


async def look_until(
    observer: FeedEvidenceSource, cursor: str | None, done: Callable[[EvidenceReport], bool]
) -> EvidenceReport:
    """Poll until the condition holds; the time-out of the tests ends a wait in vain."""
    while True:
        report = await observer.fetch(cursor)
        if done(report):
            return report
        await asyncio.sleep(0.02)


async def drain(observer: FeedEvidenceSource) -> str | None:
    """Return the cursor after everything that is there already."""
    report = await observer.fetch(None)
    while report.has_more:
        report = await observer.fetch(report.cursor)
    return report.cursor


async def test_synced_contact_is_read_once(practice: PracticeXero) -> None:
    contact_id = practice.create("Picked up")
    async with observing(practice) as observer:
        cursor = await drain(observer)
        practice.somebody("archive", contact_id)
        assert practice.sync_released().status < 300
        report = await look_until(observer, cursor, lambda report: bool(report.pick_ups))
        (pick_up,) = [one for one in report.pick_ups if one.contact_id == contact_id]
        assert pick_up.status is ContactStatus.ARCHIVED
        assert pick_up.sync_started_at <= pick_up.synced_at
        assert pick_up.sync_started_at == report.last_sync_started_at
        assert report.last_sync_clean
        assert (await observer.fetch(report.cursor)).pick_ups == ()
        assert report.next_sync_at is not None
        assert report.cycle_seconds == 3600


async def test_running_sync_and_failed_sync_are_distinguished(practice: PracticeXero) -> None:
    async with observing(practice) as observer:
        cursor = await drain(observer)
        practice.set_released_state("Sync has errors")
        practice.somebody("archive", practice.create("Not picked up"))
        before = (await observer.fetch(cursor)).last_sync_finished_at
        assert practice.sync_released().status < 300
        assert (await observer.fetch(cursor)).is_syncing
        report = await look_until(observer, cursor, lambda report: report.last_sync_finished_at != before)
        assert (report.pick_ups, report.last_sync_clean, report.state) == ((), False, "Sync has errors")
        practice.set_released_state("Successfully synced")


async def test_feed_is_read_in_several_pages(practice: PracticeXero) -> None:
    async with observing(practice) as observer:
        cursor = await drain(observer)
        ids = {practice.create(f"Many {number}") for number in range(501)}
        assert practice.sync_released().status < 300
        first = await look_until(observer, cursor, lambda report: bool(report.pick_ups))
        assert first.has_more
        second = await observer.fetch(first.cursor)
        assert not second.has_more
    assert ids <= {one.contact_id for report in (first, second) for one in report.pick_ups}


async def test_organisation_without_a_company_is_reported(practice: PracticeXero) -> None:
    async with observing(practice, "00000000-1111-4222-8333-444444444444") as observer:
        with pytest.raises(FeedError) as failed:
            await observer.fetch(None)
        assert failed.value.reason is FeedReason.NO_SUCH_ORGANISATION


async def test_unknown_cursor_is_reported(practice: PracticeXero) -> None:
    async with observing(practice) as observer:
        with pytest.raises(FeedError) as failed:
            await observer.fetch("never")
        assert failed.value.notice == Notice(FeedReason.HTTP_ERROR, {"status": 400})
