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

    The next write that succeeds ends what `trouble` there was; the next backup, what was with backups.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.trouble = ""
        self._backup_trouble = ""
        self._task_troubles: dict[str, str] = {}
        self._changed = changed
        self._is_well = asyncio.Event()

    @property
    def shown(self) -> str:
        """What the person is to know; empty when all is well."""
        return self.trouble or self._backup_trouble or next(iter(self._task_troubles.values()), "")

    def record_task(self, task: str, error: UnexpectedError | None) -> None:
        """Note how a background task goes: what ended it unexpectedly, None once it works again."""
        trouble = "" if error is None else f"{task}: {error.sentence} {error.next_step}"
        if trouble == self._task_troubles.get(task, ""):
            return
        if trouble:
            self._task_troubles[task] = trouble
        else:
            del self._task_troubles[task]
        self._changed()

    def record_backup(self, error: StoreError | None) -> None:
        """Note how a backup of the journal ended: None for a good end."""
        trouble = _words(error)
        if trouble == self._backup_trouble:
            return
        self._backup_trouble = trouble
        if trouble:
            logger.error("backup: %s", trouble)
        self._changed()

    def record(self, error: StoreError | None) -> None:
        """Note how a write ended: None for a good end."""
        trouble = _words(error)
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble:
            logger.error("store: %s", trouble)
            self._is_well.clear()
        else:
            self._is_well.set()
        self._changed()

    async def wait_before_retry(self) -> None:
        """Return when it is worth another attempt: after a while, or once something could be written."""
        if not self.trouble:
            return
        try:
            async with asyncio.timeout(_PAUSE):
                await self._is_well.wait()
        except TimeoutError:
            return


def _words(error: StoreError | None) -> str:
    return "" if error is None else f"{error.sentence} {error.next_step}".strip()
