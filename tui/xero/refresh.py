"""One exchange of a refresh token for new tokens, at Xero's identity service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import httpx
import msgspec

from tui.log import logger
from tui.loopback import is_loopback
from tui.model.errors import OfflineError, ReconnectError, XeroError
from tui.xero import failures
from tui.xero.http import HEADERS, TIMEOUT
from tui.xero.tokens import Tokens

_TRIES_AGAIN: Final = "Nothing is lost: Reshelve tries again by itself."


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: float


class _Refused(msgspec.Struct, frozen=True):
    error: str = ""


def refresh(
    identity_url: str, client_id: str, refresh_token: str, transport: httpx.BaseTransport | None = None
) -> Tokens:
    """Fetch new tokens; blocks for as long as the service takes.

    Raises `ReconnectError` when the sign-in has ended, `RateLimitedError`, and `OfflineError` for all
    else: what needed the token was certainly not sent, and Xero lets a lost exchange be repeated.
    """
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token}
    answer = _post(f"{identity_url.rstrip('/')}/connect/token", form, transport)
    # Raised here and not where it was met: no traceback leads back to a request that carries a token.
    if answer is None:
        raise OfflineError("Xero's sign-in service can't be reached.", _TRIES_AGAIN)
    if answer.status_code != HTTPStatus.OK:
        raise _refusal(answer)
    tokens = _read(answer.content)
    if tokens is None:
        raise OfflineError("Xero's sign-in service gave an answer that made no sense.", _TRIES_AGAIN)
    return tokens


def _post(url: str, form: dict[str, str], transport: httpx.BaseTransport | None) -> httpx.Response | None:
    try:
        with httpx.Client(
            headers=HEADERS, timeout=TIMEOUT, trust_env=not is_loopback(url), transport=transport
        ) as client:
            return client.post(url, data=form)
    except httpx.HTTPError as error:
        logger.info("the sign-in was not renewed: %s", type(error).__name__)
        return None


def _refusal(answer: httpx.Response) -> XeroError:
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return failures.rate_limited(answer)
    try:
        error = msgspec.json.decode(answer.content, type=_Refused).error
    except (msgspec.MsgspecError, ValueError):
        error = ""
    if error == "invalid_grant":
        return ReconnectError(
            "The sign-in to Xero has ended.",
            "Run `reshelve connect`; everything queued is kept.",
        )
    if error in {"invalid_client", "unauthorized_client"}:
        return ReconnectError(
            "Xero doesn't know this program's client id.", "Check `xero.client_id`, then connect again."
        )
    return OfflineError(f"Xero's sign-in service has a problem (HTTP {answer.status_code}).", _TRIES_AGAIN)


def _read(content: bytes) -> Tokens | None:
    try:
        granted = msgspec.json.decode(content, type=_Granted)
        expires_at = datetime.now(UTC) + timedelta(seconds=granted.expires_in)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return None
    return Tokens(granted.access_token, granted.refresh_token, expires_at)
