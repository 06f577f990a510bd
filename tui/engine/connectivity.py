"""Connection state, rate limits and quota, and storage health."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui.engine.clock import utc_now
from tui.model import timestamps
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
from tui.model.reasons import ConnectionReason, Notice
from tui.model.snapshot import ConnectionStatus, XeroStatus
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.errors import StoreError, UnexpectedError
    from tui.model.reasons import TaskReason


# Calls per day, as documented by Xero; an organisation's actual limit isn't known.
_LIMITS: Final = (1_000, 5_000)
_RESERVED_SHARE: Final = 0.2
_MOST_DIGITS: Final = 7
# The share of the spendable calls that the open list of restores may use for fast polling.
_FAST_SHARE: Final = 0.25
_DAY: Final = timedelta(days=1)
_SECONDS_A_DAY: Final = 86_400.0

# Seconds between polls.
_FAST_INTERVAL: Final = 2.5
_IDLE_INTERVAL: Final = 600.0
_PROBE_INTERVAL: Final = 3_600.0
# Seconds without user activity.
_IDLE_AFTER: Final = 300.0
_LONG_IDLE_AFTER: Final = 3_600.0
# Seconds without the terminal's focus and without user activity.
_AWAY_AFTER: Final = 60.0
_IDLE_SLOWDOWN: Final = 4


class QuotaHighWaterMark(Struct, frozen=True):
    """The most calls left that Xero reported today, and when."""

    calls: int
    at: datetime

    def __str__(self) -> str:
        return f"{self.calls} {self.at.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> QuotaHighWaterMark | None:
        """Parse the output of `str`; None for anything else."""
        calls, _, at = text.partition(" ")
        moment = timestamps.from_iso_text(at)
        is_number = calls.isascii() and calls.isdecimal() and len(calls) <= _MOST_DIGITS
        return cls(int(calls), moment) if moment is not None and is_number else None


class QuotaBudget(Struct):
    """The calls left today, as Xero reports them, and how background tasks may use them.

    All background tasks share it. A fifth of the daily limit is reserved for the user's changes. When Xero's
    day resets is unclear, so the spendable calls are always spread over a whole day from now.
    """

    poll_seconds: float
    left: int | None = None
    high_water_mark: QuotaHighWaterMark | None = None
    _fast_polling_floor: int | None = None

    def record(self, left: int | None, now: datetime) -> None:
        """Record the calls left from a response; None if the response didn't include them."""
        if left is None:
            return
        self.left = left
        if (
            self.high_water_mark is None
            or left >= self.high_water_mark.calls
            or abs(now - self.high_water_mark.at) > _DAY
        ):
            self.high_water_mark = QuotaHighWaterMark(left, now)

    @property
    def limit(self) -> int | None:
        """The likely daily limit: the smallest one that fits the reported numbers."""
        if self.high_water_mark is None:
            return None
        return next(
            (limit for limit in _LIMITS if limit >= self.high_water_mark.calls), self.high_water_mark.calls
        )

    @property
    def reserve(self) -> int:
        """How many calls are reserved for the user's changes."""
        # A wrong header must not reserve more calls than a day has.
        return 0 if self.limit is None else round(min(self.limit, _LIMITS[-1]) * _RESERVED_SHARE)

    @property
    def spendable(self) -> float:
        """How many calls background tasks may still make; unlimited until Xero reports a number."""
        return float("inf") if self.left is None else max(0, self.left - self.reserve)

    @property
    def is_reserving(self) -> bool:
        """Whether only reserved calls are left; a rare poll checks whether Xero's day has reset."""
        return self.spendable < 1

    @property
    def may_scan(self) -> bool:
        """Whether enough calls are left today for reading all transactions.

        It leaves half of the calls that background tasks may make to refreshes.
        """
        limit = self.limit
        return limit is None or self.spendable > (min(limit, _LIMITS[-1]) - self.reserve) / 2

    @property
    def even_interval(self) -> float:
        """Seconds between background calls if spread evenly over a day."""
        return min(_SECONDS_A_DAY / max(self.spendable, 1.0), _PROBE_INTERVAL)

    def start_fast_polling(self) -> None:
        """Allow fast polling while the list of restores is open."""
        self._fast_polling_floor = (
            None if self.left is None else round(self.left - self.spendable * _FAST_SHARE)
        )

    def refresh_interval(self, idle: float, *, is_shared: bool) -> float:
        """Return the refresh interval in seconds; `is_shared` if restores are polled too."""
        # A refresh sees most restores too, so it gets two thirds.
        return self._background_interval(idle, 1.5 if is_shared else 1.0)

    def manual_restore_interval(self, idle: float, *, is_fast: bool) -> float:
        """Return the polling interval for restores in seconds; `is_fast` if their list is open."""
        if self.is_reserving:
            return _SECONDS_A_DAY
        if is_fast and self._may_poll_fast():
            return _FAST_INTERVAL
        return self._background_interval(idle, 3.0)

    def _may_poll_fast(self) -> bool:
        if self.left is None:
            return True
        if self._fast_polling_floor is None:
            self.start_fast_polling()
        return self._fast_polling_floor is None or self.left > self._fast_polling_floor

    def _background_interval(self, idle: float, share: float) -> float:
        if self.is_reserving:
            return _PROBE_INTERVAL
        seconds = max(self.poll_seconds, self.even_interval * share)
        if idle >= _LONG_IDLE_AFTER:
            return max(seconds, _IDLE_INTERVAL)
        if idle >= _IDLE_AFTER:
            return max(seconds, min(seconds * _IDLE_SLOWDOWN, _IDLE_INTERVAL))
        return seconds


