"""What Xero's identity service means when it refuses, in words for each kind of exchange."""

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

_TRIES_AGAIN: Final = "Nothing is lost: Reshelve tries again by itself."
TRY_AGAIN: Final = "Nothing has changed: try again in a moment."
_CONNECT_AGAIN: Final = "Connect to Xero again; everything queued is kept."
_COPY_AGAIN: Final = "Copy it again from your app's page, https://developer.xero.com/app/manage"
# With these Xero says of a token that it is worth nothing any more (RFC 6749 and 7009).
_ENDED: Final = frozenset(
    {"invalid_grant", "invalid_token", "invalid_client", "unauthorized_client", "unsupported_token_type"}
)


class _ErrorText(NamedTuple):
    message: str
    next_step: str


class ErrorMapping(Struct, frozen=True):
    """What OAuth's names of refusals mean for one kind of exchange; all else is the service's trouble."""

    error: type[ReconnectError | SignInError]
    texts: Mapping[str, _ErrorText]
    fallback_next_step: str


class _ErrorResponse(msgspec.Struct, frozen=True):
    error: str = ""


_UNKNOWN_CLIENT: Final = _ErrorText(
    "Xero doesn't know this program's client id.", "Check `xero.client_id`, then connect again."
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
            "Xero no longer takes the client id and secret of this custom connection.", _CONNECT_AGAIN
        ),
        "unauthorized_client": _ErrorText("The custom connection to Xero has ended.", _CONNECT_AGAIN),
        "invalid_scope": _ErrorText(
            "Xero no longer gives this custom connection the permissions it had.", _CONNECT_AGAIN
        ),
    },
    _TRIES_AGAIN,
)
CODE_EXCHANGE_ERRORS: Final = ErrorMapping(
    SignInError,
    {
        "invalid_grant": _ErrorText(
            "Xero no longer takes this sign-in: it has to be finished within five minutes.",
            "Sign in once more.",
        ),
        "invalid_client": _ErrorText("Xero doesn't know this client id.", _COPY_AGAIN),
        "unauthorized_client": _ErrorText(
            "Xero doesn't let this app sign in like this.",
            "Register it as a mobile or desktop app (Auth code with PKCE), and use that client id.",
        ),
        "invalid_scope": _ErrorText(
            "Xero doesn't give this app the permissions it asks for.", "Sign in with another client id."
        ),
    },
    TRY_AGAIN,
)
CUSTOM_CONNECTION_ERRORS: Final = ErrorMapping(
    SignInError,
    {
        "invalid_client": _ErrorText(
            "Xero doesn't take this client id with this secret.",
            "Copy both again from your app's page, https://developer.xero.com/app/manage",
        ),
        "unauthorized_client": _ErrorText(
            "This app isn't a custom connection, or its organisation hasn't authorised it yet.",
            "See to it on the app's page, https://developer.xero.com/app/manage",
        ),
        "invalid_scope": _ErrorText(
            "This custom connection lacks a permission that Reshelve asks for.",
            "Tick its permissions for contacts and settings on the app's page, then authorise it again.",
        ),
    },
    TRY_AGAIN,
)


def error_for(response: httpx.Response, mapping: ErrorMapping) -> XeroError:
    """Name the error that an answer other than 200 means."""
    text = mapping.texts.get(_name_of(response))
    return mapping.error(*text) if text else service_error(response, mapping.fallback_next_step)


def is_token_ended(response: httpx.Response) -> bool:
    """Say whether a token was refused because it is worth nothing any more."""
    return _name_of(response) in _ENDED


def _name_of(response: httpx.Response) -> str:
    """Find OAuth's name of a refusal (RFC 6749, section 5.2); empty where the answer is none."""
    if not response.is_client_error:
        return ""
    try:
        return lenient_json.decode(response.content, _ErrorResponse).error
    except lenient_json.UndecodableError:
        return ""


def service_error(response: httpx.Response, next_step: str) -> XeroError:
    """Name the error of a service that neither grants nor refuses."""
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.rate_limited(response)
    return OfflineError(f"Xero's sign-in service has a problem (HTTP {response.status_code}).", next_step)
