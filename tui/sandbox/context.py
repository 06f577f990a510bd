"""The services that request handlers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from tui.sandbox.books import Books
    from tui.sandbox.clock import Clock
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
