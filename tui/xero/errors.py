"""Convert failed responses into Reshelve's errors."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tui.model.errors import (
    ForeignReplyError,
    MissingScopeError,
    NotConnectedError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReplyLostError,
    UnexpectedReplyError,
    XeroError,
)
from tui.model.reasons import XeroReason
from tui.net import lenient_json
from tui.xero import parsing
from tui.xero.parsing import parse_http_date, response_date

if TYPE_CHECKING:
    import httpx

_LONGEST_WORDS: Final = 500
_DEFAULT_WAIT: Final = 60.0
_SHORTEST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 86_400.0
_PROBLEMS: Final = frozenset({"minute", "day", "concurrent", "appminute"})
# Python knows many more, some of which aren't charsets. Anything else is read as UTF-8.
_CHARSETS: Final = {
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252"), "cp1252"),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be")},
}
# Seen as the detail of a 403.
_NOT_CONNECTED: Final = ("authenticationunsuccessful", "authorizationunsuccessful")
# OAuth's `insufficient_scope` (RFC 6750) and any message about a scope.
_SCOPE: Final = "scope"
# Xero's term for it with a 401.
_NO_SCOPE: Final = "authorizationunsuccessful"
# Statuses of proxies and gateways on the way to Xero: never Xero's own reply, whatever the body contains.
_GATEWAY_STATUSES: Final = frozenset({408, 421, 425, 426, 431, 444, 460, 494, 495, 496, 497, 498, 499})
# How bearer tokens are refused (RFC 6750), and OAuth 1's wording, which Xero kept.
_TOKEN_REFUSALS: Final = ("bearer", "oauth_problem")


def raise_for_failure(response: httpx.Response) -> None:
    """Raise the matching error for any status other than 200."""
    if response.status_code != HTTPStatus.OK:
        raise error_for(response)


def error_for(response: httpx.Response) -> XeroError:
    """Return the error for a response other than 200. HTML is never passed on.

    Only Xero's own JSON, and the few replies that Xero was seen to send without any, count as Xero's.
    Anything else may come from a proxy or gateway, whatever its status: the result is then unknown.
    """
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _foreign_reply(status) if _has_foreign_body(response) else rate_limited(response)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = message_of(response)
        reason = XeroReason.SERVER_MESSAGE if message else XeroReason.SERVER_ERROR
        return ReplyLostError(reason, status=status, xero_message=message)
    if status < HTTPStatus.BAD_REQUEST:
        return UnexpectedReplyError(XeroReason.UNREADABLE_REPLY)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _sign_in_refused(response, status)
    if is_unknown_id(response):
        return RejectedError(XeroReason.NOT_FOUND, status=status)
    return _rejected(response, status)


def is_unknown_id(response: httpx.Response) -> bool:
    """Whether Xero doesn't know the ID (seen): a 404 without content."""
    return response.status_code == HTTPStatus.NOT_FOUND and not response.content.strip()


def is_foreign(response: httpx.Response) -> bool:
    """Whether something other than Xero refused the request, as far as can be determined."""
    refused = HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    return refused and isinstance(error_for(response), ForeignReplyError)


def wants_new_token(response: httpx.Response) -> bool:
    """Whether a 401 is about the access token, so a new one may help."""
    return response.status_code == HTTPStatus.UNAUTHORIZED and type(error_for(response)) is ReconnectError


def _sign_in_refused(response: httpx.Response, status: int) -> XeroError:
    challenge = response.headers.get("WWW-Authenticate", "").lower()
    description = f"{message_of(response)} {challenge}".lower()
    is_about_token = any(sign in description for sign in _TOKEN_REFUSALS)
    if not is_about_token and not _is_xero_auth_refusal(response):
        # A 401 without content counts as Xero's: only a new sign-in could help.
        is_bare = status == HTTPStatus.UNAUTHORIZED and not response.content and not challenge
        if not is_bare:
            return _foreign_reply(status)
    if _SCOPE in description or (status == HTTPStatus.UNAUTHORIZED and _NO_SCOPE in description):
        return MissingScopeError(XeroReason.SCOPE_MISSING)
    if status == HTTPStatus.UNAUTHORIZED:
        return ReconnectError(XeroReason.SIGN_IN_INVALID)
    if any(sign in description for sign in _NOT_CONNECTED):
        return NotConnectedError(XeroReason.NOT_CONNECTED)
    return _rejected(response, status)


def _rejected(response: httpx.Response, status: int) -> XeroError:
    if status in _GATEWAY_STATUSES or not is_from_xero(response):
        return _foreign_reply(status)
    message = message_of(response)
    reason = XeroReason.REJECTED if message else XeroReason.REJECTED_WITHOUT_MESSAGE
    return RejectedError(reason, status=status, xero_message=message)


def _foreign_reply(status: int) -> ForeignReplyError:
    return ForeignReplyError(XeroReason.FOREIGN_REPLY, status=status)


def is_from_xero(response: httpx.Response) -> bool:
    """Whether the body is Xero's JSON for a failed request, with names in PascalCase."""
    problem = problem_of(response)
    return problem.elements is not None or any((problem.type, problem.title, problem.detail, problem.message))


def _is_xero_auth_refusal(response: httpx.Response) -> bool:
    """Whether the body is Xero refusing a sign-in (seen); gateways send only a `Message`."""
    problem = problem_of(response)
    return any((problem.type, problem.title, problem.detail))


def _has_foreign_body(response: httpx.Response) -> bool:
    return bool(response.content.strip()) and not is_from_xero(response)


def rate_limited(response: httpx.Response) -> RateLimitedError:
    """Read a 429: its body is empty, two headers hold the details."""
    problem = response.headers.get("X-Rate-Limit-Problem", "").strip().lower()
    return RateLimitedError(_seconds(response), problem if problem in _PROBLEMS else "minute")


def _seconds(response: httpx.Response) -> float:
    """Read both forms of `Retry-After` (RFC 9110): seconds, or a date by Xero's clock."""
    retry_after = response.headers.get("Retry-After", "")
    try:
        seconds = float(retry_after)
    except ValueError:
        until = parse_http_date(retry_after)
        if until is None:
            return _DEFAULT_WAIT
        seconds = (until - (response_date(response) or datetime.now(UTC))).total_seconds()
    if not math.isfinite(seconds):
        return _DEFAULT_WAIT
    return min(max(seconds, _SHORTEST_WAIT), _LONGEST_WAIT)


def problem_of(response: httpx.Response) -> parsing.Problem:
    """Parse the JSON of a failed request; anything else is an empty problem."""
    return _problem(response.content)


# Several checks read the same failed response, and parsing broken JSON is slow.
@lru_cache(maxsize=1)
def _problem(content: bytes) -> parsing.Problem:
    try:
        return lenient_json.decode(content, parsing.Problem)
    except lenient_json.UndecodableError:
        return parsing.Problem()


def message_of(response: httpx.Response) -> str:
    """Return Xero's own message from a response: from its JSON or plain text, never HTML."""
    problem = problem_of(response)
    message = problem.message or problem.detail or problem.title or ""
    if not message:
        text = text_of(response).strip()
        is_plain = "html" not in response.headers.get("Content-Type", "") and text[:1] not in {"<", "{", "["}
        message = text.strip('"') if is_plain else ""
    return " ".join(message.split())[:_LONGEST_WORDS]


def text_of(response: httpx.Response) -> str:
    """Decode a response as text. Never fails, whatever charset it claims."""
    charset = (response.charset_encoding or "").lower()
    return response.content.decode(_CHARSETS.get(charset, "utf-8"), "replace")
