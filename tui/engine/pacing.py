"""Keeps keys fast while the engine computes for seconds, or frees many objects."""

from __future__ import annotations

import asyncio
from time import perf_counter, sleep
from typing import Any, Final

_FREED_AT_ONCE: Final = 1_000
# For how long a thread computes, and then leaves the interpreter to key presses.
_BUSY_SECONDS: Final = 0.002
_PAUSE_SECONDS: Final = 0.003


class Throttle:
    """Makes a thread that computes for seconds sleep often, so that key presses aren't slowed down."""

    def __init__(self) -> None:
        self._resumed = perf_counter()

    def pause(self) -> None:
        """Sleep if the thread has been computing for a while; call this often."""
        if perf_counter() - self._resumed > _BUSY_SECONDS:
            sleep(_PAUSE_SECONDS)
            self._resumed = perf_counter()


async def free_gradually(objects: list[Any]) -> None:
    """Free objects that nothing else refers to: 100,000 at once would hold up the event loop for 60 ms."""
    while objects:
        del objects[-_FREED_AT_ONCE:]
        await asyncio.sleep(0)
