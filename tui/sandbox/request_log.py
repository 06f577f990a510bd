"""What was asked of the practice services, for tests that count calls."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.sandbox.clock import iso

if TYPE_CHECKING:
    from tui.sandbox.clock import Clock

_KEPT = 20_000


@dataclass(slots=True)
class LoggedRequest:
    """One request. `status` is `None` as long as no answer left, or when the connection was dropped."""

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
        """Give the entry as `GET /practice/requests` shows it."""
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
        """Note that a request has come in."""
        self._count += 1
        entry = LoggedRequest(self._count, method, path, query, tenant, idempotency_key, self._clock.now_ms())
        self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """List requests numbered above `after`."""
        return [entry.as_json() for entry in self._entries if entry.number > after]

    def clear(self) -> None:
        """Forget all requests; numbers go on."""
        self._entries.clear()
