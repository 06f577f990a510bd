"""One hierarchy for all that can go wrong: what happened, whether trying again helps, what to do."""

from __future__ import annotations

from enum import StrEnum


def as_sentence(text: str) -> str:
    """Return words that end like a sentence."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


class ReshelveError(Exception):
    """Something that a person has to be told.

    `message` is a sentence, `next_step` says what to do about it, `retryable` whether the same attempt can
    succeed later by itself. `action` is the id of the action that helps, empty where there is none: a
    screen names its key as it is now, which nothing below the screens knows.
    """

    retryable = False

    def __init__(self, message: str, next_step: str = "", *, action: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.action = action

    @property
    def sentence(self) -> str:
        """`message` with a full stop, for where a sentence follows: the words of others often have none."""
        return as_sentence(self.message)


class BugError(ReshelveError):
    """Reshelve ended by an unexpected error; `log` is the file with the details, if there is one."""

    def __init__(self, log: str = "") -> None:
        details = f"The details are in {log}." if log else "The details could not be written to a log file."
        super().__init__(
            "Reshelve stopped because of a bug.",
            f"Nothing is lost: your changes are saved on this computer. {details} Start Reshelve again.",
        )


class ReadOnlyReason(StrEnum):
    """Why nothing can be changed: the connection's permissions, or the option `--read-only`."""

    CONNECTION = "connection"
    OPTION = "option"


class ReadOnlyError(ReshelveError):
    """Refused in read-only mode; nothing was recorded. Screens and commands turn `reason` into a sentence."""

    def __init__(self, reason: ReadOnlyReason) -> None:
        super().__init__(f"Refused in read-only mode ({reason}).")
        self.reason = reason


class SettingsError(ReshelveError):
    """A setting that can't be used; names the file or variable, the key and what is allowed."""


class StoreError(ReshelveError):
    """The local copy can't be read or written."""


class StoreClosedError(StoreError):
    """The local copy was closed, as the organisation or Reshelve itself is being closed."""

    def __init__(self) -> None:
        super().__init__("The local copy is closed. Everything saved until now is kept.")


class UnexpectedError(ReshelveError):
    """A bug met in the background: the task that hit it is retried. `kind` is the exception's type."""

    retryable = True

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"Something unexpected went wrong ({kind}). Nothing is lost.",
            "Reshelve tries again; the log file says where.",
        )
        self.kind = kind


class XeroError(ReshelveError):
    """Xero couldn't be asked, or wouldn't answer."""


class OfflineError(XeroError):
    """No connection was made: what was asked never reached Xero."""

    retryable = True


class NetworkSetupError(OfflineError):
    """A proxy, certificate or network setting of this computer prevents the connection.

    `next_step` says what to change. It is tried again meanwhile, as some of them change by themselves.
    """


class KeychainError(OfflineError):
    """The system's keychain can't be used, so that Xero can't be asked.

    `is_waiting` says that it hasn't answered yet, as it waits for the person: the same call, made again,
    waits for the same answer.
    """

    def __init__(self, message: str, next_step: str = "", *, is_waiting: bool = False) -> None:
        super().__init__(message, next_step)
        self.is_waiting = is_waiting


class KeychainWriteError(KeychainError, StoreError):
    """The keychain didn't keep, or didn't remove, a sign-in."""


class ReplyLostError(XeroError):
    """The call may or may not have been carried out: only reading again tells.

    Raised for time-outs after sending, dropped connections, 5xx and answers that make no sense.
    """

    retryable = True


class UnexpectedReplyError(ReplyLostError):
    """There was an answer, but none that can be read as Xero's: no verdict on what was asked."""


class ForeignReplyError(UnexpectedReplyError):
    """A refusal that isn't Xero's, such as a gateway's page."""


class RateLimitedError(XeroError):
    """Xero wants fewer calls: nothing was carried out. Seen as a 429 with an empty body.

    `retry_after` is in seconds; `problem` is Xero's `X-Rate-Limit-Problem`: minute, day, concurrent or
    appminute.
    """

    retryable = True

    def __init__(self, retry_after: float, problem: str) -> None:
        super().__init__(f"Xero's limit for calls is used up ({problem})")
        self.retry_after = retry_after
        self.problem = problem


class ReconnectError(XeroError):
    """The sign-in no longer works: the person has to connect again. Nothing queued is lost."""


class NotConnectedError(ReconnectError):
    """Xero takes the sign-in, but not for this organisation: it was removed, or a permission is missing."""


class MissingScopeError(NotConnectedError):
    """The sign-in works, but lacks a scope for what was asked: connecting again asks for it."""


class SignInError(XeroError):
    """A new sign-in couldn't be begun or finished. What was connected before is as it was."""


class NoKeychainError(SignInError):
    """There is no keychain on this system: the person has to agree before tokens are kept in a file."""


class RejectedError(XeroError):
    """Xero read the call and refused it as a whole, in the words of `message`.

    `status` is the HTTP status: an empty 404 is how Xero answers an id that it never issued.
    """

    def __init__(self, message: str, status: int, next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.status = status


class FeedError(ReshelveError):
    """The Re-Leased feed couldn't be read. Never a reason to show anything as synced."""

    retryable = True
