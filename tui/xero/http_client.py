"""HTTP client for Xero. Modules that need `httpx` are imported through this file."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx
from msgspec import Struct, field

from tui import __version__
from tui.model.errors import OfflineError, ReplyLostError, UnexpectedReplyError, XeroError
from tui.model.reasons import Service, XeroReason
from tui.net import environment
from tui.net.response_limit import ACCEPT_ENCODING, TooLargeError, limit_async
from tui.system.log import logger
from tui.xero import errors
from tui.xero.parsing import response_date
from tui.xero.rate_limiter import LONGEST_CALL, LONGEST_WRITE, Permit, Priority, RateLimiter
from tui.xero.results import CallsLeft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tui.xero.auth.tokens import TokenSource


# More digits than any limit has.
_CALLS: Final = re.compile(r"[0-9]{1,7}")
# Seconds without a reply before the user is notified.
_SLOW_AFTER: Final = 5.0
# Token refreshes per request when Xero reports an expired token.
_RENEWALS: Final = 2
_SIGN_IN_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class ApiRequest(Struct, frozen=True):
    """One API request; `path` is relative to the base URL."""

    method: str
    path: str
    priority: Priority
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


class ApiTransport:
    """Sends requests for one organisation or, without a tenant ID, for the sign-in itself."""

    def __init__(
        self,
        *,
        api_url: str,
        tokens: TokenSource,
        tenant_id: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._api_url = api_url
        self._tokens = tokens
        self._tenant_id = tenant_id
        self._transport = transport
        self.rate_limiter = RateLimiter()
        self._open_lock = asyncio.Lock()
        self._client: HttpClient | None = None
        self.calls_left = CallsLeft()
        self.last_reply_at: datetime | None = None
        #: Called for each response with Xero's time, in whole seconds, and the duration of the request in
        #: seconds: it was that time at some point during the request.
        self.on_server_time: Callable[[datetime, float], None] = lambda _date, _took: None
        #: Called with the seconds waited when a request or its sign-in is slow, and with None when none is
        #: slow any more.
        self.on_slow_response: Callable[[float | None], None] = lambda _: None
        self._slow_calls = 0

    async def send_or_raise(self, request: ApiRequest) -> httpx.Response:
        """Send a request and return its 200. Raises the errors of `send`, and one for any other status."""
        response = await self.send(request)
        errors.raise_for_failure(response)
        return response

    async def send(self, request: ApiRequest) -> httpx.Response:
        """Send a request and return the response, whatever its status.

        A 401 about the token is retried with a new token, up to twice, because the first new token may have
        been fetched earlier for another request. Nothing else is retried here. Raises `OfflineError` if
        nothing was sent, `ReplyLostError` if there was no reply, and the errors of
        `TokenSource.access_token`.
        """
        with self._reporting_slow_response():
            token = await self._tokens.access_token()
        response = await self._send_once(request, token)
        for _ in range(_RENEWALS):
            if not errors.wants_new_token(response):
                break
            with self._reporting_slow_response():
                token = await self._tokens.access_token(stale=token)
            response = await self._send_once(request, token)
        if response.status_code in _SIGN_IN_REFUSED:
            # The user may reconnect and save tokens with more access.
            self._tokens.invalidate()
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send_once(self, request: ApiRequest, token: str) -> httpx.Response:
        headers = dict(request.headers)
        if self._tenant_id:
            headers["xero-tenant-id"] = self._tenant_id
        client = await self._open()
        async with self.rate_limiter.permit(request.priority) as permit:
            asked_at = time.monotonic()
            with self._reporting_slow_response():
                response = await client.send(
                    request.method,
                    request.path,
                    token=token,
                    params=request.params,
                    headers=headers,
                    content=request.content,
                )
            if isinstance(response, XeroError):
                permit.reached_xero = not isinstance(response, OfflineError)
                raise response
            self._record_response(response, permit, time.monotonic() - asked_at)
            return response

    @contextmanager
    def _reporting_slow_response(self) -> Iterator[None]:
        """Notify the listener while the block is slow."""
        is_slow = False

        def notify() -> None:
            nonlocal is_slow
            is_slow = True
            self._slow_calls += 1
            if self._slow_calls == 1:
                self.on_slow_response(_SLOW_AFTER)

        timer = asyncio.get_running_loop().call_later(_SLOW_AFTER, notify)
        try:
            yield
        finally:
            timer.cancel()
            if is_slow:
                self._slow_calls -= 1
                if not self._slow_calls:
                    self.on_slow_response(None)

    async def _open(self) -> HttpClient:
        async with self._open_lock:
            if self._client is None:
                self._client = await asyncio.to_thread(_open_client, self._api_url, self._transport)
            return self._client

    def _record_response(self, response: httpx.Response, permit: Permit, elapsed: float) -> None:
        headers = response.headers
        self.calls_left = CallsLeft(
            minute=_number(headers.get("X-MinLimit-Remaining")),
            day=_number(headers.get("X-DayLimit-Remaining")),
        )
        if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            # A 429 has its own waiting time, which the caller respects.
            permit.remaining = self.calls_left.minute
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and not errors.is_foreign(response):
            self.last_reply_at = datetime.now(UTC)
            date = response_date(response)
            if date is not None:
                self.on_server_time(date, elapsed)


def _open_client(api_url: str, transport: httpx.AsyncBaseTransport | None) -> HttpClient:
    """Import httpx and load the certificates, which takes a tenth of a second; run in a thread."""
    from tui.xero.http_client import HttpClient

    return HttpClient(api_url, transport)


def _number(text: str | None) -> int | None:
    """Parse the number of calls left; None for implausible values."""
    return int(text) if text is not None and _CALLS.fullmatch(text) else None


TIMEOUT: Final = httpx.Timeout(connect=5.0, read=30.0, write=10.0, pool=5.0)
HEADERS: Final = {
    "User-Agent": f"reshelve/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": ACCEPT_ENCODING,
}

# Raised before any of the request was sent: Xero can't have processed it.
NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class HttpClient:
    """The connections to one service. TLS is verified, redirects aren't followed.

    Raises `NetworkSetupError` if the configured proxy or certificates can't be used.
    """

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None) -> None:
        self._base_url = base_url
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers=HEADERS,
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport or environment.async_transport(base_url),
        )
        self._client.event_hooks = {"response": [limit_async]}

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response | XeroError:
        """Send a request and return the response or an error.

        Errors are returned, so that no traceback leads to a request that contains a token.
        """
        # httpx hides this header in the `repr` of its headers.
        request_headers = httpx.Headers(dict(headers or {}))
        if token:
            request_headers["Authorization"] = f"Bearer {token}"
        try:
            async with asyncio.timeout(LONGEST_CALL if method == "GET" else LONGEST_WRITE):
                response = await self._client.request(
                    method, path, params=params, headers=request_headers, content=content
                )
        except NOT_SENT as error:
            logger.info("%s %s was not sent: %s", method, path, type(error).__name__)
            problem = await asyncio.to_thread(environment.setup_problem, error, self._base_url, Service.XERO)
            return problem or OfflineError(XeroReason.OFFLINE)
        except TooLargeError:
            logger.warning("%s %s had an answer that is too large", method, path)
            return UnexpectedReplyError(XeroReason.REPLY_TOO_LARGE)
        except Exception as error:  # noqa: BLE001 - httpx passes some errors from below it on as they are
            logger.info("%s %s had no answer: %s", method, path, type(error).__name__)
            return ReplyLostError(XeroReason.NO_REPLY)
        # From a proxy, which didn't forward the request.
        return (
            environment.proxy_password_problem(self._base_url)
            if environment.is_proxy_password_wanted(response)
            else response
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
