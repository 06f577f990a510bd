"""Reasons for refusals by Xero's identity service, for each kind of exchange."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from tui.model.errors import OfflineError, ReconnectError, SignInError, XeroError
from tui.model.reasons import SignInReason
from tui.net import lenient_json
from tui.xero import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

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
