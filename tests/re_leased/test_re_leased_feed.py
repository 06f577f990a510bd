from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tui import messages
from tui.model.contact import ContactStatus
from tui.model.errors import FeedError
from tui.model.evidence import SyncRecord
from tui.model.reasons import FeedReason, Notice
from tui.re_leased.feed import FeedEvidenceSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TENANT = "tenant/1"
STARTED, FINISHED, NEXT = (datetime(2026, 3, 1, 12, 0, second, 500000, UTC) for second in (1, 2, 3))


def item(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "contactId": f"contact-{number}",
        "tenantId": TENANT,
        "state": "ARCHIVED",
        "pickedUpAt": "2026-03-01T12:00:02.500Z",
        "syncRun": 7,
        "syncStartedAt": "2026-03-01T12:00:01.500Z",
        **fields,
    }


def answer(*items: Any, cursor: str | None = "9", **company: Any) -> dict[str, Any]:
    last = {
        "run": 7,
        "startedAt": "2026-03-01T12:00:01.500Z",
        "finishedAt": "2026-03-01T12:00:02.500Z",
        "outcome": "Successfully synced",
    }
    described = {
        "tenantId": TENANT,
        "state": "Successfully synced",
        "lastSync": last,
        "nextSyncAt": "2026-03-01T12:00:03.500Z",
        "cycleSeconds": 45.0,
        "somethingNew": 1,
    }
    return {"company": described | company, "items": list(items), "cursor": cursor}


@asynccontextmanager
async def observing(reply: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[FeedEvidenceSource]:
    observer = FeedEvidenceSource(
        feed_url="http://127.0.0.1:9/released/", tenant_id=TENANT, transport=httpx.MockTransport(reply)
    )
    try:
        yield observer
    finally:
        await observer.aclose()


@asynccontextmanager
async def telling(feed: dict[str, Any]) -> AsyncIterator[FeedEvidenceSource]:
    async with observing(lambda _: httpx.Response(200, json=feed)) as observer:
        yield observer


async def test_report_has_everything_in_the_feed() -> None:
    async with telling(answer(item(), item(2, state="ACTIVE"))) as observer:
        report = await observer.fetch(None)
    assert report.pick_ups == (
        SyncRecord("contact-1", ContactStatus.ARCHIVED, STARTED, FINISHED, "7"),
        SyncRecord("contact-2", ContactStatus.ACTIVE, STARTED, FINISHED, "7"),
    )
    assert (report.cursor, report.has_more, report.state) == ("9", False, "Successfully synced")
    assert (report.last_sync_started_at, report.last_sync_finished_at) == (STARTED, FINISHED)
    assert (report.next_sync_at, report.cycle_seconds) == (NEXT, 45.0)
    assert (report.last_sync_clean, report.is_syncing) == (True, False)


async def test_cursor_is_sent_unchanged() -> None:
    asked: list[httpx.URL] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json=answer())

    async with observing(reply) as observer:
        await observer.fetch(None)
        await observer.fetch("a b&c")
    assert [dict(url.params) for url in asked] == [{}, {"after": "a b&c"}]
    assert asked[0].raw_path == b"/released/companies/tenant%2F1/feed"


async def test_nothing_is_known_before_the_first_sync() -> None:
    async with telling(answer(lastSync=None, nextSyncAt=None, cycleSeconds=None, cursor=None)) as observer:
        report = await observer.fetch("5")
    assert (report.last_sync_started_at, report.last_sync_finished_at) == (None, None)
    assert (report.last_sync_clean, report.is_syncing) == (False, False)
    assert (report.next_sync_at, report.cycle_seconds) == (None, None)


@pytest.mark.parametrize("outcome", ["Sync has errors", "", None, "successfully"])
async def test_only_a_sync_without_errors_counts_as_clean(outcome: str | None) -> None:
    last = {"startedAt": "2026-03-01T12:00:01Z", "finishedAt": "2026-03-01T12:00:02Z", "outcome": outcome}
    async with telling(answer(lastSync=last)) as observer:
        assert not (await observer.fetch(None)).last_sync_clean


async def test_running_sync_is_reported_and_not_clean() -> None:
    async with telling(answer(state="In progress")) as observer:
        assert (await observer.fetch(None)).is_syncing
    last = {"startedAt": "2026-03-01T12:00:01Z", "finishedAt": None, "outcome": "Successfully synced"}
    async with telling(answer(lastSync=last)) as observer:
        report = await observer.fetch(None)
    assert (report.is_syncing, report.last_sync_clean) == (True, False)


@pytest.mark.parametrize(
    ("count", "cursor", "has_more"),
    [(500, "9", True), (499, "9", False), (500, "5", False), (500, None, False)],
)
async def test_full_page_has_more_unless_its_cursor_repeats(
    count: int, cursor: str | None, *, has_more: bool
) -> None:
    async with telling(answer(*(item(number) for number in range(count)), cursor=cursor)) as observer:
        report = await observer.fetch("5")
    assert (len(report.pick_ups), report.has_more, report.cursor) == (count, has_more, cursor or "5")


