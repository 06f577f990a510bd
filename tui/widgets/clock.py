"""The time, and how moments and spans are written. Everything on screen that ticks asks here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = timedelta(days=1)


def now() -> datetime:
    """Return the present moment in UTC. Tests replace this function, so call it as `clock.now()`."""
    return datetime.now(UTC)


def local_now() -> datetime:
    """Return the present moment in the person's time zone."""
    return now().astimezone()


def time_of_day(moment: datetime) -> str:
    """Write a moment as local hours, minutes and seconds."""
    return f"{moment.astimezone():%H:%M:%S}"


def short(moment: datetime, today: datetime, zone: tzinfo | None = None) -> str:
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
