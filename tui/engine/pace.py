"""How often to look for news without using up the calls that the person may need."""

from __future__ import annotations

_SLOWEST = 600.0
_SPENDABLE = 0.8
_SECONDS_A_DAY = 86_400


def pull_interval(wanted: float, day_calls_left: int | None) -> float:
    """Return the seconds until the next look for news.

    As often as wanted, but never more often than four fifths of the calls left would last for a whole day:
    the rest is kept for the person. When Xero's day ends is told differently everywhere, so a whole day is
    the careful guess.
    """
    if day_calls_left is None:
        return wanted
    spendable = day_calls_left * _SPENDABLE
    if spendable < 1:
        return _SLOWEST
    return min(max(wanted, _SECONDS_A_DAY / spendable), _SLOWEST)
