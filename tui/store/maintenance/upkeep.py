"""Checks, backs up and restores the store while it is in use."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store.errors import is_damage, store_error
from tui.store.maintenance.displaced import restore_displaced_files
from tui.store.maintenance.file_ops import back_up
from tui.store.maintenance.integrity import damage_anywhere, damage_in_change_log
from tui.store.maintenance.repair import change_log_error, request_rebuild

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tui.store.database import Database


class Maintenance:
    """Runs checks and backups, each in its own thread, concurrently with reads and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_stopped = threading.Event()

    def stop_checks(self) -> None:
        """Stop running checks: a large file takes seconds, and quitting shouldn't wait for that."""
        self._is_stopped.set()

    @property
    def is_displaced(self) -> bool:
        """Whether the open files were deleted, moved or replaced."""
        return self._database.is_displaced

    def check_displaced(self) -> None:
        """Raise `StoreError` if the open files were deleted, moved or replaced."""
        self._database.check_displaced()

    def restore_files(self, now: datetime, may_replace: Callable[[], bool]) -> None:
        """Restore displaced files, as `restore_displaced_files` does. Raises `StoreError`."""
        restore_displaced_files(self._database, now, may_replace)

    async def check_change_log(self) -> None:
        """Check the change log. Raises `StoreError` if it is damaged, as every write does from then on."""
        damage = await asyncio.to_thread(self._run_check, damage_in_change_log)
        if damage:
            self._block_writes(await asyncio.to_thread(change_log_error, self._database.file, damage))

    async def check_file(self) -> None:
        """Check the whole file. Raises `StoreError` if it is damaged; the next start rebuilds contacts.

        The error is `retryable` if the file can't be read now, which doesn't mean damage.
        """
        try:
            damage = await asyncio.to_thread(self._run_check, damage_anywhere)
        except StoreError as error:
            error.retryable = True
            raise
        if damage:
            # The change log may be damaged too since it was last checked.
            await self.check_change_log()
            request_rebuild(self._database.file)
            self._block_writes(StoreError(StoreReason.CONTACTS_DAMAGED))

    async def back_up(self, now: datetime) -> Path | None:
        """Back up the change log; return None if nothing is new. Raises `StoreError`."""
        # The backup is made from the file by its name.
        self._database.check_displaced()
        return await asyncio.to_thread(back_up, self._database.file, now)

    def _block_writes(self, error: StoreError) -> None:
        self._database.block_writes(error)
        raise error

    def _run_check(self, check: Callable[..., str]) -> str:
        try:
            return check(self._database.file, is_stopped=self._is_stopped.is_set)
        except sqlite3.Error as error:
            if is_damage(error):
                return str(error)
            raise store_error(error, self._database.file) from error
