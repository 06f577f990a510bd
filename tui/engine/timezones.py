"""The time zone of an organisation, from Xero's spelling of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# Xero's spellings (its OpenAPI, v16.1) are Windows' names in upper case without these.
_IGNORED_CHARS: Final = str.maketrans("", "", " .-")


def zone_named(name: str) -> ZoneInfo:
    """Return a zone by its IANA name. Raises `ZoneInfoNotFoundError`, a `KeyError`, or `ValueError`."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def zone_from_xero(spelling: str) -> ZoneInfo | None:
    """Return the zone that Xero spells so, such as `NEWZEALANDSTANDARDTIME`; None for an unknown spelling.

    Windows names regions where IANA names places, so that it is the zone of the region's chief place.
    """
    from tzlocal.windows_tz import win_tz

    wanted = spelling.translate(_IGNORED_CHARS).upper()
    for windows, iana in win_tz.items():
        if windows.translate(_IGNORED_CHARS).upper() == wanted:
            return zone_named(iana)
    return None
