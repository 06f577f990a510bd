"""Sign-ins in memory, for tests of the screens: the test sets the result of an attempt."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW

from tui.model.account import ConnectResult, OrganisationSummary
from tui.model.contact import Organisation
from tui.model.errors import SignInError
from tui.model.evidence import SyncKnowledge
from tui.model.invoice_check import OrganisationFindings
from tui.model.organisation_search import ContactMatches, OrganisationMatches, SearchState
from tui.model.query import Tab
from tui.model.query_parser import parse_message
from tui.model.reasons import SignInReason
from tui.store.read_only_search import SearchMoment, explain_contacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import pytest

    from tui.model.account import ConnectRequest
    from tui.model.errors import ReshelveError
    from tui.model.query import Query

CLIENT_ID = "A5B1C0FFEE00A5B1C0FFEE00A5B1C0FF"
URL = (
    "https://login.xero.com/identity/connect/authorize?response_type=code"
    f"&client_id={CLIENT_ID}&redirect_uri=http%3A%2F%2Flocalhost%3A8742%2Fcallback"
    "&scope=offline_access+accounting.contacts+accounting.settings.read&state=pVwQy5yVjA0vTtWJd3cZ"
    "&code_challenge=VZgLyaP1JbPZKpCjXcJBr6VXZ5FUvvmNJj4w9kmZ4mA&code_challenge_method=S256"
)
CALLBACK = "http://localhost:8742/callback?code=xyz&state=pVwQy5yVjA0vTtWJd3cZ"


def organisation(number: int, name: str = "", **parts: Any) -> Organisation:
    return Organisation(f"t{number}", name or f"Organisation {number}", f"!q{number}", **parts)


def uncounted(listed: OrganisationSummary) -> OrganisationSummary:
    return replace(listed, pending=None, not_in_xero=None, is_counted=False)


class FakeSignIn:
    """Waits until the test ends the attempt."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ends_at: datetime | None = NOW + timedelta(minutes=4, seconds=32) if url else None
        self.pasted: list[str] = []
        self.cancelled = 0
        self._end: asyncio.Future[ConnectResult] = asyncio.get_running_loop().create_future()

    def paste(self, address: str) -> None:
        if address != CALLBACK:
            raise SignInError(SignInReason.WRONG_ADDRESS, redirect_uri="http://localhost:8742/callback")
        self.pasted.append(address)

    async def finish(self) -> ConnectResult:
        return await asyncio.shield(self._end)

    async def cancel(self) -> None:
        self.cancelled += 1

    def ends(self, end: ConnectResult | Exception) -> None:
        """End the attempt with organisations or an error."""
        if isinstance(end, Exception):
            self._end.set_exception(end)
        else:
            self._end.set_result(end)


