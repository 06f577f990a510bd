"""The interface for evidence of Re-Leased's syncs, and an HTTP feed of it, such as the sandbox's.

For Re-Leased's contacts themselves, see `tui.re_leased.source`.

What Reshelve guarantees: only the instance with the leader lock polls, never concurrently. It
passes the last cursor it received, which was stored together with that report's evidence, so that nothing is
lost or read twice, even after a crash. It polls every ten seconds at most, twice a second while `is_syncing`,
and immediately while `has_more` and the cursor advances.

What it expects: times are timezone-aware, by a clock that agrees with Xero's; evidence dated more than a
minute ahead, or before its sync began, is ignored (or read again later, while Xero hasn't confirmed this
computer's time). `sync_started_at` is when the sync that showed the contact started, because evidence counts
for changes that Xero had confirmed by then; if only the export's time is known, use that. Evidence is only
about this organisation's company. Report a clean sync only after everything it synced: changes missing from
it are shown as *Missed last sync*. Raise failures as `FeedError(FeedReason.SOURCE_PROBLEM, problem="...")`
with a sentence for the user; they are shown as *Sync not running*, never as synced, and retried.
"""

from __future__ import annotations

import asyncio
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tui import __version__
from tui.model import timestamps
from tui.model.contact import ContactStatus
from tui.model.errors import FeedError, NetworkSetupError
from tui.model.evidence import SyncRecord
from tui.model.reasons import FeedReason, Service
from tui.net import lenient_json
from tui.system.log import logger

if TYPE_CHECKING:
    import httpx


class EvidenceReport(Struct, frozen=True):
    """The result of one poll of Re-Leased's data.

    `cursor` is where the next poll continues; `has_more` means that more is available now. `state` uses the
    wording of Re-Leased's Sync Overview. The last sync is the last one that finished, with or without errors;
    `cycle_seconds` is the time between automatic syncs.
    """

    pick_ups: tuple[SyncRecord, ...]
    cursor: str | None
    state: str
    next_sync_at: datetime | None
    cycle_seconds: float | None
    last_sync_started_at: datetime | None
    last_sync_finished_at: datetime | None
    last_sync_clean: bool
    is_syncing: bool
    has_more: bool


