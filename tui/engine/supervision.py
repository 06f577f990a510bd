"""Keeps background tasks running: an unexpected exception is logged, shown, and the task is retried."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tui.model.errors import ReshelveError, UnexpectedError
from tui.system.log import log_unexpected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui.engine.connectivity import StorageHealth
    from tui.model.reasons import TaskReason

# Seconds.
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_WORKS_AFTER: Final = 5.0
_MOST_DOUBLINGS: Final = 10


def unexpected_error(activity: str, error: Exception) -> UnexpectedError:
    """Log an unexpected exception and return the error to show for it."""
    if isinstance(error, UnexpectedError):
        # Already logged.
        return error
    log_unexpected(activity, error)
    return UnexpectedError(type(error).__name__)


def retry_wait(bugs: int) -> float:
    """Return the seconds before the next attempt, after that many bugs in a row."""
    return float(min(_FIRST_WAIT * 2 ** min(bugs - 1, _MOST_DOUBLINGS), _LONGEST_WAIT))


async def supervise(task: TaskReason, work: Callable[[], Awaitable[None]], storage: StorageHealth) -> None:
    """Run a background task to completion; after a bug, restart it with increasing waits.

    Raises the `ReshelveError` it ends with; only bugs are retried.
    """
    bugs = 0

    def recovered() -> None:
        nonlocal bugs
        bugs = 0
        storage.record_task(task, None)

    while True:
        # An endless task counts as recovered once it has run for a while.
        timer = asyncio.get_running_loop().call_later(_WORKS_AFTER, recovered) if bugs else None
        try:
            await work()
        except Exception as error:
            if isinstance(error, ReshelveError) and not isinstance(error, UnexpectedError):
                raise
            storage.record_task(task, unexpected_error(task, error))
        else:
            storage.record_task(task, None)
            return
        finally:
            if timer is not None:
                timer.cancel()
        bugs += 1
        await asyncio.sleep(retry_wait(bugs))
