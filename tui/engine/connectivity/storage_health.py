"""How the disk is doing: a full one, for instance, is no trouble of Xero's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

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
        problem = _message_for(error)
        if problem == self._backup_problem:
            return
        self._backup_problem = problem
        if problem:
            logger.error("backup: %s", problem)
        self._on_update()

    def record(self, error: StoreError | None) -> None:
        """Note how a write ended: None for a good end."""
        problem = _message_for(error)
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


def _message_for(error: StoreError | None) -> str:
    return "" if error is None else f"{error.sentence} {error.next_step}".strip()