@dataclass
class FakeAccount:
    """Replies from lists. `calls` records the calls; the gates hold replies back until set."""

    listed: list[OrganisationSummary] = field(default_factory=list)
    backends: dict[str, IdleEngine] = field(default_factory=dict)
    is_sandbox: bool = True
    is_read_only: bool = False
    client_id: str = ""
    redirect_uri: str = "http://localhost:8742/callback"
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    requests: list[ConnectRequest] = field(default_factory=list)
    attempts: list[FakeSignIn] = field(default_factory=list)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    look_gate: asyncio.Event = field(default_factory=asyncio.Event)
    count_gate: asyncio.Event = field(default_factory=asyncio.Event)
    search_gate: asyncio.Event = field(default_factory=asyncio.Event)
    search_states: dict[str, SearchState] = field(default_factory=dict)
    approved: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.on_keychain_wait: Callable[[bool], None] = lambda _: None
        self.release()

    @classmethod
    def of(cls, *backends: IdleEngine, **parts: Any) -> FakeAccount:
        """Return an account whose organisations have these engines."""
        listed = [OrganisationSummary(backend.snapshot.organisation, 0, 0) for backend in backends]
        known = {backend.snapshot.organisation.tenant_id: backend for backend in backends}
        return cls(listed, known, **parts)

    # For tests:

    def fail(self, call: str, error: ReshelveError | Exception) -> None:
        """Let the next call of this kind fail."""
        assert hasattr(self, call), call
        self.failures.setdefault(call, []).append(error)

    @property
    def attempt(self) -> FakeSignIn:
        """The newest attempt."""
        return self.attempts[-1]

    def release(self) -> None:
        """Release everything that is held back, so that the app can end."""
        self.look_gate.set()
        self.count_gate.set()
        self.search_gate.set()

    # For the screens:

    @property
    def connected(self) -> Sequence[Organisation]:
        return [one.organisation for one in self.listed]

    def organisations(self) -> Sequence[OrganisationSummary]:
        return [one if one.organisation.tenant_id in self.backends else uncounted(one) for one in self.listed]

    async def organisations_with_counts(self) -> Sequence[OrganisationSummary]:
        counted = list(self.listed)
        await self.count_gate.wait()
        return counted

    async def find_everywhere(self, query: Query, most: int) -> Sequence[OrganisationMatches]:
        self._called("find_everywhere", query, most)
        return [
            OrganisationMatches(one.organisation, await self._matches(one, query, most))
            for one in self.listed
        ]

    async def check_invoice(self, text: str, most: int) -> Sequence[OrganisationFindings]:
        """Search the local databases that the engines have."""
        self._called("check_invoice", text, most)
        found = []
        for one in self.listed:
            tenant_id = one.organisation.tenant_id
            backend = self.backends.get(tenant_id)
            if backend is None:
                found.append(OrganisationFindings(one.organisation, SearchState.NOT_LOADED))
                continue
            matches, contacts = explain_contacts(
                backend.folder,
                parse_message(Tab.ALL, text),
                most,
                SearchMoment(NOW, lambda _: SyncKnowledge()),
                is_cancelled=lambda: False,
            )
            shown = tuple(
                replace(each, approved_at=self.approved.get((tenant_id, each.contact_id)))
                for each in contacts
            )
            found.append(OrganisationFindings(one.organisation, matches.state, shown, matches.total))
        return found

    async def record_approved(self, organisation: Organisation, contact_id: str, *, on: bool) -> None:
        self._called("record_approved", contact_id, on)
        self.approved.pop((organisation.tenant_id, contact_id), None)
        if on:
            self.approved[organisation.tenant_id, contact_id] = NOW

    async def _matches(self, listed: OrganisationSummary, query: Query, most: int) -> ContactMatches:
        """Search an organisation that has an engine; the state of others is as set, or not loaded."""
        tenant_id = listed.organisation.tenant_id
        await self.search_gate.wait()
        if tenant_id in self.search_states or tenant_id not in self.backends:
            return ContactMatches(self.search_states.get(tenant_id, SearchState.NOT_LOADED))
        backend = self.backends[tenant_id]
        found = [result async for result in backend.contacts.find(query)][-1]
        rows = tuple(found.rows.window(0, most))
        refreshed_at = NOW - timedelta(minutes=12)
        return ContactMatches(SearchState.SEARCHED, rows, found.counts.all, refreshed_at)

    async def refresh(self) -> Sequence[OrganisationSummary]:
        self._called("refresh")
        await self.look_gate.wait()
        return list(self.listed)

    async def keychain_name(self) -> str:
        return "the system's keychain"

    async def sign_in(self, request: ConnectRequest) -> FakeSignIn:
        self.requests.append(request)
        self._called("sign_in")
        self.attempts.append(FakeSignIn("" if request.is_custom else URL))
        return self.attempt

    async def disconnect(self, sign_in: str) -> None:
        self._called("disconnect", sign_in)
        self.listed = [one for one in self.listed if one.organisation.sign_in != sign_in]

    def open(self, organisation: Organisation) -> IdleEngine:
        self._called("open", organisation.tenant_id)
        backend = self.backends.get(organisation.tenant_id)
        if backend is None:
            backend = IdleEngine.with_contacts(organisation=organisation)
            self.backends[organisation.tenant_id] = backend
        return backend

    def record_opened(self, organisation: Organisation) -> None:
        self._called("record_opened", organisation.tenant_id)

    def connects(self, *organisations: Organisation) -> None:
        """Add these organisations."""
        known = {one.organisation.tenant_id: one for one in self.listed}
        known |= {one.tenant_id: OrganisationSummary(one) for one in organisations}
        self.listed = list(known.values())

    def _called(self, call: str, *arguments: Any) -> None:
        assert hasattr(self, call), call  # Tests look for it by the method's name.
        self.calls.append((call, *arguments))
        if self.failures.get(call):
            raise self.failures[call].pop(0)


def opened_for(command: str, account: FakeAccount, monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    """Make commands use this account, whatever the settings say."""
    monkeypatch.setattr(f"tui.cli.{command}.account_of", lambda *_: account)
    return account
