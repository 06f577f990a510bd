"""The engine's tasks outlive what goes wrong in them, and end when told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from tui.engine.loops import Job, Loops
from tui.model.errors import StoreError

if TYPE_CHECKING:
    from typing import Any


async def test_a_job_is_due_at_once_when_woken_and_only_once() -> None:
    job = Job(lambda: 3600)
    job.wake()
    job.wake()
    await job.due()
    waiting = asyncio.create_task(job.due())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    job.wake()
    await waiting


async def test_a_job_is_due_when_its_time_has_come() -> None:
    await Job(lambda: 0.001).due()


class FullDisk:
    """A watch whose first look finds the disk full."""

    next_look = 0.001

    def __init__(self) -> None:
        self.looks = 0
        self.looked_again = asyncio.Event()

    async def look(self, _observer: object) -> bool:
        self.looks += 1
        if self.looks == 1:
            raise StoreError("The disk is full.")
        self.looked_again.set()
        return True


class Quiet:
    """A publisher nobody listens to."""

    def __init__(self) -> None:
        self.versions = 0

    def rows_changed(self, *, order: bool = False) -> None:
        assert not order
        self.versions += 1

    def soon(self) -> None:
        pass


async def test_a_full_disk_does_not_end_the_watch_of_released() -> None:
    watch, publisher, unused = FullDisk(), Quiet(), cast("Any", None)
    loops = Loops(
        unused, unused, cast("Any", watch), cast("Any", publisher), unused, lease=unused, poll_seconds=15
    )
    following = asyncio.create_task(loops.follow_released(cast("Any", object())))
    await asyncio.wait_for(watch.looked_again.wait(), 30)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert following.cancelled()
    assert watch.looks >= 2
