"""The error hierarchy: what happened, what to do, and whether a retry can help."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from tui.model.reasons import (
    ContactSourceReason,
    GeneralReason,
    Notice,
    Param,
    ReadOnlyReason,
    Reason,
    SignInReason,
    StoreReason,
    XeroReason,
)

_PASSING_REASONS: Final = frozenset(
    {ContactSourceReason.UNREACHABLE, ContactSourceReason.TIMED_OUT, ContactSourceReason.CUT_SHORT}
)
_PASSING_STATUSES: Final = frozenset({502, 503, 504})
_FINAL_SOURCE_REASONS: Final = frozenset(
    {
        ContactSourceReason.KEY_REFUSED,
        ContactSourceReason.FORBIDDEN,
        ContactSourceReason.NO_SUCH_CONNECTION,
        ContactSourceReason.TOO_MANY,
        ContactSourceReason.INSECURE_URL,
        ContactSourceReason.NO_CONNECTION_ID,
        ContactSourceReason.NO_KEY,
        ContactSourceReason.KEY_UNUSABLE,
        ContactSourceReason.KEY_VARIABLE_UNUSABLE,
        ContactSourceReason.UNKNOWN_SOURCE,
        ContactSourceReason.DUPLICATE_SOURCE,
        ContactSourceReason.NOT_LOADED,
    }
)


class ReshelveError(Exception):
    """An error to show to the user.

    `notice` is a reason code with its parameters; `tui.messages` turns it into what happened, what
    to do next and the action that helps. `retryable` is whether the same attempt can succeed later.
    """

    retryable = False

    def __init__(self, reason: Reason, /, **params: Param) -> None:
        self.notice = Notice(reason, params)
        super().__init__(str(self.notice))

    @property
    def reason(self) -> Reason:
        """The reason code."""
        return self.notice.reason


class BugError(ReshelveError):
    """Reshelve stopped on an unexpected error; `log` is the log file, if there is one."""

    def __init__(self, log: str = "") -> None:
        if log:
            super().__init__(GeneralReason.BUG, log=log)
        else:
            super().__init__(GeneralReason.BUG_NOT_LOGGED)


class ReadOnlyError(ReshelveError):
    """Blocked by read-only mode; nothing was recorded."""

    def __init__(self, reason: ReadOnlyReason) -> None:
        super().__init__(reason)


class SettingsError(ReshelveError):
    """An invalid setting, or an invalid name or file."""


class StoreError(ReshelveError):
    """The local database can't be read or written."""


class StoreClosedError(StoreError):
    """The local database was closed because the organisation or Reshelve is closing."""

    def __init__(self) -> None:
        super().__init__(StoreReason.CLOSED)


class UnexpectedError(ReshelveError):
    """A bug in a background task, which is retried. `kind` is the exception's type."""

    retryable = True

    def __init__(self, kind: str) -> None:
        super().__init__(GeneralReason.UNEXPECTED_ERROR, kind=kind)
        self.kind = kind


class XeroError(ReshelveError):
    """A request to Xero failed."""


class OfflineError(XeroError):
    """No connection was made: the request never reached Xero."""

    retryable = True


class NetworkSetupError(OfflineError):
    """A proxy, certificate or network setting of this computer prevents the connection.

    The user has to change it. It is retried meanwhile, as some problems resolve on their own.
    """


class KeychainError(OfflineError):
    """The system's keychain can't be used, so no request can be sent to Xero."""

    @property
    def is_waiting(self) -> bool:
        """Whether it is waiting for the user: repeating the call waits for the same prompt."""
        return self.reason is SignInReason.KEYCHAIN_WAITING


class KeychainWriteError(KeychainError, StoreError):
    """The keychain couldn't save or remove a sign-in."""


class ReplyLostError(XeroError):
    """The request may or may not have been processed; reading the contact again shows which.

    Raised for timeouts after sending, dropped connections, 5xx and unreadable replies.
    """

    retryable = True


class UnexpectedReplyError(ReplyLostError):
    """A reply that can't be read as Xero's: the result is unknown."""


class ForeignReplyError(UnexpectedReplyError):
    """A refusal that didn't come from Xero, such as a gateway's page."""


class RateLimitedError(XeroError):
    """Xero's rate limit was reached: nothing was processed. Seen as a 429 with an empty body.

    `retry_after` is in seconds; `problem` is Xero's `X-Rate-Limit-Problem`: minute, day, concurrent or
    appminute.
    """

    retryable = True

    def __init__(self, retry_after: float, problem: str) -> None:
        super().__init__(XeroReason.RATE_LIMITED, problem=problem)
        self.retry_after = retry_after
        self.problem = problem


class ReconnectError(XeroError):
    """The sign-in no longer works: the user has to reconnect. Queued changes are kept."""


class NotConnectedError(ReconnectError):
    """The sign-in is valid but not for this organisation: it was removed, or a permission is missing."""


class MissingScopeError(NotConnectedError):
    """The sign-in is valid but lacks a scope; reconnecting requests it."""


class SignInError(XeroError):
    """A new sign-in couldn't be started or finished. Existing connections are unchanged."""


class NoKeychainError(SignInError):
    """No keychain on this system: the user has to agree before tokens are stored in a file."""


class RejectedError(XeroError):
    """Xero rejected the whole request.

    `status` is the HTTP status: for an id that it never issued, Xero returns an empty 404.
    """

    def __init__(self, reason: XeroReason, *, status: int, xero_message: str = "") -> None:
        super().__init__(reason, status=status, xero_message=xero_message)
        self.status = status


class ContactSourceError(ReshelveError):
    """Re-Leased's contacts couldn't be read, or not completely: what was read isn't used."""

    def __init__(self, reason: Reason, /, **params: Param) -> None:
        super().__init__(reason, **params)
        # Others can succeed later without anything being changed on this computer.
        self.retryable = reason not in _FINAL_SOURCE_REASONS

    @property
    def retry_after(self) -> float | None:
        """How long to wait, in seconds; None if the source doesn't limit requests."""
        wait = self.notice.params.get("wait")
        return wait.total_seconds() if isinstance(wait, timedelta) else None

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed within seconds: no reply, or a gateway that was too busy."""
        if self.reason is ContactSourceReason.HTTP_ERROR:
            return self.notice.params.get("status") in _PASSING_STATUSES
        return self.reason in _PASSING_REASONS


class FeedError(ReshelveError):
    """The Re-Leased feed couldn't be read. Never shows anything as synced."""

    retryable = True
