"""Which moments are believed, wherever they come from: Xero, Re-Leased, a header, or the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
#: The bounds in milliseconds since 1970: from the first up to before the second.
EARLIEST_MS: Final = 0
LATEST_MS: Final = (_LATEST - EPOCH) // _MILLISECOND
#: How far ahead of this computer's clock a time can be and still be believed: the clock may be behind.
MOST_AHEAD: Final = timedelta(days=7)


def valid_timestamp(moment: object) -> datetime | None:
    """Return an aware moment from 1970 until 2200, in UTC; None for everything else.

    Outside of these years lie placeholders and damage alone. Time zones and clocks can be calculated with
    what is returned without leaving what `datetime` can hold.
    """
    # An offset at the ends of what a date can hold overflows when it is compared.
    if not isinstance(moment, datetime) or moment.tzinfo is None or not 1 < moment.year < 9999:  # noqa: PLR2004 - as above
        return None
    return moment.astimezone(UTC) if EPOCH <= moment < _LATEST else None


def from_milliseconds(value: object) -> datetime | None:
    """Read whole milliseconds since 1970 as in `valid_timestamp`; None for anything else."""
    if not isinstance(value, int) or not EARLIEST_MS <= value < LATEST_MS:
        return None
    return EPOCH + value * _MILLISECOND


def from_iso_text(text: object) -> datetime | None:
    """Read an ISO 8601 moment with its offset as in `valid_timestamp`; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return valid_timestamp(datetime.fromisoformat(text))
    except ValueError:
        return None
