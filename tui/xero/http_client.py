"""HTTP client for Xero. Modules that need `httpx` are imported through this file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httpx

from tui import __version__
from tui.model.errors import OfflineError, ReplyLostError, UnexpectedReplyError
from tui.model.reasons import Service, XeroReason
from tui.net import environment
from tui.net.response_limit import ACCEPT_ENCODING, TooLargeError, limit_async
from tui.system.log import logger
from tui.xero.rate_limiter import LONGEST_CALL, LONGEST_WRITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.errors import XeroError

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
