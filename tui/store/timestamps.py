"""Moments as the database keeps them: whole milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Return the milliseconds of an aware moment, rounded down: Xero's own resolution."""
    return (moment - _EPOCH) // _MILLISECOND
