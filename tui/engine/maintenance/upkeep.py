"""Backs up and checks the store once per start, while the engine runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tui.engine.connectivity.connection_state import StorageHealth
    from tui.store import Store

# Seconds: the user has to free disk space or make the folder writable.
_PAUSE: Final = 60.0
# Seconds until files that were deleted, moved or replaced are expected to be restored.
_PAUSE_WHILE_DISPLACED: Final = 2.0


async def maintain(
    store: Store,
    wait_for_lock: Callable[[], Awaitable[None]],
    now: Callable[[], datetime],
    storage: StorageHealth,
) -> None:
    """Back up the change log and check the whole file once this copy holds the lock.

    A failed backup is shown and retried; a file that can't be read now is checked later. Damage raises
    `StoreError`.
    """
    await wait_for_lock()
    is_safe = is_checked = False
    while True:
        is_safe = is_safe or await _back_up(store, now, storage)
        is_checked = is_checked or await _check(store)
        if is_safe and is_checked:
            return
        await asyncio.sleep(_PAUSE_WHILE_DISPLACED if store.maintenance.is_displaced else _PAUSE)


async def _back_up(store: Store, now: Callable[[], datetime], storage: StorageHealth) -> bool:
    try:
        made = await store.maintenance.back_up(now())
    except StoreError as error:
        # Missing or replaced files are reported by the code that restores them.
        if not store.maintenance.is_displaced:
            storage.record_backup(error)
        return False
    storage.record_backup(None)
    if made is not None:
        logger.info("backup: %s", made.name)
    return True


async def _check(store: Store) -> bool:
    try:
        await store.maintenance.check_file()
    except StoreError as error:
        if not error.retryable:
            raise
        logger.warning("the local database couldn't be checked: %s", error)
        return False
    return True
