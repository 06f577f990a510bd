"""Signing in to Xero in a browser: OAuth 2.0's authorisation code with PKCE (RFC 6749, 7636, 8252).

Xero asks programs on a person's own machine for it: they have a client id, and no secret.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from tui.model.errors import SignInError
from tui.xero.auth.callback import CallbackServer
from tui.xero.auth.token_store import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tui.xero.auth.callback import CallbackResult
    from tui.xero.auth.token_endpoint import TokenGrant

SCOPES: Final = "offline_access accounting.contacts accounting.settings.read"
READ_SCOPES: Final = "offline_access accounting.contacts.read accounting.settings.read"

# In unpadded base64url; as a verifier, RFC 7636 wants 43 characters or more.
_RANDOM_BYTES: Final = 48
_NOTHING_CHANGED: Final = "Nothing has changed."
_AROUND: Final = " \t\r\n\"'<>"


class BrowserSignIn:
    """One attempt, from the address to open to the tokens it brings. Make it with `begin`."""

    def __init__(
        self,
        callback: CallbackServer,
        *,
        url: str,
        client_id: str,
        verifier: Secret,
        identity_url: str,
        seconds: float,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self.url: Final = url
        self.ends_at: Final = datetime.now(UTC) + timedelta(seconds=seconds)
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._callback = callback
        self._client_id = client_id
        self._verifier = verifier
        self._identity_url = identity_url
        self._transport = transport
        self._is_closed = False

    @classmethod
    async def begin(
        cls,
        *,
        login_url: str,
        identity_url: str,
        client_id: str,
        scope: str,
        port: int,
        seconds: float = 300,
        transport: httpx.BaseTransport | None = None,
    ) -> BrowserSignIn:
        """Listen for the answer, and see that Xero takes the question. Port 0 stands for any free one.

        Raises `SignInError` when the port is taken, when Xero doesn't accept the client id or the redirect
        address, and when its page can't be reached. An attempt that was begun has to be closed.
        """
        state, verifier = _random(), _random()
        callback = await CallbackServer.listen(port, state)
        try:
            # In a thread, as it waits for a server, and takes a tenth of a second to load.
            params = {"client_id": client_id, "scope": scope, "redirect_uri": callback.redirect_uri}
            url = await asyncio.to_thread(_prepare, login_url, transport, state, verifier, params)
        except BaseException:
            await callback.aclose()
            raise
        return cls(
            callback,
            url=url,
            client_id=client_id,
            verifier=verifier,
            identity_url=identity_url,
            seconds=seconds,
            transport=transport,
        )

    @property
    def redirect_uri(self) -> str:
        """The address on this machine that the browser is sent to in the end."""
        return self._callback.redirect_uri

    def paste(self, address: str) -> None:
        """Take the address that a browser on another machine ended at, or what follows its question mark.

        Raises `SignInError` when it doesn't answer this sign-in; the wait goes on.
        """
        # A terminal may have broken a long line, and the parts themselves have no spaces.
        pasted = Secret("".join(address.strip(_AROUND).split()))
        del address
        query = Secret((pasted.partition("?")[2] or pasted).partition("#")[0])
        if not self._callback.submit(query):
            raise SignInError(
                "This isn't the address that the browser ended at after this sign-in.",
                f"Copy it whole from the browser's address bar: it begins with {self.redirect_uri}?",
            )

    async def tokens(self) -> TokenGrant:
        """Wait for the person's answer and exchange it for tokens; once for each attempt.

        Raises `SignInError` when access was refused, when nobody finished in time and when the attempt is
        closed meanwhile; `OfflineError` and `RateLimitedError` for the exchange.
        """
        result = await self._wait_for_callback()
        try:
            if result.error:
                raise _refused(result.error)
            granted = await asyncio.to_thread(self._exchange_code, result.code)
        finally:
            await self._callback.aclose()
        if self._is_closed:
            # Not revoked: that would end what the person connected earlier with this app as well.
            raise _cancelled()
        return granted

    async def aclose(self) -> None:
        """Give up: the port is free at once, and `tokens` raises `SignInError`. May be called twice."""
        self._is_closed = True
        await self._callback.aclose()

    async def _wait_for_callback(self) -> CallbackResult:
        try:
            async with asyncio.timeout_at(self._deadline):
                result = await self._callback.result()
        except TimeoutError:
            await self._callback.aclose()
            raise SignInError(
                f"Nobody finished signing in within {_format_duration(self._seconds)}.",
                f"{_NOTHING_CHANGED} Try again. If the browser showed an error about the client id or the "
                f"redirect address: {_what_to_check(self.redirect_uri)}",
            ) from None
        if result is None:
            raise _cancelled()
        return result

    def _exchange_code(self, code: Secret) -> TokenGrant:
        from tui.xero.auth.token_endpoint import exchange_code

        return exchange_code(
            self._identity_url,
            client_id=self._client_id,
            code=code,
            redirect_uri=self.redirect_uri,
            verifier=self._verifier,
            transport=self._transport,
        )


def _prepare(
    login_url: str,
    transport: httpx.BaseTransport | None,
    state: Secret,
    verifier: Secret,
    params: Mapping[str, str],
) -> str:
    """Build the address to open, and see that Xero takes it. Raises `SignInError`."""
    from tui.xero.auth.authorize import authorize_url, is_refused

    url = partial(authorize_url, login_url, verifier=verifier, **params)
    # With a state of its own: the real one goes nowhere before the person opens the address.
    if is_refused(url(state=_random()), transport):
        raise SignInError(
            "Xero doesn't accept the client id or the redirect address.",
            f"{_NOTHING_CHANGED} {_what_to_check(params['redirect_uri'])}",
        )
    return url(state=state)


def _random() -> Secret:
    return Secret(secrets.token_urlsafe(_RANDOM_BYTES))


def _what_to_check(redirect_uri: str) -> str:
    return (
        "Check on the app's page at developer.xero.com that the client id is the same, that its redirect "
        f"address is exactly {redirect_uri} and that the app is a mobile or desktop app."
    )


def _refused(error: str) -> SignInError:
    if error == "access_denied":
        return SignInError(
            "Access was refused on Xero's page.",
            f"{_NOTHING_CHANGED} To connect, sign in again and press Allow access there.",
        )
    return SignInError(
        f"Xero refused the sign-in ({error}).",
        f"{_NOTHING_CHANGED} Try again; if it stays so, check the app at developer.xero.com.",
    )


def _cancelled() -> SignInError:
    return SignInError("The sign-in was cancelled.", _NOTHING_CHANGED)


def _format_duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes > 1 else f"{seconds:g} seconds"
