"""Connection problems: how long to wait, and what ends the wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from engine.model_xero import START, Clock

from tui import messages
from tui.engine import connectivity
from tui.engine.connectivity import ConnectionState
from tui.model.errors import (
    ForeignReplyError,
    KeychainError,
    MissingScopeError,
    NotConnectedError,
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReplyLostError,
    ReshelveError,
    UnexpectedReplyError,
)
from tui.model.reasons import ConnectionReason, GeneralReason, Notice, SignInReason, XeroReason
from tui.model.snapshot import ConnectionStatus


class Sky:
    """A connection state whose two clocks move only when the test moves them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.elapsed = 0.0
        self.changes = 0
        self.told = asyncio.Event()
        self.connection = ConnectionState(self.clock, self.changed)

    def changed(self) -> None:
        self.changes += 1
        self.told.set()

    def pass_by(self, seconds: float) -> None:
        self.clock.forward(seconds=seconds)
        self.elapsed += seconds

    def failures(self, error: ReshelveError, count: int) -> list[float]:
        """Let each attempt follow the wait of the one before, and return the waits."""
        waits = []
        for _ in range(count):
            self.connection.record_failure(error, self.connection.attempt())
            waits.append(self.wait)
            self.pass_by(self.wait)
        return waits

    def status(self) -> ConnectionStatus:
        return self.connection.display_status.status

    @property
    def wait(self) -> float:
        until = self.connection.xero_status.retry_at
        return 0.0 if until is None else (until - self.clock()).total_seconds()


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Sky:
    sky = Sky()
    monkeypatch.setattr(connectivity, "monotonic", lambda: sky.elapsed)
    return sky


async def waits(connection: ConnectionState) -> bool:
    """Return whether a caller still waits after everything else has run."""
    waiting = asyncio.create_task(connection.wait_until_ready())
    for _ in range(5):
        await asyncio.sleep(0)
    is_waiting = not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return is_waiting


# The wait depends only on the kind of error.
WHY = GeneralReason.BUG_NOT_LOGGED
LOST = ReplyLostError(WHY)


@pytest.mark.parametrize(
    ("error", "link", "seconds"),
    [
        (OfflineError(WHY), ConnectionStatus.OFFLINE, 1),
        (LOST, ConnectionStatus.UNAVAILABLE, 1),
        (RateLimitedError(37, "minute"), ConnectionStatus.LIMITED, 37),
        (RateLimitedError(0, "concurrent"), ConnectionStatus.LIMITED, 1),
        (RateLimitedError(7200, "day"), ConnectionStatus.LIMITED, 7200),
        (ReconnectError(WHY), ConnectionStatus.RECONNECT, 60),
        (RejectedError(XeroReason.REJECTED, status=422, xero_message="x"), ConnectionStatus.UNEXPECTED, 60),
        (ForeignReplyError(WHY), ConnectionStatus.UNEXPECTED, 1),
        (UnexpectedReplyError(XeroReason.UNREADABLE_REPLY), ConnectionStatus.UNEXPECTED, 1),
        (UnexpectedReplyError(XeroReason.REPLY_TOO_LARGE), ConnectionStatus.UNEXPECTED, 1),
        (ReplyLostError(XeroReason.NO_REPLY), ConnectionStatus.UNAVAILABLE, 1),
        (NotConnectedError(WHY), ConnectionStatus.REMOVED, 600),
        (MissingScopeError(WHY), ConnectionStatus.RECONNECT, 600),
    ],
)
def test_each_failure_has_its_status_and_wait(
    sky: Sky, error: ReshelveError, link: ConnectionStatus, seconds: float
) -> None:
    sky.connection.record_failure(error)
    assert sky.connection.xero_status.status is link
    assert sky.wait == seconds
    assert sky.changes == 1


def test_the_reason_of_a_failure_is_kept_for_the_screen(sky: Sky) -> None:
    sky.connection.record_failure(LOST)
    assert sky.connection.xero_status.detail == LOST.notice


