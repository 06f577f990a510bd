"""One attempt to sign in, from the browser to the organisations that it opens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tui.model.account import ConnectResult, SignIn
from tui.model.errors import ReconnectError, SignInError
from tui.xero.auth.sign_in import READ_SCOPES, SCOPES, BrowserSignIn
from tui.xero.auth.token_endpoint import custom_connection

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.account import ConnectRequest
    from tui.model.contact import Organisation
    from tui.settings import Settings
    from tui.xero.auth.token_endpoint import TokenGrant
    from tui.xero.auth.token_store import Tokens


class PersistTokens(Protocol):
    """Keeps tokens that work, and returns the organisations they open."""

    async def __call__(self, tokens: Tokens, *, is_custom: bool) -> tuple[Organisation, ...]:
        """Return the organisations, once they are kept. Raises `ReshelveError`."""
        ...


async def begin(
    settings: Settings, request: ConnectRequest, token_location: str, persist: PersistTokens
) -> SignIn:
    """Begin an attempt. Raises `SignInError`."""
    scope = READ_SCOPES if request.is_read_only else SCOPES
    if request.is_custom:
        return _CustomConnectionAttempt(settings, request, scope, token_location, persist)
    browser = await BrowserSignIn.begin(
        login_url=settings.xero.login_url,
        identity_url=settings.xero.identity_url,
        client_id=request.client_id,
        scope=scope,
        port=settings.xero.callback_port,
    )
    return _BrowserAttempt(browser, token_location, persist)


class InMemoryTokenStore:
    """Keeps new tokens in memory, until they have been seen to open something. A `TokenStore`."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def load(self) -> Tokens:
        """Return the newest."""
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        """Take newer ones."""
        self._tokens = tokens

    def delete(self) -> None:
        """Leave them: nobody asks for them again."""


class _BrowserAttempt(SignIn):
    """Waits for a person in a browser."""

    def __init__(self, browser: BrowserSignIn, token_location: str, persist: PersistTokens) -> None:
        self._browser = browser
        self._is_authorised = False
        self._token_location = token_location
        self._persist = persist

    @property
    def url(self) -> str:
        """The address to open in a browser."""
        return self._browser.url

    @property
    def ends_at(self) -> datetime | None:
        """When the attempt gives up by itself."""
        return None if self._is_authorised else self._browser.ends_at

    def paste(self, address: str) -> None:
        """Take the address a browser on another machine ended at."""
        self._browser.paste(address)

    async def finish(self) -> ConnectResult:
        """Wait for the person, then fetch and keep what was allowed."""
        try:
            granted = await self._browser.tokens()
        finally:
            await self._browser.aclose()
        self._is_authorised = True
        return await _connected(granted, self._token_location, self._persist, is_custom=False)

    async def cancel(self) -> None:
        """Stop listening."""
        await self._browser.aclose()


class _CustomConnectionAttempt(SignIn):
    """Needs nobody: a client id and its secret open one organisation."""

    def __init__(
        self,
        settings: Settings,
        request: ConnectRequest,
        scope: str,
        token_location: str,
        persist: PersistTokens,
    ) -> None:
        self._identity_url = settings.xero.identity_url
        self._request = request
        self._scope = scope
        self._token_location = token_location
        self._persist = persist

    @property
    def url(self) -> str:
        """Nothing is opened in a browser."""
        return ""

    @property
    def ends_at(self) -> datetime | None:
        """Nobody is waited for."""
        return None

    def paste(self, address: str) -> None:
        """Refuse: there is no address to wait for."""
        del address
        raise SignInError("A custom connection needs no address.", "Nothing was changed.")

    async def finish(self) -> ConnectResult:
        """Fetch tokens, and keep them with the organisation they open."""
        granted = await asyncio.to_thread(
            custom_connection,
            self._identity_url,
            client_id=self._request.client_id,
            client_secret=self._request.client_secret,
            scope=self._scope,
        )
        return await _connected(granted, self._token_location, self._persist, is_custom=True)

    async def cancel(self) -> None:
        """Nothing listens."""


async def _connected(
    granted: TokenGrant, token_location: str, persist: PersistTokens, *, is_custom: bool
) -> ConnectResult:
    try:
        organisations = await persist(granted.tokens, is_custom=is_custom)
    except ReconnectError as error:
        # Said of a sign-in that was there before; this one has only just begun.
        raise SignInError(error.message, "Connect again; what was connected before is as it was.") from error
    return ConnectResult(organisations, token_location, granted.clock_ahead)
