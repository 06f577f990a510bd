"""Looks after the store while the engine works: a backup and a check of everything, once a start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.log import logger
from tui.model.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tui.store import Store


async def look_after(store: Store, held: Callable[[], Awaitable[None]], now: Callable[[], datetime]) -> None:
    """Back the journal up and check the whole file, once this copy holds the lease.

    A backup that can't be written is no reason to stop; damage is: raises `StoreError`.
    """
    await held()
    try:
        made = await store.back_up(now())
    except StoreError as error:
        logger.error("backup: %s %s", error.what, error.next_step)
    else:
        if made is not None:
            logger.info("backup: %s", made.name)
    await store.check_everything()
