"""What went wrong, said in the program's own errors."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from tui.model.errors import (
    AnswerLostError,
    NotConnectedError,
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    XeroError,
)
from tui.xero import wire
from tui.xero.dates import date_of

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
# Seen as the detail of a 403.
_NOT_CONNECTED: Final = ("authenticationunsuccessful", "authorizationunsuccessful")
# OAuth's own word (RFC 6750).
_NO_PERMISSION: Final = "insufficient_scope"


def not_sent() -> OfflineError:
    """Say that no connection was made."""
    return OfflineError("Xero can't be reached.", _TRIES_AGAIN)


def answer_lost() -> AnswerLostError:
    """Say that the call was sent, and its answer didn't arrive."""
    return AnswerLostError("Xero's answer didn't arrive.", _READS_AGAIN)


def answer_unreadable() -> AnswerLostError:
    """Say that an answer arrived that makes no sense."""
    return AnswerLostError("Xero's answer made no sense.", _READS_AGAIN)


def raise_for_failure(response: httpx.Response) -> None:
    """Return for a 200 alone; every other answer becomes the error that says what it means."""
    if response.status_code != HTTPStatus.OK:
        raise failure(response)


def failure(response: httpx.Response) -> XeroError:
    """Name the error that an answer other than 200 means. HTML is never passed on."""
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return rate_limited(response)
    if status == HTTPStatus.UNAUTHORIZED:
        return ReconnectError("Xero no longer accepts the sign-in.", _CONNECT_AGAIN)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AnswerLostError(words_of(response) or f"Xero has a problem (HTTP {status}).", _READS_AGAIN)
    if status < HTTPStatus.BAD_REQUEST:
        return answer_unreadable()
    return _rejected(response, status)


def _rejected(response: httpx.Response, status: int) -> XeroError:
    words = words_of(response)
    if status == HTTPStatus.FORBIDDEN:
        meaning = (words + response.headers.get("WWW-Authenticate", "")).lower()
        if _NO_PERMISSION in meaning:
            return NotConnectedError(
                "Xero says that this connection lacks the permission for that.", _CONNECT_AGAIN
            )
        if any(sign in meaning for sign in _NOT_CONNECTED):
            return NotConnectedError(
                "Xero says that this organisation is no longer connected, or that a permission is missing.",
                _CONNECT_AGAIN,
            )
        return RejectedError(words or "Xero doesn't allow this.", status)
    if status == HTTPStatus.NOT_FOUND:
        return RejectedError(words or "Xero doesn't know what was asked for.", status)
    return RejectedError(words or f"Xero refused the call (HTTP {status}).", status)


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
        try:
            now = date_of(response) or datetime.now(UTC)
            seconds = (parsedate_to_datetime(retry_after) - now).total_seconds()
        except (ValueError, TypeError):
            return _DEFAULT_WAIT
    if not math.isfinite(seconds):
        return _DEFAULT_WAIT
    return min(max(seconds, _SHORTEST_WAIT), _LONGEST_WAIT)


def problem_of(response: httpx.Response) -> wire.Problem:
    """Read the JSON of a failed call; anything else is an empty problem."""
    try:
        return msgspec.json.decode(response.content, type=wire.Problem)
    except (msgspec.MsgspecError, ValueError):
        return wire.Problem()


def words_of(response: httpx.Response) -> str:
    """Find Xero's own words in an answer: the message of its JSON, or its plain text; never HTML."""
    problem = problem_of(response)
    words = problem.message or problem.detail or problem.title or ""
    if not words:
        text = response.text.strip()
        is_plain = "html" not in response.headers.get("Content-Type", "") and text[:1] not in {"<", "{", "["}
        words = text.strip('"') if is_plain else ""
    return " ".join(words.split())[:_LONGEST_WORDS]
