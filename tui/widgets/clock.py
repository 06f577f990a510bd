"""The time, and how moments and spans are written. Everything on screen that ticks asks here.

The moments of a snapshot are by Xero's clock, and so are countdowns and ages: each organisation has its own
difference to this machine's clock, which its snapshot carries as `clock_ahead`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.widgets.formatting import pluralize

if TYPE_CHECKING:
    from datetime import tzinfo

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = timedelta(days=1)
_NONE: Final = timedelta()
# Clocks that differ by less are right enough.
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)
# Up to so many hours are told in minutes, and up to so many days in hours.
_FEW: Final = 2


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
    return f"This computer's clock is {_duration(abs(ahead))} {where} Xero's. Correct it."


def _duration(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    hours, days = round(minutes / 60), round(minutes / 1440)
    if minutes < _FEW * _MINUTE:
        return pluralize(minutes, "minute")
    return pluralize(hours, "hour") if hours < _FEW * 24 else pluralize(days, "day")


def time_of_day(moment: datetime) -> str:
    """Write a moment as local hours, minutes and seconds."""
    return f"{moment.astimezone():%H:%M:%S}"


def short_time(moment: datetime, today: datetime, zone: tzinfo | None = None) -> str:
    """Write a moment as the zone's time, with the day in front unless it is less than a day away.

    None is this machine's zone.
    """
    local = moment.astimezone(zone)
    if abs(today - moment) < _DAY:
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}"


def countdown(until: datetime, at: datetime) -> str:
    """Write what is left as `0:32`, `4:05` or `17 h 19 min`; `0:00` once it has passed."""
    seconds = max(0, round((until - at).total_seconds()))
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}:{seconds % _MINUTE:02}"
    return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02} min"


def ago(moment: datetime, at: datetime) -> str:
    """Write how long ago something was, in words."""
    seconds = max(0, int((at - moment).total_seconds()))
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    days, rest = divmod(seconds, 24 * _HOUR)
    if not days:
        return f"{rest // _HOUR} h ago"
    return "yesterday" if days == 1 else f"{days} days ago"
