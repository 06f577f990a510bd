"""Create the engine of a connected organisation."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tui.engine.clock import utc_now
from tui.engine.engine import Engine
from tui.engine.leader_lock import LOCK_NAME, LeaderLock
from tui.model.errors import ContactSourceError, OfflineError, ReshelveError
from tui.model.evidence import NightlyWindow, SyncInterval
from tui.model.reasons import ContactSourceReason, Notice, SyncWindowReason, XeroReason
from tui.net.loopback import is_loopback
from tui.settings import sync_window, unified_connection
from tui.store import Store
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tui.model.contact import Organisation
    from tui.re_leased.feed import EvidenceSource
    from tui.re_leased.source import OpenSource
    from tui.settings import Settings
    from tui.system.paths import Paths
    from tui.xero.auth.token_store import TokenStore
    from tui.xero.auth.tokens import TokenSource
    from tui.xero.client import XeroClient


# The default token store is `keychain`.
TOKENS_IN_FILE: Final = "file"


class ClientFactory:
    """Creates the clients for Xero's API and pages, and for a Re-Leased feed if one is set."""

    def __init__(self, settings: Settings, paths: Paths, organisation: Organisation) -> None:
        self._settings = settings
        self._paths = paths
        self._organisation = organisation
        self._xero: XeroClient | None = None
        self._contact_source: OpenSource | None = None
        self.evidence_source: EvidenceSource | None = None

    @property
    def xero(self) -> XeroClient:
        """The client of Xero's API. Raises `OfflineError` before `open`."""
        if self._xero is None:
            raise OfflineError(XeroReason.NOT_READY)
        return self._xero

    @property
    def has_feed(self) -> bool:
        """Whether a feed of Re-Leased's syncs is set."""
        return bool(self._settings.re_leased.feed_url)

    @property
    def has_contact_source(self) -> bool:
        """Whether Re-Leased's own contacts can be read."""
        is_connected = unified_connection(self._settings, self._organisation.tenant_id) is not None
        return is_connected or bool(self._settings.re_leased.source)

    @property
    def re_leased_seconds(self) -> float:
        """Seconds between two reads of Re-Leased's contacts."""
        return self._settings.re_leased.poll_seconds

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the sandbox on this computer."""
        return is_loopback(self._settings.xero.pages_url)

    async def open(self) -> None:
        """Import and create the clients; nothing is requested yet."""
        modules = [
            "tui.xero.client",
            "tui.xero.auth.tokens",
            "tui.xero.auth.token_store",
            "tui.xero.web_urls",
            # What the HTTP client imports with its first request, on the event loop's thread: 20 ms or more.
            "anyio._backends._asyncio",
            "tui.engine.contact_sync",
            "tui.engine.activity_scan",
            "tui.engine.outbox",
        ]
        if self.has_feed:
            modules.append("tui.re_leased.feed")
        for module in modules:
            await asyncio.to_thread(import_module, module)
        from tui.xero.client import XeroClient

        self._xero = XeroClient(
            api_url=self._settings.xero.api_url,
            # A custom connection's token identifies its organisation.
            tenant_id="" if self._organisation.is_custom else self._organisation.tenant_id,
            tokens=token_source(self._settings, self._paths, self._organisation.sign_in),
        )
        if self.has_feed:
            from tui.re_leased.feed import FeedEvidenceSource

            self.evidence_source = FeedEvidenceSource(
                feed_url=self._settings.re_leased.feed_url, tenant_id=self._organisation.tenant_id
            )

    def reload_sign_in(self) -> None:
        """Use the tokens that are stored now, which may have other scopes than those in use."""
        if self._xero is not None:
            self._xero.reload_sign_in()

    async def open_contact_source(self) -> OpenSource:
        """Return the source of Re-Leased's contacts; created once. Raises `ContactSourceError`."""
        if self._contact_source is None:
            self._contact_source = await asyncio.to_thread(
                contact_source, self._settings, self._paths, self._organisation
            )
        return self._contact_source

    async def close(self) -> None:
        """Close the connections."""
        if self._contact_source is not None:
            await self._contact_source.aclose()
        if self._xero is not None:
            await self._xero.aclose()
        if self.evidence_source is not None:
            await self.evidence_source.aclose()

    def contact_url(self, contact_id: str) -> str:
        """Return the link to a contact in Xero. Raises `ReshelveError` while it isn't known."""
        from tui.xero.web_urls import contact_url

        if not self._organisation.short_code:
            raise ReshelveError(XeroReason.LINK_UNKNOWN)
        return contact_url(self._settings.xero.pages_url, self._organisation.short_code, contact_id)

    async def simulate_restore(self, contact_id: str) -> None:
        """Simulate Restore in the sandbox."""
        from tui.xero.web_urls import simulate_restore

        await simulate_restore(self.contact_url(contact_id))


