"""Looks after the store while the engine works: a backup and a check of everything, once a start."""

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

# Seconds: somebody has to make room, or to mend what keeps the folder from being written.
_PAUSE: Final = 60.0


async def maintain(
    store: Store,
    wait_for_lock: Callable[[], Awaitable[None]],
    now: Callable[[], datetime],
    storage: StorageHealth,
) -> None:
    """Back the journal up and check the whole file, once this copy holds the lease.

    A backup that can't be written is told and tried again until it can; it is no reason to stop. Damage is:
    raises `StoreError`.
    """
    await wait_for_lock()
    is_safe = await _back_up(store, now, storage)
    await store.check_file()
    while not is_safe:
        await asyncio.sleep(_PAUSE)
        is_safe = await _back_up(store, now, storage)


async def _back_up(store: Store, now: Callable[[], datetime], storage: StorageHealth) -> bool:
    try:
        made = await store.back_up(now())
    except StoreError as error:
        storage.record_backup(error)
        return False
    storage.record_backup(None)
    if made is not None:
        logger.info("backup: %s", made.name)
    return True
