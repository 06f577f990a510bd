"""A periodic task: it runs when it is due or woken, and not twice for one wake."""

from __future__ import annotations

import asyncio

import pytest
from engine.model_xero import Clock

from tui.engine import scheduler
from tui.engine.scheduler import PeriodicTask


async def is_due(job: PeriodicTask) -> bool:
    waiting = asyncio.create_task(job.wait_until_due())
    for _ in range(5):
        await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return done


async def test_woken_task_is_due_at_once_and_only_once() -> None:
    job = PeriodicTask(lambda: 3600)
    job.wake()
    job.wake()
    await job.wait_until_due()
    assert not await is_due(job)
    job.wake()
    assert await is_due(job)


async def test_task_is_due_after_its_interval() -> None:
    await PeriodicTask(lambda: 0.001).wait_until_due()


async def test_wake_during_a_run_is_kept() -> None:
    job = PeriodicTask(lambda: 3600)
    job.wake()
    await job.wait_until_due()
    with job.running():
        job.wake()
    assert await is_due(job)


async def test_a_wake_during_a_run_is_dropped_if_overlaps_are_dropped() -> None:
    job = PeriodicTask(lambda: 3600, drops_overlap=True)
    job.wake()
    await job.wait_until_due()
    job.wake()  # while it waits to retry
    with job.running():
        job.wake()
        job.wake()
    assert not await is_due(job)
    job.wake()
    assert await is_due(job)


async def test_failed_run_can_be_requested_again() -> None:
    job = PeriodicTask(lambda: 3600, drops_overlap=True)
    with pytest.raises(OSError, match="broken"), job.running():
        raise OSError("broken")
    job.wake()
    assert await is_due(job)


async def test_shorter_interval_applies_during_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_NAP", 0.001)
    seconds = 3600.0
    job = PeriodicTask(lambda: seconds)
    waiting = asyncio.create_task(job.wait_until_due())
    await asyncio.sleep(0)
    assert not waiting.done()
    seconds = 0.0
    await waiting


async def test_task_is_due_after_sleep() -> None:
    clock = Clock()
    job = PeriodicTask(lambda: 600, clock)
    assert not await is_due(job)
    clock.forward(hours=8)
    assert await is_due(job)


async def test_due_time_counts_from_the_end_of_a_run() -> None:
    clock = Clock()
    job = PeriodicTask(lambda: 60, clock)
    with job.running():
        clock.forward(hours=1)
    assert (job.due_at - clock()).total_seconds() == 60


@pytest.mark.parametrize("ticks", range(4))
async def test_cancelling_at_the_moment_of_a_wake_ends_the_task(ticks: int) -> None:
    async def go_on() -> None:
        while True:
            await job.wait_until_due()

    job = PeriodicTask(lambda: 3600)
    work = asyncio.create_task(go_on())
    for _ in range(5):
        await asyncio.sleep(0)
    job.wake()
    for _ in range(ticks):
        await asyncio.sleep(0)
    work.cancel()
    done, _ = await asyncio.wait([work], timeout=2)
    work.cancel()
    assert done