def test_offline_waits_double_up_to_half_a_minute_and_a_reply_resets_them(sky: Sky) -> None:
    assert sky.failures(OfflineError(WHY), 8) == [1, 2, 4, 8, 16, 30, 30, 30]
    sky.connection.record_success(59, 4999)
    assert sky.wait == 0
    assert sky.failures(OfflineError(WHY), 1) == [1]


def test_outage_waits_double_up_to_five_minutes(sky: Sky) -> None:
    assert sky.failures(LOST, 11) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_time_offline_does_not_lengthen_the_wait_after_an_outage(sky: Sky) -> None:
    sky.failures(OfflineError(WHY), 50)
    assert sky.failures(LOST, 2) == [64, 128]


def test_a_limit_does_not_count_as_a_failure(sky: Sky) -> None:
    sky.failures(OfflineError(WHY), 1)
    sky.failures(RateLimitedError(5, "minute"), 3)
    assert sky.failures(OfflineError(WHY), 1) == [2]


def test_tasks_that_fail_for_the_same_reason_count_as_one_failure(sky: Sky) -> None:
    attempts = [sky.connection.attempt() for _ in range(3)]
    sky.connection.record_failure(OfflineError(WHY), attempts[0])
    sky.connection.record_failure(OfflineError(WHY), attempts[1])
    sky.pass_by(0.5)
    sky.connection.record_failure(OfflineError(WHY))
    assert sky.wait == 0.5
    sky.pass_by(20)
    sky.connection.record_failure(OfflineError(WHY), attempts[2])
    assert sky.wait == 1
    sky.pass_by(1)
    assert sky.failures(OfflineError(WHY), 1) == [2]


def test_the_longer_of_two_waits_is_kept_and_named(sky: Sky) -> None:
    sky.connection.record_failure(RateLimitedError(7200, "day"))
    sky.connection.record_failure(OfflineError(WHY))
    assert (sky.connection.xero_status.status, sky.wait) == (ConnectionStatus.LIMITED, 7200)
    sky.connection.record_failure(RateLimitedError(9000, "day"))
    assert sky.wait == 9000


def test_reply_to_an_earlier_request_does_not_lift_a_rate_limit(sky: Sky) -> None:
    before = sky.connection.attempt()
    sky.connection.record_failure(RateLimitedError(7200, "day"), before)
    sky.connection.record_success(3, 0, before)
    assert (sky.connection.xero_status.status, sky.wait, sky.connection.xero_status.day_calls_left) == (
        ConnectionStatus.LIMITED,
        7200,
        0,
    )
    sky.connection.record_success(3, 0, sky.connection.attempt())
    assert sky.connection.xero_status.status is ConnectionStatus.ONLINE


@pytest.mark.parametrize(
    ("problem", "reason", "words"),
    [
        ("minute", ConnectionReason.MINUTE_LIMIT, "this minute"),
        ("day", ConnectionReason.DAY_LIMIT, "Queued changes are kept."),
        ("concurrent", ConnectionReason.CONCURRENT_LIMIT, "at once"),
        ("appminute", ConnectionReason.APP_LIMIT, "everyone who uses the app"),
        ("something new", ConnectionReason.MINUTE_LIMIT, "this minute"),
    ],
)
def test_each_limit_has_its_reason(sky: Sky, problem: str, reason: ConnectionReason, words: str) -> None:
    sky.connection.record_failure(RateLimitedError(10, problem))
    assert sky.connection.xero_status.detail == Notice(reason)
    assert words in messages.in_full(Notice(reason))


def test_removed_organisation_says_what_still_works_and_what_to_do(sky: Sky) -> None:
    sky.connection.record_failure(NotConnectedError(WHY))
    detail = sky.connection.xero_status.detail
    assert detail == Notice(ConnectionReason.REMOVED)
    assert "still read" in messages.in_full(detail)
    assert messages.action(detail) == "connect"


def test_requests_waiting_for_the_rate_limit_say_until_when(sky: Sky) -> None:
    sky.connection.record_success(0, 4000)
    sky.connection.record_minute_limit(23)
    assert sky.connection.display_status.minute_full_until == START + timedelta(seconds=23)
    assert sky.connection.display_status.status is ConnectionStatus.ONLINE
    sky.connection.record_minute_limit(None)
    assert sky.connection.display_status.minute_full_until is None


