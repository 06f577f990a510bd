"""The exchanges with Xero's identity service: for new tokens, and to end a sign-in.

OAuth's own parameters come from Authlib; the wire and what answers mean are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote, urlencode

import httpx
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_token_request  # type: ignore[import-untyped]
from authlib.oauth2.rfc7009.parameters import prepare_revoke_token_request  # type: ignore[import-untyped]

from tui.log import logger
from tui.loopback import is_loopback
from tui.model.errors import OfflineError, ReconnectError, SignInError, XeroError
from tui.xero import failures
from tui.xero.http import HEADERS, TIMEOUT
from tui.xero.tokens import Secret, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_TRIES_AGAIN: Final = "Nothing is lost: Reshelve tries again by itself."
_TRY_AGAIN: Final = "Nothing has changed: try again in a moment."
_APPS: Final = "https://developer.xero.com/app/manage"
# The `Date` header is cut to whole seconds (RFC 9110).
_DATE_STEP: Final = timedelta(seconds=1)

_Refusals = "Mapping[str, Callable[[], XeroError]]"


@dataclass(frozen=True, slots=True)
class Granted:
    """What a new sign-in has brought.

    `clock_ahead` is how far this machine's clock is at least ahead of Xero's (behind, when negative); zero
    when the answer's own date agrees with this clock.
    """

    tokens: Tokens
    clock_ahead: timedelta


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request, hidden in tracebacks; `secret` makes the client show itself with Basic (RFC 6749, 2.3.1)."""

    url: str
    body: str = field(repr=False)
    client_id: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    response: httpx.Response
    sent_at: datetime
    received_at: datetime


class _Grant(msgspec.Struct, frozen=True):
    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: Annotated[float, msgspec.Meta(gt=0)]
    refresh_token: str = ""
    scope: str = ""


class _Refused(msgspec.Struct, frozen=True):
    error: str = ""


def renew(identity_url: str, tokens: Tokens, transport: httpx.BaseTransport | None = None) -> Tokens:
    """Fetch new tokens for a sign-in; blocks for as long as the service takes.

    Raises `ReconnectError` when the sign-in has ended, `RateLimitedError`, and `OfflineError` for all
    else: what needed the token was certainly not sent, and Xero lets a lost exchange be repeated.
    """
    raise NotImplementedError


def redeem(
    identity_url: str,
    *,
    client_id: str,
    code: str,
    redirect_uri: str,
    verifier: str,
    transport: httpx.BaseTransport | None = None,
) -> Granted:
    """Exchange the code of a sign-in in the browser, which lives five minutes, for tokens; blocks.

    Raises `SignInError` when Xero refuses, `RateLimitedError`, and `OfflineError` for all else.
    """
    raise NotImplementedError


def custom_connection(
    identity_url: str,
    *,
    client_id: str,
    client_secret: str,
    scope: str,
    transport: httpx.BaseTransport | None = None,
) -> Granted:
    """Sign in to the one organisation of a custom connection; blocks.

    Raises `SignInError` when Xero refuses, `RateLimitedError`, and `OfflineError` for all else.
    """
    raise NotImplementedError


def revoke(identity_url: str, tokens: Tokens, transport: httpx.BaseTransport | None = None) -> None:
    """End a sign-in at Xero (RFC 7009); blocks. Fine when it has ended already.

    Raises `RateLimitedError`, and `OfflineError` when the service didn't say that it is done.
    """
    raise NotImplementedError
