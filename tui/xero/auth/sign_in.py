"""Signing in to Xero in a browser: OAuth 2.0's authorisation code with PKCE (RFC 6749, 7636, 8252).

Xero requires it for desktop apps: they have a client ID but no secret.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from tui.model.errors import NetworkSetupError, SignInError
from tui.model.reasons import Service, SignInReason
from tui.net import environment
from tui.system.keychain import Secret
from tui.system.log import logger
from tui.xero.auth.callback import CallbackServer
from tui.xero.http_client import HEADERS, NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.xero.auth.callback import CallbackResult
    from tui.xero.auth.token_endpoint import TokenGrant


_PATH: Final = "/identity/connect/authorize"
# Where Xero redirects if it doesn't accept the client ID, redirect URI or scopes (seen).
_ERROR_PAGE: Final = "/identity/error"
_REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})
# Seconds for each step: a user is waiting.
_TIMEOUT: Final = 5.0


def authorize_url(
    login_url: str, *, client_id: str, scope: str, redirect_uri: str, state: str, verifier: str
) -> str:
    """Build the sign-in URL; it contains the verifier only as an S256 challenge."""
    return str(
        prepare_grant_uri(
            f"{login_url.rstrip('/')}{_PATH}",
            client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=scope,
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
    )


def is_refused(url: str, transport: httpx.BaseTransport | None) -> bool:
    """Check whether Xero refuses the request before the user signs in; blocks.

    Other responses are ignored: they may come from a bot filter, and the browser will show them. Raises
    `SignInError` if Xero's page can't be reached, and `NetworkSetupError`.
    """
    try:
        with (
            httpx.Client(
                headers=HEADERS | {"Accept": "text/html"},
                timeout=_TIMEOUT,
                trust_env=False,
                transport=transport or environment.transport(url),
            ) as client,
            client.stream("GET", url) as response,
        ):
            if environment.is_proxy_password_wanted(response):
                raise environment.proxy_password_problem(url)
            return response.status_code in _REFUSALS or _leads_to_error(response)
    except NetworkSetupError:
        raise
    except NOT_SENT as error:
        logger.info("Xero's sign-in page was not reached: %s", type(error).__name__)
        problem = environment.setup_problem(error, url, Service.SIGN_IN_PAGE)
        raise problem or SignInError(SignInReason.PAGE_UNREACHABLE) from None
    except Exception as error:  # noqa: BLE001 - httpx passes some errors from below it on as they are
        logger.info("Xero's sign-in page was not seen: %s", type(error).__name__)
        return False


def _leads_to_error(response: httpx.Response) -> bool:
    try:
        location = urlsplit(response.headers.get("Location", ""))
    except ValueError:
        return False
    return response.is_redirect and location.path.lower() == _ERROR_PAGE


SCOPES: Final = "offline_access accounting.contacts accounting.settings.read"
READ_SCOPES: Final = "offline_access accounting.contacts.read accounting.settings.read"

# In unpadded base64url; RFC 7636 requires a verifier of at least 43 characters.
_RANDOM_BYTES: Final = 48
_AROUND: Final = " \t\r\n\"'<>"


class BrowserSignIn:
    """One sign-in attempt, from the URL to open to the tokens. Create it with `begin`."""

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
        """Start listening, and check that Xero accepts the request. Port 0 picks a free port.

        Raises `SignInError` if the port is in use, if Xero doesn't accept the client ID or redirect URI, or
        if its page can't be reached. A started attempt has to be closed.
        """
        state, verifier = _random(), _random()
        callback = await CallbackServer.listen(port, state)
        try:
            # In a thread: it waits for a server and takes a tenth of a second to import.
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
        """The local address that the browser ends at."""
        return self._callback.redirect_uri

    def paste(self, address: str) -> None:
        """Accept the address that a browser on another computer ended at, or its query string.

        Raises `SignInError` if it doesn't belong to this sign-in; the wait continues.
        """
        # A terminal may have wrapped a long line; the address itself has no spaces.
        pasted = Secret("".join(address.strip(_AROUND).split()))
        del address
        query = Secret((pasted.partition("?")[2] or pasted).partition("#")[0])
        if not self._callback.submit(query):
            raise SignInError(SignInReason.WRONG_ADDRESS, redirect_uri=self.redirect_uri)

    async def tokens(self) -> TokenGrant:
        """Wait for the user to finish and exchange the code for tokens; once per attempt.

        Raises `SignInError` if access was denied, the attempt timed out or was closed; `OfflineError` and
        `RateLimitedError` for the exchange.
        """
        result = await self._wait_for_callback()
        try:
            if result.error:
                reason = SignInReason.DENIED if result.error == "access_denied" else SignInReason.REFUSED
                raise SignInError(reason, error=result.error)
            granted = await asyncio.to_thread(self._exchange_code, result.code)
        finally:
            await self._callback.aclose()
        if self._is_closed:
            # Not revoked: that would also end this app's earlier connections.
            raise SignInError(SignInReason.CANCELLED)
        return granted

    async def aclose(self) -> None:
        """Cancel: closes the port, and `tokens` raises `SignInError`. Safe to call twice."""
        self._is_closed = True
        await self._callback.aclose()

    async def _wait_for_callback(self) -> CallbackResult:
        try:
            async with asyncio.timeout_at(self._deadline):
                result = await self._callback.result()
        except TimeoutError:
            await self._callback.aclose()
            raise SignInError(
                SignInReason.TIMED_OUT,
                length=timedelta(seconds=self._seconds),
                redirect_uri=self.redirect_uri,
            ) from None
        if result is None:
            raise SignInError(SignInReason.CANCELLED)
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
    """Build the URL to open and check that Xero accepts it. Raises `SignInError`."""
    from tui.xero.auth.sign_in import authorize_url, is_refused

    url = partial(authorize_url, login_url, verifier=verifier, **params)
    # With another state: the real one is only sent by the browser.
    if is_refused(url(state=_random()), transport):
        raise SignInError(SignInReason.APP_NOT_ACCEPTED, redirect_uri=params["redirect_uri"])
    return url(state=state)


def _random() -> Secret:
    return Secret(secrets.token_urlsafe(_RANDOM_BYTES))
