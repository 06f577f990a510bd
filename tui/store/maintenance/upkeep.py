"""The store's own health: checked and backed up while it is in use."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING

from tui.model.errors import StoreError
from tui.store.errors import is_damage, store_error
from tui.store.maintenance.backup import back_up
from tui.store.maintenance.displaced import restore_displaced_files
from tui.store.maintenance.integrity import damage_anywhere, damage_in_change_log
from tui.store.maintenance.repair import change_log_error, contacts_error, request_rebuild

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tui.store.database import Database


class Maintenance:
    """Checks and backups. Each works in a thread of its own, beside readers and writers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_stopped = threading.Event()

    def stop_checks(self) -> None:
        """End the checks that are running: a large file takes seconds, and nobody waits for that to quit."""
        self._is_stopped.set()

    @property
    def is_displaced(self) -> bool:
        """Whether the files that are open were deleted, moved or replaced."""
        return self._database.is_displaced

    def check_displaced(self) -> None:
        """Raise `StoreError` where the files that are open were deleted, moved or replaced."""
        self._database.check_displaced()

    def restore_files(self, now: datetime, may_replace: Callable[[], bool]) -> None:
        """Restore files that were taken away, as `restore_displaced_files` does. Raises `StoreError`."""
        restore_displaced_files(self._database, now, may_replace)

    async def check_change_log(self) -> None:
        """See that the journal is whole. Raises `StoreError`, as every write does from then on."""
        damage = await asyncio.to_thread(self._run_check, damage_in_change_log)
        if damage:
            self._block_writes(await asyncio.to_thread(change_log_error, self._database.file, damage))

    async def check_file(self) -> None:
        """See that the whole file is. Raises `StoreError`; the next start rebuilds damaged contacts.

        The error is `retryable` where the file can't be read just now, which says nothing of damage.
        """
        try:
            damage = await asyncio.to_thread(self._run_check, damage_anywhere)
        except StoreError as error:
            error.retryable = True
            raise
        if damage:
            # The journal may have been hit as well since it was looked at.
            await self.check_change_log()
            request_rebuild(self._database.file)
            self._block_writes(contacts_error())

    async def back_up(self, now: datetime) -> Path | None:
        """Copy the journal beside the store; None where nothing is new. Raises `StoreError`."""
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
