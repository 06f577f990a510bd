from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack, suppress

from hypothesis import given
from hypothesis import strategies as st

from tui.xero.rate_limiter import MinuteWindow, Priority, RateLimiter


def spend(window: MinuteWindow, calls: int, at: float, left: int | None = None) -> None:
    for _ in range(calls):
        window.begin()
    for _ in range(calls):
        window.end(at, reached_xero=True, remaining=left)


def test_sixty_calls_fit_into_a_minute() -> None:
    window = MinuteWindow()
    spend(window, 59, 0.0)
    assert window.delay(0.0) == 0
    spend(window, 1, 10.0)
    assert window.delay(20.0) == 40.0
    assert window.delay(60.0) == 0


def test_requests_in_progress_count_until_their_reply() -> None:
    window = MinuteWindow(calls=2)
    window.begin()
    window.begin()
    assert math.isinf(window.delay(0.0))
    window.end(5.0, reached_xero=True, remaining=None)
    assert window.delay(5.0) == 60.0


def test_request_that_never_reached_xero_is_not_counted() -> None:
    window = MinuteWindow(calls=1)
    window.begin()
    window.end(0.0, reached_xero=False, remaining=None)
    assert window.delay(0.0) == 0


def test_reserved_calls_are_kept() -> None:
    window = MinuteWindow(calls=10)
    spend(window, 8, 0.0)
    assert window.delay(1.0, reserve=1) == 0
    assert window.delay(1.0, reserve=2) == 59.0


def test_calls_before_a_restart_are_learned_from_xero() -> None:
    window = MinuteWindow()
    spend(window, 1, 100.0, left=0)
    assert window.delay(101.0) == 59.0


def test_lower_count_from_xero_changes_nothing() -> None:
    window = MinuteWindow(calls=3)
    spend(window, 3, 0.0, left=59)
    assert window.delay(1.0) == 59.0


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 5)), max_size=200))
def test_no_minute_has_more_than_sixty_requests(calls: list[tuple[float, float]]) -> None:
    """Xero counts a request at some time while it is in progress; the worst case is when it was sent."""
    window, now, sent = MinuteWindow(), 0.0, list[float]()
    for pause, duration in calls:
        now += pause
        now += window.delay(now)
        sent.append(now)
        window.begin()
        now += duration
        window.end(now, reached_xero=True, remaining=None)
    assert all(later - earlier >= 60.0 for earlier, later in zip(sent, sent[60:], strict=False))


async def enter(pace: RateLimiter, urgency: Priority, stack: AsyncExitStack, order: list[Priority]) -> None:
    await stack.enter_async_context(pace.permit(urgency))
    order.append(urgency)


async def settle() -> None:
    """Let every task run as far as it can without an event from outside."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_four_reads_run_at_once_and_one_slot_is_for_writes() -> None:
    pace, order = RateLimiter(), list[Priority]()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for urgency in [Priority.BACKGROUND] * 6 + [Priority.WRITE] * 2:
            tasks.create_task(enter(pace, urgency, stack, order))
        await settle()
        assert order == [Priority.BACKGROUND] * 4 + [Priority.WRITE]
        for _ in range(3):
            await stack.pop_all().aclose()
            await settle()
    assert sorted(order) == [Priority.WRITE] * 2 + [Priority.BACKGROUND] * 6


async def test_the_most_urgent_goes_first() -> None:
    pace, order = RateLimiter(), list[Priority]()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for _ in range(5):
            await stack.enter_async_context(pace.permit(Priority.WRITE))
        for urgency in (Priority.BACKGROUND, Priority.INTERACTIVE, Priority.WRITE):
            tasks.create_task(enter(pace, urgency, stack, order))
        await settle()
        assert order == []
        await stack.pop_all().aclose()
        await settle()
    assert order == [Priority.WRITE, Priority.INTERACTIVE, Priority.BACKGROUND]


async def test_requests_wait_for_the_next_minute() -> None:
    pace = RateLimiter(MinuteWindow(calls=1, seconds=0.01))
    for _ in range(3):
        async with pace.permit(Priority.WRITE):
            pass


async def test_cancelled_wait_takes_no_slot() -> None:
    pace, order = RateLimiter(MinuteWindow(calls=100)), list[Priority]()
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(pace.permit(Priority.WRITE))
        impatient = [asyncio.create_task(enter(pace, Priority.WRITE, stack, order)) for _ in range(2)]
        await settle()
        impatient[0].cancel()
        await stack.pop_all().aclose()
        # Its turn has come, and it is cancelled before it could notice.
        impatient[1].cancel()
        for task in impatient:
            with suppress(asyncio.CancelledError):
                await task
        assert order == []
        async with AsyncExitStack() as again:
            for _ in range(5):
                await again.enter_async_context(pace.permit(Priority.WRITE))


# --- reports of waiting ---


def told(pace: RateLimiter) -> list[float | None]:
    heard: list[float | None] = []
    pace.on_full = heard.append
    return heard


async def test_waits_for_the_rate_limit_are_reported_with_their_length_and_end() -> None:
    pace = RateLimiter(MinuteWindow(calls=1, seconds=0.05))
    heard = told(pace)
    async with pace.permit(Priority.WRITE):
        pass
    assert heard == []
    async with pace.permit(Priority.WRITE):
        pass
    assert len(heard) == 2
    assert heard[0] is not None
    assert 0 < heard[0] <= 0.05
    assert heard[1] is None


async def test_several_waits_for_the_same_time_are_reported_once() -> None:
    pace = RateLimiter(MinuteWindow(calls=1, seconds=3600))
    heard = told(pace)
    async with pace.permit(Priority.WRITE):
        pass
    async with AsyncExitStack() as stack:
        waiting = [asyncio.create_task(enter(pace, Priority.WRITE, stack, [])) for _ in range(3)]
        await settle()
        assert len(heard) == 1
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert heard[-1] is None
    assert len(heard) == 2


async def test_waiting_for_a_slot_is_not_reported_as_a_rate_limit() -> None:
    pace = RateLimiter(MinuteWindow(calls=100))
    heard = told(pace)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(enter(pace, Priority.WRITE, stack, []))
        await settle()
        await stack.pop_all().aclose()
    assert heard == []


async def test_a_scan_leaves_calls_for_everything_else_without_reporting_a_wait() -> None:
    waits: list[float | None] = []
    limiter = RateLimiter(MinuteWindow(calls=22))
    limiter.on_full = waits.append
    for _ in range(2):
        async with limiter.permit(Priority.SCAN):
            pass
    third = asyncio.create_task(_use(limiter, Priority.SCAN))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await _use(limiter, Priority.INTERACTIVE)
    assert (third.done(), [wait for wait in waits if wait is not None]) == (False, [])
    third.cancel()


async def _use(limiter: RateLimiter, priority: Priority) -> None:
    async with limiter.permit(priority):
        pass
