"""How much of Xero's limits a client has used at most, faults and refusals included.

`limits.py` decides as Xero does, and lets calls that fail in bad weather go uncounted. This counts every
call that arrives, so that a client which stays within it is within whatever Xero counts.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui.sandbox.rate_limits import RateLimits


@dataclass(slots=True)
class CallCount:
    """What was spent in one organisation. `refused` counts real 429s by the limit that was exceeded."""

    calls: int = 0
    at_once: int = 0
    most_at_once: int = 0
    most_in_a_minute: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    minute: deque[float] = field(default_factory=deque)

    def begin(self, now: float, minute_seconds: float) -> None:
        """Count a call that has come in."""
        self.calls += 1
        self.at_once += 1
        self.minute.append(now)
        while self.minute[0] <= now - minute_seconds:
            self.minute.popleft()
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.most_in_a_minute = max(self.most_in_a_minute, len(self.minute))

    def as_json(self) -> dict[str, Any]:
        """Give the counts as `GET /practice/budget` shows them."""
        return {
            "calls": self.calls,
            "mostAtOnce": self.most_at_once,
            "mostInAMinute": self.most_in_a_minute,
            "refused": dict(self.refused),
        }


class CallCounter:
    """The counts of all organisations, by tenant id as it was sent (empty where none was)."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._counts: dict[str, CallCount] = {}

    def for_tenant(self, tenant_id: str | None) -> CallCount:
        """Give the counts of one organisation."""
        return self._counts.setdefault((tenant_id or "").lower(), CallCount())

    def begin(self, tenant_id: str | None) -> CallCount:
        """Count a call of the Accounting API from its arrival on; whoever calls counts its end."""
        count = self.for_tenant(tenant_id)
        count.begin(time.monotonic(), self._limits.minute_seconds)
        return count

    def clear(self) -> None:
        """Count from nothing again, but for the calls that are under way."""
        for count in self._counts.values():
            count.calls = count.most_in_a_minute = 0
            count.most_at_once = count.at_once
            count.refused.clear()
            count.minute.clear()

    def as_json(self) -> dict[str, Any]:
        """Give the counts by tenant id."""
        return {tenant: count.as_json() for tenant, count in self._counts.items()}
