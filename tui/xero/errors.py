"""What went wrong, said in the program's own errors."""

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
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReplyLostError,
    UnexpectedReplyError,
    XeroError,
)
from tui.net import lenient_json
from tui.xero import parsing
from tui.xero.parsing import parse_http_date, response_date

if TYPE_CHECKING:
    import httpx

_TRIES_AGAIN: Final = "Nothing is lost: Reshelve tries again by itself."
_READS_AGAIN: Final = "Nothing is lost: Reshelve reads again how things stand."
_CONNECT_AGAIN: Final = "Connect to Xero again; everything queued is kept."
_LONGEST_WORDS: Final = 500
_DEFAULT_WAIT: Final = 60.0
_SHORTEST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 86_400.0
_PROBLEMS: Final = frozenset({"minute", "day", "concurrent", "appminute"})
# Python knows many more, among them some that are no charsets at all. All else is read as UTF-8.
_CHARSETS: Final = {
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252"), "cp1252"),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be")},
}
# Seen as the detail of a 403.
_NOT_CONNECTED: Final = ("authenticationunsuccessful", "authorizationunsuccessful")
# OAuth's own `insufficient_scope` (RFC 6750) and every sentence about a scope.
_SCOPE: Final = "scope"
# Xero's word for it where it comes with a 401.
_NO_SCOPE: Final = "authorizationunsuccessful"
# Statuses of proxies and gateways on the way to Xero: not Xero's verdict, whatever the body says.
_GATEWAY_STATUSES: Final = frozenset({408, 421, 425, 426, 431, 444, 460, 494, 495, 496, 497, 498, 499})
# How a service that takes bearer tokens refuses one (RFC 6750), and how OAuth 1 did, whose words Xero kept.
_TOKEN_REFUSALS: Final = ("bearer", "oauth_problem")


def not_sent() -> OfflineError:
    """Say that no connection was made."""
    return OfflineError("Xero can't be reached.", _TRIES_AGAIN)


def reply_lost() -> ReplyLostError:
    """Say that the call was sent, and its answer didn't arrive."""
    return ReplyLostError("Xero's answer didn't arrive.", _READS_AGAIN)


def unreadable_reply() -> UnexpectedReplyError:
    """Say that an answer arrived that makes no sense."""
    return UnexpectedReplyError("Xero's answer made no sense.", _READS_AGAIN)


def reply_too_large() -> UnexpectedReplyError:
    """Say that an answer arrived that is larger than this program reads."""
    return UnexpectedReplyError("Xero sent an answer larger than 64 MB, which was not read.", _READS_AGAIN)


def raise_for_failure(response: httpx.Response) -> None:
    """Return for a 200 alone; every other answer becomes the error that says what it means."""
    if response.status_code != HTTPStatus.OK:
        raise error_for(response)


def error_for(response: httpx.Response) -> XeroError:
    """Name the error that an answer other than 200 means. HTML is never passed on.

    Only Xero's own JSON, or one of the few answers that Xero was seen to give without any, is Xero's
    verdict. Everything else can come from a proxy or a gateway, whatever its status: then it is open
    whether Xero carried the call out.
    """
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _foreign_reply(status) if _has_foreign_body(response) else rate_limited(response)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ReplyLostError(message_of(response) or f"Xero has a problem (HTTP {status}).", _READS_AGAIN)
    if status < HTTPStatus.BAD_REQUEST:
        return unreadable_reply()
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _sign_in_refused(response, status)
    if is_unknown_id(response):
        return RejectedError(f"Xero has nothing at the address that was asked for (HTTP {status}).", status)
    return _rejected(response, status)


def is_unknown_id(response: httpx.Response) -> bool:
    """Say whether this is how Xero refuses an id that it never issued (seen): a 404 without any content."""
    return response.status_code == HTTPStatus.NOT_FOUND and not response.content.strip()


def is_foreign(response: httpx.Response) -> bool:
    """Say whether something other than Xero refused the call, as far as that can be seen."""
    refused = HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    return refused and isinstance(error_for(response), ForeignReplyError)


