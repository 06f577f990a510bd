"""How Xero is to be reached right now: limits, outages and bad connections are ordinary weather."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tui.model.errors import (
    KeychainError,
    MissingScopeError,
    NotConnectedError,
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReshelveError,
    UnexpectedReplyError,
)
from tui.model.snapshot import ConnectionStatus, XeroStatus
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.model.errors import StoreError, UnexpectedError


# Seconds between attempts: somebody has to make room, or another process has to finish.
_PAUSE: Final = 5.0


class StorageHealth:
    """Whether the local copy can be written, and its journal backed up, in words for the person.

    The next write that succeeds ends what `problem` there was; the next backup, what was with backups.
    """

    def __init__(self, on_update: Callable[[], None]) -> None:
        self.write_problem = ""
        self._backup_problem = ""
        self._task_problems: dict[str, str] = {}
        self._on_update = on_update
        self._is_writable = asyncio.Event()

    @property
    def problem(self) -> str:
        """What the person is to know; empty when all is well."""
        return self.write_problem or self._backup_problem or next(iter(self._task_problems.values()), "")

    def record_task(self, task: str, error: UnexpectedError | None) -> None:
        """Note how a background task goes: what ended it unexpectedly, None once it works again."""
        problem = "" if error is None else f"{task}: {error.sentence} {error.next_step}"
        if problem == self._task_problems.get(task, ""):
            return
        if problem:
            self._task_problems[task] = problem
        else:
            del self._task_problems[task]
        self._on_update()

    def record_backup(self, error: StoreError | None) -> None:
        """Note how a backup of the journal ended: None for a good end."""
        problem = _storage_message(error)
        if problem == self._backup_problem:
            return
        self._backup_problem = problem
        if problem:
            logger.error("backup: %s", problem)
        self._on_update()

    def record(self, error: StoreError | None) -> None:
        """Note how a write ended: None for a good end."""
        problem = _storage_message(error)
        if problem == self.write_problem:
            return
        self.write_problem = problem
        if problem:
            logger.error("store: %s", problem)
            self._is_writable.clear()
        else:
            self._is_writable.set()
        self._on_update()

    async def wait_before_retry(self) -> None:
        """Return when it is worth another attempt: after a while, or once something could be written."""
        if not self.write_problem:
            return
        try:
            async with asyncio.timeout(_PAUSE):
                await self._is_writable.wait()
        except TimeoutError:
            return


def _storage_message(error: StoreError | None) -> str:
    return "" if error is None else f"{error.sentence} {error.next_step}".strip()


# Seconds.
_FIRST_WAIT: Final = 1.0
_LONGEST_OFFLINE: Final = 30.0
# Xero's word on "The Organisation is offline" is to try again in about five minutes.
_LONGEST_UNAVAILABLE: Final = 300.0
_REJECTED_WAIT: Final = 60.0
_NOT_CONNECTED_WAIT: Final = 600.0
# The person may answer its prompt at any moment.
_KEYCHAIN_WAIT: Final = 3.0
# Naps are short, so that a laptop that slept, or a clock that jumped, is noticed soon.
_NAP: Final = 5.0
_CLOCK_MOVED: Final = 2.0

_LIMIT_MESSAGES: Final = {
    "day": "Today's calls to Xero are used up. Everything queued is kept.",
    "concurrent": "Too many calls to Xero were under way at once.",
    "appminute": "This minute's calls to Xero are used up, by everybody who uses this app.",
}
_MINUTE_LIMIT: Final = "This minute's calls to Xero are used up."
_REMOVED: Final = (
    "Xero no longer lists this organisation for the sign-in, or a permission is missing. "
    "Everything stays readable here. To change contacts, connect again."
)
_STANDBY: Final = "Another Reshelve on this machine is talking to Xero; this one shows what it does."
_CALLS_RESERVED: Final = "The calls to Xero that are left today are kept for you."


class ConnectionState:
    """The state of the connection, and the waiting that it asks for.

    Every job that calls Xero notes when it begins (`attempt`), reports here how it went, and waits here
    before it calls again. Jobs that meet the same trouble together are one failure, not several.
    """

    def __init__(self, now: Callable[[], datetime], on_update: Callable[[], None]) -> None:
        self.xero_status = XeroStatus()
        self._now = now
        self._on_update = on_update
        self._failures = 0
        self._incidents = 0
        self._wait_ends = 0.0
        self._retry_event = asyncio.Event()
        self._minute_full_until: datetime | None = None
        self._background_limited_until: datetime | None = None
        self._silent_since: datetime | None = None

    @property
    def display_status(self) -> XeroStatus:
        """The link with what holds calls back although Xero answers, for the person to see."""
        status = replace(
            self.xero_status, minute_full_until=self._minute_full_until, no_reply_since=self._silent_since
        )
        if status.status is ConnectionStatus.ONLINE and self._background_limited_until is not None:
            return replace(status, retry_at=self._background_limited_until, detail=_CALLS_RESERVED)
        return status

    def attempt(self) -> int:
        """Begin an attempt; what is returned goes with the report of how it went."""
        return self._incidents

    def record_success(self, minute: int | None, day: int | None, attempt: int | None = None) -> None:
        """Note an answer from Xero, with the calls it says are left."""
        status = XeroStatus(
            ConnectionStatus.ONLINE, last_reply_at=self._now(), minute_calls_left=minute, day_calls_left=day
        )
        is_older = attempt is not None and attempt < self._incidents
        if is_older and self.xero_status.status is ConnectionStatus.LIMITED and self._seconds_left() > 0:
            # It was asked before the limit was met, which therefore still holds.
            current = self.xero_status
            status = replace(status, status=current.status, retry_at=current.retry_at, detail=current.detail)
        else:
            self._failures = 0
        self._set_status(status)

    def record_failure(self, error: ReshelveError, attempt: int | None = None) -> None:
        """Note a failure and decide when to call again."""
        left = self._seconds_left()
        is_same_incident = left > 0 or (attempt is not None and attempt < self._incidents)
        wait = self._backoff_seconds(error, is_same_incident=is_same_incident)
        is_same = _status_for(error) is self.xero_status.status and not isinstance(error, RateLimitedError)
        if wait <= left or (left > 0 and is_same):
            # The wait that is running covers it.
            return
        self._incidents += 1
        self._wait_ends = monotonic() + wait
        logger.warning("xero: %s; next attempt in %.0f s", type(error).__name__, wait)
        until = self._now() + timedelta(seconds=wait)
        self._set_status(
            replace(self.xero_status, status=_status_for(error), retry_at=until, detail=_message_for(error))
        )

    def mark_standby(self) -> None:
        """Note that another copy of the program holds the lease."""
        self._set_status(
            replace(self.xero_status, status=ConnectionStatus.STANDBY, retry_at=None, detail=_STANDBY)
        )

    def record_minute_limit(self, seconds: float | None) -> None:
        """Note that calls wait so long for room in Xero's minute; None when none waits any longer."""
        self._minute_full_until = None if seconds is None else self._now() + timedelta(seconds=seconds)
        self._on_update()

    def record_slow_reply(self, seconds: float | None) -> None:
        """Note that something has had no answer for so long; None when nothing waits for long any more."""
        self._silent_since = None if seconds is None else self._now() - timedelta(seconds=seconds)
        self._on_update()

    def limit_background_calls(self, until: datetime | None) -> None:
        """Note that the background leaves the rest of the day's calls to the person until then."""
        if until != self._background_limited_until:
            self._background_limited_until = until
            self._on_update()

    def retry_now(self) -> None:
        """End the waiting early because a person asked; a limit is still respected."""
        if self.xero_status.status is not ConnectionStatus.LIMITED and self.xero_status.retry_at is not None:
            self._failures = 0
            self._set_status(replace(self.xero_status, retry_at=None))

    async def wait_until_ready(self) -> None:
        """Return when Xero may be called again."""
        while (left := self._seconds_left()) > 0:
            self._retry_event.clear()
            try:
                async with asyncio.timeout(min(left, _NAP)):
                    await self._retry_event.wait()
            except TimeoutError:
                self._adjust_to_clock()

    def _seconds_left(self) -> float:
        """Seconds still to wait."""
        until = self.xero_status.retry_at
        if until is None:
            return 0.0
        # Two clocks: one stands still while a laptop sleeps, the other may be set back by hours.
        return min((until - self._now()).total_seconds(), self._wait_ends - monotonic())

    def _adjust_to_clock(self) -> None:
        """Say the same moment by a clock that was set back meanwhile."""
        until, now = self.xero_status.retry_at, self._now()
        left = self._wait_ends - monotonic()
        if until is not None and (until - now).total_seconds() - left > _CLOCK_MOVED:
            self._set_status(replace(self.xero_status, retry_at=now + timedelta(seconds=left)))

    def _backoff_seconds(self, error: ReshelveError, *, is_same_incident: bool) -> float:
        if isinstance(error, RateLimitedError):
            return max(error.retry_after, 1.0)
        if isinstance(error, KeychainError) and error.is_waiting:
            return _KEYCHAIN_WAIT
        if isinstance(error, NotConnectedError):
            return _NOT_CONNECTED_WAIT
        if isinstance(error, ReconnectError | RejectedError):
            return _REJECTED_WAIT
        longest = _LONGEST_OFFLINE if isinstance(error, OfflineError) else _LONGEST_UNAVAILABLE
        # No more doublings than this wait has: a long time offline says nothing about Xero's own troubles.
        if not self._failures or (not is_same_incident and _exponential_backoff(self._failures) < longest):
            self._failures += 1
        return min(_exponential_backoff(self._failures), longest)

    def _set_status(self, status: XeroStatus) -> None:
        self.xero_status = status
        if status.retry_at is None:
            self._retry_event.set()
        self._on_update()


def _exponential_backoff(failures: int) -> float:
    return float(_FIRST_WAIT * 2 ** (failures - 1))


def _message_for(error: ReshelveError) -> str:
    if isinstance(error, RateLimitedError):
        return _LIMIT_MESSAGES.get(error.problem, _MINUTE_LIMIT)
    if isinstance(error, NotConnectedError) and not isinstance(error, MissingScopeError):
        return _REMOVED
    return error.message if not error.next_step else f"{error.sentence} {error.next_step}"


def _status_for(error: ReshelveError) -> ConnectionStatus:
    if isinstance(error, OfflineError):
        is_prompt_open = isinstance(error, KeychainError) and error.is_waiting
        return ConnectionStatus.KEYCHAIN if is_prompt_open else ConnectionStatus.OFFLINE
    if isinstance(error, RateLimitedError):
        return ConnectionStatus.LIMITED
    if isinstance(error, NotConnectedError) and not isinstance(error, MissingScopeError):
        return ConnectionStatus.REMOVED
    if isinstance(error, ReconnectError):
        return ConnectionStatus.RECONNECT
    if isinstance(error, UnexpectedReplyError | RejectedError):
        return ConnectionStatus.UNEXPECTED
    return ConnectionStatus.UNAVAILABLE
