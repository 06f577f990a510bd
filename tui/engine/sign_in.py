"""A sign-in attempt, from the browser to the connected organisations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tui.model.account import ConnectResult, SignIn
from tui.model.activity import ACTIVITY_SCOPES
from tui.model.errors import ReconnectError, SignInError
from tui.model.reasons import SignInReason
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
    """Saves verified tokens and returns their organisations."""

    async def __call__(self, tokens: Tokens, *, is_custom: bool) -> tuple[Organisation, ...]:
        """Save the tokens and return their organisations. Raises `ReshelveError`."""
        ...


async def begin(
    settings: Settings, request: ConnectRequest, token_location: str, persist: PersistTokens
) -> SignIn:
    """Start an attempt. Raises `SignInError`."""
    scope = READ_SCOPES if request.is_read_only else SCOPES
    if request.with_activity or settings.xero.wants_activity:
        scope = " ".join((scope, *ACTIVITY_SCOPES))
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
    """A `TokenStore` in memory, for new tokens that aren't verified yet."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def load(self) -> Tokens:
        """Return the latest tokens."""
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        """Replace the tokens."""
        self._tokens = tokens

    def delete(self) -> None:
        """No-op."""


class _BrowserAttempt(SignIn):
    """Waits for the user to sign in with a browser."""

    def __init__(self, browser: BrowserSignIn, token_location: str, persist: PersistTokens) -> None:
        self._browser = browser
        self._is_authorised = False
        self._token_location = token_location
        self._persist = persist

    @property
    def url(self) -> str:
        """The URL to open in a browser."""
        return self._browser.url

    @property
    def ends_at(self) -> datetime | None:
        """When the attempt times out."""
        return None if self._is_authorised else self._browser.ends_at

    def paste(self, address: str) -> None:
        """Accept the address that a browser on another computer ended at."""
        self._browser.paste(address)

    async def finish(self) -> ConnectResult:
        """Wait for the user, then fetch and save the tokens."""
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
    """Connects one organisation with a client ID and secret; no user interaction."""

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
        """Empty: no browser is needed."""
        return ""

    @property
    def ends_at(self) -> datetime | None:
        """None: there is nothing to wait for."""
        return None

    def paste(self, address: str) -> None:
        """Raise `SignInError`: there is no address to paste."""
        del address
        raise SignInError(SignInReason.NO_ADDRESS_NEEDED)

    async def finish(self) -> ConnectResult:
        """Fetch the tokens and save them with their organisation."""
        granted = await asyncio.to_thread(
            custom_connection,
            self._identity_url,
            client_id=self._request.client_id,
            client_secret=self._request.client_secret,
            scope=self._scope,
        )
        return await _connected(granted, self._token_location, self._persist, is_custom=True)

    async def cancel(self) -> None:
        """No-op."""


async def _connected(
    granted: TokenGrant, token_location: str, persist: PersistTokens, *, is_custom: bool
) -> ConnectResult:
    try:
        organisations = await persist(granted.tokens, is_custom=is_custom)
    except ReconnectError as error:
        # Its reason is about an existing sign-in, but this one is new.
        raise SignInError(SignInReason.NOT_ACCEPTED) from error
    return ConnectResult(organisations, token_location, granted.clock_ahead)
