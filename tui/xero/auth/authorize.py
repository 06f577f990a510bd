"""Build the browser sign-in URL and check that Xero accepts it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from tui.model.errors import NetworkSetupError, SignInError
from tui.model.reasons import Service, SignInReason
from tui.net import environment
from tui.system.log import logger
from tui.xero.http_client import HEADERS, NOT_SENT

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
