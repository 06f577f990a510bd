"""All sign-ins of this installation and their organisations."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tui.engine.clock import utc_now
from tui.engine.engine_factory import TOKENS_IN_FILE, nightly_window, open_engine, token_source, token_store
from tui.engine.re_leased_monitor import knowledge_without_feed
from tui.model.account import Account, OrganisationSummary
from tui.model.contact import Organisation  # noqa: TC001 - msgspec reads the annotations that name it
from tui.model.errors import KeychainError, NoKeychainError, ReadOnlyError, ReconnectError, StoreError
from tui.model.evidence import presumed_synced_until
from tui.model.reasons import ReadOnlyReason, SignInReason
from tui.net.lenient_json import decoder
from tui.net.loopback import is_loopback
from tui.settings import set_value
from tui.store.read_only_summary import read_summary
from tui.system.paths import is_tenant_id, write_atomically

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from tui.engine.engine import Engine
    from tui.engine.saved_data import SavedData
    from tui.model.account import ConnectRequest, SignIn
    from tui.model.evidence import CompanyStatus, SyncKnowledge
    from tui.model.invoice_check import OrganisationFindings
    from tui.model.organisation_search import OrganisationMatches
    from tui.model.query import Query
    from tui.settings import Settings
    from tui.system.paths import Paths
    from tui.xero.auth.token_store import Tokens

__all__ = ["TOKENS_IN_FILE"]


class ConnectionList(Struct, frozen=True):
    """The organisations in Xero's order, the removed ones, and the last opened."""

    organisations: tuple[Organisation, ...]
    gone: frozenset[str] = frozenset()
    last: str = ""

    def of(self, sign_in: str) -> tuple[Organisation, ...]:
        """Return the organisations of one sign-in."""
        return tuple(organisation for organisation in self.organisations if organisation.sign_in == sign_in)

    @property
    def sign_ins(self) -> tuple[str, ...]:
        """The sign-ins, in the order of their organisations."""
        return tuple(dict.fromkeys(organisation.sign_in for organisation in self.organisations))

    def with_sign_in(self, sign_in: str, organisations: Iterable[Organisation]) -> ConnectionList:
        """Replace the organisations of a sign-in.

        An organisation of another sign-in moves to the newer one. If one couldn't be read this time (it has
        no short code), its known details are kept.
        """
        before = {organisation.tenant_id: organisation for organisation in self.organisations}
        newer = tuple(
            _with_known_details(organisation, before.get(organisation.tenant_id))
            for organisation in organisations
        )
        tenants = {organisation.tenant_id for organisation in newer}
        kept = (
            organisation
            for organisation in self.organisations
            if organisation.sign_in != sign_in and organisation.tenant_id not in tenants
        )
        return replace(self, organisations=(*kept, *newer), gone=self.gone - tenants)

    def without_sign_in(self, sign_in: str) -> ConnectionList:
        """Remove a sign-in with all its organisations."""
        return self.with_sign_in(sign_in, ())


def _with_known_details(new: Organisation, old: Organisation | None) -> Organisation:
    if new.short_code or old is None:
        return new
    return replace(
        new,
        short_code=old.short_code,
        timezone=old.timezone,
        is_demo=old.is_demo,
        base_currency=old.base_currency,
    )


def load_connections(file: Path) -> ConnectionList:
    """Load the list; empty if there is no file yet.

    Raises `StoreError` for an unreadable file, and for a damaged one, which is moved aside: the next start
    continues without it, and it is never overwritten.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return ConnectionList(())
    except OSError as error:
        problem = error.strerror or str(error)
        raise StoreError(SignInReason.LIST_NOT_READ, file=str(file), problem=problem) from error
    found = decode_connections(content)
    if found is None:
        raise _quarantine(file)
    return found


def decode_connections(content: bytes) -> ConnectionList | None:
    """Return the list from its file's content; None if it is damaged."""
    try:
        found: ConnectionList = decoder(ConnectionList).decode(content)
    # RecursionError: deeply nested brackets.
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # An organisation without a valid ID has no folder.
    return replace(
        found,
        organisations=tuple(
            organisation for organisation in found.organisations if is_tenant_id(organisation.tenant_id)
        ),
    )


