"""Time in the three spellings that Xero and Re-Leased use."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_MILLISECONDS = 1000


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def xero_date(ms: int, *, offset: bool = True) -> str:
    """Spell a moment as the Accounting API does: `/Date(1488391422280+0000)/`, at times without offset."""
    return f"/Date({ms}+0000)/" if offset else f"/Date({ms})/"


def iso(ms: int) -> str:
    """Spell a moment as ISO 8601 in UTC with milliseconds and `Z`."""
    return datetime.fromtimestamp(ms / _MILLISECONDS, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_without_zone(ms: int) -> str:
    """Spell a moment as in `DateUTCString`: whole seconds, no zone, always UTC."""
    return datetime.fromtimestamp(ms // _MILLISECONDS, UTC).replace(tzinfo=None).isoformat()


def human(ms: int) -> str:
    """Spell a moment for a page: `22 Nov 2026, 14:05 UTC`."""
    return datetime.fromtimestamp(ms / _MILLISECONDS, UTC).strftime("%-d %b %Y, %H:%M UTC")