class ActivityTracker:
    """Tracks user activity by the last key press or click.

    Two clocks: one stops while a laptop sleeps, the other may be changed by hours. The longer idle time is
    used: at worst the next key press corrects it.
    """

    def __init__(
        self, now: Callable[[], datetime] = utc_now, elapsed: Callable[[], float] = monotonic
    ) -> None:
        self._now = now
        self._elapsed = elapsed
        self._last_activity = (now(), elapsed())
        #: Whether the user is watching a list that waits for updates; counts as constant activity.
        self.is_waiting_for_restores = False
        #: Whether the terminal has the focus, as far as it is known: some never report it.
        self.has_focus = True

    @property
    def idle(self) -> float:
        """Seconds since the last activity."""
        if self.is_waiting_for_restores:
            return 0.0
        at, elapsed = self._last_activity
        return max((self._now() - at).total_seconds(), self._elapsed() - elapsed, 0.0)

    @property
    def idle_or_away(self) -> float:
        """Seconds since the last activity; soon as good as idle while another window has the focus."""
        idle = self.idle
        return max(idle, _IDLE_AFTER) if not self.has_focus and idle >= _AWAY_AFTER else idle

    def touch(self) -> bool:
        """Record activity; return whether it is the first after being idle."""
        was_idle = self.idle >= _IDLE_AFTER
        self._last_activity = (self._now(), self._elapsed())
        return was_idle


# Seconds between attempts: the user has to free disk space, or another process has to finish.
_PAUSE: Final = 5.0


class StorageHealth:
    """Tracks storage write and backup errors, and unexpected errors of background tasks.

    The next successful write clears a write problem, the next backup a backup problem.
    """

    def __init__(self, on_update: Callable[[], None]) -> None:
        self.write_problem: Notice | None = None
        self._backup_problem: Notice | None = None
        self._task_problems: dict[TaskReason, Notice] = {}
        self._on_update = on_update
        self._is_writable = asyncio.Event()

    @property
    def problem(self) -> Notice | None:
        """The problem to show."""
        return self.write_problem or self._backup_problem or next(iter(self._task_problems.values()), None)

    def record_task(self, task: TaskReason, error: UnexpectedError | None) -> None:
        """Record the unexpected error of a background task, None once it works again."""
        problem = None if error is None else Notice(task, {"kind": error.kind})
        if problem == self._task_problems.get(task):
            return
        if problem is not None:
            self._task_problems[task] = problem
        else:
            del self._task_problems[task]
        self._on_update()

    def record_backup(self, error: StoreError | None) -> None:
        """Record the result of a change log backup, None for success."""
        problem = None if error is None else error.notice
        if problem == self._backup_problem:
            return
        self._backup_problem = problem
        if problem:
            logger.error("backup: %s", problem)
        self._on_update()

    def record(self, error: StoreError | None) -> None:
        """Record the result of a write, None for success."""
        problem = None if error is None else error.notice
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
        """Wait before another attempt: a while, or until a write succeeds."""
        if not self.write_problem:
            return
        try:
            async with asyncio.timeout(_PAUSE):
                await self._is_writable.wait()
        except TimeoutError:
            return