def wants_new_token(response: httpx.Response) -> bool:
    """Say whether a 401 is about the access token, so that the call may succeed with a new one."""
    return response.status_code == HTTPStatus.UNAUTHORIZED and type(error_for(response)) is ReconnectError


def _sign_in_refused(response: httpx.Response, status: int) -> XeroError:
    challenge = response.headers.get("WWW-Authenticate", "").lower()
    description = f"{message_of(response)} {challenge}".lower()
    is_about_token = any(sign in description for sign in _TOKEN_REFUSALS)
    if not is_about_token and not _is_xero_auth_refusal(response):
        # A 401 without any content is taken for Xero's, as nothing but a new sign-in could help against it.
        is_bare = status == HTTPStatus.UNAUTHORIZED and not response.content and not challenge
        if not is_bare:
            return _foreign_reply(status)
    if _SCOPE in description or (status == HTTPStatus.UNAUTHORIZED and _NO_SCOPE in description):
        return MissingScopeError(
            "This connection to Xero lacks a permission (scope) for that.", _CONNECT_AGAIN
        )
    if status == HTTPStatus.UNAUTHORIZED:
        return ReconnectError("Xero no longer accepts the sign-in.", _CONNECT_AGAIN)
    if any(sign in description for sign in _NOT_CONNECTED):
        return NotConnectedError(
            "Xero says that this organisation is no longer connected, or that a permission is missing.",
            _CONNECT_AGAIN,
        )
    return _rejected(response, status)


def _rejected(response: httpx.Response, status: int) -> XeroError:
    if status in _GATEWAY_STATUSES or not is_from_xero(response):
        return _foreign_reply(status)
    return RejectedError(message_of(response) or f"Xero refused the request (HTTP {status}).", status)


def _foreign_reply(status: int) -> ForeignReplyError:
    return ForeignReplyError(
        f"The answer didn't come from Xero (HTTP {status}). A proxy or gateway on the way may have sent it.",
        _READS_AGAIN,
    )


def is_from_xero(response: httpx.Response) -> bool:
    """Say whether the body is the JSON of a failed call as Xero writes it, its names in PascalCase."""
    problem = problem_of(response)
    return problem.elements is not None or any((problem.type, problem.title, problem.detail, problem.message))


def _is_xero_auth_refusal(response: httpx.Response) -> bool:
    """Say whether the body is how Xero refuses a sign-in (seen); gateways write a `Message` alone."""
    problem = problem_of(response)
    return any((problem.type, problem.title, problem.detail))


def _has_foreign_body(response: httpx.Response) -> bool:
    return bool(response.content.strip()) and not is_from_xero(response)


def rate_limited(response: httpx.Response) -> RateLimitedError:
    """Read a 429: its body is empty, all that is known stands in two headers."""
    problem = response.headers.get("X-Rate-Limit-Problem", "").strip().lower()
    return RateLimitedError(_seconds(response), problem if problem in _PROBLEMS else "minute")


def _seconds(response: httpx.Response) -> float:
    """Read both forms of `Retry-After` (RFC 9110): seconds, or a date, which is by Xero's clock."""
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
    """Read the JSON of a failed call; anything else is an empty problem."""
    return _problem(response.content)


# Each failed call is looked at from several sides, and what is broken takes long to read.
@lru_cache(maxsize=1)
def _problem(content: bytes) -> parsing.Problem:
    try:
        return lenient_json.decode(content, parsing.Problem)
    except lenient_json.UndecodableError:
        return parsing.Problem()


def message_of(response: httpx.Response) -> str:
    """Find Xero's own words in an answer: the message of its JSON, or its plain text; never HTML."""
    problem = problem_of(response)
    message = problem.message or problem.detail or problem.title or ""
    if not message:
        text = text_of(response).strip()
        is_plain = "html" not in response.headers.get("Content-Type", "") and text[:1] not in {"<", "{", "["}
        message = text.strip('"') if is_plain else ""
    return " ".join(message.split())[:_LONGEST_WORDS]


def text_of(response: httpx.Response) -> str:
    """Read an answer as text. Whatever charset it claims, this never fails."""
    charset = (response.charset_encoding or "").lower()
    return response.content.decode(_CHARSETS.get(charset, "utf-8"), "replace")
