"""The services that request handlers share, and times in the formats of Xero and Re-Leased."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from tui.sandbox.books import Books
    from tui.sandbox.database import SandboxDatabase
    from tui.sandbox.faults import Faults
    from tui.sandbox.oauth.tokens import TokenIssuer
    from tui.sandbox.rate_limits import RateLimits
    from tui.sandbox.re_leased.company import Companies
    from tui.sandbox.re_leased.unified import UnifiedApi
    from tui.sandbox.request_log import CallCounter, RequestLog


@dataclass(frozen=True, slots=True)
class SandboxServices:
    """The practice Xero and Re-Leased."""

    database: SandboxDatabase
    clock: Clock
    books: Books
    count_cache: CountCache
    tokens: TokenIssuer
    limits: RateLimits
    call_counter: CallCounter
    faults: Faults
    request_log: RequestLog
    companies: Companies
    unified: UnifiedApi

    def count_status_writes(self, writes: int) -> None:
        """Count `ContactStatus` changes applied through the API; kept across restarts."""
        if writes:
            self.database.set_meta("status_writes", str(self.status_writes + writes))

    @property
    def status_writes(self) -> int:
        """How often the API has written a `ContactStatus`, since the first seeding."""
        return int(self.database.get_meta("status_writes") or 0)


def services_of(request: HTTPConnection) -> SandboxServices:
    """Return the services behind a request."""
    services: SandboxServices = request.app.state.practice
    return services


# Fixed, so that the sample data are always the same: 30 June 2026, 12:00 UTC.
NEWEST_MS = 1_782_820_800_000
_KEPT = 64


class CountCache:
    """Counts by filter; any write clears the cache."""

    def __init__(self, database: SandboxDatabase) -> None:
        self._database = database
        self._known: dict[Any, int] = {}
        self._writes = -1

    def get(self, key: Any) -> int | None:
        """Return a count that is still valid."""
        return self._known.get(key) if self._writes == self._database.writes else None

    def put(self, key: Any, count: int) -> None:
        """Cache a count."""
        if self._writes != self._database.writes or len(self._known) >= _KEPT:
            self._known.clear()
            self._writes = self._database.writes
        self._known[key] = count


_MILLISECONDS = 1000


@dataclass(slots=True)
class Clock:
    """The clock of one practice server: this computer's time plus `offset_ms`, which can be negative."""

    offset_ms: int = 0

    def now_ms(self) -> int:
        """Return the milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000 + self.offset_ms


def xero_date(ms: int, *, offset: bool = True) -> str:
    """Format a time as the Accounting API does: `/Date(1488391422280+0000)/`, or without offset."""
    return f"/Date({ms}+0000)/" if offset else f"/Date({ms})/"


def iso(ms: int) -> str:
    """Format a time as ISO 8601 in UTC with milliseconds and `Z`."""
    return datetime.fromtimestamp(ms / _MILLISECONDS, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_without_zone(ms: int) -> str:
    """Format a time as in `DateUTCString`: whole seconds, no zone, always UTC."""
    return datetime.fromtimestamp(ms // _MILLISECONDS, UTC).replace(tzinfo=None).isoformat()


def http_date(ms: int) -> str:
    """Format a time as HTTP headers do: `Sun, 22 Nov 2026 14:05:00 GMT` (RFC 9110)."""
    return formatdate(ms // _MILLISECONDS, usegmt=True)


def human(ms: int) -> str:
    """Format a time for a page: `22 Nov 2026, 14:05 UTC`."""
    moment = datetime.fromtimestamp(ms / _MILLISECONDS, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"
