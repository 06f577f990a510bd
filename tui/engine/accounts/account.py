"""All sign-ins of this installation, and the organisations they open."""

from __future__ import annotations

import asyncio
import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from msgspec.structs import replace

from tui.engine.accounts.connection_list import ConnectionList, read_known, write_known
from tui.engine.clients import FILE, token_source, token_store
from tui.engine.clock import utc_now
from tui.engine.engine_factory import nightly_window, open_engine
from tui.engine.re_leased_monitor import told_watch
from tui.model.account import Account, OrganisationSummary
from tui.model.errors import (
    KeychainError,
    NoKeychainError,
    ReadOnly,
    ReadOnlyError,
    ReconnectError,
    StoreError,
)
from tui.model.evidence import settled_up_to
from tui.net.loopback import is_loopback
from tui.settings import set_value
from tui.store.read_only_summary import peek

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from tui.engine.engine import Engine
    from tui.model.account import ConnectRequest, SignIn
    from tui.model.contact import Organisation
    from tui.model.user_reports import CompanyStatus
    from tui.settings import Settings
    from tui.system.paths import Paths
    from tui.xero.auth.tokens import Tokens

_T = TypeVar("_T")

__all__ = ["FILE", "XeroAccount", "account"]


class XeroAccount(Account):
    """Implements `model.account.Account` on the files of one installation.

    `is_read_only` opens every organisation without leave to change anything, and ends no sign-in.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        *,
        is_read_only: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._is_read_only = is_read_only
        self._now = now
        self.on_keychain_wait: Callable[[bool], None] = lambda _: None
        self._known = read_known(paths.organisations_file)
        # Weakly: whoever opened an engine also ends it.
        self._engines: WeakValueDictionary[str, Engine] = WeakValueDictionary()

    @property
    def is_practice(self) -> bool:
        """Whether Xero is a practice one on this machine."""
        return is_loopback(self._settings.xero.pages_url)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed in any organisation, nor a sign-in be ended."""
        return self._is_read_only

    @property
    def client_id(self) -> str:
        """The client id in the settings, else the one used last."""
        sign_ins = self._known.sign_ins
        return self._settings.xero.client_id or (sign_ins[-1] if sign_ins else "")

    @property
    def redirect_uri(self) -> str:
        """The address that the person registers with their Xero app."""
        return f"http://localhost:{self._settings.xero.callback_port}/callback"

    @property
    def last_opened(self) -> Organisation | None:
        """The organisation that was open last, or the first; None when nothing is connected."""
        organisations = self._known.organisations
        for one in organisations:
            if one.tenant_id == self._known.last:
                return one
        return organisations[0] if organisations else None

    @property
    def connected(self) -> Sequence[Organisation]:
        """Every connected organisation; nothing is read for it."""
        return self._known.organisations

    def organisations(self) -> Sequence[OrganisationSummary]:
        """Return every connected organisation; nothing is read for it, and only open ones are counted."""
        return [self._listed(one) for one in self._known.organisations]

    async def count(self) -> Sequence[OrganisationSummary]:
        """Return the same with what each store says of its changes, read beside the event loop."""
        known, now = self.organisations(), self._xero_now()
        return await asyncio.to_thread(lambda: [self._counted(one, now) for one in known])

    async def refresh(self) -> Sequence[OrganisationSummary]:
        """Ask Xero which organisations each sign-in opens now."""
        for sign_in in self._known.sign_ins:
            await self._look(sign_in)
        return self.organisations()

    async def keychain(self) -> str:
        """Return the name of the system's keychain, empty where there is none."""
        keychain = await asyncio.to_thread(import_module, "tui.xero.auth.keychain")
        return await self._patiently(lambda: asyncio.to_thread(keychain.keychain_name))

    async def sign_in(self, request: ConnectRequest) -> SignIn:
        """Begin to sign in."""
        kept_in = await self._agree_on_store(request)
        signing = await asyncio.to_thread(import_module, "tui.engine.accounts.sign_in")
        attempt: SignIn = await signing.begin(self._settings, request, kept_in, self._keep)
        return attempt

    async def adopt(self, refresh_token: str, client_id: str) -> Sequence[Organisation]:
        """Take over a sign-in that was made elsewhere, as the practice Xero hands one out.

        Xero replaces the token at its first use, so that it is kept before it has been proved.
        """
        from tui.xero.auth.tokens import Tokens  # noqa: PLC0415 - after the first paint

        source = token_source(self._settings, self._paths, client_id)
        await self._patiently(lambda: source.keep(Tokens.of_refresh_token(refresh_token, client_id)))
        organisations = await self._list(client_id, is_custom=False, is_read_only=False)
        self._remember(self._known.with_sign_in(client_id, organisations))
        return organisations

    async def disconnect(self, sign_in: str) -> None:
        """End a sign-in: revoke it at Xero and forget its tokens. Local copies and journals stay."""
        if self._is_read_only:
            raise ReadOnlyError(ReadOnly.OPTION)
        try:
            await self._patiently(token_source(self._settings, self._paths, sign_in).revoke)
        except ReconnectError:
            # There was nothing left to revoke.
            store = token_store(self._settings, self._paths, sign_in)
            await self._patiently(lambda: asyncio.to_thread(store.delete))
        self._remember(self._known.without_sign_in(sign_in))

    def open(self, organisation: Organisation) -> Engine:
        """Return the organisation's engine, not yet running."""
        engine = open_engine(
            self._settings, self._paths, organisation, is_read_only=self._is_read_only, now=self._now
        )
        self._engines[organisation.tenant_id] = engine
        return engine

    def opened(self, organisation: Organisation) -> None:
        """Remember which organisation was open last."""
        if self._known.last != organisation.tenant_id:
            self._remember(replace(self._known, last=organisation.tenant_id))

    async def _agree_on_store(self, request: ConnectRequest) -> str:
        """Return where tokens will be kept, in words; a file only if a person said so."""
        if self._settings.xero.token_store != FILE:
            name = await self.keychain()
            if name:
                return name
            if not request.allow_file:
                raise NoKeychainError(
                    "This system has no keychain to keep the sign-in in.",
                    "It can be kept in a file that only you can read.",
                )
            await asyncio.to_thread(set_value, self._paths.settings_file, "xero.token_store", FILE)
            xero = dataclasses.replace(self._settings.xero, token_store=FILE)
            self._settings = dataclasses.replace(self._settings, xero=xero)
        return str(self._paths.token_file(request.client_id))

    async def _patiently(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Retry while the keychain waits for the user, and report the wait."""
        is_told = False
        try:
            while True:
                try:
                    return await ask()
                except KeychainError as error:
                    if not error.is_waiting:
                        raise
                if not is_told:
                    self.on_keychain_wait(True)  # noqa: FBT003 - its only argument
                    is_told = True
        finally:
            if is_told:
                self.on_keychain_wait(False)  # noqa: FBT003 - as above

    async def _keep(self, tokens: Tokens, *, is_custom: bool) -> tuple[Organisation, ...]:
        """Ask which organisations new tokens open, and keep both; the old sign-in stays if that fails."""
        from tui.engine.accounts.sign_in import InMemoryTokenStore  # noqa: PLC0415 - only this needs it
        from tui.xero.auth.tokens import TokenSource  # noqa: PLC0415 - as above
        from tui.xero.connections import list_organisations  # noqa: PLC0415 - as above

        lock = self._paths.token_file(tokens.client_id).with_suffix(".lock")
        unproved = InMemoryTokenStore(tokens)
        source = TokenSource(unproved, lock, identity_url=self._settings.xero.identity_url)
        organisations = await list_organisations(
            api_url=self._settings.xero.api_url,
            tokens=source,
            sign_in=tokens.client_id,
            is_custom=is_custom,
            is_read_only=not tokens.can_write,
        )
        kept = token_source(self._settings, self._paths, tokens.client_id)
        await self._patiently(lambda: kept.keep(unproved.load()))
        self._remember(self._known.with_sign_in(tokens.client_id, organisations))
        return self._known.of(tokens.client_id)

    async def _list(self, sign_in: str, *, is_custom: bool, is_read_only: bool) -> Sequence[Organisation]:
        from tui.xero.connections import list_organisations  # noqa: PLC0415 - only this needs it

        return await list_organisations(
            api_url=self._settings.xero.api_url,
            tokens=token_source(self._settings, self._paths, sign_in),
            sign_in=sign_in,
            is_custom=is_custom,
            is_read_only=is_read_only,
        )

    async def _look(self, sign_in: str) -> None:
        from tui.xero.connections import connected_tenants  # noqa: PLC0415 - only this needs it

        connected = await connected_tenants(
            api_url=self._settings.xero.api_url, tokens=token_source(self._settings, self._paths, sign_in)
        )
        mine = self._known.of(sign_in)
        if not mine:
            # Disconnected while Xero was asked.
            return
        known = {one.tenant_id for one in mine}
        if not connected and mine[0].is_custom:
            # Nothing says that Xero lists custom connections there: their own calls tell whether they work.
            return
        if connected - known or any(not one.short_code for one in mine if one.tenant_id in connected):
            first = mine[0]
            listed = await self._list(sign_in, is_custom=first.is_custom, is_read_only=first.is_read_only)
            mine = self._known.of(sign_in)
            if not mine:
                # Disconnected while they were described.
                return
            # What has gone stays in sight: its journal may hold something unfinished.
            mine = (*listed, *(one for one in mine if one.tenant_id not in connected))
        gone = {one.tenant_id for one in mine} - connected
        self._remember(
            replace(
                self._known.with_sign_in(sign_in, mine),
                gone=(self._known.gone | gone) - connected,
            )
        )

    def _listed(self, organisation: Organisation) -> OrganisationSummary:
        tenant_id = organisation.tenant_id
        is_gone = tenant_id in self._known.gone
        engine = self._engines.get(tenant_id)
        pane = engine.snapshot.summary if engine is not None and not engine.is_stopped else None
        if pane is not None:
            unfinished = pane.working_total + pane.manual_restore_total
            return OrganisationSummary(organisation, pane.pending_total, unfinished, is_gone)
        return OrganisationSummary(organisation, is_gone=is_gone, is_counted=False)

    def _counted(self, listed: OrganisationSummary, now: datetime) -> OrganisationSummary:
        if listed.is_counted:
            return listed
        organisation = listed.organisation
        glance = peek(
            self._paths.organisation(organisation.tenant_id),
            lambda company: self._settled_up_to(organisation, company, now),
        )
        if glance is None:
            return replace(listed, is_counted=True)
        return replace(listed, pending=glance.waiting, unfinished=glance.unfinished, is_counted=True)

    def _settled_up_to(
        self, organisation: Organisation, company: CompanyStatus, now: datetime
    ) -> datetime | None:
        if self._settings.re_leased.feed_url:
            # What a feed has told is kept with the changes.
            return None
        watch = told_watch(nightly_window(self._settings, organisation), company)
        return settled_up_to(watch, now)

    def _xero_now(self) -> datetime:
        """Return Xero's time as an engine at work knows it, else this machine's."""
        working = (engine.now() for engine in self._engines.values() if not engine.is_stopped)
        return min(working, default=self._now())

    def _remember(self, known: ConnectionList) -> None:
        self._known = known
        try:
            write_known(self._paths.organisations_file, known)
        except OSError as error:
            raise StoreError(
                f"{self._paths.organisations_file} can't be written: {error.strerror}.",
                "Nothing else has changed. Mend that, then try again.",
            ) from error


def account(settings: Settings, paths: Paths) -> XeroAccount:
    """Return the sign-ins of an installation."""
    return XeroAccount(settings, paths)
