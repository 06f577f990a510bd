"""Formats of numbers, amounts, times and durations: one each, for screens and commands.

Nothing here reads a clock: the caller passes the time. No other module formats these for people:
`tests/test_formats.py` checks.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, tzinfo
    from decimal import Decimal

#: Shown where there is no value.
NO_VALUE: Final = "—"

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
# Until so little time is left, a countdown that shows seconds distracts and repaints for nothing.
_SECONDS_SHOWN: Final = 10 * _MINUTE
_DAY: Final = timedelta(days=1)
# Below this number of hours, durations are in minutes; below this number of days, in hours.
_FEW: Final = 2


def format_number(count: int) -> str:
    """Format a number with thousands separators: `1,402`."""
    return f"{count:,}"


def pluralize(count: int, one: str, many: str = "") -> str:
    """Format a number with its noun: `1 contact`, `1,402 contacts`."""
    return f"{format_number(count)} {one if count == 1 else many or one + 's'}"


def enumerate_words(words: Sequence[str]) -> str:
    """Join words as in a sentence: `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def money(cents: int | None) -> str:
    """Format an amount in hundredths as `1,234.50`; None and zero are `—`, so that amounts stand out."""
    if not cents:
        return NO_VALUE
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}.{part:02}"


def amount(value: Decimal) -> str:
    """Format an amount as `1,234.50`, and zero as `0.00`, where `—` means that nothing is known."""
    return f"{value:,.2f}"


def format_size(count: int) -> str:
    """Format the size of a file or disk: `812 B`, `4 kB`, `2.1 MB`, `3.4 GB`."""
    thousand = 1_000
    if count < thousand:
        return f"{count} B"
    if count < thousand**2:
        return f"{count // thousand:,} kB"
    return f"{count / thousand**2:,.1f} MB" if count < thousand**3 else f"{count / thousand**3:,.1f} GB"


def duration(length: timedelta) -> str:
    """Format a duration in its largest unit: `5 minutes`, `3 hours`, `4 days`."""
    minutes = round(length / timedelta(minutes=1))
    hours, days = round(minutes / 60), round(minutes / 1440)
    if minutes < _FEW * _MINUTE:
        return pluralize(minutes, "minute")
    return pluralize(hours, "hour") if hours < _FEW * 24 else pluralize(days, "day")


def day(moment: date) -> str:
    """Format a date: `29 Nov 2026`."""
    return f"{moment.day} {moment:%b %Y}"


def date_and_time(moment: datetime) -> str:
    """Format a time as local date and time: `29 Nov 2026 18:45`."""
    local = moment.astimezone()
    return f"{day(local)} {clock_time(local)}"


def typed_date_and_time(moment: datetime) -> str:
    """Format a time as the fields for a date accept it: `2026-11-29 18:45`, in local time."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def file_date(moment: datetime) -> str:
    """Format a date for the name of a file, so that names sort by it: `2026-11-29`."""
    return f"{moment:%Y-%m-%d}"


def iso_month(year: int, month: int) -> str:
    """Format a month for other programs: `2026-11`."""
    return f"{year}-{month:02}"


def utc_time(moment: datetime | None) -> str:
    """Format a time for the support report, whose reader may be anywhere: `2026-11-29 17:45:00Z`."""
    return "unknown" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def clock_time(moment: datetime, zone: tzinfo | None = None) -> str:
    """Format a time as hours and minutes in the given zone: `18:45`. None is the local time zone."""
    return f"{moment.astimezone(zone):%H:%M}"


def time_of_day(moment: datetime) -> str:
    """Format a time as local hours, minutes and seconds."""
    return f"{moment.astimezone():%H:%M:%S}"


def short_time(moment: datetime, today: datetime, zone: tzinfo | None = None) -> str:
    """Format a time in the given zone, with the day unless it is less than 24 hours away.

    None is the local time zone.
    """
    if abs(today - moment) < _DAY:
        return clock_time(moment, zone)
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b} {clock_time(moment, zone)}"


def short_day(moment: datetime, now: datetime) -> str:
    """Format a date in the time zone of `now`: `23 Nov`, or `Nov 2023` if not in the current year."""
    local = moment.astimezone(now.tzinfo)
    return f"{local.day} {local:%b}" if local.year == now.year else f"{local:%b %Y}"


def time_or_short_day(moment: datetime, now: datetime) -> str:
    """Format a time in the time zone of `now`: the time if it is today, otherwise the day."""
    is_today = moment.astimezone(now.tzinfo).date() == now.date()
    return clock_time(moment, now.tzinfo) if is_today else short_day(moment, now)


def short_day_and_time(moment: datetime, now: datetime) -> str:
    """Format a time in the time zone of `now`: `23 Nov 02:14`, with the year if it isn't the current one."""
    local = moment.astimezone(now.tzinfo)
    date = short_day(moment, now) if local.year == now.year else day(local)
    return f"{date} {clock_time(moment, now.tzinfo)}"


def countdown(until: datetime, at: datetime) -> str:
    """Format the time left as `0:32`, `4:05`, `47 min` or `17 h 19 min`; `0:00` once it has passed."""
    seconds = max(0, round((until - at).total_seconds()))
    if seconds < _SECONDS_SHOWN:
        return f"{seconds // _MINUTE}:{seconds % _MINUTE:02}"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02} min"


def counts_seconds(moment: datetime, at: datetime) -> bool:
    """Whether `countdown` to or from a moment shows seconds, or soon will."""
    return abs(moment - at).total_seconds() < _SECONDS_SHOWN + _MINUTE


def ago(moment: datetime, at: datetime) -> str:
    """Format how long ago a time was."""
    seconds = max(0, int((at - moment).total_seconds()))
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    days, rest = divmod(seconds, 24 * _HOUR)
    if not days:
        return f"{rest // _HOUR} h ago"
    return "yesterday" if days == 1 else f"{days} days ago"
