"""Times in the formats of Xero and Re-Leased, from an adjustable clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate

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
    return datetime.fromtimestamp(ms / _MILLISECONDS, UTC).strftime("%-d %b %Y, %H:%M UTC")
