"""The one place the engine takes the time from."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return this machine's time, which may be wrong: evidence is dated by Xero's clock."""
    return datetime.now(UTC)