class EvidenceSource(Protocol):
    """A source of evidence of what Re-Leased has synced for one organisation."""

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        """Return what is new since the cursor; None starts at the beginning. Raises `FeedError`."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


_IN_PROGRESS: Final = "In progress"
_CLEAN: Final = "Successfully synced"
_MOST_ITEMS: Final = 500
_FETCH_TIMEOUT: Final = 60.0
_STATUSES: Final = {str(status): status for status in ContactStatus if status is not ContactStatus.DELETED}
# Seconds. A cycle is a night, or a few seconds in the practice Re-Leased.
_LONGEST_CYCLE: Final = 366 * 86_400.0

_Text = Annotated[str, msgspec.Meta(max_length=1_024)]


class _Sync(msgspec.Struct, rename="camel"):
    started_at: datetime
    finished_at: datetime | None = None
    outcome: _Text | None = None


class _Company(msgspec.Struct, rename="camel"):
    tenant_id: _Text
    state: _Text
    last_sync: _Sync | None = None
    next_sync_at: datetime | None = None
    cycle_seconds: Annotated[float, msgspec.Meta(gt=0, le=_LONGEST_CYCLE)] | None = None


class _Item(msgspec.Struct, rename="camel"):
    contact_id: _Text
    tenant_id: _Text
    state: _Text
    picked_up_at: datetime
    sync_run: int | _Text
    sync_started_at: datetime


class _Feed(msgspec.Struct, rename="camel"):
    company: _Company
    items: tuple[msgspec.Raw, ...]
    cursor: _Text | None = None


class FeedEvidenceSource(EvidenceSource):
    """Reads the feed of one organisation's company at `{feed_url}/companies/{tenant_id}/feed`."""

    def __init__(
        self, *, feed_url: str, tenant_id: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._feed_url = feed_url
        self._tenant_id = tenant_id
        self._transport = transport
        self._open_lock = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, cursor: str | None) -> EvidenceReport:
        """Read at most 500 items after the cursor. Raises `FeedError`."""
        path = f"/companies/{quote(self._tenant_id, safe='')}/feed"
        client = await self._open()
        response = await self._get(client, path, {} if cursor is None else {"after": cursor})
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise FeedError(FeedReason.NO_SUCH_ORGANISATION)
        if response.status_code != HTTPStatus.OK:
            raise FeedError(FeedReason.HTTP_ERROR, status=response.status_code)
        return self._parse_report(response.content, cursor)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _open(self) -> httpx.AsyncClient:
        async with self._open_lock:
            if self._client is None:
                try:
                    self._client = await asyncio.to_thread(_open_client, self._feed_url, self._transport)
                except NetworkSetupError as error:
                    raise FeedError(error.reason, **error.notice.params) from error
            return self._client

    async def _get(self, client: httpx.AsyncClient, path: str, params: dict[str, str]) -> httpx.Response:
        from tui.net import environment
        from tui.net.response_limit import MAX_BYTES, TooLargeError

        try:
            async with asyncio.timeout(_FETCH_TIMEOUT):
                response = await client.get(path, params=params)
        except TooLargeError:
            raise FeedError(FeedReason.TOO_LARGE, megabytes=MAX_BYTES // 2**20) from None
        except Exception as error:  # noqa: BLE001 - httpx passes some errors from below it on as they are
            logger.info("the Re-Leased feed had no answer: %s", type(error).__name__)
            problem = await asyncio.to_thread(environment.setup_problem, error, self._feed_url, Service.FEED)
        else:
            if not environment.is_proxy_password_wanted(response):
                return response
            problem = environment.proxy_password_problem(self._feed_url)
        if problem is None:
            raise FeedError(FeedReason.UNREACHABLE)
        raise FeedError(problem.reason, **problem.notice.params)

    def _parse_report(self, body: bytes, cursor: str | None) -> EvidenceReport:
        feed = _decode(body)
        company, last = feed.company, feed.company.last_sync
        if company.tenant_id != self._tenant_id:
            raise FeedError(FeedReason.OTHER_ORGANISATION)
        is_finished = last is not None and last.finished_at is not None
        started_at = timestamps.valid_timestamp(last.started_at) if last else None
        return EvidenceReport(
            pick_ups=tuple(self._pick_ups(feed.items)),
            cursor=feed.cursor if feed.cursor is not None else cursor,
            state=company.state,
            next_sync_at=timestamps.valid_timestamp(company.next_sync_at),
            cycle_seconds=company.cycle_seconds,
            last_sync_started_at=started_at,
            last_sync_finished_at=timestamps.valid_timestamp(last.finished_at) if last else None,
            last_sync_clean=is_finished and last is not None and last.outcome == _CLEAN,
            is_syncing=company.state == _IN_PROGRESS or (last is not None and not is_finished),
            # A cursor that doesn't advance would cause an endless loop.
            has_more=len(feed.items) >= _MOST_ITEMS and feed.cursor not in {None, cursor},
        )

    def _pick_ups(self, items: tuple[msgspec.Raw, ...]) -> list[SyncRecord]:
        """Parse the items; invalid ones and those of another organisation are ignored."""
        found = []
        for raw in items:
            try:
                item = lenient_json.decode(raw, _Item)
            except lenient_json.UndecodableError:
                continue
            status, started_at, at = (
                _STATUSES.get(item.state),
                timestamps.valid_timestamp(item.sync_started_at),
                timestamps.valid_timestamp(item.picked_up_at),
            )
            if item.tenant_id == self._tenant_id and status and started_at and at:
                found.append(SyncRecord(item.contact_id, status, started_at, at, str(item.sync_run)))
        if len(found) < len(items):
            logger.warning("left out %d items of the feed that make no sense", len(items) - len(found))
        return found


def _decode(body: bytes) -> _Feed:
    try:
        return lenient_json.decode(body, _Feed)
    except lenient_json.UndecodableError:
        pass
    raise FeedError(FeedReason.UNREADABLE)


def _open_client(feed_url: str, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Create the client in a thread: loading httpx and certificates takes a tenth of a second."""
    import httpx

    from tui.net import environment
    from tui.net.response_limit import ACCEPT_ENCODING, limit_async

    return httpx.AsyncClient(
        base_url=feed_url,
        headers={
            "User-Agent": f"reshelve/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
        },
        timeout=httpx.Timeout(connect=5.0, read=30.0, write=10.0, pool=5.0),
        trust_env=False,
        transport=transport or environment.async_transport(feed_url),
        event_hooks={"response": [limit_async]},
    )
