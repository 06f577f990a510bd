"""Create the engine of a connected organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.engine.clients import ClientFactory
from tui.engine.clock import utc_now
from tui.engine.engine import Engine
from tui.engine.sync.leader_lock import LOCK_NAME, LeaderLock
from tui.model.evidence import NightlyWindow
from tui.model.reasons import Notice, SyncWindowReason
from tui.settings import sync_window
from tui.store import Store
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tui.model.contact import Organisation
    from tui.settings import Settings
    from tui.system.paths import Paths


# Xero's spellings (its OpenAPI, v16.1) are Windows names in upper case without these characters.
_IGNORED_CHARS: Final = str.maketrans("", "", " .-")


def zone_named(name: str) -> ZoneInfo:
    """Return a zone by its IANA name. Raises `ZoneInfoNotFoundError`, a `KeyError`, or `ValueError`."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def zone_from_xero(spelling: str) -> ZoneInfo | None:
    """Return the zone for Xero's spelling, such as `NEWZEALANDSTANDARDTIME`; None if unknown.

    Windows zones are regions, IANA zones are places: the result is the region's main place.
    """
    from tzlocal.windows_tz import win_tz

    wanted = spelling.translate(_IGNORED_CHARS).upper()
    for windows, iana in win_tz.items():
        if windows.translate(_IGNORED_CHARS).upper() == wanted:
            return zone_named(iana)
    return None


def open_engine(
    settings: Settings,
    paths: Paths,
    organisation: Organisation,
    *,
    is_read_only: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Engine:
    """Create an organisation's engine, not yet started. Only uses the disk. Raises `ReshelveError`."""
    folder = private_folder(paths.organisation(organisation.tenant_id))
    return Engine(
        organisation,
        Store.open(folder),
        ClientFactory(settings, paths, organisation),
        lock=LeaderLock(folder / LOCK_NAME),
        window=nightly_window(settings, organisation),
        poll_seconds=settings.sync.poll_seconds,
        is_read_only=is_read_only or organisation.is_read_only,
        now=now,
    )


def nightly_window(settings: Settings, organisation: Organisation) -> NightlyWindow:
    """Return the nightly window of Re-Leased's sync with its time zone.

    The zone is from the settings, else the organisation's; this computer's if neither is known.
    """
    start, end, zone = sync_window(settings, organisation.tenant_id)
    if zone:
        return NightlyWindow(start, end, zone_named(zone))
    if not organisation.timezone:
        return NightlyWindow(start, end)
    found = zone_from_xero(organisation.timezone)
    note = None if found else Notice(SyncWindowReason.UNKNOWN_ZONE, {"zone": organisation.timezone})
    return NightlyWindow(start, end, found, note)
