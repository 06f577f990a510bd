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


def unexpected_error(activity: str, error: Exception) -> UnexpectedError:
    """Log an unexpected exception and return the error to show for it."""
    if isinstance(error, UnexpectedError):
        # Already logged.
        return error
    log_unexpected(activity, error)
    return UnexpectedError(type(error).__name__)


async def supervise(task: TaskReason, work: Callable[[], Awaitable[None]], storage: StorageHealth) -> None:
    """Run a background task to completion; after a bug, restart it with increasing waits.

    Raises the `ReshelveError` it ends with; only bugs are retried.
    """
    wait = _FIRST_WAIT
    while True:
        # An endless task counts as recovered once it has run for a while.
        recovered = asyncio.get_running_loop().call_later(_WORKS_AFTER, storage.record_task, task, None)
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
            recovered.cancel()
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)