@pytest.mark.parametrize(
    "odd",
    [
        17, {}, item(state="DELETED"), item(tenantId="another"), item(syncStartedAt="soon"),
        item(syncStartedAt="2026-03-01T12:00:01"), item(pickedUpAt=None), item(syncRun=None),
        item(contactId=5),
    ],
    ids=repr,
)  # fmt: skip
async def test_invalid_item_proves_nothing(odd: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with telling(answer(odd, item(2))) as observer:
        report = await observer.fetch(None)
    assert [one.contact_id for one in report.pick_ups] == ["contact-2"]
    [line] = caplog.messages
    assert "left out 1 items" in line


@pytest.mark.parametrize(
    ("reply", "notice"),
    [
        (httpx.Response(200, html="<h1>Sign in</h1>"), Notice(FeedReason.UNREADABLE)),
        (httpx.Response(200, content=json.dumps(answer()).encode()[:-9]), Notice(FeedReason.UNREADABLE)),
        (httpx.Response(200, json={"items": []}), Notice(FeedReason.UNREADABLE)),
        (httpx.Response(200, json=answer(tenantId="another")), Notice(FeedReason.OTHER_ORGANISATION)),
        (
            httpx.Response(404, json={"error": "No such company."}),
            Notice(FeedReason.NO_SUCH_ORGANISATION),
        ),
        (httpx.Response(400, json={"error": "?"}), Notice(FeedReason.HTTP_ERROR, {"status": 400})),
        (httpx.Response(503, html="<h1>x</h1>"), Notice(FeedReason.HTTP_ERROR, {"status": 503})),
        (httpx.Response(302, headers={"Location": "/"}), Notice(FeedReason.HTTP_ERROR, {"status": 302})),
    ],
    ids=repr,
)
async def test_unreadable_feed_has_a_reason(reply: httpx.Response, notice: Notice) -> None:
    async with observing(lambda _: reply) as observer:
        with pytest.raises(FeedError) as failed:
            await observer.fetch(None)
    assert failed.value.notice == notice
    assert messages.next_step(failed.value)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), TimeoutError()]
)
async def test_unreachable_feed_has_a_reason(error: Exception) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        raise error

    async with observing(reply) as observer:
        with pytest.raises(FeedError) as failed:
            await observer.fetch(None)
    assert failed.value.reason is FeedReason.UNREACHABLE


ODD_TIMES: list[Any] = [
    None, 7, "", "noon", [], "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-03-01T12:00:00",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_TIMES, ids=repr)
async def test_implausible_time_is_unknown(odd: Any) -> None:
    last = {"startedAt": odd, "finishedAt": odd, "outcome": "Successfully synced"}
    items = (item(syncStartedAt=odd), item(pickedUpAt=odd), item(3))
    async with telling(answer(*items, nextSyncAt=odd, lastSync=last)) as observer:
        report = await observer.fetch(None)
    assert [one.contact_id for one in report.pick_ups] == ["contact-3"]
    assert (report.next_sync_at, report.last_sync_started_at) == (None, None)
    assert report.last_sync_finished_at is None


@pytest.mark.parametrize("odd", [None, "45", -1, 0, 1e15, 1e308, [], {}, True], ids=repr)
async def test_implausible_cycle_is_unknown(odd: Any) -> None:
    async with telling(answer(item(), cycleSeconds=odd)) as observer:
        report = await observer.fetch(None)
    assert (report.cycle_seconds, len(report.pick_ups), report.next_sync_at) == (None, 1, NEXT)


async def test_deep_nesting_and_odd_items_hide_no_item() -> None:
    feed = json.dumps(answer(None, 7, item(unknown="@"), item(2))).replace('"@"', "[" * 9_999 + "]" * 9_999)
    async with observing(lambda _: httpx.Response(200, content=feed.encode())) as observer:
        report = await observer.fetch(None)
    assert [one.contact_id for one in report.pick_ups] == ["contact-1", "contact-2"]


async def test_feed_of_the_document_is_read() -> None:
    document = (Path(__file__).parents[2] / "docs" / "re-leased.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.+?)```", document, re.DOTALL)
    feed = json.loads(example.replace("TENANT_ID", TENANT))
    async with telling(feed) as observer:
        report = await observer.fetch(None)
    [pick_up] = report.pick_ups
    assert pick_up.contact_id == feed["items"][0]["contactId"]
    assert pick_up.status is ContactStatus.ARCHIVED
    assert pick_up.sync_started_at == report.last_sync_started_at == datetime(2026, 11, 29, 13, tzinfo=UTC)
    assert report.last_sync_clean
    assert report.next_sync_at == datetime(2026, 11, 30, 13, tzinfo=UTC)
    assert report.cursor == feed["cursor"]