def test_slow_reply_is_reported_until_it_arrives(sky: Sky) -> None:
    sky.connection.record_success(60, 4000)
    sky.connection.record_slow_reply(5)
    assert sky.connection.display_status.no_reply_since == START - timedelta(seconds=5)
    sky.connection.record_slow_reply(None)
    assert sky.connection.display_status.no_reply_since is None


async def test_reserved_calls_are_shown_and_delay_no_task(sky: Sky) -> None:
    sky.connection.record_success(60, 900)
    until = START + timedelta(hours=1)
    sky.connection.limit_background_calls(until)
    assert sky.connection.display_status.retry_at == until
    assert sky.connection.display_status.detail == Notice(ConnectionReason.CALLS_RESERVED)
    assert not await waits(sky.connection)
    sky.connection.record_failure(OfflineError(WHY))
    assert sky.connection.display_status.detail == Notice(WHY)
    sky.connection.record_success(60, 4999)
    sky.connection.limit_background_calls(None)
    assert sky.connection.display_status == sky.connection.xero_status


def test_a_reply_gives_the_calls_left_and_ends_the_failure(sky: Sky) -> None:
    sky.connection.record_failure(LOST)
    sky.connection.record_success(58, None)
    link = sky.connection.xero_status
    assert (link.status, link.minute_calls_left, link.day_calls_left) == (ConnectionStatus.ONLINE, 58, None)
    assert (link.last_reply_at, link.retry_at, link.detail) == (START, None, None)


def test_a_connection_problem_keeps_what_the_last_reply_gave(sky: Sky) -> None:
    sky.connection.record_success(58, 4800)
    sky.clock.forward(minutes=5)
    sky.connection.record_failure(OfflineError(WHY))
    assert (sky.connection.xero_status.last_reply_at, sky.connection.xero_status.day_calls_left) == (
        START,
        4800,
    )


async def test_a_good_connection_is_not_waited_for(sky: Sky) -> None:
    assert not await waits(sky.connection)


async def test_the_wait_ends_when_its_time_has_come(sky: Sky) -> None:
    sky.connection.record_failure(OfflineError(WHY))
    assert await waits(sky.connection)
    sky.clock.forward(seconds=1)
    assert not await waits(sky.connection)


@pytest.mark.parametrize(
    "error",
    [
        OfflineError(WHY),
        LOST,
        ReconnectError(WHY),
        NotConnectedError(WHY),
        RejectedError(XeroReason.REJECTED, status=400, xero_message="x"),
    ],
)
async def test_the_user_ends_the_wait(sky: Sky, error: ReshelveError) -> None:
    sky.connection.record_failure(error)
    waiting = [asyncio.create_task(sky.connection.wait_until_ready()) for _ in range(3)]
    await asyncio.sleep(0)
    sky.connection.retry_now()
    await asyncio.gather(*waiting)
    assert sky.connection.xero_status.retry_at is None


async def test_a_clock_set_back_neither_prolongs_the_wait_nor_the_countdown(
    sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity, "_NAP", 0.001)
    sky.connection.record_failure(RateLimitedError(30, "minute"))
    sky.clock.forward(hours=-5)
    sky.told.clear()
    waiting = asyncio.create_task(sky.connection.wait_until_ready())
    await asyncio.wait_for(sky.told.wait(), 30)
    assert sky.wait == 30
    assert not waiting.done()
    sky.elapsed = 30.0
    await waiting


@pytest.mark.parametrize("error", [RateLimitedError(7200, "day"), LOST])
async def test_sleep_ends_the_wait_although_one_clock_stopped(sky: Sky, error: ReshelveError) -> None:
    sky.connection.record_failure(error)
    sky.clock.forward(hours=9)
    assert not await waits(sky.connection)


async def test_a_retry_requested_before_the_wait_begins_counts(sky: Sky) -> None:
    sky.connection.record_failure(OfflineError(WHY))
    sky.connection.retry_now()
    assert not await waits(sky.connection)


