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


async def test_it_is_due_at_once_when_woken_and_only_once() -> None:
    job = PeriodicTask(lambda: 3600)
    job.wake()
    job.wake()
    await job.wait_until_due()
    assert not await is_due(job)
    job.wake()
    assert await is_due(job)


async def test_it_is_due_when_its_time_has_come() -> None:
    await PeriodicTask(lambda: 0.001).wait_until_due()


async def test_what_comes_while_it_is_done_is_not_lost() -> None:
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


async def test_a_round_that_failed_can_be_asked_for_again() -> None:
    job = PeriodicTask(lambda: 3600, drops_overlap=True)
    with pytest.raises(OSError, match="broken"), job.running():
        raise OSError("broken")
    job.wake()
    assert await is_due(job)


async def test_a_pace_that_quickens_while_it_waits_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_NAP", 0.001)
    seconds = 3600.0
    job = PeriodicTask(lambda: seconds)
    waiting = asyncio.create_task(job.wait_until_due())
    await asyncio.sleep(0)
    assert not waiting.done()
    seconds = 0.0
    await waiting


async def test_a_night_asleep_makes_it_due() -> None:
    clock = Clock()
    job = PeriodicTask(lambda: 600, clock)
    assert not await is_due(job)
    clock.forward(hours=8)
    assert await is_due(job)


async def test_it_says_when_it_is_due_counting_from_the_end_of_a_round() -> None:
    clock = Clock()
    job = PeriodicTask(lambda: 60, clock)
    with job.running():
        clock.forward(hours=1)
    assert (job.due_at - clock()).total_seconds() == 60


@pytest.mark.parametrize("ticks", range(4))
async def test_quitting_at_the_moment_it_is_woken_ends_it(ticks: int) -> None:
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
