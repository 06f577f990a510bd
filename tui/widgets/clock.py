"""The current time, and conversion to Xero's clock. Everything on screen that ticks uses this module.

Times in a snapshot, and therefore countdowns and ages, use Xero's clock: each organisation has its own
difference to this computer's clock, available as the snapshot's `clock_ahead`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.messages import formats

if TYPE_CHECKING:
    from tui.model.snapshot import Snapshot

_NONE: Final = timedelta()
# Smaller differences are ignored.
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)


def now() -> datetime:
    """Return the current time in UTC by this computer's clock.

    Tests replace this function, so call it as `clock.now()`.
    """
    return datetime.now(UTC)


def counts_seconds(snapshot: Snapshot, at: datetime) -> bool:
    """Whether a countdown of this organisation shows seconds, or soon will; other times change by minutes."""
    xero = snapshot.xero
    moments = (xero.retry_at, xero.minute_full_until, xero.no_reply_since, snapshot.re_leased.next_sync_at)
    return any(moment is not None and formats.counts_seconds(moment, at) for moment in moments)


def to_xero_time(moment: datetime, ahead: timedelta) -> datetime:
    """Convert a time of this computer's clock to Xero's; `ahead` is how far this clock is ahead."""
    return moment - ahead


def reported_to_xero_time(moment: datetime, ahead: timedelta) -> datetime:
    """Convert a time reported by the user to Xero's clock.

    The user may have read either clock, so the earlier of the two interpretations is used: it confirms fewer
    changes.
    """
    return moment - max(ahead, _NONE)


def clock_warning(ahead: timedelta) -> str:
    """Return a warning that this computer's clock is wrong, with the consequence, or ""."""
    short = short_clock_warning(ahead)
    return f"{short} Until then, Reshelve uses Xero's time." if short else ""


def short_clock_warning(ahead: timedelta) -> str:
    """Return a warning that this computer's clock is wrong, for where there is little room, or ""."""
    if abs(ahead) <= _CLOCK_TOLERANCE:
        return ""
    where = "ahead of" if ahead > _NONE else "behind"
    return f"This computer's clock is {formats.duration(abs(ahead))} {where} Xero's. Correct it."
