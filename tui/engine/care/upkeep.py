"""Looks after the store while the engine works: a backup and a check of everything, once a start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tui.log import logger
from tui.model.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tui.engine.weather.disk import Disk
    from tui.store import Store

# Seconds: somebody has to make room, or to mend what keeps the folder from being written.
_PAUSE: Final = 60.0
# Seconds until files that were deleted, moved or replaced are expected to be restored.
_PAUSE_WHILE_DISPLACED: Final = 2.0


async def look_after(
    store: Store, held: Callable[[], Awaitable[None]], now: Callable[[], datetime], disk: Disk
) -> None:
    """Back the journal up and check the whole file, once this copy holds the lease.

    A backup that can't be written is shown, and tried again until it can; it is no reason to stop. Nor is a
    file that can't be read just now: it is checked later. Damage is: raises `StoreError`.
    """
    await held()
    is_safe = is_checked = False
    while True:
        is_safe = is_safe or await _back_up(store, now, disk)
        is_checked = is_checked or await _check(store)
        if is_safe and is_checked:
            return
        await asyncio.sleep(_PAUSE_WHILE_DISPLACED if store.is_displaced else _PAUSE)


async def _back_up(store: Store, now: Callable[[], datetime], disk: Disk) -> bool:
    try:
        made = await store.back_up(now())
    except StoreError as error:
        # Missing or replaced files are reported by the code that restores them.
        if not store.is_displaced:
            disk.note_backup(error)
        return False
    disk.note_backup(None)
    if made is not None:
        logger.info("backup: %s", made.name)
    return True


async def _check(store: Store) -> bool:
    try:
        await store.check_everything()
    except StoreError as error:
        if not error.retryable:
            raise
        logger.warning("the local copy couldn't be checked: %s", error.what)
        return False
    return True
