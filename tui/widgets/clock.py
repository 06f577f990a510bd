"""The time, and how moments and spans are written. Everything on screen that ticks asks here.

The moments of a snapshot are by Xero's clock, and so are countdowns and ages: each organisation has its own
difference to this machine's clock, which its snapshot carries as `clock_ahead`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from tui.messages import formats

_NONE: Final = timedelta()
# Clocks that differ by less are right enough.
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)


def now() -> datetime:
    """Return the present moment in UTC by this machine's clock.

    Tests replace this function, so call it as `clock.now()`.
    """
    return datetime.now(UTC)


def to_xero_time(moment: datetime, ahead: timedelta) -> datetime:
    """Return what a moment of this machine's clock is by Xero's, which `ahead` is measured from."""
    return moment - ahead


def reported_to_xero_time(moment: datetime, ahead: timedelta) -> datetime:
    """Return what a moment that a person named is by Xero's clock.

    It may have been read from either clock. Of its two readings the earlier counts: it claims less.
    """
    return moment - max(ahead, _NONE)


def clock_warning(ahead: timedelta) -> str:
    """Say that this machine's clock is wrong, and what follows; empty where it is right enough."""
    short = short_clock_warning(ahead)
    return f"{short} Until then, Reshelve uses Xero's time." if short else ""


def short_clock_warning(ahead: timedelta) -> str:
    """Say that this machine's clock is wrong, where there is little room."""
    if abs(ahead) <= _CLOCK_TOLERANCE:
        return ""
    where = "ahead of" if ahead > _NONE else "behind"
    return f"This computer's clock is {formats.duration(abs(ahead))} {where} Xero's. Correct it."
