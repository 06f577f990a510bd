"""Which timestamps are accepted, from any source: Xero, Re-Leased, a header, or the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
#: The limits in milliseconds since 1970: from the first up to, not including, the second.
EARLIEST_MS: Final = 0
LATEST_MS: Final = (_LATEST - EPOCH) // _MILLISECOND
#: How far ahead of this computer's clock a time can be and still be accepted: the clock may be behind.
MOST_AHEAD: Final = timedelta(days=7)


def valid_timestamp(moment: object) -> datetime | None:
    """Return an aware time from 1970 until 2200, in UTC; None for anything else.

    Times outside of these years are placeholders or damage. Calculating with time zones and clocks can't take
    the result out of the range of `datetime`.
    """
    # An offset at the ends of the range of `datetime` overflows when it is compared.
    if not isinstance(moment, datetime) or moment.tzinfo is None or not 1 < moment.year < 9999:  # noqa: PLR2004 - as above
        return None
    return moment.astimezone(UTC) if EPOCH <= moment < _LATEST else None


def from_milliseconds(value: object) -> datetime | None:
    """Convert whole milliseconds since 1970, as in `valid_timestamp`; None for anything else."""
    if not isinstance(value, int) or not EARLIEST_MS <= value < LATEST_MS:
        return None
    return EPOCH + value * _MILLISECOND


def from_iso_text(text: object) -> datetime | None:
    """Parse an ISO 8601 time with its offset, as in `valid_timestamp`; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return valid_timestamp(datetime.fromisoformat(text))
    except ValueError:
        return None