# Seconds.
_FIRST_WAIT: Final = 1.0
_LONGEST_OFFLINE: Final = 30.0
# For "The Organisation is offline", Xero advises to retry in about five minutes.
_LONGEST_UNAVAILABLE: Final = 300.0
_REJECTED_WAIT: Final = 60.0
_NOT_CONNECTED_WAIT: Final = 600.0
# The user may respond to the prompt at any moment.
_KEYCHAIN_WAIT: Final = 3.0
# Short sleeps, so that a laptop that slept, or a clock that jumped, is noticed soon.
_NAP: Final = 5.0
_CLOCK_MOVED: Final = 2.0

_CALL_LIMITS: Final = {
    "day": ConnectionReason.DAY_LIMIT,
    "concurrent": ConnectionReason.CONCURRENT_LIMIT,
    "appminute": ConnectionReason.APP_LIMIT,
}


class ConnectionState:
    """The state of the connection, with backoff between attempts.

    Every task that calls Xero starts an `attempt`, reports the result here, and waits here before it calls
    again. Tasks that fail together for the same reason count as one failure.
    """

    def __init__(self, now: Callable[[], datetime], on_update: Callable[[], None]) -> None:
        self.xero_status = XeroStatus()
        self._now = now
        self._on_update = on_update
        self._is_disconnected = False
        self._failures = 0
        self._incidents = 0
        self._wait_ends = 0.0
        self._retry_event = asyncio.Event()
        self._minute_full_until: datetime | None = None
        self._background_limited_until: datetime | None = None
        self._silent_since: datetime | None = None

    @property
    def display_status(self) -> XeroStatus:
        """The status to show, with limits that delay calls although Xero replies."""
        status = replace(
            self.xero_status, minute_full_until=self._minute_full_until, no_reply_since=self._silent_since
        )
        if status.status is ConnectionStatus.ONLINE and self._background_limited_until is not None:
            detail = Notice(ConnectionReason.CALLS_RESERVED)
            return replace(status, retry_at=self._background_limited_until, detail=detail)
        return status

    def attempt(self) -> int:
        """Start an attempt; pass the returned number along with its result."""
        return self._incidents

    def record_success(self, minute: int | None, day: int | None, attempt: int | None = None) -> None:
        """Record a reply from Xero, with the calls left."""
        status = XeroStatus(
            ConnectionStatus.ONLINE, last_reply_at=self._now(), minute_calls_left=minute, day_calls_left=day
        )
        is_older = attempt is not None and attempt < self._incidents
        if is_older and self.xero_status.status is ConnectionStatus.LIMITED and self._seconds_left() > 0:
            # The request was sent before the limit was reached, so the limit still applies.
            current = self.xero_status
            status = replace(status, status=current.status, retry_at=current.retry_at, detail=current.detail)
        else:
            self._failures = 0
        self._set_status(status)

    def record_failure(self, error: ReshelveError, attempt: int | None = None) -> None:
        """Record a failure and schedule the next attempt."""
        left = self._seconds_left()
        is_same_incident = left > 0 or (attempt is not None and attempt < self._incidents)
        wait = self._backoff_seconds(error, is_same_incident=is_same_incident)
        is_same = _status_for(error) is self.xero_status.status and not isinstance(error, RateLimitedError)
        if wait <= left or (left > 0 and is_same):
            # Covered by the current wait.
            return
        self._incidents += 1
        self._wait_ends = monotonic() + wait
        logger.warning("xero: %s; next attempt in %.0f s", type(error).__name__, wait)
        until = self._now() + timedelta(seconds=wait)
        self._set_status(
            replace(self.xero_status, status=_status_for(error), retry_at=until, detail=_notice_for(error))
        )

    def mark_standby(self) -> None:
        """Record that another copy of Reshelve holds the lock."""
        detail = Notice(ConnectionReason.STANDBY)
        self._set_status(
            replace(self.xero_status, status=ConnectionStatus.STANDBY, retry_at=None, detail=detail)
        )

    def end_standby(self) -> None:
        """Record that this copy of Reshelve holds the lock now."""
        if self.xero_status.status is ConnectionStatus.STANDBY:
            self._set_status(replace(self.xero_status, status=ConnectionStatus.STARTING, detail=None))

    def disconnect(self) -> None:
        """Record that the user ended the sign-in: Xero isn't called, and late replies change nothing."""
        detail = Notice(ConnectionReason.DISCONNECTED)
        self._set_status(
            replace(self.xero_status, status=ConnectionStatus.REMOVED, retry_at=None, detail=detail)
        )
        self._is_disconnected = True

    def reconnect(self) -> None:
        """Call Xero now: there is a new sign-in. The old one's state is no longer shown."""
        self._is_disconnected = False
        if self.xero_status.status in {ConnectionStatus.REMOVED, ConnectionStatus.RECONNECT}:
            self._failures = 0
            self._set_status(
                replace(self.xero_status, status=ConnectionStatus.STARTING, retry_at=None, detail=None)
            )
        else:
            self.retry_now()

    def record_minute_limit(self, seconds: float | None) -> None:
        """Record that calls wait that long for Xero's minute limit; None when none is waiting."""
        self._minute_full_until = None if seconds is None else self._now() + timedelta(seconds=seconds)
        self._on_update()

    def record_slow_reply(self, seconds: float | None) -> None:
        """Record that a reply has taken that long; None when none is slow any more."""
        self._silent_since = None if seconds is None else self._now() - timedelta(seconds=seconds)
        self._on_update()

    def limit_background_calls(self, until: datetime | None) -> None:
        """Reserve the rest of the day's calls for the user's changes until then."""
        if until != self._background_limited_until:
            self._background_limited_until = until
            self._on_update()

    def retry_now(self) -> None:
        """End the wait because the user asked; a rate limit still applies."""
        if self.xero_status.status is not ConnectionStatus.LIMITED and self.xero_status.retry_at is not None:
            self._failures = 0
            self._set_status(replace(self.xero_status, retry_at=None))

    async def wait_until_ready(self) -> None:
        """Wait until Xero may be called again."""
        while (left := self._seconds_left()) > 0:
            self._retry_event.clear()
            try:
                async with asyncio.timeout(min(left, _NAP)):
                    await self._retry_event.wait()
            except TimeoutError:
                self._adjust_to_clock()

    def _seconds_left(self) -> float:
        """Seconds still to wait."""
        if self._is_disconnected:
            return inf
        until = self.xero_status.retry_at
        if until is None:
            return 0.0
        # Two clocks: one stops while a laptop sleeps, the other may be set back by hours.
        return min((until - self._now()).total_seconds(), self._wait_ends - monotonic())

    def _adjust_to_clock(self) -> None:
        """Adjust the retry time if the clock was set back."""
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
        # Capped, so that a long time offline doesn't lengthen the wait for Xero's own outages.
        if not self._failures or (not is_same_incident and _exponential_backoff(self._failures) < longest):
            self._failures += 1
        return min(_exponential_backoff(self._failures), longest)

    def _set_status(self, status: XeroStatus) -> None:
        if self._is_disconnected:
            return
        self.xero_status = status
        if status.retry_at is None:
            self._retry_event.set()
        self._on_update()


def _exponential_backoff(failures: int) -> float:
    return float(_FIRST_WAIT * 2 ** (failures - 1))


def _notice_for(error: ReshelveError) -> Notice:
    if isinstance(error, RateLimitedError):
        return Notice(_CALL_LIMITS.get(error.problem, ConnectionReason.MINUTE_LIMIT))
    if isinstance(error, NotConnectedError) and not isinstance(error, MissingScopeError):
        return Notice(ConnectionReason.REMOVED)
    return error.notice


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
