"""The requests to the practice services, for tests that count calls."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.sandbox.context import iso

if TYPE_CHECKING:
    from tui.sandbox.context import Clock
    from tui.sandbox.rate_limits import RateLimits


@dataclass(slots=True)
class CallCount:
    """The calls of one organisation. `refused` counts real 429s by limit."""

    calls: int = 0
    at_once: int = 0
    most_at_once: int = 0
    most_in_a_minute: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    minute: deque[float] = field(default_factory=deque)

    def begin(self, now: float, minute_seconds: float) -> None:
        """Count a received call."""
        self.calls += 1
        self.at_once += 1
        self.minute.append(now)
        while self.minute[0] <= now - minute_seconds:
            self.minute.popleft()
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.most_in_a_minute = max(self.most_in_a_minute, len(self.minute))

    def as_json(self) -> dict[str, Any]:
        """Return the counts as in `GET /practice/budget`."""
        return {
            "calls": self.calls,
            "mostAtOnce": self.most_at_once,
            "mostInAMinute": self.most_in_a_minute,
            "refused": dict(self.refused),
        }


class CallCounter:
    """The counts of all organisations, by tenant id as it was sent (empty if none was)."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._counts: dict[str, CallCount] = {}

    def for_tenant(self, tenant_id: str | None) -> CallCount:
        """Return the counts of one organisation."""
        return self._counts.setdefault((tenant_id or "").lower(), CallCount())

    def begin(self, tenant_id: str | None) -> CallCount:
        """Count an Accounting API call from its arrival; the caller records its end."""
        count = self.for_tenant(tenant_id)
        count.begin(time.monotonic(), self._limits.minute_seconds)
        return count

    def clear(self) -> None:
        """Reset the counts, except for calls in progress."""
        for count in self._counts.values():
            count.calls = count.most_in_a_minute = 0
            count.most_at_once = count.at_once
            count.refused.clear()
            count.minute.clear()

    def as_json(self) -> dict[str, Any]:
        """Return the counts by tenant id."""
        return {tenant: count.as_json() for tenant, count in self._counts.items()}


_KEPT = 20_000


@dataclass(slots=True)
class LoggedRequest:
    """One request. `status` is `None` until a response is sent, or if the connection was dropped."""

    number: int
    method: str
    path: str
    query: str
    tenant: str | None
    idempotency_key: str | None
    at: int
    status: int | None = None
    fault: str | None = None
    status_writes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the entry as in `GET /practice/requests`."""
        return {
            "number": self.number,
            "time": iso(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "tenant": self.tenant,
            "idempotencyKey": self.idempotency_key,
            "status": self.status,
            "fault": self.fault,
            "statusWrites": self.status_writes,
        }


class RequestLog:
    """The latest requests, oldest first; in memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[LoggedRequest] = deque(maxlen=_KEPT)
        self._count = 0

    def begin(
        self, method: str, path: str, query: str, tenant: str | None, idempotency_key: str | None
    ) -> LoggedRequest:
        """Record a received request."""
        self._count += 1
        entry = LoggedRequest(self._count, method, path, query, tenant, idempotency_key, self._clock.now_ms())
        self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """List requests numbered above `after`."""
        return [entry.as_json() for entry in self._entries if entry.number > after]

    def clear(self) -> None:
        """Clear all requests; numbering continues."""
        self._entries.clear()
