"""Request and revoke tokens at Xero's identity service.

Authlib builds the OAuth parameters; requests and responses are handled here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote, urlencode

import httpx
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_token_request  # type: ignore[import-untyped]
from authlib.oauth2.rfc7009.parameters import prepare_revoke_token_request  # type: ignore[import-untyped]
from msgspec import Struct

from tui.model.errors import NetworkSetupError, OfflineError, ReconnectError, SignInError, XeroError
from tui.model.reasons import Service, SignInReason
from tui.net import environment, lenient_json
from tui.net.response_limit import TooLargeError, limit
from tui.system.keychain import Secret
from tui.system.log import logger
from tui.xero import errors
from tui.xero.auth.token_store import Tokens
from tui.xero.http_client import HEADERS, TIMEOUT
from tui.xero.parsing import response_date

if TYPE_CHECKING:
    from collections.abc import Mapping


# Errors for a token that is no longer valid (RFC 6749 and 7009).
_ENDED: Final = frozenset(
    {"invalid_grant", "invalid_token", "invalid_client", "unauthorized_client", "unsupported_token_type"}
)


class ErrorMapping(Struct, frozen=True):
    """Reasons by OAuth error code for one kind of exchange; anything else is a service error.

    `is_retried` is whether Reshelve repeats the exchange after a service error.
    """

    error: type[ReconnectError | SignInError]
    reasons: Mapping[str, SignInReason]
    is_retried: bool


class _ErrorResponse(msgspec.Struct, frozen=True):
    error: str = ""


REFRESH_ERRORS: Final = ErrorMapping(
    ReconnectError,
    {
        "invalid_grant": SignInReason.ENDED,
        "invalid_client": SignInReason.CLIENT_ENDED,
        "unauthorized_client": SignInReason.CLIENT_ENDED,
    },
    is_retried=True,
)
CUSTOM_REFRESH_ERRORS: Final = ErrorMapping(
    ReconnectError,
    {
        "invalid_grant": SignInReason.CUSTOM_ENDED,
        "invalid_client": SignInReason.CUSTOM_CLIENT_ENDED,
        "unauthorized_client": SignInReason.CUSTOM_ENDED,
        "invalid_scope": SignInReason.CUSTOM_SCOPE_ENDED,
    },
    is_retried=True,
)
CODE_EXCHANGE_ERRORS: Final = ErrorMapping(
    SignInError,
    {
        "invalid_grant": SignInReason.CODE_EXPIRED,
        "invalid_client": SignInReason.CLIENT_UNKNOWN,
        "unauthorized_client": SignInReason.APP_TYPE_WRONG,
        "invalid_scope": SignInReason.SCOPE_NOT_ALLOWED,
    },
    is_retried=False,
)
CUSTOM_CONNECTION_ERRORS: Final = ErrorMapping(
    SignInError,
    {
        "invalid_client": SignInReason.CUSTOM_CLIENT_REFUSED,
        "unauthorized_client": SignInReason.CUSTOM_NOT_AUTHORISED,
        "invalid_scope": SignInReason.CUSTOM_SCOPE_MISSING,
    },
    is_retried=False,
)


def error_for(response: httpx.Response, mapping: ErrorMapping) -> XeroError:
    """Return the error for a response other than 200."""
    reason = mapping.reasons.get(_name_of(response))
    return mapping.error(reason) if reason else service_error(response, is_retried=mapping.is_retried)


def is_token_ended(response: httpx.Response) -> bool:
    """Whether a token was refused because it is no longer valid."""
    return _name_of(response) in _ENDED


def _name_of(response: httpx.Response) -> str:
    """Return the OAuth error code (RFC 6749, section 5.2), empty if there is none."""
    if not response.is_client_error:
        return ""
    try:
        return lenient_json.decode(response.content, _ErrorResponse).error
    except lenient_json.UndecodableError:
        return ""


def service_error(response: httpx.Response, *, is_retried: bool) -> XeroError:
    """Return the error for a service failure that is neither a grant nor a refusal."""
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.rate_limited(response)
    return OfflineError(SignInReason.SERVICE_ERROR, status=response.status_code, is_retried=is_retried)


_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
# Seconds. Longer than any access token is valid.
_LONGEST_LIFE: Final = 31_536_000.0
# The `Date` header is cut to whole seconds (RFC 9110).
_DATE_STEP: Final = timedelta(seconds=1)


class TokenGrant(Struct, frozen=True):
    """The result of a new sign-in.

    `clock_ahead` is how far this computer's clock is at least ahead of Xero's (negative: behind); zero if the
    date of Xero's response can match this clock.
    """

    tokens: Tokens
    clock_ahead: timedelta


@dataclass(frozen=True, slots=True)
class _TokenRequest:
    """A token request. A `secret` is sent with Basic authentication (RFC 6749, section 2.3.1)."""

    url: str
    body: str = field(repr=False)
    client_id: str = ""
    secret: str = field(default="", repr=False)


class _TimedResponse(Struct, frozen=True):
    response: httpx.Response
    sent_at: datetime
    received_at: datetime


class _TokenResponse(msgspec.Struct, frozen=True):
    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: Annotated[float, msgspec.Meta(gt=0, le=_LONGEST_LIFE)]
    refresh_token: str = ""
    scope: str = ""


def refresh_tokens(identity_url: str, tokens: Tokens, transport: httpx.BaseTransport | None = None) -> Tokens:
    """Fetch new tokens for a sign-in; blocks.

    Raises `ReconnectError` if the sign-in has ended, `RateLimitedError`, and `OfflineError` for anything
    else: the request that needed the token wasn't sent, and Xero allows a lost refresh to be repeated.
    """
    mapping = CUSTOM_REFRESH_ERRORS if tokens.client_secret else REFRESH_ERRORS
    return _request_tokens(_renewal(identity_url, tokens), tokens, mapping, transport).tokens


def exchange_code(
    identity_url: str,
    *,
    client_id: str,
    code: str,
    redirect_uri: str,
    verifier: str,
    transport: httpx.BaseTransport | None = None,
) -> TokenGrant:
    """Exchange a browser sign-in's code, which is valid for five minutes, for tokens; blocks.

    Raises `SignInError` if Xero refuses, `RateLimitedError`, and `OfflineError` for anything else.
    """
    code, verifier = Secret(code), Secret(verifier)
    request = _TokenRequest(
        _token_url(identity_url),
        prepare_token_request(
            "authorization_code",
            redirect_uri=redirect_uri,
            client_id=client_id,
            code=code,
            code_verifier=verifier,
        ),
    )
    granted = _request_tokens(
        request, Tokens.from_refresh_token("", client_id), CODE_EXCHANGE_ERRORS, transport
    )
    if not granted.tokens.refresh_token:
        raise SignInError(SignInReason.NOT_RENEWABLE)
    return granted


def custom_connection(
    identity_url: str,
    *,
    client_id: str,
    client_secret: str,
    scope: str,
    transport: httpx.BaseTransport | None = None,
) -> TokenGrant:
    """Sign in to the one organisation of a custom connection; blocks.

    Raises `SignInError` if Xero refuses, `RateLimitedError`, and `OfflineError` for anything else.
    """
    client_secret = Secret(client_secret)
    # Client credentials never return a refresh token, and requesting one is refused.
    wanted = " ".join(name for name in scope.split() if name != "offline_access")
    requested = replace(Tokens.from_refresh_token("", client_id), client_secret=client_secret, scope=wanted)
    return _request_tokens(_renewal(identity_url, requested), requested, CUSTOM_CONNECTION_ERRORS, transport)


def revoke(identity_url: str, tokens: Tokens, transport: httpx.BaseTransport | None = None) -> None:
    """End a sign-in at Xero (RFC 7009); blocks. Does nothing if it has already ended.

    Raises `RateLimitedError`, and `OfflineError` if the service didn't confirm it.
    """
    if not (tokens.refresh_token or tokens.access_token):
        return
    answer = _post(_revocation(identity_url, tokens), transport, is_retried=False)
    if isinstance(answer, OfflineError):
        raise answer
    if not answer.response.is_success and not is_token_ended(answer.response):
        raise service_error(answer.response, is_retried=False)


def _token_url(identity_url: str) -> str:
    return f"{identity_url.rstrip('/')}/connect/token"


def _renewal(identity_url: str, tokens: Tokens) -> _TokenRequest:
    url = _token_url(identity_url)
    if tokens.client_secret:
        body = prepare_token_request("client_credentials", scope=tokens.scope)
        return _TokenRequest(url, body, tokens.client_id, tokens.client_secret)
    body = prepare_token_request(
        "refresh_token", client_id=tokens.client_id, refresh_token=tokens.refresh_token
    )
    return _TokenRequest(url, body)


def _revocation(identity_url: str, tokens: Tokens) -> _TokenRequest:
    url = f"{identity_url.rstrip('/')}/connect/revocation"
    token = tokens.refresh_token or tokens.access_token
    hint = "refresh_token" if tokens.refresh_token else "access_token"
    if tokens.client_secret:
        body, _ = prepare_revoke_token_request(token, hint)
        return _TokenRequest(url, body, tokens.client_id, tokens.client_secret)
    body, _ = prepare_revoke_token_request(token, hint, urlencode({"client_id": tokens.client_id}))
    return _TokenRequest(url, body)


def _request_tokens(
    request: _TokenRequest, requested: Tokens, mapping: ErrorMapping, transport: httpx.BaseTransport | None
) -> TokenGrant:
    answer = _post(request, transport, is_retried=mapping.is_retried)
    # Raised here, so that no traceback leads to a request that contains a token.
    if isinstance(answer, OfflineError):
        raise answer
    if answer.response.status_code != HTTPStatus.OK:
        raise error_for(answer.response, mapping)
    tokens = _parse_tokens(answer, requested)
    if tokens is None:
        raise OfflineError(SignInReason.SERVICE_REPLY_UNREADABLE, is_retried=mapping.is_retried)
    return TokenGrant(tokens, _clock_ahead(answer))


def _post(
    request: _TokenRequest, transport: httpx.BaseTransport | None, *, is_retried: bool
) -> _TimedResponse | OfflineError:
    auth = (
        httpx.BasicAuth(quote(request.client_id, ""), quote(request.secret, "")) if request.secret else None
    )
    sent_at = datetime.now(UTC)
    try:
        with httpx.Client(
            headers=HEADERS,
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport or environment.transport(request.url),
            auth=auth,
        ) as client:
            client.event_hooks = {"response": [limit]}
            response = client.post(request.url, content=request.body, headers=_FORM)
    except NetworkSetupError as error:
        return error
    except TooLargeError:
        return OfflineError(SignInReason.SERVICE_REPLY_TOO_LARGE, is_retried=is_retried)
    except Exception as error:  # noqa: BLE001 - httpx passes some errors from below it on as they are
        logger.info("Xero's sign-in service gave no answer: %s", type(error).__name__)
        unreachable = OfflineError(SignInReason.SERVICE_UNREACHABLE, is_retried=is_retried)
        return environment.setup_problem(error, request.url, Service.SIGN_IN) or unreachable
    if environment.is_proxy_password_wanted(response):
        return environment.proxy_password_problem(request.url)
    return _TimedResponse(response, sent_at, datetime.now(UTC))


def _parse_tokens(answer: _TimedResponse, requested: Tokens) -> Tokens | None:
    try:
        grant = lenient_json.decode(answer.response.content, _TokenResponse)
    except lenient_json.UndecodableError:
        return None
    return Tokens(
        grant.access_token,
        # Without a new one, the old token stays valid (RFC 6749, section 6); the same for the scope.
        grant.refresh_token or requested.refresh_token,
        answer.received_at + timedelta(seconds=grant.expires_in),
        requested.client_id,
        requested.client_secret,
        grant.scope or requested.scope,
    )


def _clock_ahead(answer: _TimedResponse) -> timedelta:
    """Compare clocks: Xero's showed the header's second sometime during the round trip."""
    server_time = response_date(answer.response)
    if server_time is None:
        return timedelta()
    if answer.received_at < server_time:
        return answer.received_at - server_time
    return max(answer.sent_at - server_time - _DATE_STEP, timedelta())
