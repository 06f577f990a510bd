"""Messages for refusals by Xero's identity service, for each kind of exchange."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from tui.model.errors import OfflineError, ReconnectError, SignInError, XeroError
from tui.net import lenient_json
from tui.xero import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

_TRIES_AGAIN: Final = "Nothing is lost. Reshelve will retry automatically."
TRY_AGAIN: Final = "Nothing changed. Try again in a moment."
_CONNECT_AGAIN: Final = "Reconnect to Xero. Queued changes are kept."
_COPY_AGAIN: Final = "Copy it again from your app's page, https://developer.xero.com/app/manage"
# Errors for a token that is no longer valid (RFC 6749 and 7009).
_ENDED: Final = frozenset(
    {"invalid_grant", "invalid_token", "invalid_client", "unauthorized_client", "unsupported_token_type"}
)


class _ErrorText(NamedTuple):
    message: str
    next_step: str


class ErrorMapping(Struct, frozen=True):
    """Messages by OAuth error code for one kind of exchange; anything else is a service error."""

    error: type[ReconnectError | SignInError]
    texts: Mapping[str, _ErrorText]
    fallback_next_step: str


class _ErrorResponse(msgspec.Struct, frozen=True):
    error: str = ""


_UNKNOWN_CLIENT: Final = _ErrorText(
    "Xero doesn't recognise the client id.", "Check `xero.client_id`, then reconnect."
)
REFRESH_ERRORS: Final = ErrorMapping(
    ReconnectError,
    {
        "invalid_grant": _ErrorText("The sign-in to Xero has ended.", _CONNECT_AGAIN),
        "invalid_client": _UNKNOWN_CLIENT,
        "unauthorized_client": _UNKNOWN_CLIENT,
    },
    _TRIES_AGAIN,
)
CUSTOM_REFRESH_ERRORS: Final = ErrorMapping(
    ReconnectError,
    {
        "invalid_grant": _ErrorText("The custom connection to Xero has ended.", _CONNECT_AGAIN),
        "invalid_client": _ErrorText(
            "Xero no longer accepts this custom connection's client id and secret.", _CONNECT_AGAIN
        ),
        "unauthorized_client": _ErrorText("The custom connection to Xero has ended.", _CONNECT_AGAIN),
        "invalid_scope": _ErrorText(
            "This custom connection no longer has its permissions in Xero.", _CONNECT_AGAIN
        ),
    },
    _TRIES_AGAIN,
)
CODE_EXCHANGE_ERRORS: Final = ErrorMapping(
    SignInError,
    {
        "invalid_grant": _ErrorText(
            "This sign-in has expired. It has to be finished within five minutes.",
            "Sign in again.",
        ),
        "invalid_client": _ErrorText("Xero doesn't recognise this client id.", _COPY_AGAIN),
        "unauthorized_client": _ErrorText(
            "Xero doesn't allow this sign-in for this type of app.",
            "Create a mobile or desktop app (Auth code with PKCE) and use its client id.",
        ),
        "invalid_scope": _ErrorText(
            "Xero doesn't allow this app the permissions it needs.", "Use another client id."
        ),
    },
    TRY_AGAIN,
)
CUSTOM_CONNECTION_ERRORS: Final = ErrorMapping(
    SignInError,
    {
        "invalid_client": _ErrorText(
            "Xero doesn't accept this client id and secret.",
            "Copy both again from your app's page, https://developer.xero.com/app/manage",
        ),
        "unauthorized_client": _ErrorText(
            "This app isn't a custom connection, or its organisation hasn't authorised it yet.",
            "Check the app's page, https://developer.xero.com/app/manage",
        ),
        "invalid_scope": _ErrorText(
            "This custom connection is missing a permission that Reshelve needs.",
            "Select the contacts and settings permissions on the app's page, then authorise it again.",
        ),
    },
    TRY_AGAIN,
)


def error_for(response: httpx.Response, mapping: ErrorMapping) -> XeroError:
    """Return the error for a response other than 200."""
    text = mapping.texts.get(_name_of(response))
    return mapping.error(*text) if text else service_error(response, mapping.fallback_next_step)


def is_token_ended(response: httpx.Response) -> bool:
    """Return whether a token was refused because it is no longer valid."""
    return _name_of(response) in _ENDED


def _name_of(response: httpx.Response) -> str:
    """Return the OAuth error code (RFC 6749, section 5.2), empty if there is none."""
    if not response.is_client_error:
        return ""
    try:
        return lenient_json.decode(response.content, _ErrorResponse).error
    except lenient_json.UndecodableError:
        return ""


def service_error(response: httpx.Response, next_step: str) -> XeroError:
    """Return the error for a service failure that is neither a grant nor a refusal."""
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.rate_limited(response)
    return OfflineError(f"Xero's sign-in service has a problem (HTTP {response.status_code}).", next_step)