def contact_source(settings: Settings, paths: Paths, organisation: Organisation) -> OpenSource:
    """Create the source of an organisation's contacts in Re-Leased. Blocks. Raises `ContactSourceError`."""
    from tui.model.re_leased import FieldMapping
    from tui.re_leased.source import SourceOptions, load_source
    from tui.re_leased.unified import UnifiedKey, UnifiedSource

    if settings.re_leased.source:
        own = settings.organisations.get(organisation.tenant_id)
        company = "" if own is None else own.re_leased_company_id
        options = SourceOptions(organisation.tenant_id, organisation.name, company or None)
        return load_source(settings.re_leased.source, options)
    connection = unified_connection(settings, organisation.tenant_id)
    if connection is None:
        raise ContactSourceError(ContactSourceReason.NO_CONNECTION_ID)
    return UnifiedSource(
        base_url=connection.url,
        connection_id=connection.connection_id,
        api_key=UnifiedKey(paths.data).load,
        company_id=connection.company_id or None,
        mapping=FieldMapping(connection.archived_field, connection.archived_values, connection.xero_id_field),
    )


def token_store(settings: Settings, paths: Paths, sign_in: str) -> TokenStore:
    """Return the token store of a sign-in: the keychain, or a file if the user chose that."""
    from tui.xero.auth.token_store import FileTokenStore

    if settings.xero.token_store == TOKENS_IN_FILE:
        return FileTokenStore(paths.token_file(sign_in))
    from tui.xero.auth.token_store import KeychainTokenStore

    return KeychainTokenStore(paths.data, sign_in)


def token_source(settings: Settings, paths: Paths, sign_in: str) -> TokenSource:
    """Return the source of access tokens, shared by all running copies of Reshelve."""
    from tui.xero.auth.tokens import TokenSource

    return TokenSource(
        token_store(settings, paths, sign_in),
        paths.token_file(sign_in).with_suffix(".lock"),
        identity_url=settings.xero.identity_url,
    )


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
    others: Callable[[], Sequence[Organisation]] = tuple,
) -> Engine:
    """Create an organisation's engine, not yet started. Only uses the disk. Raises `ReshelveError`.

    `others` returns the other organisations that the user has connected.
    """
    folder = private_folder(paths.organisation(organisation.tenant_id))
    return Engine(
        organisation,
        Store.open(folder),
        ClientFactory(settings, paths, organisation),
        lock=LeaderLock(folder / LOCK_NAME),
        window=sync_schedule(settings, organisation),
        poll_seconds=settings.sync.poll_seconds,
        is_read_only=is_read_only or organisation.is_read_only,
        now=now,
        others=lambda: [(other.name, paths.organisation(other.tenant_id)) for other in others()],
    )


def sync_schedule(settings: Settings, organisation: Organisation) -> NightlyWindow | SyncInterval:
    """Return when Re-Leased syncs: around the clock, if the settings say so, else at night."""
    seconds = settings.re_leased.sync_seconds
    return SyncInterval(timedelta(seconds=seconds)) if seconds else nightly_window(settings, organisation)


def nightly_window(settings: Settings, organisation: Organisation) -> NightlyWindow:
    """Return the nightly window of Re-Leased's sync with its time zone.

    The zone is from the settings, else the organisation's; this computer's if neither is known.
    """
    start, end, zone = sync_window(settings, organisation.tenant_id)
    if zone:
        return NightlyWindow(start, end, zone_named(zone), is_zone_chosen=True)
    if not organisation.timezone:
        return NightlyWindow(start, end)
    found = zone_from_xero(organisation.timezone)
    note = None if found else Notice(SyncWindowReason.UNKNOWN_ZONE, {"zone": organisation.timezone})
    return NightlyWindow(start, end, found, note)