def _quarantine(file: Path) -> StoreError:
    aside = file.with_name(f"damaged-{file.name}")
    try:
        file.replace(aside)
    except OSError as error:
        problem = error.strerror or str(error)
        return StoreError(SignInReason.LIST_DAMAGED_IN_PLACE, file=str(file), problem=problem)
    return StoreError(SignInReason.LIST_DAMAGED, file=str(aside))


def save_connections(file: Path, connections: ConnectionList) -> None:
    """Save the list atomically. Raises `OSError`."""
    written = msgspec.json.encode(connections, order="deterministic")
    write_atomically(file, msgspec.json.format(written, indent=1))


_T = TypeVar("_T")


class XeroAccount(Account):
    """Implements `model.account.Account` on the files of one installation.

    `is_read_only` opens every organisation in read-only mode and disallows disconnecting.
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
        self._connections = load_connections(paths.organisations_file)
        # Weak references: the caller that opens an engine also stops it.
        self._engines: WeakValueDictionary[str, Engine] = WeakValueDictionary()

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the sandbox on this computer."""
        return is_loopback(self._settings.xero.pages_url)

    @property
    def is_read_only(self) -> bool:
        """Whether changes and disconnecting are disallowed."""
        return self._is_read_only

    @property
    def client_id(self) -> str:
        """The client ID from the settings, or the one used last."""
        sign_ins = self._connections.sign_ins
        return self._settings.xero.client_id or (sign_ins[-1] if sign_ins else "")

    @property
    def redirect_uri(self) -> str:
        """The redirect URI that the user registers with their Xero app."""
        return f"http://localhost:{self._settings.xero.callback_port}/callback"

    @property
    def last_opened(self) -> Organisation | None:
        """The last opened organisation, or the first; None if none is connected."""
        organisations = self._connections.organisations
        for organisation in organisations:
            if organisation.tenant_id == self._connections.last:
                return organisation
        return organisations[0] if organisations else None

    @property
    def connected(self) -> Sequence[Organisation]:
        """Every connected organisation; needs no I/O."""
        return self._connections.organisations

    def organisations(self) -> Sequence[OrganisationSummary]:
        """Return every connected organisation without I/O; only open ones have counts."""
        return [self._summary_of(organisation) for organisation in self._connections.organisations]

    async def organisations_with_counts(self) -> Sequence[OrganisationSummary]:
        """Return every connected organisation with counts from its store, read in a thread."""
        known, now = self.organisations(), self._xero_now()
        return await asyncio.to_thread(
            lambda: [self._with_counts(organisation, now) for organisation in known]
        )

    async def find_everywhere(self, query: Query, most: int) -> Sequence[OrganisationMatches]:
        """Search the local database of every connected organisation, in a thread."""
        organisations, now, cancelled = self._connections.organisations, self._xero_now(), threading.Event()
        try:
            return await asyncio.to_thread(
                self._find_everywhere, organisations, query, most, now, cancelled.is_set
            )
        finally:
            cancelled.set()

    def _find_everywhere(
        self,
        organisations: Sequence[Organisation],
        query: Query,
        most: int,
        now: datetime,
        is_cancelled: Callable[[], bool],
    ) -> Sequence[OrganisationMatches]:
        # Not needed before the first search in all organisations.
        from tui.model.organisation_search import OrganisationMatches
        from tui.store.read_only_search import SearchMoment, find_contacts

        found = []
        for organisation in organisations:
            if is_cancelled():
                break
            moment = SearchMoment(now, partial(self._knowledge_of, organisation))
            folder = self._paths.organisation(organisation.tenant_id)
            matches = find_contacts(folder, query, most, moment, is_cancelled=is_cancelled)
            found.append(OrganisationMatches(organisation, matches))
        return found

    async def check_invoice(self, text: str, most: int) -> Sequence[OrganisationFindings]:
        """Look in the local database of every connected organisation, in a thread."""
        organisations, now, cancelled = self._connections.organisations, self._xero_now(), threading.Event()
        try:
            return await asyncio.to_thread(
                self._check_invoice, organisations, text, most, now, cancelled.is_set
            )
        finally:
            cancelled.set()

    def _check_invoice(
        self,
        organisations: Sequence[Organisation],
        text: str,
        most: int,
        now: datetime,
        is_cancelled: Callable[[], bool],
    ) -> Sequence[OrganisationFindings]:
        from tui.model.invoice_check import OrganisationFindings
        from tui.model.query import Tab
        from tui.model.query_parser import parse_message
        from tui.store.read_only_search import SearchMoment, explain_contacts
        from tui.system.approved_drafts import read_approved

        query, found = parse_message(Tab.ALL, text), []
        if query.is_everything:
            most = 0
        for organisation in organisations:
            if is_cancelled():
                break
            moment = SearchMoment(now, partial(self._knowledge_of, organisation))
            folder = self._paths.organisation(organisation.tenant_id)
            matches, contacts = explain_contacts(folder, query, most, moment, is_cancelled=is_cancelled)
            approved = read_approved(self._paths.approved_drafts(organisation.tenant_id)) if contacts else {}
            shown = tuple(replace(each, approved_at=approved.get(each.contact_id)) for each in contacts)
            found.append(OrganisationFindings(organisation, matches.state, shown, matches.total))
        return found

    async def record_approved(self, organisation: Organisation, contact_id: str, *, on: bool) -> None:
        """Save it beside the organisation's database."""
        from tui.system.approved_drafts import save_approved

        file = self._paths.approved_drafts(organisation.tenant_id)
        try:
            await asyncio.to_thread(save_approved, file, contact_id, self._xero_now() if on else None)
        except OSError as error:
            raise StoreError(
                SignInReason.LIST_NOT_SAVED, file=str(file), problem=error.strerror or str(error)
            ) from error

    def _knowledge_of(self, organisation: Organisation, company: CompanyStatus) -> SyncKnowledge:
        """Return what is known of an organisation's syncs without its feed, which only its engine reads."""
        window = None if self._settings.re_leased.feed_url else nightly_window(self._settings, organisation)
        return knowledge_without_feed(window, company)

    async def refresh(self) -> Sequence[OrganisationSummary]:
        """Update the list of organisations of each sign-in from Xero."""
        for sign_in in self._connections.sign_ins:
            await self._refresh_sign_in(sign_in)
        return self.organisations()

    async def keychain_name(self) -> str:
        """Return the name of the system's keychain, empty if there is none."""
        keychain = await asyncio.to_thread(import_module, "tui.system.keychain")
        return await self._wait_for_keychain(lambda: asyncio.to_thread(keychain.keychain_name))

    async def sign_in(self, request: ConnectRequest) -> SignIn:
        """Start signing in."""
        token_location = await self._choose_token_store(request)
        sign_in_module = await asyncio.to_thread(import_module, "tui.engine.sign_in")
        attempt: SignIn = await sign_in_module.begin(
            self._settings, request, token_location, self._persist_tokens
        )
        return attempt

    async def import_refresh_token(self, refresh_token: str, client_id: str) -> Sequence[Organisation]:
        """Import a sign-in made elsewhere, such as the one provided by the sandbox.

        Xero replaces the token on first use, so it is saved before it is verified.
        """
        from tui.xero.auth.token_store import Tokens

        source = token_source(self._settings, self._paths, client_id)
        await self._wait_for_keychain(
            lambda: source.replace_tokens(Tokens.from_refresh_token(refresh_token, client_id))
        )
        organisations = await self._list_organisations(client_id, is_custom=False, is_read_only=False)
        self._save_connections(self._connections.with_sign_in(client_id, organisations))
        return organisations

    async def disconnect(self, sign_in: str) -> None:
        """End a sign-in: revoke it at Xero and delete its tokens. Saved contacts and change logs stay."""
        if self._is_read_only:
            raise ReadOnlyError(ReadOnlyReason.OPTION)
        try:
            await self._wait_for_keychain(token_source(self._settings, self._paths, sign_in).revoke)
        except ReconnectError:
            # Nothing to revoke.
            store = token_store(self._settings, self._paths, sign_in)
            await self._wait_for_keychain(lambda: asyncio.to_thread(store.delete))
        for engine in self._engines_of(self._connections.of(sign_in)):
            engine.disconnected()
        self._save_connections(self._connections.without_sign_in(sign_in))

    def open(self, organisation: Organisation) -> Engine:
        """Return the organisation's engine, not yet started."""
        engine = open_engine(
            self._settings,
            self._paths,
            organisation,
            is_read_only=self._is_read_only,
            now=self._now,
            others=lambda: self._others_than(organisation),
        )
        self._engines[organisation.tenant_id] = engine
        return engine

    def saved_data(self, organisation: Organisation) -> AbstractContextManager[SavedData]:
        """Open an organisation's local database without its engine. Entering it raises `StoreError`."""
        # Only commands need it.
        from tui.engine.saved_data import open_saved_data

        return open_saved_data(self._settings, self._paths, organisation, now=self._now)

    def _others_than(self, organisation: Organisation) -> Sequence[Organisation]:
        """Return the other organisations that are still connected."""
        known = self._connections
        return [
            other
            for other in known.organisations
            if other.tenant_id != organisation.tenant_id and other.tenant_id not in known.gone
        ]

    def record_opened(self, organisation: Organisation) -> None:
        """Save which organisation was opened last."""
        if self._connections.last != organisation.tenant_id:
            self._save_connections(replace(self._connections, last=organisation.tenant_id))

    async def _choose_token_store(self, request: ConnectRequest) -> str:
        """Return a description of where tokens will be stored; a file only if the user agreed."""
        if self._settings.xero.token_store != TOKENS_IN_FILE:
            name = await self.keychain_name()
            if name:
                return name
            if not request.allow_file:
                raise NoKeychainError(SignInReason.NO_KEYCHAIN)
            await asyncio.to_thread(set_value, self._paths.settings_file, "xero.token_store", TOKENS_IN_FILE)
            xero = dataclasses.replace(self._settings.xero, token_store=TOKENS_IN_FILE)
            self._settings = dataclasses.replace(self._settings, xero=xero)
        return str(self._paths.token_file(request.client_id))

    async def _wait_for_keychain(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Retry while the keychain waits for the user, and report the wait."""
        is_reported = False
        try:
            while True:
                try:
                    return await ask()
                except KeychainError as error:
                    if not error.is_waiting:
                        raise
                if not is_reported:
                    self.on_keychain_wait(True)  # noqa: FBT003 - its only argument
                    is_reported = True
        finally:
            if is_reported:
                self.on_keychain_wait(False)  # noqa: FBT003 - as above

    async def _persist_tokens(self, tokens: Tokens, *, is_custom: bool) -> tuple[Organisation, ...]:
        """Fetch the organisations of new tokens and save both; if that fails, the old sign-in stays."""
        from tui.engine.sign_in import InMemoryTokenStore
        from tui.xero.auth.tokens import TokenSource
        from tui.xero.connections import list_organisations

        lock = self._paths.token_file(tokens.client_id).with_suffix(".lock")
        memory_store = InMemoryTokenStore(tokens)
        source = TokenSource(memory_store, lock, identity_url=self._settings.xero.identity_url)
        organisations = await list_organisations(
            api_url=self._settings.xero.api_url,
            tokens=source,
            sign_in=tokens.client_id,
            is_custom=is_custom,
            is_read_only=not tokens.can_write,
        )
        kept = token_source(self._settings, self._paths, tokens.client_id)
        await self._wait_for_keychain(lambda: kept.replace_tokens(memory_store.load()))
        self._save_connections(self._connections.with_sign_in(tokens.client_id, organisations))
        return self._connections.of(tokens.client_id)

    async def _list_organisations(
        self, sign_in: str, *, is_custom: bool, is_read_only: bool
    ) -> Sequence[Organisation]:
        from tui.xero.connections import list_organisations

        return await list_organisations(
            api_url=self._settings.xero.api_url,
            tokens=token_source(self._settings, self._paths, sign_in),
            sign_in=sign_in,
            is_custom=is_custom,
            is_read_only=is_read_only,
        )

    async def _refresh_sign_in(self, sign_in: str) -> None:
        from tui.xero.connections import connected_tenants

        connected = await connected_tenants(
            api_url=self._settings.xero.api_url, tokens=token_source(self._settings, self._paths, sign_in)
        )
        current = self._connections.of(sign_in)
        if not current:
            # Disconnected during the request.
            return
        known = {organisation.tenant_id for organisation in current}
        if not connected and current[0].is_custom:
            # Xero may not list custom connections; their own requests show whether they work.
            return
        if connected - known or any(
            # An older Reshelve didn't store the currency.
            not (organisation.short_code and organisation.base_currency)
            for organisation in current
            if organisation.tenant_id in connected
        ):
            first = current[0]
            listed = await self._list_organisations(
                sign_in, is_custom=first.is_custom, is_read_only=first.is_read_only
            )
            current = self._connections.of(sign_in)
            if not current:
                # Disconnected during the request.
                return
            # Removed organisations stay listed: their change log may have unfinished changes.
            current = (
                *listed,
                *(organisation for organisation in current if organisation.tenant_id not in connected),
            )
        gone = {organisation.tenant_id for organisation in current} - connected
        before = self._connections.gone
        self._save_connections(
            replace(self._connections.with_sign_in(sign_in, current), gone=(before | gone) - connected)
        )
        changed = before ^ self._connections.gone
        for engine in self._engines_of(each for each in current if each.tenant_id in changed):
            # It shows the old state until Xero's next reply.
            engine.reconnected()

    def _engines_of(self, organisations: Iterable[Organisation]) -> Iterator[Engine]:
        """Yield the running engines of these organisations."""
        for organisation in organisations:
            engine = self._engines.get(organisation.tenant_id)
            if engine is not None and not engine.is_stopped:
                yield engine

    def _summary_of(self, organisation: Organisation) -> OrganisationSummary:
        tenant_id = organisation.tenant_id
        is_gone = tenant_id in self._connections.gone
        engine = self._engines.get(tenant_id)
        summary = engine.snapshot.summary if engine is not None and not engine.is_stopped else None
        if summary is not None:
            unfinished = summary.in_progress_total + summary.manual_restore_total
            return OrganisationSummary(organisation, summary.pending_total, unfinished, is_gone)
        return OrganisationSummary(organisation, is_removed=is_gone, is_counted=False)

    def _with_counts(self, listed: OrganisationSummary, now: datetime) -> OrganisationSummary:
        if listed.is_counted:
            return listed
        organisation = listed.organisation
        summary = read_summary(
            self._paths.organisation(organisation.tenant_id),
            lambda company: self._settled_up_to(organisation, company, now),
        )
        if summary is None:
            return replace(listed, is_counted=True)
        return replace(listed, pending=summary.pending, not_in_xero=summary.not_in_xero, is_counted=True)

    def _settled_up_to(
        self, organisation: Organisation, company: CompanyStatus, now: datetime
    ) -> datetime | None:
        if self._settings.re_leased.feed_url:
            # With a feed, the status is stored with the changes.
            return None
        knowledge = knowledge_without_feed(nightly_window(self._settings, organisation), company)
        return presumed_synced_until(knowledge, now)

    def _xero_now(self) -> datetime:
        """Return Xero's time from a running engine, else this computer's time."""
        working = (engine.now() for engine in self._engines.values() if not engine.is_stopped)
        return min(working, default=self._now())

    def _save_connections(self, known: ConnectionList) -> None:
        self._connections = known
        try:
            save_connections(self._paths.organisations_file, known)
        except OSError as error:
            raise StoreError(
                SignInReason.LIST_NOT_SAVED,
                file=str(self._paths.organisations_file),
                problem=error.strerror or str(error),
            ) from error


def account(settings: Settings, paths: Paths) -> XeroAccount:
    """Return the sign-ins of an installation."""
    return XeroAccount(settings, paths)
