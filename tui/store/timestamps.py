"""Timestamps as stored: whole milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Return an aware time in milliseconds, rounded down; Xero's times have the same resolution."""
    return (moment - _EPOCH) // _MILLISECOND