async def test_a_retry_by_the_user_resets_the_waits(sky: Sky) -> None:
    sky.failures(OfflineError(WHY), 5)
    sky.connection.record_failure(OfflineError(WHY))
    sky.connection.retry_now()
    sky.connection.record_failure(OfflineError(WHY))
    assert sky.wait == 1


async def test_a_retry_by_the_user_does_not_end_a_rate_limit(sky: Sky) -> None:
    sky.connection.record_failure(RateLimitedError(30, "minute"))
    waiting = asyncio.create_task(sky.connection.wait_until_ready())
    await asyncio.sleep(0)
    sky.connection.retry_now()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    assert sky.wait == 30


async def test_a_reply_to_one_task_ends_the_wait_of_all(sky: Sky) -> None:
    sky.connection.record_failure(OfflineError(WHY))
    waiting = asyncio.create_task(sky.connection.wait_until_ready())
    await asyncio.sleep(0)
    sky.connection.record_success(60, 5000)
    await waiting
    assert sky.connection.xero_status.status is ConnectionStatus.ONLINE


async def test_the_other_copy_is_named_without_a_countdown(sky: Sky) -> None:
    sky.connection.mark_standby()
    assert sky.connection.xero_status.status is ConnectionStatus.STANDBY
    assert sky.connection.xero_status.detail == Notice(ConnectionReason.STANDBY)
    assert not await waits(sky.connection)


async def test_waiting_keychain_is_retried_soon_however_long_it_takes(sky: Sky) -> None:
    # Its prompt may be answered at any moment.
    error = KeychainError(SignInReason.KEYCHAIN_WAITING)
    assert max(sky.failures(error, 20)) <= 5
    assert sky.connection.xero_status.status is ConnectionStatus.KEYCHAIN
    assert sky.connection.xero_status.detail == error.notice
    assert max(sky.failures(KeychainError(SignInReason.KEYCHAIN_LOCKED), 20)) > 5


@pytest.mark.parametrize("before", [None, OfflineError(SignInReason.SERVICE_UNREACHABLE, is_retried=True)])
async def test_a_disconnected_sign_in_stays_disconnected_until_the_next_one(
    sky: Sky, before: OfflineError | None
) -> None:
    sky.connection.record_success(60, 5000)
    if before is not None:
        sky.connection.record_failure(before)
    sky.connection.disconnect()
    # Late replies to requests sent before, and another copy that holds the lock.
    sky.connection.record_success(59, 4999)
    sky.connection.record_failure(ReplyLostError(XeroReason.NO_REPLY))
    sky.connection.mark_standby()
    sky.connection.retry_now()
    assert sky.status() is ConnectionStatus.REMOVED
    assert sky.connection.display_status.detail == Notice(ConnectionReason.DISCONNECTED)
    assert await waits(sky.connection)
    sky.connection.reconnect()
    status = sky.connection.display_status
    assert (status.status, status.detail) == (ConnectionStatus.STARTING, None)
    assert not await waits(sky.connection)


@pytest.mark.parametrize("error", [ReconnectError(SignInReason.ENDED), NotConnectedError(SignInReason.ENDED)])
def test_new_sign_in_clears_the_state_of_the_old_one(sky: Sky, error: ReconnectError) -> None:
    sky.connection.record_failure(error)
    sky.connection.reconnect()
    status = sky.connection.display_status
    assert (status.status, status.detail, status.retry_at) == (ConnectionStatus.STARTING, None, None)


def test_a_new_sign_in_keeps_a_rate_limit(sky: Sky) -> None:
    sky.connection.record_failure(RateLimitedError(30, "minute"))
    sky.connection.reconnect()
    assert sky.status() is ConnectionStatus.LIMITED
    assert sky.wait == 30


def test_standby_ends_with_the_lock(sky: Sky) -> None:
    sky.connection.mark_standby()
    sky.connection.end_standby()
    assert sky.status() is ConnectionStatus.STARTING
    assert sky.connection.display_status.detail is None
    sky.connection.record_success(60, 5000)
    sky.connection.end_standby()
    assert sky.status() is ConnectionStatus.ONLINE
